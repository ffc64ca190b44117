/** The bytes of the handshake at one encryption level: CRYPTO frames, RFC 9000, sections 7.5 and 19.6. */
import { TransportError, type Violation, violation } from './errors.ts'
import { writeCryptoHeader } from './frames.ts'
import { Reassembly } from './reassembly.ts'
import { SendBuffer } from './sendbuffer.ts'
import type { FrameOwner, PacketSink, SentFrame } from './sentframe.ts'

/** Bytes that may lie beyond what was handed on. Section 7.5 asks for at least 4096. */
const CRYPTO_BYTES_MAX = 65_536
/** Type, offset, length. */
const HEADER_BYTES_MAX = 1 + 4 + 2
const FRAME_ROOM_MIN = 32

export class CryptoStream implements FrameOwner {
  readonly #space: number
  readonly #hand: (bytes: Uint8Array) => void
  readonly #buffer = new SendBuffer()
  readonly #reassembly = new Reassembly()

  constructor(space: number, hand: (bytes: Uint8Array) => void) {
    this.#space = space
    this.#hand = hand
  }

  get isReady(): boolean {
    return this.#buffer.isRepeating || this.#buffer.unsentBytes > 0
  }

  write(bytes: Uint8Array): void {
    this.#buffer.write(bytes)
  }

  /** Writes one frame, if there is something to write and room for it; true if so. */
  pack(packet: PacketSink): boolean {
    const roomBytes = packet.room - HEADER_BYTES_MAX
    if (packet.room < FRAME_ROOM_MIN) return false
    const chunk = this.#buffer.repeated(roomBytes) ?? (this.#buffer.unsentBytes > 0 ? this.#buffer.fresh(roomBytes) : undefined)
    if (chunk === undefined) return false
    const { start, end, attempt } = chunk
    const { writer } = packet
    writeCryptoHeader(writer, start, end - start)
    const from = writer.length
    this.#buffer.copy(writer, start, end)
    packet.logged?.push({ kind: 'crypto', offset: start, bytes: writer.written(from) })
    packet.add({ owner: this, id: this.#space, start, end, attempt, fin: false, probed: false })
    packet.identify('crypto', this.#space, 0, start, end, attempt)
    return true
  }

  /** Nothing in these bytes was not handed on before. */
  isKnown(offset: number, bytes: Uint8Array): boolean {
    return offset + bytes.length <= this.#reassembly.offset
  }

  receive(offset: number, bytes: Uint8Array): Violation | undefined {
    if (offset + bytes.length - this.#reassembly.offset > CRYPTO_BYTES_MAX) {
      return violation(TransportError.cryptoBufferExceeded, 'handshake bytes far ahead')
    }
    const isTaken = this.#reassembly.receive(offset, bytes, 0, this.#hand)
    return isTaken ? undefined : violation(TransportError.cryptoBufferExceeded, 'handshake bytes in too many pieces')
  }

  acked({ start, end }: SentFrame): void {
    this.#buffer.acked(start, end)
  }
  lost(frame: SentFrame): void {
    this.probe(frame)
  }
  probe({ start, end, attempt }: SentFrame): boolean {
    return this.#buffer.again(start, end, attempt + 1)
  }
}
