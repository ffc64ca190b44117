/**
 * Messages for one side, until it has said that it has them: a connection may be reset with messages on their way, and the next one
 * begins where the other side's count ends, so that each arrives once and in order.
 */
import { MAILBOX_MAX } from './limits.ts'

export class Mailbox<Message> {
  readonly #kept: Message[] = []
  /** Messages that the other side is known to have. */
  #confirmed = 0
  /** How many came from the other side. */
  received = 0

  /** False where there are too many; the message is not kept then. */
  put(message: Message): boolean {
    if (this.#kept.length >= MAILBOX_MAX) return false
    this.#kept.push(message)
    return true
  }

  /** The other side says that it has had `count` messages in all. */
  confirm(count: number): void {
    // Who counts from less than it had is a new one, and gets what was not confirmed before: less than nothing is taken out.
    this.#kept.splice(0, count - this.#confirmed)
    this.#confirmed = count
  }

  /** The other side has had all that it was told. */
  confirmAll(): void {
    this.#confirmed += this.#kept.length
    this.#kept.length = 0
  }

  /** The other side is another one than before, which has had `count` messages of somebody else. */
  beginAnew(count: number): void {
    this.#confirmed = count
    this.received = 0
  }

  /** Those that are not confirmed, the oldest first. */
  get kept(): readonly Message[] {
    return this.#kept
  }
}
