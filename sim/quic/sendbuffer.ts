/** The bytes of a stream on their way: written, sent, sent again where ranges were lost, forgotten once acknowledged. */
import { RangeSet } from '../ranges.ts'
import type { Writer } from '../bytes.ts'

/** Bytes [start, start + bytes.length) of the stream. */
interface Segment {
  readonly start: number
  readonly bytes: Uint8Array
}
/** A range to be sent again. */
interface Again {
  readonly start: number
  readonly end: number
  readonly attempt: number
}
/** What the next frame carries. */
export interface Chunk {
  readonly start: number
  readonly end: number
  readonly attempt: number
}

export class SendBuffer {
  /** What is not acknowledged yet, in order. */
  #segments: Segment[] = []
  /** Sent for the first time up to here; written up to there. */
  sentEnd = 0
  writtenEnd = 0
  readonly #acked = new RangeSet()
  #again: Again[] = []

  get unsentBytes(): number {
    return this.writtenEnd - this.sentEnd
  }
  get unansweredBytes(): number {
    return this.sentEnd - this.#acked.size
  }
  get isRepeating(): boolean {
    return this.#again.length > 0
  }
  /** Everything that was written has arrived. */
  get isAcked(): boolean {
    return this.writtenEnd === 0 || this.#acked.has(0, this.writtenEnd)
  }

  /** The bytes belong to the buffer from now on. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#segments.push({ start: this.writtenEnd, bytes })
    this.writtenEnd += bytes.length
  }

  /** The range of a lost frame, of at most `bytesMax`, that has not arrived otherwise meanwhile. */
  repeated(bytesMax: number): Chunk | undefined {
    while (this.#again.length > 0) {
      const { start, end, attempt } = this.#again.shift()!
      if (this.isArrived(start, end)) continue
      const cut = Math.min(end, start + bytesMax)
      if (cut < end) this.#again.unshift({ start: cut, end, attempt })
      return { start, end: cut, attempt }
    }
    return undefined
  }

  /** The next bytes that were never sent, at most so many; the caller has checked that there are some. */
  fresh(bytesMax: number): Chunk {
    const start = this.sentEnd
    this.sentEnd = Math.min(this.writtenEnd, start + bytesMax)
    return { start, end: this.sentEnd, attempt: 0 }
  }

  copy(writer: Writer, start: number, end: number): void {
    if (start === end) return
    let index = this.#segments.length - 1
    while (this.#segments[index].start > start) index--
    for (let offset = start; offset < end; index++) {
      const segment = this.#segments[index]
      const segmentEnd = Math.min(end, segment.start + segment.bytes.length)
      const isWhole = offset === segment.start && segmentEnd === segment.start + segment.bytes.length
      writer.raw(isWhole ? segment.bytes : segment.bytes.subarray(offset - segment.start, segmentEnd - segment.start))
      offset = segmentEnd
    }
  }

  isArrived(start: number, end: number): boolean {
    return start < end && this.#acked.has(start, end)
  }

  acked(start: number, end: number): void {
    this.#acked.add(start, end)
    if (this.#acked.count === 0 || this.#acked.start(0) > 0) return
    const floor = this.#acked.end(0)
    while (this.#segments.length > 0 && this.#segments[0].start + this.#segments[0].bytes.length <= floor) this.#segments.shift()
  }

  /** Queues a range again; false where it has arrived. */
  again(start: number, end: number, attempt: number): boolean {
    if (this.isArrived(start, end)) return false
    this.#again.push({ start, end, attempt })
    return true
  }

  /** Nothing more will be sent. */
  clear(): void {
    this.#segments = []
    this.#again = []
    this.writtenEnd = this.sentEnd
  }
}
