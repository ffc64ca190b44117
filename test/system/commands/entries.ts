/** Entries by hand, a log over a world of its own, and what its fold said. */
import { CommandLog } from '../../../system/commands/log.ts'
import { type AnyCommand, BodyShape, EntityKind, entitySpawn, memberJoined, ROLES } from '../../../system/commands/registry.ts'
import { encodePayload } from '../../../system/commands/payload.ts'
import { World } from '../../../system/ecs/world.ts'
import { type AuthorId, type EntityId, entityId, HOST_AUTHOR } from '../../../system/ids.ts'
import { NO_METER, NO_PROBE } from '../../../system/ports.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import type { CommandEntry, Role } from '../../../system/protocol/messages.ts'
import type { SystemEvent } from '../../../system/telemetry/events.ts'
import { EPOCH, SESSION_ID } from '../../support/loopback.ts'

export const ANA: AuthorId = 1
export const BEN: AuthorId = 2
export const ALL_CAPABILITIES = 0x1f
export const crate = (author: AuthorId, counter: number): EntityId => entityId('log', author, counter)

type Payload = Readonly<Record<string, number>>
/** An entry of an author at a Lamport time, which is its nonce as well; its signature says nothing. */
export function entryOf(
  author: AuthorId, lamport: number, command: AnyCommand, payload: Payload, over: Partial<CommandEntry> = {},
): CommandEntry {
  return {
    epoch: EPOCH, author, lamport, nonce: BigInt(lamport), command: command.code, policy: command.policy, scopeKind: command.scopeKind,
    scope: command.scope(payload), baseLamport: 0, baseAuthor: 0, payload: encodePayload(command.layout!, payload),
    previousNonce: 0n, trace: 0,
    signature: new Uint8Array(64).fill(author), ...over,
  }
}
export const joinedAt = (lamport: number, author: AuthorId, role: Role = 'editor', capabilities = ALL_CAPABILITIES): CommandEntry =>
  entryOf(HOST_AUTHOR, lamport, memberJoined, { author, role: ROLES.indexOf(role), capabilities })
export const spawnedAt = (lamport: number, entity: EntityId, author: AuthorId, over: Payload = {}): CommandEntry =>
  entryOf(author, lamport, entitySpawn, {
    entity, kind: EntityKind.prop, x: 0, y: 0, z: 0, hx: 1, hy: 1, hz: 1, shape: BodyShape.none, massGrams: 0, restitution: 0, ...over,
  })

export type Folded = Extract<SystemEvent, { event: 'commandFolded' }>
export interface LogUnderTest {
  readonly log: CommandLog
  readonly world: World
  readonly folded: Folded[]
  /** Integrates what the host admitted. */
  readonly take: (...entries: readonly CommandEntry[]) => void
}
export function newLog(): LogUnderTest {
  const world = new World()
  const folded: Folded[] = []
  const log = new CommandLog({
    sessionId: SESSION_ID, world, codec: new Codec(), meter: NO_METER, probe: NO_PROBE,
    report: (event) => event.event === 'commandFolded' && folded.push(event),
    folding() {}, folded() {},
  })
  return { log, world, folded, take: (...entries) => entries.forEach((entry) => log.integrate(entry, true)) }
}
/** The outcome of each entry, by 'lamport.author'. */
export const outcomes = ({ folded }: LogUnderTest): Record<string, string> =>
  Object.fromEntries(folded.map(({ lamport, author, outcome }) => [`${lamport}.${author}`, outcome]))
