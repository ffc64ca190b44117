/**
 * Datagrams on the wire: `type | profile << 4`, the connection's number, for handshake packets of the initiator a token,
 * then what the type asks for, and a tag of 16 bytes over everything before it. Types `handshake` and `data` go on with a
 * packet number and frames; the others are questions and answers outside any connection.
 */
import { hashText, mix32 } from '../choice.ts'
import { ADDRESSES_MAX, type Datagram } from '../net/datagram.ts'
import type { Packet, SentFrame } from './frames.ts'
import type { Profile } from './profile.ts'
import { seal, type SealKey, TAG_BYTES } from './secret.ts'
import { DATAGRAM_BYTES_MAX, type Reader, Writer } from './wire.ts'

export const PacketType = { handshake: 1, data: 2, reset: 3, request: 4, answer: 5, refusal: 6 } as const

/** Names a connection at both ends: which address opened it, and its how-manieth that was. */
export const connectionNumber = (initiator: number, ordinal: number): number => ordinal * ADDRESSES_MAX + initiator
export const initiatorOf = (connection: number): number => connection % ADDRESSES_MAX

export interface Header {
  readonly type: number
  readonly profileNumber: number
  readonly connection: number
}

/** The reader stands behind the header afterwards; undefined where there is none. */
export function readHeader(reader: Reader): Header | undefined {
  const first = reader.u8()
  const connection = reader.varint()
  return reader.failed ? undefined : { type: first & 0x0f, profileNumber: first >>> 4, connection }
}

/** A datagram being written: the bytes, what leaves a trace in recovery, and the identity of the whole. */
export class PacketBuilder implements Packet {
  readonly writer = new Writer()
  nowUs = 0
  frames: SentFrame[] = []
  /** Bytes kept free for frames still to come. */
  reservedBytes = 0
  contents = ''
  channel = 0
  start = 0
  end = 0
  attempt = 0

  begin(type: number, profile: Profile, connection: number, nowUs: number): void {
    this.nowUs = nowUs
    this.frames = []
    this.reservedBytes = 0
    this.contents = ''
    this.writer.begin(DATAGRAM_BYTES_MAX)
    this.writer.u8(type | (profile.number << 4))
    this.writer.varint(connection)
  }

  get room(): number {
    return this.writer.room - TAG_BYTES - this.reservedBytes
  }

  add(frame: SentFrame): void {
    this.frames.push(frame)
  }

  identify(contents: string, channel: number, start: number, end: number, attempt: number): void {
    if (this.contents !== '') return
    this.contents = contents
    this.channel = channel
    this.start = start
    this.end = end
    this.attempt = attempt
  }

  /** Seals it. The datagram's identity is what {@link identify} was told, on this connection in this direction. */
  finish(id: number, from: number, to: number, profile: Profile, connection: number, key: SealKey): Datagram {
    seal(this.writer, key)
    const { contents, channel, start, end, attempt } = this
    return {
      id, from, to,
      keyHi: mix32(mix32(hashText(contents, channel), from), mix32(connection >>> 0, Math.floor(connection / 2 ** 32))),
      keyLo: mix32(mix32(start >>> 0, Math.floor(start / 2 ** 32)), attempt),
      bytes: this.writer.finish(),
      label: { protocol: profile.name, contents, connection, channel, start, end, attempt },
    }
  }
}
