/** What a host writes down of itself for a time after a crash, and how it becomes itself again. */
import { assert } from '../assert.ts'
import { entryBatches } from '../commands/batch.ts'
import type { CommandLog } from '../commands/log.ts'
import type { CommandSigner } from '../commands/signer.ts'
import { LOG_COMPONENTS } from '../ecs/components.ts'
import type { World } from '../ecs/world.ts'
import { HOST_AUTHOR } from '../ids.ts'
import type { Probe, Signer, Verifier } from '../ports.ts'
import type { Codec } from '../protocol/codec.ts'
import { applySnapshot, encodeSnapshot } from '../replication/snapshot.ts'
import type { NonceMarks } from '../security/nonces.ts'
import type { Checkpoint } from '../storage/checkpoint.ts'
import type { Recovered } from '../storage/recovery.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { Reception } from './reception.ts'
import type { Roster } from './roster.ts'

/** What a host knows. */
interface Memory {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly world: World
  readonly log: CommandLog
  readonly nonces: NonceMarks
  readonly roster: Roster
  readonly codec: Codec
  readonly signer: Signer
  /** With which the host signs its own commands. */
  readonly pen: CommandSigner
}


/** State of the stream is left out: poses come again with their members, bodies begin anew where they were authored, props are gone. */
export function takeCheckpoint({ sessionId, epoch, world, log, nonces, roster, codec, signer, pen }: Memory): Checkpoint {
  const open = log.entriesSince(log.position.closedLamport)
  return {
    sessionId, epoch,
    nonces: new Map([...nonces, [HOST_AUTHOR, pen.nonce]]),
    roster: codec.encode(roster.toMessage(epoch, sessionId, signer, nonces, undefined)),
    snapshot: encodeSnapshot(world, log.position, LOG_COMPONENTS),
    entries: entryBatches(open).map((entries) => codec.encode({ kind: 'CommandLogEntry', entries })),
  }
}

interface RestorationPorts {
  readonly world: World
  readonly log: CommandLog
  readonly nonces: NonceMarks
  readonly roster: Roster
  readonly reception: Reception
  readonly signer: Signer
  readonly verifier: Verifier
  readonly probe: Probe
  readonly report: (event: SystemEvent) => void
}

/** Entries are not judged again: they were, before they were stored. Nobody is connected, so that every member has left. */
export function restore(recovered: Recovered, ports: RestorationPorts): void {
  const { world, log, nonces, roster, reception, signer, verifier, probe, report } = ports
  const { sessionId, snapshot, entries, generation, tornBytes } = recovered
  applySnapshot(world, snapshot)
  log.adopt(snapshot.position)
  const found = entries.map(({ author, lamport }) => ({ author, lamport }))
  report({ event: 'recovered', generation, closedLamport: snapshot.position.closedLamport, entries: found, tornBytes })
  if (tornBytes > 0) probe.sometimes('a torn write was cut off')
  if (entries.length > 0) probe.sometimes('a host began anew with entries that were open')
  for (const entry of entries) {
    // They ascend, so that all below are there: where there are more than can be open at once, those can be closed.
    if (log.isFull) log.closeUpTo(entry.lamport - 1, 0)
    assert(log.integrate(entry, true).kind === 'integrated', 'what is stored was let in once')
  }
  // The marks of the roster are those of when it was told: older ones.
  nonces.recover(recovered.nonces)
  assert(roster.adopt(recovered.roster, sessionId, signer.publicKey, verifier, nonces) === 'adopted', 'the journal is of this host\'s key')
  reception.recover()
}
