import fc from 'fast-check'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { COUNT_MAX, MESSAGE_LAYOUTS } from '../../../schemas/generated/layout.ts'
import { AUTHORS_MAX, ENTITY_ID_MAX } from '../../../system/ids.ts'
import { Codec, type DecodedMessage } from '../../../system/protocol/codec.ts'
import { BODY_BYTES_MAX } from '../../../system/protocol/envelope.ts'
import { type Message, type MessageName, MessageType } from '../../../system/protocol/messages.ts'
import { PROTOCOL_VERSION } from '../../../system/protocol/version.ts'
import { arbitraryCommit, arbitraryMessage, BUSY_DELTA, SAMPLE_COMMIT, SAMPLES } from './samples.ts'

const { major, minor, patch } = PROTOCOL_VERSION
/** A folder for each version of the protocol: what once was its bytes stays so. */
const vectorsOf = (version: string) => new URL(`../../vectors/${version}/messages.json`, import.meta.url)
const VECTORS = vectorsOf(`${major}.${minor}.${patch}`)
const UPDATE_VARIABLE = 'THETA_UPDATE_VECTORS'
const names = Object.keys(SAMPLES) as MessageName[]

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const decodedMessage = (outcome: DecodedMessage): Message => {
  if (outcome.kind === 'malformed') throw new Error(outcome.why)
  return outcome.message
}
const recode = (codec: Codec, message: Message) => decodedMessage(codec.decode(MessageType[message.kind], codec.encode(message)))
const malformed = (outcome: { kind: string; why?: string }) => (outcome.kind === 'malformed' ? outcome.why : outcome.kind)

describe('round trips', () => {
  test('every_message_type_has_a_sample_and_a_layout_of_its_name', () => {
    const laidOut = [...MESSAGE_LAYOUTS].map(([type, layout]) => [type, layout.name] as const)
    expect(new Map(names.map((name) => [MessageType[name], name]))).toEqual(new Map(laidOut))
    expect(names).toHaveLength(Object.keys(MessageType).length)
  })

  test.each(names)('%s_survives_its_bytes', (name) => {
    expect(recode(new Codec(), SAMPLES[name])).toEqual(SAMPLES[name])
  })

  test('R-WIRE-3 arbitrary_messages_survive_their_bytes_in_one_codec', () => {
    const codec = new Codec()
    fc.assert(fc.property(arbitraryMessage, (message) => { expect(recode(codec, message)).toEqual(message) }), { seed: 1, numRuns: 800 })
  })

  test('placement_commits_survive_their_bytes', () => {
    const codec = new Codec()
    const commits = fc.oneof(fc.constant(SAMPLE_COMMIT), arbitraryCommit)
    fc.assert(fc.property(commits, (commit) => {
      expect(codec.decodePlacementCommit(codec.encodePlacementCommit(commit))).toEqual({ kind: 'commit', commit })
    }), { seed: 2, numRuns: 100 })
  })

  test('bytes_do_not_depend_on_what_the_codec_wrote_before', () => {
    const codec = new Codec()
    codec.encode(BUSY_DELTA)
    expect(() => codec.encode({ ...SAMPLES.EditorEvent, author: AUTHORS_MAX })).toThrow(RangeError)
    for (const name of names) expect(codec.encode(SAMPLES[name])).toEqual(new Codec().encode(SAMPLES[name]))
  })

  test('a_body_may_start_anywhere_in_a_pooled_buffer_and_only_large_bytes_are_borrowed', () => {
    const codec = new Codec()
    for (const name of names) {
      const body = codec.encode(SAMPLES[name])
      const pool = new Uint8Array(body.length + 13).fill(0xee)
      pool.set(body, 5)
      const message = decodedMessage(codec.decode(MessageType[name], pool.subarray(5, 5 + body.length)))
      expect(message).toEqual(SAMPLES[name])
      pool.fill(0)
      // What was borrowed is gone with the buffer: zeros, as many as there were bytes.
      const { body: snapshot } = SAMPLES.WorldSnapshot
      const { body: segments } = SAMPLES.ComponentDelta
      const gone: Partial<Record<MessageName, object>> = {
        WorldSnapshot: { body: new Uint8Array(snapshot.length) },
        ComponentDelta: { body: new Uint8Array(segments.length) },
        AssetTransfer: { body: new Uint8Array(SAMPLES.AssetTransfer.body.length) },
      }
      expect(message).toEqual({ ...SAMPLES[name], ...gone[name] })
    }
  })
})

