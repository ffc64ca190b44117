/** A client's membership of a session, from its acknowledgement until another one. */
import { CommandLog } from '../commands/log.ts'
import { CommandPipeline } from '../commands/pipeline.ts'
import { CommandSigner } from '../commands/signer.ts'
import type { World } from '../ecs/world.ts'
import type { AuthorId } from '../ids.ts'
import type { CommitResult } from '../placement/apply.ts'
import type { Codec } from '../protocol/codec.ts'
import type { CommandEntry, SessionAcknowledge } from '../protocol/messages.ts'
import { GroupKeys } from '../security/groupkeys.ts'
import { NonceMarks } from '../security/nonces.ts'
import type { SystemEvent, WriteCause } from '../telemetry/events.ts'
import { Desk, type DeskPorts } from './desk.ts'
import type { PeerPorts } from './peer.ts'
import { Roster } from './roster.ts'

/** What the acknowledgement settled: everything that lives as long as the session does. */
export interface Membership {
  readonly author: AuthorId
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly hostKey: Uint8Array
  readonly roster: Roster
  readonly nonces: NonceMarks
  /** Where the log is sealed. */
  readonly keys: GroupKeys | undefined
  readonly log: CommandLog
  readonly signer: CommandSigner
  readonly pipeline: CommandPipeline
  readonly desk: Desk
}

export interface MembershipPorts {
  readonly peer: PeerPorts
  readonly world: World
  readonly codec: Codec
  readonly isSealed: boolean
  readonly report: (event: SystemEvent) => void
  /** An entry is about to write rows. */
  readonly folding: (cause: WriteCause) => void
  /** A placement commit has been decided. */
  readonly settled: (commit: CommitResult, entry: CommandEntry) => void
  readonly tell: DeskPorts['tell']
}

export function newMembership(acknowledge: SessionAcknowledge, ports: MembershipPorts): Membership {
  const { sessionId, epoch, author, serverPublicKey: hostKey, nonceHighWater } = acknowledge
  const { peer: { meter, probe, verifier, signer: key }, world, codec, isSealed, report, tell } = ports
  const keys = isSealed ? new GroupKeys(sessionId) : undefined
  const log = new CommandLog({
    sessionId, world, codec, meter, probe, report,
    ...(keys !== undefined && { open: (entry) => keys.open(entry) }),
    folding: (entry) => ports.folding({ by: 'command', author: entry.author, lamport: entry.lamport }),
    folded: (entry, { commit }) => {
      if (commit !== undefined) ports.settled(commit, entry)
    },
  })
  const signer = new CommandSigner({ sessionId, epoch, author, log, signer: key, meter, keys }, nonceHighWater)
  const roster = new Roster()
  const nonces = new NonceMarks()
  const pipeline = new CommandPipeline({
    sessionId, epoch, author, log, signer, verifier, nonces, meter, probe, report,
    isReadable: ({ payload }) => keys === undefined || keys.knows(payload), publicKey: (member) => roster.get(member)?.publicKey,
  })
  const desk = new Desk({ log, signer, pipeline, codec, probe, report, tell })
  return { author, sessionId, epoch, hostKey, roster, nonces, keys, log, signer, pipeline, desk }
}
