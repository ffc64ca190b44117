/**
 * Whatever is sent to a host: what it keeps on account of others stays within its bounds, it disconnects nobody who is honest, and
 * an accusation holds before anyone who has the keys.
 */
import type { World } from '../../system/ecs/world.ts'
import {
  ASSETS_BYTES_MAX, ASSETS_MAX, EQUIVOCATION_PROOFS_MAX, MEMBERS_MAX, PENDING_ENTRIES_MAX, STRANGERS_MAX,
} from '../../system/limits.ts'
import type { Verifier } from '../../system/ports.ts'
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { provesEquivocation } from '../../system/security/equivocation.ts'
import type { Holdings } from '../../system/session/hostconfig.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './watchers.ts'

export interface SecurityPorts {
  readonly sessionId: Uint8Array
  readonly verifier: Verifier
  readonly holdings: () => Holdings
  readonly keyOf: (author: number) => Uint8Array | undefined
  /** Whether this is a member who has sent nothing that its client knows nothing of. */
  readonly isHonest: (author: number) => boolean
}

/** Messages that may wait at one seat for the end of the frame: the chunks of a large snapshot, and receipts. */
const LATER_MAX = 8192
const BOUNDS: Holdings = {
  strangers: STRANGERS_MAX, members: MEMBERS_MAX, conducts: COUNT_MAX.KeyRoster.members, proofs: EQUIVOCATION_PROOFS_MAX,
  pending: PENDING_ENTRIES_MAX, later: LATER_MAX,
  assets: ASSETS_MAX, assetBytes: ASSETS_BYTES_MAX,
}

export class Security implements Watcher {
  readonly failures: Failure[] = []
  readonly #ports: SecurityPorts

  constructor(ports: SecurityPorts) {
    this.#ports = ports
  }

  frame(node: number, frame: number, _world: World): void {
    if (node !== 0) return
    const holdings = this.#ports.holdings()
    for (const name of Object.keys(BOUNDS) as (keyof Holdings)[]) {
      if (holdings[name] <= BOUNDS[name]) continue
      this.#fail(`in frame ${frame} the host keeps ${holdings[name]} ${name}, and may keep ${BOUNDS[name]}`, { frame, field: name })
    }
  }
  event(node: number, event: SystemEvent): void {
    const { sessionId, verifier, keyOf, isHonest } = this.#ports
    if (event.event === 'equivocation') {
      const { author, lamport } = event
      const key = keyOf(author)
      const holds = key !== undefined && provesEquivocation(event, sessionId, key, verifier)
      if (!holds) this.#fail(`author ${author} was accused of equivocation, and what was shown proves none`, { author, lamport })
      else if (isHonest(author)) this.#fail(`author ${author}, who is honest, signed two entries for one position`, { author, lamport })
    }
    if (node !== 0) return
    if (event.event === 'sessionClosed' && event.code === 'protocolError' && isHonest(event.author)) {
      this.#fail(`the host disconnected author ${event.author}, who is honest, for what it sent`, { author: event.author })
    }
    if (event.event === 'messageRefused' && event.cause === 'budget' && isHonest(event.peer)) {
      this.#fail(`author ${event.peer}, who is honest, was refused for its ${event.reason}`, { author: event.peer })
    }
  }

  /** The first is told. */
  #fail(message: string, details: Failure['details']): void {
    if (this.failures.length === 0) this.failures.push({ check: 'security', message, details })
  }
}