describe('golden bytes', () => {
  const codec = new Codec()
  const bodies = {
    ...Object.fromEntries(names.map((name) => [name, hex(codec.encode(SAMPLES[name]))])),
    PlacementCommit: hex(codec.encodePlacementCommit(SAMPLE_COMMIT)),
  }
  if (process.env[UPDATE_VARIABLE] === '1') writeFileSync(VECTORS, JSON.stringify(bodies, undefined, 2) + '\n')
  const golden = JSON.parse(readFileSync(VECTORS, 'utf8')) as Record<string, string>

  test(`R-WIRE-3 the_bytes_of_every_message_are_those_of_test/vectors (${UPDATE_VARIABLE}=1 rewrites them)`, () => {
    expect(bodies).toEqual(golden)
  })
})

describe.each(['1.0.0', '2.0.0'])('a build of %s', (version) => {
  const codec = new Codec()
  const golden = JSON.parse(readFileSync(vectorsOf(version), 'utf8')) as Record<'SessionHello' | 'SessionControl', string>
  const bytes = (name: keyof typeof golden) => new Uint8Array(Buffer.from(golden[name], 'hex'))

  test('R-WIRE-9 its hello is read, with nothing in the fields that it does not know', () => {
    const hello = decodedMessage(codec.decode(MessageType.SessionHello, bytes('SessionHello')))
    const unknown = version === '1.0.0' ? { features: 0, dictionaries: [], exchangeKey: new Uint8Array(0) } : {}
    expect(hello).toEqual({ ...SAMPLES.SessionHello, ...unknown })
  })

  test('R-WIRE-9 it reads how it is refused: the control message has the bytes that it had', () => {
    const control = decodedMessage(codec.decode(MessageType.SessionControl, bytes('SessionControl')))
    expect(hex(codec.encode(control))).toBe(golden.SessionControl)
  })
})

describe('what a caller cannot encode', () => {
  const codec = new Codec()
  const largeEntry = { ...SAMPLES.CommandLogEntry.entries[0], payload: new Uint8Array(16_384) }
  test.each<[string, Message, typeof TypeError | typeof RangeError]>([
    ['an author above the last', { ...SAMPLES.EditorEvent, author: AUTHORS_MAX }, RangeError],
    ['an entity above the last', { ...SAMPLES.EditorEvent, entity: ENTITY_ID_MAX + 1 }, RangeError],
    ['a fraction', { ...SAMPLES.Heartbeat, rttUs: 0.5 }, RangeError],
    ['a negative count', { ...SAMPLES.Heartbeat, rttUs: -1 }, RangeError],
    ['an unsafe integer', { ...SAMPLES.Heartbeat, sentAtUs: 2 ** 53 }, RangeError],
    ['lamport 0 of an entry', { ...SAMPLES.CommandReceipt, lamport: 0 }, RangeError],
    ['a nonce of 65 bits', { ...SAMPLES.CommandReceipt, nonce: 2n ** 64n }, RangeError],
    ['a short key', { ...SAMPLES.SessionHello, clientPublicKey: new Uint8Array(31) }, RangeError],
    ['a long name', { ...SAMPLES.SessionHello, displayName: 'é'.repeat(33) }, RangeError],
    ['an unknown role', { ...SAMPLES.SessionControl, role: 'owner' as 'admin' }, RangeError],
    ['a large pose', { ...SAMPLES.InputPredictiveState, head: { ...SAMPLES.InputPredictiveState.head, qx: 32_768 } }, RangeError],
    ['a base before the empty world', { ...SAMPLES.ComponentDelta, baseFrame: -2 }, RangeError],
    ['a chunk that is not there', { ...SAMPLES.WorldSnapshot, chunk: 3 }, RangeError],
    ['a text for a number', { ...SAMPLES.Heartbeat, rttUs: '1' as unknown as number }, TypeError],
    ['a number for a bigint', { ...SAMPLES.CommandReceipt, nonce: 1 as unknown as bigint }, TypeError],
    ['an array for bytes', { ...SAMPLES.SessionHello, signature: Array.from({ length: 64 }, () => 0) as unknown as Uint8Array }, TypeError],
    ['more than a body holds', { kind: 'CommandLogEntry', entries: Array.from({ length: 5 }, () => largeEntry) }, RangeError],
  ])('%s', (_, message, error) => expect(() => codec.encode(message)).toThrow(error))

  test('the_largest_delta_fits_a_body', () => {
    const body = codec.encode({ ...SAMPLES.ComponentDelta, body: new Uint8Array(COUNT_MAX.ComponentDelta.body) })
    expect(body.length).toBeLessThan(BODY_BYTES_MAX)
  })
})

