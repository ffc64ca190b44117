/** The debug form: the same messages, one encoding each, and no bytes that break its reader. */
import { encode, decode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Codec } from '../../../system/protocol/codec.ts'
import { openEnvelope, sealEnvelope } from '../../../system/protocol/envelope.ts'
import { categoryOf } from '../../../system/protocol/channels.ts'
import { type MessageName, MessageType } from '../../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../../system/protocol/version.ts'
import { arbitraryMessage, SAMPLES } from './samples.ts'

const codec = new Codec()
const names = Object.keys(SAMPLES) as MessageName[]
const why = (name: MessageName, bytes: Uint8Array): string => {
  const outcome = codec.decodeCbor(MessageType[name], bytes)
  return outcome.kind === 'malformed' ? outcome.why : outcome.kind
}

describe('one layout, two forms', () => {
  test.each(names)('R-WIRE-8 %s survives its debug form', (name) => {
    expect(codec.decodeCbor(MessageType[name], codec.encodeCbor(SAMPLES[name]))).toEqual({ kind: 'message', message: SAMPLES[name] })
  })

  test('R-WIRE-8 arbitrary messages are the same in both forms, and their bytes are the only ones', () => {
    fc.assert(fc.property(arbitraryMessage, (message) => {
      const type = MessageType[message.kind]
      const decoded = codec.decode(type, codec.encode(message))
      if (decoded.kind === 'malformed') throw new Error(decoded.why)
      const bytes = codec.encodeCbor(decoded.message)
      expect(codec.decodeCbor(type, bytes)).toEqual({ kind: 'message', message })
      expect(codec.encodeCbor(message)).toEqual(bytes)
    }), { seed: 3, numRuns: 600 })
  })

  test('any reader of CBOR reads it by name', () => {
    expect(decode(codec.encodeCbor(SAMPLES.NackRequest))).toEqual({ epoch: 1, fromFrame: 41, toFrame: 43, want: 'snapshot' })
  })

  test('R-WIRE-8 an envelope tells the form of its body', () => {
    const body = codec.encodeCbor(SAMPLES.NackRequest)
    const bytes = sealEnvelope(MessageType.NackRequest, categoryOf('NackRequest'), 1, body, SCHEMA_HASH, 'none', 'cbor')
    expect(openEnvelope(bytes, SCHEMA_HASH)).toMatchObject({ kind: 'opened', form: 'cbor', body })
    expect(openEnvelope(sealEnvelope(MessageType.NackRequest, 'control', 1, body, SCHEMA_HASH), SCHEMA_HASH))
      .toMatchObject({ form: 'flatbuffers' })
  })
})

describe('R-WIRE-2 what is refused, in words', () => {
  const nack = { epoch: 1, fromFrame: 9, toFrame: 12, want: 'snapshot' }
  const inOrder = (value: object) => encode(value, { mapSorter: () => 0 })
  const { epoch, ...without } = nack
  test.each<[what: string, bytes: Uint8Array, why: string]>([
    ['nothing', new Uint8Array(0), 'NackRequest: expected map, got the end'],
    ['another kind of value', encode([1]), 'NackRequest: expected map, got array'],
    ['a key that is missing', encode(without), 'NackRequest: expected the key epoch'],
    ['a key that is not known', encode({ ...nack, other: 1 }), 'NackRequest: expected the key toFrame'],
    ['a key too many', encode({ ...nack, zzzzzzzzzzz: 1 }), 'NackRequest: a key that is not known, or not in its place'],
    ['another order', inOrder({ want: 'snapshot', epoch, fromFrame: 9, toFrame: 12 }), 'NackRequest: expected the key'],
    ['a number out of range', encode({ ...nack, epoch: 2 ** 32 }), 'NackRequest.epoch: 4294967296 is not in 0..4294967295'],
    ['a negative number', encode({ ...nack, epoch: -1 }), 'NackRequest.epoch: -1 is not in'],
    ['a fraction', encode({ ...nack, epoch: 1.5 }), 'NackRequest.epoch: expected uint or negint, got float'],
    ['an unknown name', encode({ ...nack, want: 'all' }), 'NackRequest.want: all names nothing'],
    ['fields that contradict each other', encode({ ...nack, toFrame: 1 }), 'NackRequest: fromFrame is above toFrame'],
    ['bytes after the end', Uint8Array.of(...encode(nack), 0), 'cbor: bytes after the end'],
    ['a longer form of a number', Uint8Array.of(0xb8, 4), 'strict'],
    ['more entries than there can be', Uint8Array.of(0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 'map lengths not supported'],
    ['an endless map', Uint8Array.of(0xbf, 0xff), 'indefinite'],
    ['a deep nest', new Uint8Array(60_000).fill(0x81), 'expected map, got array'],
  ])('R-WIRE-2 %s', (_what, bytes, expected) => expect(why('NackRequest', bytes)).toContain(expected))

  test('R-WIRE-2 keys and nonces of another length, and text that is none', () => {
    const hello = decode(codec.encodeCbor(SAMPLES.SessionHello)) as Record<string, unknown>
    const order = (value: object) => encode(value)
    expect(why('SessionHello', order({ ...hello, clientNonce: new Uint8Array(0) }))).toContain('clientNonce: 0 bytes, not 16..16')
    expect(why('SessionHello', order({ ...hello, displayName: 'x'.repeat(65) }))).toContain('displayName: 65 bytes')
    const bytes = codec.encodeCbor({ ...SAMPLES.EditorEvent, detail: 'abc' })
    const at = Buffer.from(bytes).indexOf('abc')
    expect(why('EditorEvent', bytes.with(at, 0xff))).toContain('detail: not UTF-8')
    expect(why('SessionHello', order({ ...hello, transports: Array.from({ length: 9 }, () => 'quic') }))).toContain('9 elements, not 0..8')
    const receipt = decode(codec.encodeCbor(SAMPLES.CommandReceipt)) as Record<string, unknown>
    expect(why('CommandReceipt', order({ ...receipt, nonce: -1 }))).toContain('nonce: -1 is not in 0..2^64 - 1')
  })

  test('R-WIRE-2 no bytes make the reader throw', () => {
    fc.assert(fc.property(fc.constantFrom(...names), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat(),
      (name, edits, cut) => {
        let bytes = codec.encodeCbor(SAMPLES[name])
        for (const [at, value] of edits) bytes = bytes.with(at % bytes.length, value)
        const outcome = codec.decodeCbor(MessageType[name], cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes)
        expect(['message', 'malformed']).toContain(outcome.kind)
        // What is read is read one way: it is written as the same bytes.
        if (outcome.kind === 'message') expect(codec.encodeCbor(outcome.message)).toEqual(bytes)
      }), { seed: 4, numRuns: 4000 })
  })
})
