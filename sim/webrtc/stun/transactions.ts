/**
 * Requests that wait for their responses (RFC 8489, section 6.2.1): sent again after RTO, doubling, up to Rc times in all, and given
 * up Rm * RTO after the last.
 */
import { assert } from '../../assert.ts'
import { isSameId, type TransactionId } from './message.ts'

export interface RetransmissionSchedule {
  /** Until the second transmission; then twice that, and so on, up to `waitUsMax`. */
  readonly rtoUs: number
  readonly waitUsMax: number
  /** Transmissions in all. */
  readonly sendsMax: number
  /** From the last transmission until the transaction has failed. */
  readonly lastWaitUs: number
}

const RTO_US = 500_000
const RC = 7
const RM = 16

/** Section 6.2.1; ICE may ask for a longer RTO (RFC 8445, section 14.3). */
export const retransmission = (rtoUs: number = RTO_US): RetransmissionSchedule => ({
  rtoUs, waitUsMax: Infinity, sendsMax: RC, lastWaitUs: RM * rtoUs,
})
/** What the schedule adds up to: 63 * RTO from the first transmission to the last, then Rm * RTO. 39.5 s. */
export const TRANSACTION_US = RTO_US * (2 ** (RC - 1) - 1) + RM * RTO_US
export const STUN_RTO_US = RTO_US

/** Transactions of one agent that wait for a response at once. */
const TRANSACTIONS_MAX = 256

export interface Transaction<Context> {
  readonly id: TransactionId
  readonly bytes: Uint8Array
  readonly context: Context
  readonly schedule: RetransmissionSchedule
  /** 0 at the first transmission. */
  attempt: number
  sentUs: number
  /** Of the next transmission, or of failure after the last. */
  deadlineUs: number
  /** It still takes a response, and is sent no more (RFC 8445, section 7.3.1.4). */
  isSilent: boolean
}

export class Transactions<Context> {
  readonly #send: (transaction: Transaction<Context>, nowUs: number) => void
  readonly #failed: (context: Context, nowUs: number) => void
  #waiting: Transaction<Context>[] = []

  constructor(
    send: (transaction: Transaction<Context>, nowUs: number) => void, failed: (context: Context, nowUs: number) => void,
  ) {
    this.#send = send
    this.#failed = failed
  }

  get isFull(): boolean {
    return this.#waiting.length >= TRANSACTIONS_MAX
  }

  /** Sends it for the first time. Not to be called while {@link isFull}. */
  begin(id: TransactionId, bytes: Uint8Array, context: Context, schedule: RetransmissionSchedule, nowUs: number): void {
    assert(!this.isFull, 'the transactions stay within their bound')
    const transaction = { id, bytes, context, schedule, attempt: 0, sentUs: nowUs, deadlineUs: 0, isSilent: false }
    transaction.deadlineUs = nowUs + waitUs(transaction)
    this.#waiting.push(transaction)
    this.#send(transaction, nowUs)
  }

  /** Takes out the one that a response belongs to. */
  answered(id: TransactionId): Transaction<Context> | undefined {
    const index = this.#waiting.findIndex((one) => isSameId(one.id, id))
    return index === -1 ? undefined : this.#waiting.splice(index, 1)[0]
  }

  /** The one that waits under an id, left where it is. */
  find(id: TransactionId): Transaction<Context> | undefined {
    return this.#waiting.find((one) => isSameId(one.id, id))
  }

  /** Sends those of which it holds no more, and does not count their silence as a failure. */
  silence(which: (context: Context) => boolean): void {
    for (const one of this.#waiting) {
      if (which(one.context)) one.isSilent = true
    }
  }

  forget(which: (context: Context) => boolean): void {
    this.#waiting = this.#waiting.filter((one) => !which(one.context))
  }

  wake(nowUs: number): void {
    const due = this.#waiting.filter((one) => one.deadlineUs <= nowUs)
    for (const one of due) {
      // What failed before it may have taken it along.
      if (!this.#waiting.includes(one)) continue
      if (one.attempt + 1 < one.schedule.sendsMax) {
        one.attempt++
        one.sentUs = nowUs
        one.deadlineUs = nowUs + waitUs(one)
        if (!one.isSilent) this.#send(one, nowUs)
      } else {
        this.#waiting = this.#waiting.filter((other) => other !== one)
        if (!one.isSilent) this.#failed(one.context, nowUs)
      }
    }
  }

  nextWakeUs(): number {
    let nextUs = Infinity
    for (const one of this.#waiting) nextUs = Math.min(nextUs, one.deadlineUs)
    return nextUs
  }
}

const waitUs = ({ attempt, schedule }: { readonly attempt: number; readonly schedule: RetransmissionSchedule }): number =>
  attempt + 1 === schedule.sendsMax ? schedule.lastWaitUs : Math.min(schedule.waitUsMax, schedule.rtoUs * 2 ** attempt)
