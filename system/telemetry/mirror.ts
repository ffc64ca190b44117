/**
 * A mirror of the packets that a peer sends and receives: a ring with a bound on its bytes and on what it takes in a second, for
 * looking at them afterwards (`theta-sim decode`). A driver gives one to a peer that is to be watched; others have none.
 */
import { MIRROR_BYTES_MAX, MIRROR_PACKETS_PER_SECOND } from '../limits.ts'

const US_PER_SECOND = 1_000_000

export interface MirroredPacket {
  readonly atUs: number
  readonly way: 'sent' | 'received'
  /** The other side's author id, 1023 where it is not known yet. */
  readonly peer: number
  readonly channel: number
  /** The envelope and its body. */
  readonly bytes: Uint8Array
}

export class PacketMirror {
  readonly #packets: MirroredPacket[] = []
  #bytes = 0
  #secondUs = 0
  #taken = 0
  #passedOver = 0

  /** `bytes` are copied. One that is larger than the whole ring, or too many in a second, is passed over. */
  take({ bytes, ...packet }: MirroredPacket): void {
    if (packet.atUs - this.#secondUs >= US_PER_SECOND) {
      this.#secondUs = packet.atUs
      this.#taken = 0
    }
    if (bytes.length > MIRROR_BYTES_MAX || this.#taken >= MIRROR_PACKETS_PER_SECOND) {
      this.#passedOver++
      return
    }
    this.#taken++
    this.#packets.push({ ...packet, bytes: bytes.slice() })
    this.#bytes += bytes.length
    while (this.#bytes > MIRROR_BYTES_MAX) this.#bytes -= this.#packets.shift()!.bytes.length
  }

  /** The oldest first. */
  get packets(): readonly MirroredPacket[] {
    return this.#packets
  }
  /** How many it did not take. */
  get passedOver(): number {
    return this.#passedOver
  }
}
