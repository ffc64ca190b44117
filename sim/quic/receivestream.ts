/** The receiving part of a stream: RFC 9000, section 3.2. */
import { TransportError, type Violation, violation } from './errors.ts'
import type { Grant } from './flow.ts'
import type { StreamFrame } from './frames.ts'
import { Reassembly } from './reassembly.ts'

/** Told of a stream's bytes in their order. */
export interface StreamListener {
  data(id: number, bytes: Uint8Array, fin: boolean, datagram: number): void
  /** Bytes of the stream were handed on; `limitBytes` is its new limit where that is worth telling. */
  consumed(id: number, bytes: number, limitBytes: number | undefined): void
}

const NOTHING = new Uint8Array(0)

export class ReceiveStream {
  readonly id: number
  readonly grant: Grant
  /** No bytes are wanted any more: they are thrown away, though flow control counts them. */
  isStopped = false
  readonly #connectionGrant: Grant
  readonly #listener: StreamListener
  readonly #reassembly = new Reassembly()
  #highest = 0
  #finalSize = Infinity
  #isDone = false

  constructor(id: number, grant: Grant, connectionGrant: Grant, listener: StreamListener) {
    this.id = id
    this.grant = grant
    this.#connectionGrant = connectionGrant
    this.#listener = listener
  }

  /** Everything was handed on, or the peer has reset it. */
  get isDone(): boolean {
    return this.#isDone
  }
  /** Everything is known of it: more credit would be of no use. */
  get isSized(): boolean {
    return this.#finalSize !== Infinity
  }
  get keptBytes(): number {
    return this.#reassembly.keptBytes
  }

  /** 'full' where there is no room for the piece: the packet then counts as not received. */
  receive({ offset, bytes, fin }: StreamFrame, datagram: number): Violation | 'full' | undefined {
    const end = offset + bytes.length
    const wrong = this.#account(end, fin ? end : undefined)
    if (wrong !== undefined || this.#isDone) return wrong
    const before = this.#reassembly.offset
    const isTaken = this.#reassembly.receive(offset, bytes, datagram, this.#hand)
    if (!isTaken) return 'full'
    const { offset: after } = this.#reassembly
    if (after === before && after === this.#finalSize) this.#listener.data(this.id, NOTHING, true, datagram)
    if (after === this.#finalSize) this.#isDone = true
    this.#consume(after - before)
    return undefined
  }

  readonly #hand = (bytes: Uint8Array, datagram: number): void => {
    if (!this.isStopped) this.#listener.data(this.id, bytes, this.#reassembly.offset === this.#finalSize, datagram)
  }

  /** The peer sends no more. True in `isNews` where the stream was not at its end anyway. */
  reset(finalSize: number): Violation | { readonly isNews: boolean } {
    const wrong = this.#account(finalSize, finalSize)
    if (wrong !== undefined) return wrong
    const isNews = !this.#isDone
    this.#isDone = true
    if (isNews) {
      this.#consume(finalSize - this.#reassembly.offset)
      this.#reassembly.clear()
    }
    return { isNews }
  }

  /** Sections 4.1 and 4.5: credit, and a final size that never changes. */
  #account(end: number, finalSize: number | undefined): Violation | undefined {
    const isOtherEnd = finalSize !== undefined && (finalSize < this.#highest || (this.isSized && finalSize !== this.#finalSize))
    if (end > this.#finalSize || isOtherEnd) {
      return violation(TransportError.finalSizeError, `stream ${this.id} ends twice`)
    }
    if (finalSize !== undefined) this.#finalSize = finalSize
    if (end <= this.#highest) return undefined
    const growth = end - this.#highest
    this.#highest = end
    if (this.grant.receive(growth) && this.#connectionGrant.receive(growth)) return undefined
    return violation(TransportError.flowControlError, `stream ${this.id} oversteps its credit`)
  }

  #consume(bytes: number): void {
    if (bytes > 0) this.#listener.consumed(this.id, bytes, this.isSized ? undefined : this.grant.consume(bytes))
  }
}
