/** Bytes from anyone: whatever they are, the envelope and the codec answer, and what they pass can be encoded again. */
import { describe, expect, test } from 'vitest'
import { MESSAGE_LAYOUTS } from '../../../schemas/generated/layout.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import { categoryOf } from '../../../system/protocol/channels.ts'
import { openEnvelope, sealEnvelope } from '../../../system/protocol/envelope.ts'
import { type MessageName, MessageType } from '../../../system/protocol/messages.ts'
import { verify } from '../../../system/protocol/verifier.ts'
import { SCHEMA_HASH } from '../../../system/protocol/version.ts'
import { BUSY_DELTA, SAMPLE_COMMIT, SAMPLES } from './samples.ts'

const names = Object.keys(SAMPLES) as MessageName[]
const codec = new Codec()
const sealed = (name: MessageName, body: Uint8Array) => sealEnvelope(MessageType[name], categoryOf(name), 1, body, SCHEMA_HASH)

/** Delivers a sealed message as a link does. What decodes must encode, or it was out of range. */
function deliver(bytes: Uint8Array): 'refused' | 'malformed' | 'message' {
  const opened = openEnvelope(bytes, SCHEMA_HASH)
  if (opened.kind === 'refused') return 'refused'
  const outcome = codec.decode(opened.type, opened.body)
  if (outcome.kind === 'message') codec.encode(outcome.message)
  return outcome.kind
}

