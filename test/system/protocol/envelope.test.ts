import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../../system/assert.ts'
import { categoryOf } from '../../../system/protocol/channels.ts'
import { crc32 } from '../../../system/protocol/crc32.ts'
import {
  BODY_BYTES_MAX, ENVELOPE_BYTES, ENVELOPE_MARK, MESSAGE_BYTES_MAX, openEnvelope, sealEnvelope,
} from '../../../system/protocol/envelope.ts'
import { type MessageName, MessageType } from '../../../system/protocol/messages.ts'

const HASH = { hi: 0x01020304, lo: 0x05060708 }
const OTHER_HASH = { hi: 0x01020304, lo: 0x05060709 }
const BODY = Uint8Array.of(9, 8, 7)
const names = Object.keys(MessageType) as MessageName[]
const seal = (name: MessageName, hash = HASH) => sealEnvelope(MessageType[name], categoryOf(name), 0x11223344, BODY, hash)

/** Changes bytes from `at` on and puts the right checksum in place. */
function resealed(name: MessageName, at: number, ...bytes: number[]): Uint8Array {
  const envelope = seal(name)
  envelope.set(bytes, at)
  new DataView(envelope.buffer).setUint32(20, crc32(envelope, ENVELOPE_BYTES, envelope.length, crc32(envelope, 0, 20)), true)
  return envelope
}
const verdict = (bytes: Uint8Array, hash = HASH) => {
  const outcome = openEnvelope(bytes, hash)
  return outcome.kind === 'refused' ? outcome.why : 'opened'
}

describe('the layout', () => {
  test('stands_as_documented', () => {
    const envelope = Buffer.from(seal('CommandLogEntry'))
    expect(envelope.toString('hex', 0, 20)).toBe('b106000244332211030000000807060504030201')
    expect(envelope.readUInt32LE(20)).toBe(crc32(Buffer.concat([envelope.subarray(0, 20), BODY])))
    expect(envelope.subarray(ENVELOPE_BYTES)).toEqual(Buffer.from(BODY))
  })

  test('R-WIRE-1 opening_gives_back_what_was_sealed_from_anywhere_in_a_buffer', () => {
    for (const name of names) {
      const pool = new Uint8Array(100)
      pool.set(seal(name), 7)
      const opened = openEnvelope(pool.subarray(7, 7 + ENVELOPE_BYTES + BODY.length), HASH)
      expect(opened).toEqual({
        kind: 'opened', type: MessageType[name], category: categoryOf(name), sequence: 0x11223344, form: 'flatbuffers',
        compression: 'none', body: BODY, schemaMatches: true,
      })
    }
  })

  test('R-COMP-2 the_flags_tell_what_a_body_is_packed_with', () => {
    const sealed = sealEnvelope(MessageType.Heartbeat, 'control', 1, BODY, HASH, 'zstd')
    expect(sealed[2]).toBe(1)
    expect(openEnvelope(sealed, HASH)).toMatchObject({ kind: 'opened', compression: 'zstd', body: BODY })
  })

  test('the_largest_body_fits_the_largest_message', () => {
    const largest = sealEnvelope(MessageType.AssetTransfer, 'asset', 0, new Uint8Array(BODY_BYTES_MAX), HASH)
    expect(largest.length).toBe(MESSAGE_BYTES_MAX)
    expect(verdict(largest)).toBe('opened')
    expect(() => sealEnvelope(MessageType.AssetTransfer, 'asset', 0, new Uint8Array(BODY_BYTES_MAX + 1), HASH)).toThrow(AssertionError)
    expect(() => sealEnvelope(MessageType.AssetTransfer, 'control', 0, BODY, HASH)).toThrow(AssertionError)
  })
})

describe('refusals', () => {
  test.each([
    ['short', seal('Heartbeat').subarray(0, ENVELOPE_BYTES - 1)],
    ['oversize', new Uint8Array(MESSAGE_BYTES_MAX + 1).fill(ENVELOPE_MARK)],
    ['mark', resealed('Heartbeat', 0, ENVELOPE_MARK + 1)],
    ['length', resealed('Heartbeat', 8, 4)],
    ['length', resealed('Heartbeat', 8, 0xff, 0xff, 0xff, 0xff)],
    ['length', seal('Heartbeat').subarray(0, ENVELOPE_BYTES + 2)],
    ['crc', seal('Heartbeat').with(ENVELOPE_BYTES, 0)],
    ['crc', seal('Heartbeat').with(20, 0)],
    ['type', resealed('Heartbeat', 1, 0)],
    ['type', resealed('Heartbeat', 1, 0x7f)],
    ['compression', resealed('Heartbeat', 2, 2)],
    ['compression', resealed('Heartbeat', 2, 0x80)],
    ['category', resealed('Heartbeat', 3, 1)],
    ['category', resealed('Heartbeat', 3, 200)],
    ['schemaHash', seal('Heartbeat', OTHER_HASH)],
  ])('%s', (why, bytes) => expect(verdict(bytes)).toBe(why))

  test('of_a_build_with_another_schema_only_hello_and_control_pass_and_are_marked', () => {
    const passing = names.filter((name) => verdict(seal(name, OTHER_HASH)) === 'opened')
    expect(passing.sort()).toEqual(['SessionControl', 'SessionHello'])
    for (const name of passing) expect(openEnvelope(seal(name, OTHER_HASH), HASH)).toMatchObject({ schemaMatches: false })
    expect(verdict(seal('Heartbeat', { hi: HASH.hi + 1, lo: HASH.lo }))).toBe('schemaHash')
  })
})
