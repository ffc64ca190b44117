/**
 * A packet of SCTP: source and destination port, verification tag, checksum, chunks (RFC 9260, section 3). The builder keeps its
 * identity too: the first that is named; an acknowledgement names a packet only where nothing else does.
 */
import { Reader, type Writer } from '../../bytes.ts'
import type { PacketIdentity } from '../packetidentity.ts'
import { CRC_BEGIN, crcEnd, crcUpdate } from './crc32c.ts'
import { COMMON_HEADER_BYTES, PACKET_BYTES_MAX } from './limits.ts'

/** Both ends' port: what every a=sctp-port says (RFC 8841). */
const SCTP_PORT = 5000
const CHECKSUM_OFFSET = 8
const ZERO = new DataView(new ArrayBuffer(4))

export class PacketBuilder {
  readonly writer: Writer
  /** What of it waits for an acknowledgement is told the datagram's id afterwards. */
  readonly carried: { datagram: number }[] = []
  #identity: PacketIdentity | undefined

  constructor(writer: Writer) {
    this.writer = writer
  }

  begin(tag: number): void {
    this.#identity = undefined
    this.carried.length = 0
    const { writer } = this
    writer.begin(PACKET_BYTES_MAX)
    writer.u16(SCTP_PORT)
    writer.u16(SCTP_PORT)
    writer.u32(tag)
    writer.u32(0)
  }

  get room(): number {
    return this.writer.room
  }
  get isEmpty(): boolean {
    return this.writer.length === COMMON_HEADER_BYTES
  }
  get identity(): PacketIdentity | undefined {
    return this.#identity
  }
  identify(identity: PacketIdentity): void {
    this.#identity ??= identity
  }

  /** With its checksum, whose bytes are the one thing in SCTP that is least significant first (appendix A). */
  finish(): Uint8Array {
    const { view, start, length } = this.writer
    view.setUint32(start + CHECKSUM_OFFSET, checksumOf(view, start, start + length), true)
    return this.writer.finish()
  }
}

export interface ReceivedPacket {
  readonly tag: number
  /** Stands at the first chunk. */
  readonly reader: Reader
}

/** Undefined where the bytes are no packet for this port, or damaged. */
export function readPacket(bytes: Uint8Array): ReceivedPacket | undefined {
  const reader = new Reader(bytes, bytes.length)
  const source = reader.u16()
  const destination = reader.u16()
  const tag = reader.u32()
  reader.u32()
  if (reader.failed || source !== SCTP_PORT || destination !== SCTP_PORT) return undefined
  const { view } = reader
  return view.getUint32(CHECKSUM_OFFSET, true) === checksumOf(view, 0, bytes.length) ? { tag, reader } : undefined
}

/** The checksum counts as zero while it is computed. */
function checksumOf(view: DataView, start: number, end: number): number {
  const head = crcUpdate(CRC_BEGIN, view, start, start + CHECKSUM_OFFSET)
  return crcEnd(crcUpdate(crcUpdate(head, ZERO, 0, 4), view, start + COMMON_HEADER_BYTES, end))
}
