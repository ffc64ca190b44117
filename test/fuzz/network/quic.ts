/**
 * Mutated QUIC: a tap on the sealing of packets knows plaintext and keys of every datagram that leaves, so that what was changed is
 * sealed again and gets past the tag. Frames are changed by their meaning, or added; headers, packet numbers and bytes as they come.
 */
import { Reader, Writer } from '../../../sim/bytes.ts'
import type { Datagram } from '../../../sim/net/datagram.ts'
import { type Frame, FrameType, frameBytesMax, type NewConnectionIdFrame, readFrame, writeFrame } from '../../../sim/quic/frames.ts'
import { KEY_PHASE, readHeader, writeRetry, writeVersionNegotiation } from '../../../sim/quic/packet.ts'
import { type PacketKeys, packetKeys, type ProtectionKind, TAG_BYTES } from '../../../sim/quic/protection.ts'
import { retryIntegrityTag } from '../../../sim/quic/retry.ts'
import type { Draws } from '../mutation.ts'
import { mutatedOctets, numberNear, randomOctets, rearrange } from './octets.ts'

/** A packet before it is protected. */
interface Plain {
  readonly keys: PacketKeys
  /** Up to the packet number. */
  readonly header: Uint8Array
  readonly pnBytes: number
  readonly number: number
  readonly payload: Uint8Array
}

const PAYLOAD_BYTES_MAX = 1_400
/** Header protection takes its sample behind so many bytes of number and payload. */
const SAMPLED_BYTES_MIN = 4
const NUMBER_BYTES = 4
const ADDED_FRAMES_MAX = 12
const FRAMES_READ_MAX = 64
/** The node that accepts. */
const SERVER = 0
/** What is short enough to be a stateless reset, and so long that it may be one. */
const RESET_BYTES_MIN = 21
const RESET_BYTES_RANGE = 30
const KEPT = 16
const isLong = (first: number): boolean => (first & 0x80) !== 0
/** RFC 9000, section 17.2.3: of the long headers the second type. */
const isZeroRtt = (first: number): boolean => (first & 0xf0) === 0xd0
const SIDES = { true: 'client', false: 'server' } as const

type Seal = (this: PacketKeys, ...given: Parameters<PacketKeys['seal']>) => void

export class QuicTap {
  readonly #kind: ProtectionKind
  readonly #prototype: PacketKeys
  readonly #seal: Seal
  readonly #plain = new WeakMap<Uint8Array, Plain[]>()
  readonly #writer = new Writer()
  /** What the first Initial of all was sent to. */
  #original = new Uint8Array(0)
  /** 1-RTT packet numbers. */
  readonly #highest = { client: 0, server: 0 }
  /** Data of challenges and connection ids that went by, of either side: what answers, retires and resets them may be named. */
  readonly #challenges: Uint8Array[] = []
  readonly #ids: NewConnectionIdFrame[] = []

  /** Listens until {@link remove}. */
  constructor(kind: ProtectionKind) {
    this.#kind = kind
    this.#prototype = Object.getPrototypeOf(packetKeys(kind, new Uint8Array(32))) as PacketKeys
    const seal: Seal = Reflect.get(this.#prototype, 'seal')
    this.#seal = seal
    const keep = (bytes: Uint8Array, packet: Plain): void => this.#keep(bytes, packet)
    this.#prototype.seal = function tapped(this: PacketKeys, bytes, start, pnBytes, payload, end, number) {
      keep(bytes, { keys: this, header: bytes.slice(start, payload - pnBytes), pnBytes, number, payload: bytes.slice(payload, end) })
      seal.call(this, bytes, start, pnBytes, payload, end, number)
    }
  }
  remove(): void {
    this.#prototype.seal = this.#seal
  }

