/**
 * One admitted set of signed commands, in any order, doubled, in any batches: the same bytes and the same digest. Signatures are on:
 * every entry is verified before it is taken. `npm run permutations` does 10,000 cases.
 */
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { CommandPipeline } from '../../../system/commands/pipeline.ts'
import { commandName, COMMANDS, memberJoined, ROLES } from '../../../system/commands/registry.ts'
import { CommandSigner } from '../../../system/commands/signer.ts'
import { HOST_AUTHOR } from '../../../system/ids.ts'
import { NO_METER, NO_PROBE } from '../../../system/ports.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import { type CommandEntry, MessageType } from '../../../system/protocol/messages.ts'
import { NonceMarks } from '../../../system/security/nonces.ts'
import { disagreement, EPOCH, Loopback, prepare, SESSION_ID } from '../../support/loopback.ts'
import { ALL_CAPABILITIES, ANA, BEN, entryOf, newLog } from './entries.ts'
import { CLEO, keyOf, placeOf, signed, signedPool, signerOf, verifier } from './histories.ts'

beforeAll(prepare)

const CASES = Number(process.env.THETA_PERMUTATIONS ?? 400)
/** Of those, so many go through a whole host and a whole client. */
const THROUGH_HOST = Math.ceil(CASES / 40)
const [FIRST, LAST] = [20, 60]
const CODEC = new Codec()
const POOL = signedPool(1500, FIRST, LAST, 61)
const joined = (lamport: number, author: number, role: number) =>
  signed(entryOf(HOST_AUTHOR, lamport, memberJoined, { author, role, capabilities: ALL_CAPABILITIES }))
const PRELUDE = [
  joined(1, ANA, ROLES.indexOf('admin')), joined(2, BEN, ROLES.indexOf('editor')), joined(3, CLEO, ROLES.indexOf('viewer')),
]
const arbitrarySet = fc.uniqueArray(fc.constantFrom(...POOL), { selector: placeOf, minLength: 6, maxLength: 28 })
const arbitraryDraws = fc.array(fc.nat(), { minLength: 40, maxLength: 40 })

/** The set in another order, some of it twice, cut into batches. */
function batchesOf(set: readonly CommandEntry[], draws: readonly number[]): CommandEntry[][] {
  const left = [...set, ...set.filter((_, i) => draws[i % 40] % 3 === 0)]
  const batches: CommandEntry[][] = [[]]
  for (let i = 0; left.length > 0; i++) {
    const draw = draws[i % 40]
    batches.at(-1)!.push(...left.splice(draw % left.length, 1))
    if (draw % 4 === 0) batches.push([])
  }
  return batches.filter((batch) => batch.length > 0)
}

/** A log behind a pipeline that verifies. */
function verifying() {
  const under = newLog()
  const refused: string[] = []
  const own = { sessionId: SESSION_ID, epoch: EPOCH, author: CLEO + 1, log: under.log, meter: NO_METER }
  const pipeline = new CommandPipeline({
    ...own, signer: new CommandSigner({ ...own, signer: signerOf('cleo') }, 0n), verifier, nonces: new NonceMarks(),
    probe: NO_PROBE, publicKey: keyOf,
    report: (event) => event.event === 'commandRefused' && refused.push(event.reason),
  })
  return { ...under, refused, take: (entries: readonly CommandEntry[]) => entries.forEach((entry) => pipeline.integrate(entry)) }
}

/** As it comes out of a message. */
function carried(entries: readonly CommandEntry[]): readonly CommandEntry[] {
  const decoded = CODEC.decode(MessageType.CommandLogEntry, CODEC.encode({ kind: 'CommandLogEntry', entries }))
  return decoded.kind === 'message' && decoded.message.kind === 'CommandLogEntry' ? decoded.message.entries : []
}

describe('permutations', () => {
  it(`R-LOG-16 ${CASES} sets of signed commands, permuted, doubled and batched, in logs that verify`, () => {
    const seen = new Set<string>()
    fc.assert(fc.property(arbitrarySet, arbitraryDraws, (set, draws) => {
      const straight = newLog()
      straight.take(...[...PRELUDE, ...set].sort((a, b) => a.lamport - b.lamport || a.author - b.author))
      straight.log.closeUpTo(LAST, 0)
      for (const { command, outcome } of straight.folded) seen.add(`${command} ${outcome}`)
      const bytes = straight.world.canonicalBytes()
      for (const isCarried of [false, true]) {
        const permuted = verifying()
        permuted.take(PRELUDE)
        const batches = batchesOf(set, isCarried ? draws.toReversed() : draws)
        batches.forEach((batch, i) => {
          permuted.take(isCarried ? carried(batch) : batch)
          if (draws[i % 40] % 7 === 0) permuted.log.scopeBase('global', 0)
          // The host closes only what is complete.
          const left = batches.slice(i + 1).flat().map(({ lamport }) => lamport)
          const complete = Math.min(LAST, ...left.map((lamport) => lamport - 1))
          if (draws[i % 40] % 2 === 0 && complete > permuted.log.position.closedLamport) permuted.log.closeUpTo(complete, i)
        })
        permuted.log.closeUpTo(LAST, 99)
        expect(permuted.refused).toEqual([])
        expect(permuted.log.position).toEqual(straight.log.position)
        expect(Buffer.compare(permuted.world.canonicalBytes(), bytes)).toBe(0)
      }
    }), { seed: 62, numRuns: CASES })
    // Every command was among them, and did something in some of them.
    for (const { code } of COMMANDS) expect(seen).toContain(`${commandName(code)} applied`)
    for (const outcome of ['merged', 'rejected', 'denied', 'void']) expect([...seen].some((one) => one.endsWith(outcome))).toBe(true)
  }, 600_000)

  it(`R-LOG-16 ${THROUGH_HOST} sets from a host to its members, whose every frame is compared`, () => {
    fc.assert(fc.property(arbitrarySet, arbitraryDraws, (set, draws) => {
      const loopback = new Loopback({ signerOf, verifier })
      const clients = ['ana', 'ben', 'cleo'].map((name, i) => loopback.join(name, { requestedRole: i === 0 ? 'admin' : 'editor' }))
      loopback.run(22)
      const { log } = loopback.host.peer
      expect(log.position.closedLamport).toBeLessThan(FIRST)
      for (const entry of set) log.integrate(entry, true)
      clients.forEach((client, i) => {
        for (const entries of batchesOf(set, draws.map((draw) => draw + i))) {
          loopback.inject(loopback.host, client, { kind: 'CommandLogEntry', entries })
          if (draws[i] % 2 === 0) loopback.run(1)
        }
      })
      loopback.settle()
      for (const client of clients) expect(client.peer.log!.position).toEqual(log.position)
      expect(log.position.count).toBe(set.length + 1 + clients.length)
      expect(clients.flatMap((client) => client.heard('resyncStarted'))).toEqual([])
      expect(disagreement(loopback)).toBeUndefined()
      loopback.free()
    }), { seed: 63, numRuns: THROUGH_HOST })
  }, 600_000)
})
