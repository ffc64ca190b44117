/** The flights of a handshake as messages of a reliable stream; loss and repetition are the stream's business. */
import { deriveFrom, RANDOM_BYTES } from './secret.ts'
import type { Flight } from './profile.ts'

const FLIGHT_BYTES_MIN = 1 + RANDOM_BYTES

export class Handshake {
  readonly #flights: readonly Flight[]
  readonly #by: 'initiator' | 'responder'
  readonly #random: Uint8Array
  #peerRandom: Uint8Array | undefined
  #next = 0

  constructor(flights: readonly Flight[], by: 'initiator' | 'responder', random: Uint8Array) {
    this.#flights = flights
    this.#by = by
    this.#random = random
  }

  /** This side has heard all that it waits for and may use the connection. */
  get isDone(): boolean {
    for (let i = this.#next; i < this.#flights.length; i++) {
      if (this.#flights[i].by !== this.#by) return false
    }
    return true
  }

  /** What both ends know and nobody else; undefined until the peer's first flight is there. */
  secret(): Uint8Array | undefined {
    if (this.#peerRandom === undefined) return undefined
    const [first, second] = this.#by === 'initiator' ? [this.#random, this.#peerRandom] : [this.#peerRandom, this.#random]
    return deriveFrom('secret', first, second)
  }

  /** Flights that are due now, to be written to the stream. A flight: its number, the sender's random, and filling. */
  due(): readonly Uint8Array[] {
    const due: Uint8Array[] = []
    for (; this.#next < this.#flights.length && this.#flights[this.#next].by === this.#by; this.#next++) {
      const bytes = new Uint8Array(Math.max(this.#flights[this.#next].bytes, FLIGHT_BYTES_MIN))
      bytes[0] = this.#next
      bytes.set(this.#random, 1)
      due.push(bytes)
    }
    return due
  }

  /** False where the message is not the flight that is expected. */
  receive(bytes: Uint8Array): boolean {
    const expected = this.#flights[this.#next]
    if (expected === undefined || expected.by === this.#by || bytes.length < FLIGHT_BYTES_MIN || bytes[0] !== this.#next) return false
    this.#peerRandom ??= bytes.slice(1, FLIGHT_BYTES_MIN)
    this.#next++
    return true
  }
}
