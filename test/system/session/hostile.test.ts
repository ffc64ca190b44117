/** Whatever a peer says, well formed and even well signed, in whatever order: nobody throws, and time goes on. */
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type AnyCommand, COMMANDS, memberEntity } from '../../../system/commands/registry.ts'
import { encodePayload } from '../../../system/commands/payload.ts'
import { FIELD_RANGE } from '../../../system/ecs/canonical.ts'
import type { Field } from '../../../system/ecs/component.ts'
import { COMPONENTS, RigidBody } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import type { CommandEntry, Message } from '../../../system/protocol/messages.ts'
import { encodeDelta } from '../../../system/replication/delta.ts'
import { chunkSnapshot, encodeSnapshot } from '../../../system/replication/snapshot.ts'
import { EPOCH, Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'
import { apply, arbitraryWrites } from '../ecs/worlds.ts'
import { arbitraryCommit, arbitraryMessage } from '../protocol/samples.ts'

beforeAll(prepare)

// --- messages that are meant ----------------------------------------------------------------------------------------

const U32_MAX = 0xffff_ffff
const LAMPORT_MAX = Number.MAX_SAFE_INTEGER
const arbitraryFrame = fc.oneof({ weight: 4, arbitrary: fc.nat(60) }, fc.constantFrom(2 ** 31 - 2, 2 ** 31 - 1, U32_MAX))
const arbitraryLamport = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 60 }) }, fc.constantFrom(2 ** 32, LAMPORT_MAX - 1, LAMPORT_MAX),
)
const arbitraryHash = fc.record({ hi: fc.nat(U32_MAX), lo: fc.nat(U32_MAX) })
/** Entities of members, of what they may spawn, and any. */
const arbitraryEntity = fc.oneof(
  fc.tuple(fc.nat(3), fc.nat(3)).map(([author, counter]) => memberEntity(author) + counter), fc.nat(2 ** 31 - 1),
)
function arbitraryField({ name, type }: Field): fc.Arbitrary<number> {
  const { min, max } = FIELD_RANGE[type]
  return name === 'entity' ? arbitraryEntity : fc.oneof(fc.integer({ min, max }), fc.constantFrom(0, 1, min, max))
}

function arbitraryPayload({ layout }: AnyCommand): fc.Arbitrary<Pick<CommandEntry, 'payload' | 'scope'>> {
  const any = fc.record({ payload: fc.uint8Array({ maxLength: 40 }), scope: arbitraryEntity })
  if (layout === undefined) {
    return fc.oneof(arbitraryCommit.map((commit) => ({ payload: new Codec().encodePlacementCommit(commit), scope: 0 })), any)
  }
  const values = fc.record(Object.fromEntries(layout.fields.map((field) => [field.name, arbitraryField(field)])))
  const meant = fc.tuple(values, arbitraryEntity, fc.boolean()).map(([payload, entity, own]) => {
    const scope = payload.entity ?? (payload.author !== undefined ? entity : (payload.tool ?? 0))
    return { payload: encodePayload(layout, payload), scope: own ? scope : entity }
  })
  return fc.oneof({ weight: 5, arbitrary: meant }, any)
}
const arbitraryEntry: fc.Arbitrary<CommandEntry> = fc.constantFrom(...COMMANDS).chain((command) => fc.record({
  epoch: fc.constant(EPOCH), author: fc.nat(3), lamport: arbitraryLamport, nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  command: fc.constant(command.code), policy: fc.constant(command.policy), scopeKind: fc.constant(command.scopeKind),
  baseLamport: fc.nat(60), baseAuthor: fc.nat(3), signature: fc.constant(new Uint8Array(64)),
  previousNonce: fc.constant(0n), trace: fc.constant(0), own: arbitraryPayload(command),
}).map(({ own, ...entry }) => ({ ...entry, ...own })))

const arbitraryContent = arbitraryWrites(COMPONENTS.filter(({ source }) => source === 'stream'), 6).map((writes) => {
  const world = new World({ tracksChanges: true })
  apply(world, writes)
  return { baseFrame: -1, interest: 0, listed: false, leap: false, body: encodeDelta(world) }
})
const arbitraryPosition = fc.record({ closedLamport: fc.oneof(fc.constant(0), arbitraryLamport), count: fc.nat(20), digest: arbitraryHash })
const arbitrarySnapshot: fc.Arbitrary<Message[]> = fc.tuple(arbitraryWrites(COMPONENTS, 30), arbitraryPosition, fc.nat(9), arbitraryFrame)
  .map(([writes, position, snapshotId, frame]) => {
    const world = new World()
    apply(world, writes)
    return chunkSnapshot(encodeSnapshot(world, position), { snapshotId: 100 + snapshotId, epoch: EPOCH, frame, reason: 'resync' })
  })
