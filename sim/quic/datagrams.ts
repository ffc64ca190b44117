/** DATAGRAM frames (RFC 9221): sent once, never again, and the sender hears what became of each. */
import type { QuicEvent } from './events.ts'
import { frameBytesMax, writeFrame } from './frames.ts'
import type { FrameOwner, PacketSink, SentFrame } from './sentframe.ts'

/** What waits unsent; beyond it the oldest is thrown away. */
const QUEUE_BYTES_MAX = 1_048_576

/** How the datagram that carries it is named. */
export interface DatagramOptions {
  readonly contents?: string
  readonly channel?: number
  /** Tells apart those of one channel; the number that `datagram` returns unless told. */
  readonly start?: number
}
interface Waiting {
  readonly number: number
  readonly bytes: Uint8Array
  readonly options: DatagramOptions
}

export class Datagrams implements FrameOwner {
  readonly #emit: (event: QuicEvent) => void
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #count = 0

  constructor(emit: (event: QuicEvent) => void) {
    this.#emit = emit
  }

  get isReady(): boolean {
    return this.#waiting.length > 0
  }

  /** Queues it; its number, which 'datagramAcked' or 'datagramLost' tells. The bytes belong to the queue from now on. */
  write(bytes: Uint8Array, options: DatagramOptions): number {
    const number = this.#count++
    this.#waiting.push({ number, bytes, options })
    this.#waitingBytes += bytes.length
    while (this.#waitingBytes > QUEUE_BYTES_MAX) {
      const oldest = this.#waiting.shift()!
      this.#waitingBytes -= oldest.bytes.length
      this.#emit({ kind: 'datagramLost', number: oldest.number })
    }
    return number
  }

  /** Writes the oldest where there is room for it; true if so. */
  pack(packet: PacketSink): boolean {
    if (this.#waiting.length === 0) return false
    const { number, bytes, options } = this.#waiting[0]
    const frame = { kind: 'datagram', bytes } as const
    if (frameBytesMax(frame) - FRAME_SLACK_BYTES > packet.room) return false
    this.#waiting.shift()
    this.#waitingBytes -= bytes.length
    writeFrame(packet.writer, frame)
    packet.logged?.push(frame)
    packet.add({ owner: this, id: number, start: 0, end: 0, attempt: 0, fin: false, probed: false })
    const start = options.start ?? number
    packet.identify(options.contents ?? 'datagram', options.channel ?? 0, 0, start, start + 1, 0)
    return true
  }

  acked({ id }: SentFrame): void {
    this.#emit({ kind: 'datagramAcked', number: id })
  }
  lost({ id }: SentFrame): void {
    this.#emit({ kind: 'datagramLost', number: id })
  }
  probe(): boolean {
    return false
  }
}

/** frameBytesMax allows 25 bytes of header; type and length take 3. */
const FRAME_SLACK_BYTES = 22