describe('what a peer cannot send', () => {
  const codec = new Codec()
  const delta = SAMPLES.ComponentDelta
  /** What a decoder says of a message whose bytes were written over from `offset` on. */
  const forged = (name: MessageName, message: Message, offset: number, ...bytes: number[]) => {
    const body = codec.encode(message)
    body.set(bytes, offset)
    return malformed(codec.decode(MessageType[name], body))
  }
  /** Where the bytes of two messages first differ. */
  const differingAt = (a: Message, b: Message) => {
    const [first, second] = [codec.encode(a), codec.encode(b)]
    return first.findIndex((byte, index) => byte !== second[index])
  }

  test('an_unknown_type_and_an_empty_body', () => {
    expect(malformed(codec.decode(0, new Uint8Array(8)))).toBe('message type 0 is not known')
    expect(malformed(codec.decode(200, new Uint8Array(8)))).toBe('message type 200 is not known')
    for (const name of names) expect(malformed(codec.decode(MessageType[name], new Uint8Array(0)))).toBe(`${name}: too short`)
  })

  test('R-WIRE-4 values_out_of_range_name_their_field', () => {
    const author = differingAt({ ...SAMPLES.EditorEvent, author: 1 }, { ...SAMPLES.EditorEvent, author: 2 })
    expect(forged('EditorEvent', SAMPLES.EditorEvent, author, 0, 4)).toBe('EditorEvent: author: 1024 is not in 0..1023')
    const role = differingAt({ ...SAMPLES.SessionControl, role: 'editor' }, { ...SAMPLES.SessionControl, role: 'admin' })
    expect(forged('SessionControl', { ...SAMPLES.SessionControl, role: 'admin' }, role, 3)).toBe('SessionControl: role: 3 names nothing')
    const pong = { ...SAMPLES.Heartbeat, sequence: 5, rttUs: 5, jitterUs: 5, sentAtUs: 0x0102030405 }
    const sentAt = differingAt(pong, { ...pong, sentAtUs: 0x0102030406 })
    const unsafe = 0x20 * 2 ** 48 + 0x0102030405
    expect(forged('Heartbeat', pong, sentAt + 6, 0x20)).toBe(`Heartbeat: sentAtUs: ${unsafe} is not in 0..9007199254740991`)
    const base = differingAt(delta, { ...delta, baseFrame: 41 })
    expect(forged('ComponentDelta', delta, base, 0xfe, 0xff, 0xff, 0xff)).toBe('ComponentDelta: baseFrame: -2 is not in -1..2147483647')
  })

  test('fields_that_contradict_each_other', () => {
    const chunk = differingAt(SAMPLES.WorldSnapshot, { ...SAMPLES.WorldSnapshot, chunk: 2 })
    expect(forged('WorldSnapshot', SAMPLES.WorldSnapshot, chunk, 3)).toBe('WorldSnapshot: chunk is not below chunkCount')
    const from = differingAt(SAMPLES.NackRequest, { ...SAMPLES.NackRequest, fromFrame: 40 })
    expect(forged('NackRequest', SAMPLES.NackRequest, from, 44)).toBe('NackRequest: fromFrame is above toFrame')
  })

  test('commit_changes_without_the_states_they_need', () => {
    const wrong = { ...SAMPLE_COMMIT, changes: [{ ...SAMPLE_COMMIT.changes[0], change: 'UPDATE' as const }] }
    expect(() => codec.encodePlacementCommit(wrong)).toThrow('PlacementCommit: UPDATE of placement 10 has the wrong states')
    // Wherever the change stands in the bytes: writing UPDATE (1) over each of them in turn meets it.
    const body = codec.encodePlacementCommit({ ...SAMPLE_COMMIT, changes: [SAMPLE_COMMIT.changes[2]] })
    const outcomes = Array.from(body, (_, at) => malformed(codec.decodePlacementCommit(body.with(at, 1))))
    expect(outcomes).toContain('PlacementCommit: UPDATE of placement 12 has the wrong states')
  })
})
