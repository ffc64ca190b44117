/** Arbitrary histories of every command there is, signed with real keys, each entry once. */
import * as fc from 'fast-check'
import { memoised, Memo, nodeSigner, nodeVerifier } from '../../../platform/ed25519.ts'
import { encodePayload } from '../../../system/commands/payload.ts'
import { type AnyCommand, COMMANDS, entitySpawn, placementCommit } from '../../../system/commands/registry.ts'
import { admissibleKey, smallOrder } from '../../../system/commands/signature.ts'
import { signingBytes } from '../../../system/commands/signing.ts'
import { FIELD_RANGE } from '../../../system/ecs/canonical.ts'
import { HOST_AUTHOR } from '../../../system/ids.ts'
import type { Signer, Verifier } from '../../../system/ports.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { EPOCH, SESSION_ID } from '../../support/loopback.ts'
import { added, commitOf, removed, stateAt, updated } from '../../support/placements.ts'
import { ANA, BEN, crate } from './entries.ts'

export const CLEO = 3
const NAMES = ['host', 'ana', 'ben', 'cleo']
const SIGNERS = new Map(NAMES.map((name, i) => [name, nodeSigner(new Uint8Array(32).fill(i + 1))]))
/** The pen of a member whose name is its author's. */
export const signerOf = (name: string): Signer => SIGNERS.get(name)!
export const keyOf = (author: number): Uint8Array | undefined => SIGNERS.get(NAMES[author])?.publicKey
/** Node's, which computes each verdict once. */
export const verifier: Verifier = memoised(nodeVerifier({ admissibleKey, smallOrder }), new Memo(1 << 17))
export const signed = (entry: CommandEntry): CommandEntry =>
  ({ ...entry, signature: signerOf(NAMES[entry.author]).sign(signingBytes(SESSION_ID, entry)) })

/** Few of everything, so that entries meet. */
const ENTITIES = [crate(ANA, 1), crate(ANA, 2), crate(BEN, 3), crate(BEN, 4), crate(CLEO, 5)]
const PLACEMENTS = [crate(ANA, 50), crate(BEN, 51)]
const SMALL: Readonly<Record<string, number>> = {
  author: 3, role: 2, capabilities: 0x1f, tool: 3, kind: 3, shape: 2, on: 1, massGrams: 9, levels: 3, scheme: 1,
}

function arbitraryPayload({ layout }: AnyCommand): fc.Arbitrary<Readonly<Record<string, number>>> {
  return fc.record(Object.fromEntries(layout!.fields.map(({ name, type, unit }) => {
    if (unit === 'entity') return [name, fc.constantFrom(...ENTITIES)]
    const { min, max } = FIELD_RANGE[type]
    return [name, fc.integer({ min: Math.max(min, -600), max: Math.min(max, SMALL[name] ?? 600) })]
  })))
}
const arbitraryCommit = fc.tuple(fc.nat(99), fc.nat(3), fc.constantFrom(...PLACEMENTS), fc.nat(3)).map(([counter, kind, placement, x]) => {
  const [before, after] = [stateAt(100 * (x >> 1)), stateAt(100 * x, { tags: x })]
  const change = kind < 2 ? added(placement, after) : kind === 2 ? updated(placement, before, after) : removed(placement, before)
  return new Codec().encodePlacementCommit(commitOf(crate(ANA, 1000 + counter), change))
})

/** An entry of any command at one of these Lamport times; its nonce tells it from every other one. */
export function arbitraryEntry(firstLamport: number, lastLamport: number): fc.Arbitrary<CommandEntry> {
  const place = fc.record({
    lamport: fc.integer({ min: firstLamport, max: lastLamport }), baseLamport: fc.integer({ min: firstLamport - 1, max: lastLamport }),
    baseAuthor: fc.nat(3), nonce: fc.bigInt({ min: 1n, max: 1n << 40n }),
    previousNonce: fc.constant(0n), trace: fc.constant(0), epoch: fc.constant(EPOCH),
  })
  // Most commands need something that is there.
  const content = fc.constantFrom<AnyCommand>(...COMMANDS, entitySpawn, entitySpawn, entitySpawn).chain((command) => {
    const { code, policy, scopeKind, hostOnly } = command
    // Mostly who may: a member without the role tries each, too.
    const author = hostOnly ? fc.constantFrom(HOST_AUTHOR, HOST_AUTHOR, ANA) : fc.constantFrom(HOST_AUTHOR, ANA, ANA, BEN, BEN, CLEO)
    const payload = command === placementCommit
      ? arbitraryCommit.map((bytes) => ({ scope: 0, payload: bytes }))
      : arbitraryPayload(command).map((values) => ({ scope: command.scope(values), payload: encodePayload(command.layout!, values) }))
    return fc.tuple(author, payload).map(([by, own]) => ({ author: by, command: code, policy, scopeKind, ...own }))
  })
  return fc.tuple(place, content).map(([where, what]) => ({ ...where, ...what, signature: new Uint8Array(64).fill(what.author) }))
}

export const placeOf = ({ lamport, author }: CommandEntry): string => `${lamport}.${author}`

/** So many different entries, signed: what cases draw from. */
export const signedPool = (count: number, firstLamport: number, lastLamport: number, seed: number): CommandEntry[] =>
  fc.sample(arbitraryEntry(firstLamport, lastLamport), { seed, numRuns: count }).map(signed)
