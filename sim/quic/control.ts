/**
 * Frames that say something once: credit, connection ids, resets, tokens. Each is sent until it is acknowledged or no longer wanted
 * (RFC 9000, section 13.3).
 */
import { type Frame, frameBytesMax, writeFrame } from './frames.ts'
import type { FrameOwner, PacketSink, SentFrame } from './sentframe.ts'

interface Entry {
  readonly frame: Frame
  readonly contents: string
  readonly channel: number
  readonly start: number
  readonly isWanted: () => boolean
  readonly settled: () => void
  readonly attempt: number
}
/** A longer queue is searched for what is not wanted any more: a peer that asks for much cannot make it grow. */
const QUEUE_MAX = 1_024
const ALWAYS = (): boolean => true
const NOTHING = (): void => {}

export interface ControlOptions {
  /** Asked before every transmission; newer news makes the old stale. */
  readonly isWanted?: () => boolean
  /** Called when the frame is acknowledged. */
  readonly settled?: () => void
}

export class ControlFrames implements FrameOwner {
  #queue: Entry[] = []
  /** Those under way, by the number that their sent frames know. */
  readonly #sent = new Map<number, Entry>()
  #count = 0

  get isReady(): boolean {
    return this.#queue.length > 0
  }

  /** `contents`, `channel` and `start` name the frame: no two of a connection are the same. */
  enqueue(frame: Frame, contents: string, channel: number, start: number, options: ControlOptions = {}): void {
    const { isWanted = ALWAYS, settled = NOTHING } = options
    if (this.#queue.length % QUEUE_MAX === QUEUE_MAX - 1) this.#queue = this.#queue.filter((entry) => entry.isWanted())
    this.#queue.push({ frame, contents, channel, start, isWanted, settled, attempt: 0 })
  }

  /** Writes what there is room for. */
  pack(packet: PacketSink): void {
    while (this.#queue.length > 0) {
      const entry = this.#queue[0]
      const { frame, contents, channel, start, attempt } = entry
      if (entry.isWanted()) {
        if (frameBytesMax(frame) > packet.room) return
        writeFrame(packet.writer, frame)
        packet.logged?.push(frame)
        const id = this.#count++
        this.#sent.set(id, entry)
        packet.add({ owner: this, id, start, end: start, attempt, fin: false, probed: false })
        packet.suggest(contents, channel, start, attempt)
      }
      this.#queue.shift()
    }
  }

  acked({ id }: SentFrame): void {
    this.#sent.get(id)?.settled()
    this.#sent.delete(id)
  }
  lost(frame: SentFrame): void {
    this.probe(frame)
  }
  probe({ id, attempt }: SentFrame): boolean {
    const entry = this.#sent.get(id)
    this.#sent.delete(id)
    if (entry === undefined || !entry.isWanted()) return false
    this.#queue.push({ ...entry, attempt: attempt + 1 })
    return true
  }
}