  #keep(bytes: Uint8Array, packet: Plain): void {
    const packets = this.#plain.get(bytes)
    if (packets === undefined) this.#plain.set(bytes, [packet])
    else packets.push(packet)
    for (const frame of framesOf(packet.payload)) {
      if (frame.kind === 'pathChallenge') keep(this.#challenges, frame.data)
      if (frame.kind === 'newConnectionId') keep(this.#ids, frame)
    }
    if (this.#original.length === 0) this.#original = readHeader(bytes, 0)?.destination.slice() ?? this.#original
  }

  /** The datagram with something changed in it; undefined where nobody sealed it. */
  mutated({ bytes, from }: Datagram, other: Datagram, isPlausible: boolean, draws: Draws): Uint8Array | undefined {
    const packets = this.#plain.get(bytes)
    if (packets === undefined) return undefined
    if (!isPlausible && draws.below(isLong(bytes[0]) ? 10 : 40) === 0) return this.#answer(bytes, draws)
    const another = this.#plain.get(other.bytes)?.[0].payload ?? bytes
    const chosen = draws.below(packets.length)
    const { header, number } = packets[chosen]
    const isClient = from !== SERVER
    const side = SIDES[`${isClient}`]
    if (!isLong(header[0])) this.#highest[side] = Math.max(this.#highest[side], number)
    const near: Near = {
      packet: !isLong(header[0]) ? 'oneRtt' : isZeroRtt(header[0]) ? 'zeroRtt' : 'handshake', isClient, number,
      highest: this.#highest[SIDES[`${!isClient}`]], challenges: this.#challenges, ids: this.#ids,
    }
    const changed = this.#changed(packets[chosen], near, another, isPlausible, draws)
    const sealed = packets.map((packet, i) => (i === chosen ? changed : this.#sealed(packet)))
    if (draws.below(16) === 0) rearrange(sealed, draws)
    return joined(sealed)
  }

  /** What a server says before there is a connection, or when it has forgotten it: Version Negotiation, a Retry with its tag, a reset. */
  #answer(bytes: Uint8Array, draws: Draws): Uint8Array {
    const destination = readHeader(bytes, 0)?.destination ?? randomOctets(8, draws)
    const writer = this.#writer
    const answer = draws.below(3)
    writer.begin(PAYLOAD_BYTES_MAX)
    if (answer === 2) {
      const reset = randomOctets(RESET_BYTES_MIN + draws.below(RESET_BYTES_RANGE), draws)
      reset[0] = 0x40 | (reset[0] & 0x3f)
      reset.set(destination.subarray(0, 4), 1)
      // One in four has a token that means something, to whichever side.
      const known = draws.below(4) === 0 ? this.#ids.at(-1) : undefined
      if (known !== undefined) reset.set(known.resetToken, reset.length - known.resetToken.length)
      return reset
    }
    if (answer === 0) {
      writeVersionNegotiation(writer, destination, this.#original, Array.from({ length: draws.below(5) }, () => draws.below(3)))
      return writer.finish()
    }
    writeRetry(writer, destination, randomOctets(draws.below(21), draws), randomOctets(draws.below(300), draws))
    const packet = writer.finish()
    return joined([packet, retryIntegrityTag(this.#kind, this.#original, packet)])
  }

  #sealed({ keys, header, pnBytes, number, payload }: Plain): Uint8Array {
    const bytes = new Uint8Array(header.length + pnBytes + payload.length + TAG_BYTES)
    bytes.set(header)
    for (let i = 0; i < pnBytes; i++) bytes[header.length + i] = Math.floor(number / 2 ** (8 * (pnBytes - 1 - i))) & 0xff
    bytes.set(payload, header.length + pnBytes)
    this.#seal.call(keys, bytes, 0, pnBytes, header.length + pnBytes, bytes.length - TAG_BYTES, number)
    return bytes
  }

  #changed(packet: Plain, near: Near, other: Uint8Array, isPlausible: boolean, draws: Draws): Uint8Array {
    const header = packet.header.slice()
    let { pnBytes, number } = packet
    // With a number of its own the packet is one more, not one in the place of another: its acknowledgement is for who never sent it.
    if (!isPlausible && draws.below(3) > 0) {
      number += draws.below(32)
      if (draws.below(16) === 0) number = numberNear(number, draws)
      pnBytes = NUMBER_BYTES
      header[0] = (header[0] & 0xfc) | (NUMBER_BYTES - 1)
    }
    const isRaw = !isPlausible && draws.below(3) === 0
    const changed = isRaw
      ? mutatedOctets(packet.payload, other, PAYLOAD_BYTES_MAX, draws)
      : this.#frames(packet.payload, near, isPlausible, draws)
    const payload = changed.length + pnBytes >= SAMPLED_BYTES_MIN ? changed : new Uint8Array(SAMPLED_BYTES_MIN)
    if (isLong(header[0])) new DataView(header.buffer).setUint16(header.length - 2, 0x4000 | (pnBytes + payload.length + TAG_BYTES))
    // An update of keys that nobody made, whose packet gets past the tag: the keys are the old ones.
    if (!isPlausible && !isLong(header[0]) && draws.below(24) === 0) header[0] ^= KEY_PHASE
    if (!isPlausible && draws.below(12) === 0) header[draws.below(header.length)] ^= 1 << draws.below(8)
    return this.#sealed({ keys: packet.keys, header, pnBytes, number, payload })
  }

  #frames(payload: Uint8Array, near: Near, isPlausible: boolean, draws: Draws): Uint8Array {
    const frames = framesOf(payload)
    for (let left = 1 + draws.below(3); left > 0; left--) {
      const kind = draws.below(isPlausible ? 2 : 4)
      if (kind === 0) rearrange(frames, draws)
      else if (kind === 3 && frames.length > 0) edit(frames, near.number, draws)
      else {
        for (let count = 1 + draws.below(ADDED_FRAMES_MAX); count > 0; count--) {
          frames.push(isPlausible ? harmlessFrame(near, draws) : anyFrame(near, draws))
        }
      }
    }
    if (frames.length === 0) frames.push({ kind: 'ping' })
    const writer = this.#writer
    writer.begin(65_000)
    for (const frame of frames) {
      if (writer.length + frameBytesMax(frame) <= PAYLOAD_BYTES_MAX) writeFrame(writer, frame)
    }
    return writer.finish()
  }
}

/** The newest come last. */
function keep<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > KEPT) list.shift()
}

function framesOf(payload: Uint8Array): Frame[] {
  const frames: Frame[] = []
  const reader = new Reader(payload, payload.length)
  for (let frame; reader.remaining > 0 && frames.length < FRAMES_READ_MAX && (frame = readFrame(reader)) !== undefined; ) {
    frames.push(frame)
  }
  return frames
}

/** One field of one frame becomes another. */
function edit(frames: Frame[], number: number, draws: Draws): void {
  const at = draws.below(frames.length)
  const frame: Record<string, unknown> = { ...frames[at] }
  const fields = Object.keys(frame).filter((name) => name !== 'kind')
  if (fields.length === 0) return
  const name = draws.pick(fields)
  const value = frame[name]
  if (frame.kind === 'padding') frame.length = draws.below(64)
  else if (typeof value === 'number') frame[name] = numberNear(draws.below(2) === 0 ? value : number, draws)
  else if (typeof value === 'boolean') frame[name] = !value
  else if (value instanceof Uint8Array) frame[name] = ofLength(frame.kind, name, mutatedOctets(value, value, PAYLOAD_BYTES_MAX, draws))
  else if (Array.isArray(value)) frame[name] = ackRanges(numberNear(number, draws), draws)
  frames[at] = frame as unknown as Frame
}

/** Bytes that the codec takes for what they are in number: path data and tokens have a fixed one. */
function ofLength(kind: unknown, name: string, bytes: Uint8Array): Uint8Array {
  const length = name === 'data' ? 8 : name === 'resetToken' ? 16 : kind === 'newConnectionId' ? Math.min(bytes.length, 20) : bytes.length
  return length === bytes.length ? bytes : joined([bytes.subarray(0, length), new Uint8Array(Math.max(0, length - bytes.length))])
}

function ackRanges(largest: number, draws: Draws): number[] {
  const ranges: number[] = []
  for (let at = largest, count = 1 + draws.below(draws.below(8) === 0 ? 150 : 4); count > 0 && at >= 0; count--) {
    const low = Math.max(0, at - draws.below(3))
    ranges.push(at, low)
    at = low - 2 - draws.below(3)
  }
  return ranges
}

/** What a new frame is made after. */
interface Near {
  readonly packet: 'handshake' | 'zeroRtt' | 'oneRtt'
  readonly isClient: boolean
  /** Of the packet, and the highest that the other end is known to have sent. */
  readonly number: number
  readonly highest: number
  /** What went by of these. */
  readonly challenges: readonly Uint8Array[]
  readonly ids: readonly NewConnectionIdFrame[]
}

/** Those that an honest peer might say at any time, in numbers that it might say: the connection is to bear them. */
const HARMLESS = ['ping', 'padding', 'maxData', 'maxStreamData', 'maxStreams', 'pathChallenge', 'dataBlocked', 'streamDataBlocked',
  'streamsBlocked', 'stream', 'resetStream', 'datagram', 'ack'] as const
const HARMLESS_IN = {
  oneRtt: HARMLESS, handshake: ['ping', 'padding', 'crypto'] as const, zeroRtt: HARMLESS.filter((kind) => kind !== 'ack'),
} as const
/** Indices of streams that nobody uses: those that carry, those that end, those that are reset. */
const CARRYING = 20
const ENDING = 300
const RESET = 900
const STREAMS = 100

function harmlessFrame({ packet, isClient, highest }: Near, draws: Draws): Frame {
  const kind = draws.pick<(typeof HARMLESS)[number] | 'crypto'>(HARMLESS_IN[packet])
  const [own, theirs] = isClient ? [2, 3] : [3, 2]
  switch (kind) {
    case 'padding': return { kind, length: 1 + draws.below(32) }
    case 'ping': return { kind }
    case 'crypto': return { kind, offset: 4_000 + draws.below(2_000), bytes: randomOctets(draws.below(60), draws) }
    case 'ack': {
      const largest = draws.below(highest + 1)
      return { kind, largest, delay: draws.below(4_000), ranges: ackRanges(largest, draws), ecn: undefined }
    }
    case 'stream': {
      const fin = draws.below(6) === 0
      const index = fin ? ENDING + draws.below(500) : CARRYING + draws.below(STREAMS)
      // The channel, and the length of the one message.
      const bytes = Uint8Array.of(draws.below(7), 20, ...randomOctets(20, draws))
      return { kind, id: 4 * index + own, offset: fin ? 0 : draws.below(2) * 22, bytes, fin }
    }
    case 'resetStream': return { kind, id: 4 * (RESET + draws.below(STREAMS)) + own, code: draws.below(1_000), finalSize: 30 }
    case 'maxData': return { kind, limit: draws.below(2 ** 22) }
    case 'maxStreamData': return { kind, id: theirs, limit: draws.below(2 ** 20) }
    case 'maxStreams': return { kind, direction: draws.pick(['bidi', 'uni'] as const), limit: draws.below(2_000) }
    case 'dataBlocked': return { kind, limit: draws.below(2 ** 20) }
    case 'streamDataBlocked': return { kind, id: 4 * (CARRYING + draws.below(STREAMS)) + own, limit: draws.below(2 ** 18) }
    case 'streamsBlocked': return { kind, direction: draws.pick(['bidi', 'uni'] as const), limit: draws.below(1_024) }
    case 'pathChallenge': return { kind, data: randomOctets(8, draws) }
    case 'datagram': return { kind, bytes: Uint8Array.of(3, ...randomOctets(draws.below(80), draws)) }
  }
}

const ALL = [
  ...HARMLESS, 'crypto', 'newToken', 'newConnectionId', 'retireConnectionId', 'stopSending', 'pathResponse', 'close', 'handshakeDone',
] as const

function anyFrame({ number, challenges, ids }: Near, draws: Draws): Frame {
  const value = (near: number): number => numberNear(near, draws)
  const direction = draws.pick(['bidi', 'uni'] as const)
  const id = value(24)
  const kind = draws.pick(ALL)
  switch (kind) {
    case 'padding': return { kind, length: 1 + draws.below(32) }
    case 'ping':
    case 'handshakeDone': return { kind }
    case 'ack': {
      const largest = value(number)
      const ecn = draws.below(3) === 0 ? { ect0: value(number), ect1: value(2), ce: value(number) } : undefined
      return { kind, largest, delay: value(4_000), ranges: ackRanges(largest, draws), ecn }
    }
    case 'resetStream': return { kind, id, code: value(1_000), finalSize: value(3_000) }
    case 'stopSending': return { kind, id, code: value(1_000) }
    case 'crypto': return { kind, offset: value(2_000), bytes: randomOctets(draws.below(60), draws) }
    case 'newToken': return { kind, token: randomOctets(1 + draws.below(80), draws) }
    case 'stream': return { kind, id, offset: value(5_000), bytes: randomOctets(draws.below(60), draws), fin: draws.below(6) === 0 }
    case 'maxData':
    case 'dataBlocked': return { kind, limit: value(2 ** 20) }
    case 'maxStreamData':
    case 'streamDataBlocked': return { kind, id, limit: value(2 ** 18) }
    case 'maxStreams':
    case 'streamsBlocked': return { kind, direction, limit: value(1_024) }
    case 'newConnectionId': {
      const known = draws.below(4) === 0 ? ids.at(-1) : undefined
      if (known !== undefined) return { ...known, retirePriorTo: Math.min(known.sequence, value(known.sequence)) }
      const sequence = value(4)
      const retirePriorTo = Math.min(sequence, value(sequence))
      return { kind, sequence, retirePriorTo, id: randomOctets(draws.below(21), draws), resetToken: randomOctets(16, draws) }
    }
    case 'retireConnectionId': return { kind, sequence: value(4) }
    case 'pathChallenge': return { kind, data: randomOctets(8, draws) }
    case 'pathResponse': {
      const data = challenges.length > 0 && draws.below(2) === 0 ? draws.pick(challenges).slice() : randomOctets(8, draws)
      if (draws.below(4) === 0) data[draws.below(8)] ^= 1 << draws.below(8)
      return { kind, data }
    }
    case 'close': {
      const isApplication = draws.below(2) === 0
      const frameType = isApplication ? 0 : draws.pick(Object.values(FrameType))
      return { kind, isApplication, code: value(100), frameType, reason: randomOctets(draws.below(30), draws) }
    }
    case 'datagram': return { kind, bytes: randomOctets(draws.below(80), draws) }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}
