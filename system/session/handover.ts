/**
 * A host's hand-over of its session to another one: it has its members bring to an end what they have signed, waits until all are ready,
 * or long enough, and once its log is closed over everything tells them where the session goes on. Whoever comes later is told, too.
 */
import { HANDOVER_US, RENDEZVOUS_US } from '../limits.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { MIGRATION_INTENT, rendezvous } from './notices.ts'
import type { Intent } from './peer.ts'
import type { Seat } from './seat.ts'
import type { Seats } from './seats.ts'

type Target = Extract<Intent, { readonly kind: 'handOver' }>

export class HandOver {
  readonly #seats: Seats
  readonly #report: (event: SystemEvent) => void
  /** What each member was told, or has answered. */
  readonly #standing = new WeakMap<Seat, 'told' | 'ready'>()
  /** When each was told where to go. */
  readonly #sentUs = new WeakMap<Seat, number>()
  #target: Target | undefined
  #sinceUs = 0
  #saved: Uint8Array | undefined

  constructor(seats: Seats, report: (event: SystemEvent) => void) {
    this.#seats = seats
    this.#report = report
  }

  /** What the successor begins from ({@link loadSession}); undefined until it is that far. */
  get saved(): Uint8Array | undefined {
    return this.#saved
  }
  get isUnderWay(): boolean {
    return this.#target !== undefined
  }

  begin(target: Target, nowUs: number): void {
    if (this.isUnderWay) return
    this.#target = target
    this.#sinceUs = nowUs
    this.#report({ event: 'handOverBegun', endpoint: target.endpoint })
  }

  /** False where nobody had asked. */
  ready(seat: Seat): boolean {
    if (!this.#standing.has(seat)) return false
    this.#standing.set(seat, 'ready')
    return true
  }

  /** The log is to be closed over everything, and nothing more let in. */
  isDue(nowUs: number): boolean {
    if (!this.isUnderWay) return false
    return nowUs - this.#sinceUs >= HANDOVER_US || [...this.#seats.members()].every((seat) => this.#standing.get(seat) === 'ready')
  }

  /** The log is closed: `saved` is all of it. */
  complete(closedLamport: number, saved: Uint8Array): void {
    this.#saved = saved
    this.#report({ event: 'handedOver', endpoint: this.#target!.endpoint, closedLamport, bytes: saved.length })
  }

  /** Tells a member what it has to know, which goes then by itself: a goodbye might overtake it. True where it has not gone. */
  tell(seat: Seat, nowUs: number): boolean {
    if (this.#target === undefined) return false
    if (this.#saved !== undefined) {
      const sentUs = this.#sentUs.get(seat)
      if (sentUs !== undefined) return nowUs - sentUs >= RENDEZVOUS_US
      this.#sentUs.set(seat, nowUs)
      seat.link.send(rendezvous(this.#target.endpoint, this.#target.successorKey))
      return false
    }
    if (this.#standing.has(seat)) return false
    this.#standing.set(seat, 'told')
    seat.link.send(MIGRATION_INTENT)
    return false
  }
}
