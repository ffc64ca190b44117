/** Where a client finds its host: where it was told at first, until a host that it trusts names another place and the key that is there. */
import type { ClientConfig } from './clientconfig.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { SessionAcknowledge, SessionControl } from '../protocol/messages.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { Membership } from './membership.ts'
import { READY } from './notices.ts'

export class Relocation {
  readonly #report: (event: SystemEvent) => void
  #endpoint: string
  /** Whom a rendezvous has named; of no other is an acknowledgement taken. */
  #hostKey: Uint8Array | undefined
  #isMoving = false
  #hasAnswered = false

  constructor({ endpoint }: ClientConfig, report: (event: SystemEvent) => void) {
    this.#endpoint = endpoint
    this.#report = report
  }

  get endpoint(): string {
    return this.#endpoint
  }

  /** Whether this host may be believed, which has signed its acknowledgement: a session's host keeps its key, or names its successor's. */
  accepts({ serverPublicKey, sessionId }: SessionAcknowledge, known: Membership | undefined): boolean {
    if (this.#hostKey !== undefined) return bytesEqual(this.#hostKey, serverPublicKey)
    return known === undefined || !bytesEqual(known.sessionId, sessionId) || bytesEqual(known.hostKey, serverPublicKey)
  }

  /** A connection begins, with a host that has been believed: it tells again where it is about to hand over. */
  begin(membership: Membership): void {
    this.#isMoving = false
    this.#hasAnswered = false
    membership.pipeline.suspend(false)
  }

  /** The host is about to hand over, or has: true where there is nothing left to do with it. */
  heed({ control, endpoint, successorKey }: SessionControl, membership: Membership): boolean {
    if (control === 'rendezvous') {
      this.#endpoint = endpoint
      this.#hostKey = successorKey
      this.#report({ event: 'sessionMoved', endpoint })
      return true
    }
    if (control !== 'migrationIntent' || this.#isMoving) return false
    this.#isMoving = true
    membership.pipeline.suspend(true)
    this.#report({ event: 'sessionSuspended' })
    return false
  }

  /** Told once, when all that this member has signed is closed or given up. */
  due({ pipeline, log, author }: Membership): readonly SessionControl[] {
    if (!this.#isMoving || this.#hasAnswered || pipeline.unsent > 0) return []
    if (log.pending.some(({ entry }) => entry.author === author)) return []
    this.#hasAnswered = true
    this.#report({ event: 'handOverReady' })
    return [READY]
  }
}
