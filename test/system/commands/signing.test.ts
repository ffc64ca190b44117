/** What a signature covers, and the pen that numbers and signs. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeSigner, nodeVerifier } from '../../../platform/ed25519.ts'
import { ENTRY_OVERHEAD_BYTES_MAX, entryBatches } from '../../../system/commands/batch.ts'
import { decodePayload, encodePayload } from '../../../system/commands/payload.ts'
import { COMMANDS, entityScale, entityTranslate, toolActivate } from '../../../system/commands/registry.ts'
import { admissibleKey, smallOrder } from '../../../system/commands/signature.ts'
import { CommandSigner } from '../../../system/commands/signer.ts'
import { signingBytes } from '../../../system/commands/signing.ts'
import { FIELD_RANGE } from '../../../system/ecs/canonical.ts'
import { defineLayout, type FieldType } from '../../../system/ecs/component.ts'
import { COMPONENTS } from '../../../system/ecs/components.ts'
import { entityCounter } from '../../../system/ids.ts'
import { COMMAND_PAYLOAD_BYTES_MAX, ENTRIES_PER_MESSAGE_MAX } from '../../../system/limits.ts'
import { NO_METER } from '../../../system/ports.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import { BODY_BYTES_MAX } from '../../../system/protocol/envelope.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { EPOCH, publicKeyOf, SESSION_ID, tagSigner } from '../../support/loopback.ts'
import { ANA, BEN, crate, entryOf, joinedAt, newLog, spawnedAt } from './entries.ts'

const CRATE = crate(ANA, 1)

describe('the canonical form', () => {
  const signer = nodeSigner(new Uint8Array(32).fill(7))
  const verifier = nodeVerifier({ admissibleKey, smallOrder })
  const base = { nonce: 9n, baseLamport: 77, baseAuthor: BEN }
  const entry = entryOf(ANA, 2 ** 40, entityTranslate, { entity: CRATE, dx: 1, dy: 2, dz: 3 }, base)
  const signature = signer.sign(signingBytes(SESSION_ID, entry))
  const holds = (changed: CommandEntry, session = SESSION_ID) =>
    verifier.verify(signature, signingBytes(session, changed), signer.publicKey)
  const changes: readonly Partial<CommandEntry>[] = [
    { epoch: EPOCH + 1 }, { author: BEN }, { lamport: 2 ** 40 + 1 }, { lamport: 2 ** 41 }, { nonce: 10n }, { nonce: 9n + 2n ** 32n },
    { previousNonce: 1n }, { previousNonce: 2n ** 63n }, { trace: 1 }, { trace: 2 ** 33 },
    { command: 99 }, { policy: 'reject' }, { scopeKind: 'global' }, { scope: CRATE + 1 }, { baseLamport: 78 },
    { baseLamport: 77 + 2 ** 32 }, { baseAuthor: ANA },
    { payload: entry.payload.with(3, 255) }, { payload: entry.payload.slice(1) }, { payload: new Uint8Array([...entry.payload, 0]) },
  ]

  it('R-LOG-5 a genuine entry holds', () => expect(holds(entry)).toBe(true))
  it.each(changes)('R-LOG-5 a signature does not hold for %o', (change) => expect(holds({ ...entry, ...change })).toBe(false))
  it('R-LOG-5 a signature does not hold in another session', () => expect(holds(entry, SESSION_ID.with(15, 0))).toBe(false))
  it('R-LOG-5 every field but the signature is covered', () => {
    const covered = new Set(changes.flatMap((change) => Object.keys(change)))
    expect(covered).toEqual(new Set(Object.keys(entry).filter((field) => field !== 'signature')))
  })
})

describe('the pen', () => {
  const penOver = (under: ReturnType<typeof newLog>, highWater = 0n) => new CommandSigner(
    { sessionId: SESSION_ID, epoch: EPOCH, author: ANA, log: under.log, signer: tagSigner(publicKeyOf('ana')), meter: NO_METER }, highWater,
  )

  it('R-LOG-5 no two entries of an author share a nonce or a Lamport time, nor a spawned entity its number', () => {
    const under = newLog()
    under.take(joinedAt(1, ANA))
    const pen = penOver(under, 41n)
    const entries = Array.from({ length: 6 }, (_, i) => {
      const entry = i % 2 === 0 ? pen.sign(toolActivate, { tool: 1 }) : pen.spawn({ x: 0, y: 0, z: 0, hx: 1, hy: 1, hz: 1 })
      under.log.integrate(entry, false)
      return entry
    })
    for (const numbers of [entries.map(({ lamport }) => lamport), entries.map(({ nonce }) => Number(nonce))]) {
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    }
    const spawned = entries.filter((_, i) => i % 2 === 1).map(({ scope }) => entityCounter(scope))
    // Above what an author that comes back after a crash can have used.
    expect(Math.min(...spawned, ...entries.map(({ nonce }) => Number(nonce)))).toBeGreaterThan(41)
    expect(new Set(spawned).size).toBe(3)
  })

  it('R-LOG-2 signed anew, a command keeps its base and takes a new place and nonce', () => {
    const under = newLog()
    under.take(joinedAt(1, ANA), joinedAt(2, BEN), spawnedAt(3, CRATE, ANA))
    const pen = penOver(under)
    const first = pen.sign(entityScale, { entity: CRATE, factor: 300 })
    under.take(entryOf(BEN, 9, entityScale, { entity: CRATE, factor: 300 }, { baseLamport: 3, baseAuthor: ANA }))
    const again = pen.signAnew(first)
    expect(again).toMatchObject({ baseLamport: 3, baseAuthor: ANA, lamport: 10, payload: first.payload })
    expect(again.nonce).toBeGreaterThan(first.nonce)
    expect(again.signature).not.toEqual(first.signature)
    // A fresh command is drafted on what is seen now.
    expect(pen.sign(entityScale, { entity: CRATE, factor: 300 })).toMatchObject({ baseLamport: 9, baseAuthor: BEN })
  })
})

describe('payloads', () => {
  const types = Object.keys(FIELD_RANGE) as FieldType[]
  const each = <V>(value: (type: FieldType) => V) => Object.fromEntries(types.map((type) => [type, value(type)])) as Record<FieldType, V>
  const layout = defineLayout('payload', each((type) => ({ type, unit: '' })))

  it('R-ECS-3 payload fields are integers of their range and survive', () => {
    fc.assert(fc.property(fc.record(each((type) => fc.integer(FIELD_RANGE[type]))), (values) => {
      expect(decodePayload(layout, encodePayload(layout, values))).toEqual({ ...values })
    }), { seed: 13, numRuns: 100 })
    const zeros = each(() => 0)
    for (const type of types) {
      const { min, max } = FIELD_RANGE[type]
      for (const value of [min - 1, max + 1, 0.5, NaN]) expect(() => encodePayload(layout, { ...zeros, [type]: value })).toThrow(RangeError)
    }
  })
  it('R-WIRE-4 a payload of another length, or beyond a safe integer, is none', () => {
    const bytes = new Uint8Array(layout.stride)
    expect(decodePayload(layout, bytes)).toBeDefined()
    expect(decodePayload(layout, bytes.slice(1))).toBeUndefined()
    expect(decodePayload(layout, new Uint8Array(layout.stride).fill(255))).toBeUndefined()
  })
})

describe('batches', () => {
  it('R-LOG-3 entries of any size travel in messages that can be sent, in order', () => {
    const codec = new Codec()
    const sizes = fc.array(fc.oneof(fc.nat(64), fc.nat(COMMAND_PAYLOAD_BYTES_MAX)), { maxLength: 90 })
    fc.assert(fc.property(sizes, (lengths) => {
      const entries = lengths.map((length, i) => ({ ...entryOf(ANA, i + 1, toolActivate, { tool: 1 }), payload: new Uint8Array(length) }))
      const batches = entryBatches(entries)
      expect(batches.flat()).toEqual(entries)
      for (const batch of batches) {
        expect(batch.length).toBeGreaterThan(0)
        expect(batch.length).toBeLessThanOrEqual(ENTRIES_PER_MESSAGE_MAX)
        expect(codec.encode({ kind: 'CommandLogEntry', entries: batch }).length).toBeLessThanOrEqual(BODY_BYTES_MAX)
      }
    }), { seed: 14, numRuns: 15 })
    const small = entryOf(ANA, 1, toolActivate, { tool: 1 })
    const bytes = codec.encode({ kind: 'CommandLogEntry', entries: Array.from({ length: 64 }, () => small) }).length
    expect(bytes / 64).toBeLessThan(ENTRY_OVERHEAD_BYTES_MAX)
  })
})

describe('sources', () => {
  it('R-ECS-3 every component has one source, and the commands fold into those of the log alone', () => {
    expect(new Set(COMPONENTS.map(({ source }) => source))).toEqual(new Set(['log', 'stream']))
    const under = newLog()
    const written = new Set<string>()
    under.world.onWrite = (_, component) => written.add(component.source)
    under.take(joinedAt(1, ANA, 'admin'), spawnedAt(2, CRATE, ANA, { shape: 1, massGrams: 5 }))
    // What takes things away stands at the front of the registry.
    COMMANDS.filter(({ layout: flat }) => flat !== undefined).reverse().forEach((command, i) => {
      const values = Object.fromEntries(command.layout!.fields.map(({ name }) => [name, name === 'entity' ? CRATE : 1]))
      under.take(entryOf(command.hostOnly ? 0 : ANA, 3 + i, command, values))
    })
    under.log.closeUpTo(99, 0)
    expect(under.folded.filter(({ outcome }) => outcome === 'applied' || outcome === 'merged').length).toBeGreaterThan(5)
    expect([...written]).toEqual(['log'])
  })
})