const REFUSALS = ['late', 'late', 'nonce', 'signature'] as const
const one = (message: Message): Message[] => [message]
const arbitraryWord: fc.Arbitrary<Message[]> = fc.oneof(
  { weight: 3, arbitrary: arbitraryMessage.map((message) => one('epoch' in message ? { ...message, epoch: EPOCH } : message)) },
  fc.array(arbitraryEntry, { minLength: 1, maxLength: 4 }).map((entries) => one({ kind: 'CommandLogEntry', entries })),
  fc.tuple(arbitraryFrame, arbitraryPosition, arbitraryHash, arbitraryContent).map(([frame, position, stateDigest, content]) => one({
    kind: 'ComponentDelta', epoch: EPOCH, frame, closedLamport: position.closedLamport, admittedCount: position.count,
    admittedDigest: position.digest, stateDigest, ...content,
  })),
  arbitrarySnapshot,
  fc.tuple(arbitraryLamport, fc.constantFrom(...REFUSALS), arbitraryLamport).map(([lamport, refusal, closedLamport]) =>
    one({ kind: 'CommandReceipt', lamport, nonce: 1n, refusal, closedLamport })),
  fc.tuple(arbitraryFrame, fc.nat(40)).map(([fromFrame, more]) =>
    one({ kind: 'NackRequest', epoch: EPOCH, fromFrame, toFrame: Math.min(U32_MAX, fromFrame + more), want: 'frames' })),
)

/** Believes everybody: what a liar with every key could say. */
const CREDULOUS = { verify: () => true }
const crowd = () => new Loopback({ verifier: CREDULOUS, host: { authorise: () => 'admin' } })
/** What a client waits for while it hears the words: `lost` is a member that greets anew. */
const PHASES = { greeting: 'SessionAcknowledge', joining: 'WorldSnapshot', live: undefined, lost: 'SessionAcknowledge' } as const
type Phase = keyof typeof PHASES

/** Entries that are not at the ends of time come in time, and with nonces that rise, each after its author's last one. */
function timely(message: Message, clock: number, nonce: number, last: (author: number) => bigint = () => 0n): Message {
  if (message.kind !== 'CommandLogEntry') return message
  const said = new Map<number, bigint>()
  const entries = message.entries.map((entry, i) => {
    const lamport = entry.lamport > 60 ? entry.lamport : Math.min(LAMPORT_MAX, clock + 1 + (entry.lamport % 5))
    const previousNonce = said.get(entry.author) ?? last(entry.author)
    said.set(entry.author, BigInt(nonce + i))
    return { ...entry, lamport, nonce: BigInt(nonce + i), previousNonce }
  })
  return { ...message, entries }
}
const lastNonceAt = ({ host }: Loopback) => (author: number): bigint =>
  host.heard('commandAdmitted').reduce((last, { entry }) => (entry.author === author && entry.nonce > last ? entry.nonce : last), 0n)