/** xorshift32: tests want speed and a fixed seed, no more. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    yield state >>> 0
  }
}

describe('mutations', () => {
  test('R-WIRE-1 every_flipped_bit_of_a_sealed_message_is_refused', () => {
    for (const name of names) {
      const bytes = sealed(name, codec.encode(SAMPLES[name]))
      expect(deliver(bytes)).toBe('message')
      const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => bytes.with(bit >> 3, bytes[bit >> 3] ^ (1 << (bit & 7))))
      expect(flipped.findIndex((one) => deliver(one) !== 'refused'), `bit of ${name}`).toBe(-1)
    }
  })

  test('every_truncation_is_refused_by_the_envelope_and_survived_by_the_codec', () => {
    for (const name of names) {
      const body = codec.encode(SAMPLES[name])
      const bytes = sealed(name, body)
      for (let length = 0; length < bytes.length; length++) expect(deliver(bytes.subarray(0, length))).toBe('refused')
      for (let length = 0; length < body.length; length++) deliver(sealed(name, body.slice(0, length)))
    }
  })

  test('every_byte_of_a_body_may_be_any_of_the_edge_values', () => {
    for (const name of names) {
      const body = codec.encode(SAMPLES[name])
      const mutants = Array.from(body, (byte, at) => [0, 1, 0x7f, 0x80, 0xff, byte ^ 1].map((value) => body.with(at, value))).flat()
      const outcomes = new Set(mutants.map((mutant) => deliver(sealed(name, mutant))))
      expect(outcomes).toEqual(new Set(['message', 'malformed']))
    }
    const commit = codec.encodePlacementCommit(SAMPLE_COMMIT)
    for (let at = 0; at < commit.length; at++) {
      for (let value = 0; value < 256; value += 5) {
        const outcome = codec.decodePlacementCommit(commit.with(at, value))
        if (outcome.kind === 'commit') codec.encodePlacementCommit(outcome.commit)
      }
    }
  })

  test('R-WIRE-2 50,000_random_mutations_with_a_right_checksum_never_throw', () => {
    const random = randomNumbers(1)
    const next = (below: number) => random.next().value % below
    const bodies = names.map((name) => [name, codec.encode(SAMPLES[name])] as const)
    const outcomes = { refused: 0, malformed: 0, message: 0 }
    for (let run = 0; run < 50_000; run++) {
      const [name, original] = bodies[run % bodies.length]
      const body = original.slice(0, next(8) === 0 ? 1 + next(original.length) : original.length)
      for (let changes = 1 + next(4); changes > 0; changes--) {
        body[next(body.length)] = next(3) === 0 ? next(256) : [0, 1, 4, 0xff][next(4)]
      }
      outcomes[deliver(sealed(name, body))]++
    }
    // Both verdicts are met often: the mutations are neither all harmless nor all fatal.
    expect(outcomes.refused).toBe(0)
    expect(outcomes.malformed).toBeGreaterThan(5_000)
    expect(outcomes.message).toBeGreaterThan(5_000)
  })
})

describe('bombs', () => {
  const layoutOf = (name: MessageName) => MESSAGE_LAYOUTS.get(MessageType[name])!
  const why = (name: MessageName, bytes: Uint8Array) => {
    const verdict = verify(layoutOf(name), bytes)
    return verdict.kind === 'malformed' ? verdict.why : 'ok'
  }
  /** Positions at which a 32-bit number stands, little-endian. */
  const places = (body: Uint8Array, value: number): number[] => {
    const view = new DataView(body.buffer, body.byteOffset, body.length)
    return Array.from({ length: Math.floor(body.length / 4) }, (_, i) => i * 4).filter((at) => view.getUint32(at, true) === value)
  }

  test('R-WIRE-2 a_forged_vector_length_is_refused_before_anything_is_read', () => {
    const body = codec.encode(BUSY_DELTA)
    const verdicts = [0xffffffff, 0x7fffffff, 57_345, 1000].map((count) => places(body, BUSY_DELTA.body.length).map((at) => {
      const forged = body.slice()
      new DataView(forged.buffer).setUint32(at, count, true)
      return why('ComponentDelta', forged)
    }))
    expect(verdicts).toEqual([
      ['ComponentDelta: body: 4294967295 elements, not 0..57344'], ['ComponentDelta: body: 2147483647 elements, not 0..57344'],
      ['ComponentDelta: body: 57345 elements, not 0..57344'], ['ComponentDelta: body: out of bounds'],
    ])
  })

  test('offsets_that_lead_to_one_table_many_times_are_refused', () => {
    const [, small] = SAMPLES.CommandLogEntry.entries
    const entries = [{ ...small, payload: new Uint8Array(16_000) }, ...Array.from({ length: 99 }, () => small)]
    const body = codec.encode({ ...SAMPLES.CommandLogEntry, entries })
    expect(why('CommandLogEntry', body)).toBe('ok')
    const view = new DataView(body.buffer)
    const vector = places(body, entries.length)[0]
    const offsetAt = (i: number) => vector + 4 + 4 * i
    const large = offsetAt(0) + view.getUint32(offsetAt(0), true)
    // 100 times 16 kB out of 30 kB, were it let through.
    for (let i = 1; i < entries.length; i++) view.setUint32(offsetAt(i), large - offsetAt(i), true)
    expect(why('CommandLogEntry', body)).toBe('CommandLogEntry: entries: [1]: payload: holds more than its bytes')
  })

  test('offsets_and_vtables_that_lead_outside_are_refused', () => {
    const body = codec.encode(SAMPLES.NackRequest)
    const root = new DataView(body.buffer).getUint32(0, true)
    const changed = (at: number, value: number) => {
      const copy = body.slice()
      new DataView(copy.buffer).setInt32(at, value, true)
      return why('NackRequest', copy)
    }
    expect(changed(0, -1)).toBe('NackRequest: table out of bounds')
    expect(changed(0, root + 1)).toBe('NackRequest: table out of bounds')
    expect(changed(0, body.length - 2)).toBe('NackRequest: table out of bounds')
    expect(changed(root, body.length)).toBe('NackRequest: vtable out of bounds')
    expect(changed(root, -body.length)).toBe('NackRequest: vtable out of bounds')
    expect(changed(root, -0x80000000)).toBe('NackRequest: vtable out of bounds')
  })

  test('a_field_that_must_be_there_stands_in_its_table_and_aligned', () => {
    /** Writes the vtable's entry of a field: where the field stands in its table, 0 for nowhere. */
    const moved = (name: MessageName, field: string, by: (offset: number) => number) => {
      const body = codec.encode(SAMPLES[name])
      const view = new DataView(body.buffer)
      const table = view.getUint32(0, true)
      const entry = table - view.getInt32(table, true) + 4 + 2 * layoutOf(name).fields.find((one) => one.name === field)!.slot
      view.setUint16(entry, by(view.getUint16(entry, true)), true)
      return why(name, body)
    }
    expect(moved('InputPredictiveState', 'head', () => 0)).toBe('InputPredictiveState: head: missing')
    expect(moved('CommandReceipt', 'lamport', () => 0)).toBe('CommandReceipt: lamport: missing')
    expect(moved('EditorEvent', 'detail', () => 0)).toBe('ok')
    expect(moved('InputPredictiveState', 'head', (offset) => offset + 2)).toBe('InputPredictiveState: head: not aligned')
    expect(moved('InputPredictiveState', 'head', () => 2)).toBe('InputPredictiveState: head: outside its table')
    expect(moved('InputPredictiveState', 'head', () => 0xfffc)).toBe('InputPredictiveState: head: outside its table')
  })

  test('a_text_ends_with_a_zero_and_is_UTF-8', () => {
    const body = codec.encode({ ...SAMPLES.EditorEvent, detail: 'outliner' })
    const text = Buffer.from(body.buffer).indexOf('outliner')
    expect(why('EditorEvent', body.with(text + 8, 1))).toBe('EditorEvent: detail: not terminated')
    expect(why('EditorEvent', body.with(text, 0x80))).toBe('EditorEvent: detail: not UTF-8')
  })
})
