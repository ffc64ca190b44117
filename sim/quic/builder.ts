/**
 * A datagram while it is built: one packet after another (RFC 9000, section 12.2), each with its frames, then padding, lengths and
 * protection; and the identity of the whole, which is that of the first thing in it.
 */
import { hashText, mix32 } from '../choice.ts'
import type { DatagramLabel } from '../net/datagram.ts'
import type { Writer } from '../bytes.ts'
import type { Frame } from './frames.ts'
import { patchLength, writeLongHeader, writePacketNumber, writeShortHeader } from './packet.ts'
import { packetNumberBytes } from './packetnumber.ts'
import { type Level, type PacketKeys, TAG_BYTES } from './protection.ts'
import type { PacketSink, SentFrame } from './sentframe.ts'

/** The sample of header protection asks for so many bytes from the packet number on, without the tag (RFC 9001, section 5.4.2). */
const SAMPLED_BYTES_MIN = 4
/** Less is not worth another packet: the largest header, a tag, and a frame. */
export const PACKET_ROOM_MIN = 128

export interface PacketStart {
  readonly level: Level
  readonly keys: PacketKeys
  readonly destination: Uint8Array
  readonly source: Uint8Array
  readonly token: Uint8Array
  readonly number: number
  readonly largestAcked: number
  readonly keyPhase: number
}

/** A packet of the datagram; offsets count from the beginning of the datagram. */
export class Draft {
  readonly level: Level
  readonly keys: PacketKeys
  readonly number: number
  readonly start: number
  /** Of the Length field; -1 where there is none. */
  readonly lengthOffset: number
  readonly numberOffset: number
  readonly payload: number
  /** Of the plaintext; the tag follows. */
  end: number
  isPadded = false
  /** Sent because a probe timeout ran out. */
  isProbe = false
  readonly frames: SentFrame[] = []
  readonly logged: Frame[] | undefined

  constructor(packet: PacketStart, start: number, lengthOffset: number, numberOffset: number, payload: number, isLogged: boolean) {
    this.level = packet.level
    this.keys = packet.keys
    this.number = packet.number
    this.start = start
    this.lengthOffset = lengthOffset
    this.numberOffset = numberOffset
    this.payload = payload
    this.end = payload
    this.logged = isLogged ? [] : undefined
  }
}

export class DatagramBuilder implements PacketSink {
  readonly writer: Writer
  nowUs = 0
  drafts: Draft[] = []
  readonly #isLogged: boolean
  #draft: Draft | undefined
  #contents = ''
  #isSuggested = false
  #channel = 0
  #key = 0
  #start = 0
  #end = 0
  #attempt = 0

  constructor(writer: Writer, isLogged: boolean) {
    this.writer = writer
    this.#isLogged = isLogged
  }

  begin(bytesMax: number, nowUs: number): void {
    this.writer.begin(bytesMax)
    this.nowUs = nowUs
    this.drafts = []
    this.#draft = undefined
    this.#contents = ''
    this.#isSuggested = false
  }

  get room(): number {
    return this.writer.room - TAG_BYTES
  }
  get logged(): Frame[] | undefined {
    return this.#draft?.logged
  }

  /** Begins a packet behind those that are there. */
  open(packet: PacketStart): Draft {
    const { writer } = this
    const { level, number, destination } = packet
    const start = writer.length
    const numberBytes = packetNumberBytes(number, packet.largestAcked)
    let lengthOffset = -1
    if (level === 'oneRtt') writeShortHeader(writer, destination, packet.keyPhase % 2, numberBytes)
    else lengthOffset = writeLongHeader(writer, level, destination, packet.source, packet.token, numberBytes)
    const numberOffset = writer.length
    writePacketNumber(writer, number, numberBytes)
    const draft = new Draft(packet, start, lengthOffset, numberOffset, writer.length, this.#isLogged)
    this.#draft = draft
    return draft
  }

  /** Ends the packet that was begun; it goes, unless there is nothing in it. */
  close(isWanted: boolean): void {
    const draft = this.#draft!
    this.#draft = undefined
    const { writer } = this
    if (!isWanted || writer.length === draft.payload) {
      writer.truncate(draft.start)
      return
    }
    writer.zeros(Math.max(0, draft.numberOffset + SAMPLED_BYTES_MIN - writer.length))
    draft.end = writer.length
    writer.zeros(TAG_BYTES)
    this.drafts.push(draft)
  }

  add(frame: SentFrame): void {
    this.#draft!.frames.push(frame)
  }

  identify(contents: string, channel: number, key: number, start: number, end: number, attempt: number): void {
    if (this.#contents !== '' && !this.#isSuggested) return
    this.#isSuggested = false
    this.#contents = contents
    this.#channel = channel
    this.#key = key
    this.#start = start
    this.#end = end
    this.#attempt = attempt
  }

  suggest(contents: string, channel: number, start: number, attempt: number): void {
    if (this.#contents !== '') return
    this.identify(contents, channel, 0, start, start, attempt)
    this.#isSuggested = true
  }

  /** Pads the last packet until the datagram has so many bytes (section 14.1); then protects all. */
  finish(bytesMin: number): Uint8Array {
    const { writer, drafts } = this
    const last = drafts[drafts.length - 1]
    const missing = Math.min(bytesMin - writer.length, writer.room)
    if (missing > 0) {
      writer.truncate(last.end)
      writer.zeros(missing + TAG_BYTES)
      last.end += missing
      last.isPadded = true
      last.logged?.push({ kind: 'padding', length: missing })
    }
    for (const { lengthOffset, numberOffset, end } of drafts) {
      if (lengthOffset >= 0) patchLength(writer, lengthOffset, end + TAG_BYTES - numberOffset)
    }
    const bytes = writer.finish()
    for (const { keys, start, numberOffset, payload, end, number } of drafts) {
      keys.seal(bytes, start, payload - numberOffset, payload, end, number)
    }
    return bytes
  }

  label(connection: number): DatagramLabel {
    return {
      protocol: 'quic', contents: this.#contents, connection, channel: this.#channel, start: this.#start, end: this.#end,
      attempt: this.#attempt,
    }
  }
  /** The identity that chance sees; `side` tells one direction from the other. */
  keyHi(connection: number, side: number): number {
    return mix32(mix32(hashText(this.#contents, this.#channel), side), mix32(connection >>> 0, Math.floor(connection / 2 ** 32)))
  }
  keyLo(): number {
    return mix32(mix32(this.#start >>> 0, Math.floor(this.#start / 2 ** 32)), mix32(this.#attempt, this.#key))
  }
}