describe('any words', () => {
  const words = fc.array(fc.tuple(arbitraryWord, fc.nat(3)), { minLength: 1, maxLength: 12 })

  it('R-WIRE-2 a client takes any messages in any order, before and after the handshake, and never throws', () => {
    const states = new Set<string>()
    fc.assert(fc.property(words, fc.constantFrom(...(Object.keys(PHASES) as Phase[])), (said, phase) => {
      const loopback = crowd()
      const ana = loopback.join('ana')
      if (phase === 'lost') {
        loopback.run(12)
        loopback.sever(ana)
      }
      const awaited = PHASES[phase]
      loopback.carry = (carried) => (awaited !== undefined && carried.as(awaited) !== undefined ? NEVER : ONCE)
      loopback.run(phase === 'lost' ? 30 : 12)
      for (const [messages, pause] of said) {
        ana.intend({ kind: 'spawn', x: 0, y: 900, z: 0, hx: 9, hy: 9, hz: 9 })
        for (const message of messages) {
          states.add(ana.peer.state)
          loopback.inject(loopback.host, ana, timely(message, ana.peer.log?.clock ?? 0, 1))
        }
        ana.peer.log?.view.entities(RigidBody)
        loopback.run(pause * 8)
      }
      loopback.carry = () => ONCE
      loopback.run(30)
      loopback.free()
    }), { seed: 31, numRuns: 60 })
    for (const state of ['greeting', 'joining', 'live', 'closed']) expect(states).toContain(state)
  })

  it('R-WIRE-2 a host takes any messages in any order, from strangers and from members, and never throws', () => {
    const folded = new Set<string>()
    let nonce = 1
    fc.assert(fc.property(words, fc.boolean(), (said, isMember) => {
      const loopback = crowd()
      const ana = loopback.join('ana')
      loopback.joined('ben')
      const stranger = loopback.stranger()
      for (const [messages, pause] of said) {
        for (const message of messages) {
          const { clock } = loopback.host.peer.log
          if (isMember) loopback.inject(ana, loopback.host, timely(message, clock, (nonce += 4), lastNonceAt(loopback)))
          else stranger.say(message)
        }
        loopback.run(pause * 8)
      }
      loopback.run(30)
      for (const { command, outcome } of loopback.host.heard('commandFolded')) folded.add(`${command} ${outcome}`)
      loopback.free()
    }), { seed: 32, numRuns: 80 })
    // Or the words would have been noise.
    expect(folded.size).toBeGreaterThan(12)
  })
})

describe('one word', () => {
  const joined = () => {
    const loopback = crowd()
    const [ana] = loopback.joined('ana')
    return { loopback, ana, say: (message: Message) => loopback.inject(loopback.host, ana, message) }
  }
  const nothing = { hi: 0, lo: 0 }
  const delta = {
    kind: 'ComponentDelta', epoch: EPOCH, frame: 21, closedLamport: 0, admittedCount: 0, admittedDigest: nothing, stateDigest: nothing,
    baseFrame: 20, interest: 0, listed: false, body: new Uint8Array(0), leap: false,
  } as const

  it('R-LOG-2 a frame whose mark falls ends in a resync, though it lacks entries as well', () => {
    const { loopback, ana, say } = joined()
    loopback.settle()
    say({ ...delta, frame: ana.peer.confirmedFrame + 1, closedLamport: 1, admittedCount: 1000 })
    loopback.run(60)
    expect(ana.heard('resyncStarted')).toMatchObject([{ reason: 'log' }])
    expect(ana.heard('rangeRequested')).toEqual([])
  })

  it('R-REPL-3 a frame from beyond the end of time costs no walk to it', () => {
    const { loopback, ana, say } = joined()
    say({ ...delta, frame: 2 ** 31 - 2 })
    loopback.run(120)
    expect(ana.peer.state).toBe('live')
  })

  it('R-LOG-2 Lamport times at their end leave every message of an author sendable', () => {
    const { loopback, ana, say } = joined()
    ana.intend({ kind: 'toolActivate', tool: 1 })
    const { lamport, nonce } = ana.last('commandSigned')!
    say({ kind: 'CommandReceipt', lamport, nonce, refusal: 'late', closedLamport: LAMPORT_MAX })
    ana.intend({ kind: 'toolActivate', tool: 2 })
    loopback.run(30)
    expect(ana.peer.state).toBe('live')
  })

  it('R-SESSION-2 before a host has proved itself anew, a former membership believes nothing', () => {
    const { loopback, ana } = joined()
    loopback.settle()
    const bytes = ana.peer.world.canonicalBytes()
    loopback.sever(ana)
    loopback.carry = (carried) => (carried.as('SessionAcknowledge') === undefined ? [{ delayUs: 2000 }] : [])
    loopback.until(() => ana.peer.state === 'greeting', 60)
    const body = encodeSnapshot(new World(), { closedLamport: 90, count: 0, digest: nothing })
    const chunks = chunkSnapshot(body, { snapshotId: 99, epoch: EPOCH, frame: 300, reason: 'join' })
    for (const chunk of chunks) loopback.inject(loopback.host, ana, chunk)
    expect(ana.peer.world.canonicalBytes()).toEqual(bytes)
  })
})
