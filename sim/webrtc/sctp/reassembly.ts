/**
 * What arrived and cannot be handed on yet: fragments until their message is whole, ordered messages until their turn
 * (RFC 9260, sections 6.5, 6.6 and 6.9), and what of them is never coming (RFC 3758, section 3.6).
 */
import { joined } from '../../octets.ts'
import { DataFlag, type DataChunk, type Forward } from './chunks.ts'
import { CHUNK_COST_BYTES, MESSAGE_BYTES_MAX } from './limits.ts'

export interface ReceivedMessage {
  readonly stream: number
  readonly ppid: number
  readonly bytes: Uint8Array
  /** Ids of those that carried it. */
  readonly datagrams: readonly number[]
}

/** Fragments of one message with TSNs [first, next), none missing between. */
interface Run {
  first: number
  next: number
  readonly chunk: DataChunk
  fragments: Uint8Array[]
  datagrams: number[]
  bytes: number
  hasBegin: boolean
  hasEnd: boolean
}

interface Waiting extends ReceivedMessage {
  readonly chunks: number
}
interface Stream {
  nextSsn: number
  /** By SSN. */
  waiting: Map<number, Waiting>
  keptBytes: number
}

const SSN_MASK = 0xffff
/** Serial numbers: whether a is at or before b. */
const isUpTo = (a: number, b: number): boolean => ((b - a) & SSN_MASK) < 0x8000

const cost = (bytes: number, chunks: number): number => bytes + chunks * CHUNK_COST_BYTES

export class Reassembly {
  readonly #deliver: (message: ReceivedMessage) => void
  readonly #runsByFirst = new Map<number, Run>()
  readonly #runsByNext = new Map<number, Run>()
  readonly #streams = new Map<number, Stream>()
  /** Bytes that are kept, with what each chunk costs. */
  keptBytes = 0

  constructor(deliver: (message: ReceivedMessage) => void) {
    this.#deliver = deliver
  }

  keptBytesOf(stream: number): number {
    return this.#streams.get(stream)?.keptBytes ?? 0
  }

  /** A chunk that was not there before; `tsn` is unwrapped. False where no honest peer sends that. */
  add(tsn: number, chunk: DataChunk, datagram: number): boolean {
    const { flags, bytes } = chunk
    const hasBegin = (flags & DataFlag.begin) !== 0
    const hasEnd = (flags & DataFlag.end) !== 0
    if (hasBegin && hasEnd) return this.#whole(chunk, bytes, [datagram], 1)
    let run: Run = { first: tsn, next: tsn + 1, chunk, fragments: [bytes], datagrams: [datagram], bytes: bytes.length, hasBegin, hasEnd }
    this.#keep(chunk.stream, cost(bytes.length, 1))
    const before = hasBegin ? undefined : this.#runsByNext.get(tsn)
    const after = hasEnd ? undefined : this.#runsByFirst.get(tsn + 1)
    for (const neighbour of [before, after]) if (neighbour !== undefined && !isSameMessage(neighbour.chunk, chunk)) return false
    // What stands before a beginning, or after an end, is another message's.
    if (before?.hasEnd === true || after?.hasBegin === true) return false
    if (before !== undefined) run = this.#join(before, run)
    if (after !== undefined) run = this.#join(run, after)
    if (run.bytes > MESSAGE_BYTES_MAX) return false
    if (run.hasBegin && run.hasEnd) {
      this.#release(run)
      return this.#whole(run.chunk, joined(0, run.fragments), run.datagrams, run.fragments.length)
    }
    this.#runsByFirst.set(run.first, run)
    this.#runsByNext.set(run.next, run)
    return true
  }

  /** Makes one run of two neighbours; the longer first one grows in place. */
  #join(left: Run, right: Run): Run {
    this.#runsByNext.delete(left.next)
    this.#runsByFirst.delete(right.first)
    for (const fragment of right.fragments) left.fragments.push(fragment)
    for (const datagram of right.datagrams) if (!left.datagrams.includes(datagram)) left.datagrams.push(datagram)
    left.next = right.next
    left.bytes += right.bytes
    left.hasEnd = right.hasEnd
    return left
  }

  #release(run: Run): void {
    this.#runsByFirst.delete(run.first)
    this.#runsByNext.delete(run.next)
    this.#keep(run.chunk.stream, -cost(run.bytes, run.fragments.length))
  }

  #keep(stream: number, bytes: number): void {
    this.#stream(stream).keptBytes += bytes
    this.keptBytes += bytes
  }

  #stream(stream: number): Stream {
    let state = this.#streams.get(stream)
    if (state === undefined) {
      state = { nextSsn: 0, waiting: new Map(), keptBytes: 0 }
      this.#streams.set(stream, state)
    }
    return state
  }

  #whole(chunk: DataChunk, bytes: Uint8Array, datagrams: readonly number[], chunks: number): boolean {
    const { flags, stream, ssn, ppid } = chunk
    if (bytes.length > MESSAGE_BYTES_MAX) return false
    if ((flags & DataFlag.unordered) !== 0) {
      this.#deliver({ stream, ppid, bytes, datagrams })
      return true
    }
    const state = this.#stream(stream)
    if (ssn === state.nextSsn) {
      state.nextSsn = (ssn + 1) & SSN_MASK
      this.#deliver({ stream, ppid, bytes, datagrams })
      this.#advance(state)
      return true
    }
    // An SSN that was used already, or is waiting: two messages of one name.
    if (isUpTo(ssn, state.nextSsn) || state.waiting.has(ssn)) return false
    state.waiting.set(ssn, { stream, ppid, bytes, datagrams, chunks })
    this.#keep(stream, cost(bytes.length, chunks))
    return true
  }

  /** Hands on what has its turn. */
  #advance(state: Stream): void {
    while (this.#hand(state, state.nextSsn)) state.nextSsn = (state.nextSsn + 1) & SSN_MASK
  }

  #hand(state: Stream, ssn: number): boolean {
    const message = state.waiting.get(ssn)
    if (message === undefined) return false
    state.waiting.delete(ssn)
    this.#keep(message.stream, -cost(message.bytes.length, message.chunks))
    this.#deliver(message)
    return true
  }

  /** RFC 3758, section 3.6: pieces at or below `tsn` (unwrapped) are dropped, then the streams that were skipped move on. */
  forward(tsn: number, { skipped }: Forward): void {
    const stale = [...this.#runsByFirst.values()].filter(({ first }) => first <= tsn)
    for (const run of stale) this.#release(run)
    for (const { stream, ssn } of skipped) {
      const state = this.#stream(stream)
      if (!isUpTo(state.nextSsn, ssn)) continue
      const passed = [...state.waiting.keys()].filter((one) => isUpTo(one, ssn))
      passed.sort((a, b) => (isUpTo(a, b) ? -1 : 1))
      for (const one of passed) this.#hand(state, one)
      state.nextSsn = (ssn + 1) & SSN_MASK
      this.#advance(state)
    }
  }

  /** RFC 6525, section 5.2.2: the peer's next message on the stream is its first again. */
  reset(stream: number): void {
    const state = this.#stream(stream)
    state.nextSsn = 0
    for (const ssn of state.waiting.keys()) this.#hand(state, ssn)
  }
}

function isSameMessage(a: DataChunk, b: DataChunk): boolean {
  const isUnordered = (a.flags & DataFlag.unordered) !== 0
  return a.stream === b.stream && isUnordered === ((b.flags & DataFlag.unordered) !== 0) && (isUnordered || a.ssn === b.ssn)
}
