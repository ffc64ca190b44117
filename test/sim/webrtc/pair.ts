/** Two ends of data channels with a path between them: virtual time, a latency, and a fate for every packet. */
import { Writer } from '../../../sim/bytes.ts'
import { hashText, mix32 } from '../../../sim/choice.ts'
import type { NetRecord } from '../../../sim/net/records.ts'
import type { ChannelSpec, ClosedBy } from '../../../sim/port.ts'
import { DataChannels } from '../../../sim/webrtc/datachannels.ts'
import type { PacketIdentity } from '../../../sim/webrtc/packetidentity.ts'
import { readChunk } from '../../../sim/webrtc/sctp/chunks.ts'
import { type SctpTimings, TIMINGS } from '../../../sim/webrtc/sctp/limits.ts'
import { readPacket } from '../../../sim/webrtc/sctp/packet.ts'

export const RELIABLE: ChannelSpec = { label: 'control', ordered: true, delivery: { kind: 'reliable' }, priority: 0 }
export const UNORDERED: ChannelSpec = { label: 'bulk', ordered: false, delivery: { kind: 'reliable' }, priority: 1 }
export const retransmits = (max: number, ordered = false): ChannelSpec => ({
  label: `retransmits ${max}`, ordered, delivery: { kind: 'retransmits', max }, priority: 2,
})
export const lifetime = (maxUs: number, ordered = false): ChannelSpec => ({
  label: `lifetime ${maxUs}`, ordered, delivery: { kind: 'lifetime', maxUs }, priority: 2,
})

export interface Packet {
  readonly id: number
  readonly atUs: number
  /** 0 is the initiator. */
  readonly from: 0 | 1
  readonly bytes: Uint8Array
  readonly identity: PacketIdentity
  readonly keyHi: number
  readonly keyLo: number
}
export interface Received {
  readonly atUs: number
  readonly channel: number
  readonly bytes: Uint8Array
  readonly datagrams: readonly number[]
}

interface Arrival {
  readonly atUs: number
  readonly order: number
  readonly packet: Packet
}

export interface PairOptions {
  readonly specs: readonly ChannelSpec[]
  readonly latencyUs?: number
  readonly timings?: SctpTimings
  /** Only the initiator begins: nobody's INIT crosses another's. */
  readonly oneSided?: boolean
  readonly seed?: number
}

class End {
  readonly received: Received[] = []
  readonly records: (NetRecord & { readonly atUs: number })[] = []
  readonly credits: number[] = []
  readonly closedChannels: number[] = []
  openedUs: number | undefined
  closed: { readonly by: ClosedBy; readonly code: number; readonly atUs: number } | undefined
  readonly channels: DataChannels

  constructor(pair: Pair, side: 0 | 1, { specs, timings = TIMINGS, seed = 1 }: PairOptions) {
    this.channels = new DataChannels({
      specs, timings, isInitiator: side === 0, isDtlsClient: side === 1, node: side, connection: 7, writer: new Writer(),
      secret: Uint8Array.of(side, seed & 0xff, seed >>> 8),
      send: (bytes, identity) => pair.send(side, bytes, identity),
      opened: () => { this.openedUs = pair.nowUs },
      deliver: (channel, bytes, datagrams) => this.received.push({ atUs: pair.nowUs, channel, bytes: bytes.slice(), datagrams }),
      credit: (channel) => this.credits.push(channel),
      channelClosed: (channel) => this.closedChannels.push(channel),
      closed: (by, code) => { this.closed = { by, code, atUs: pair.nowUs } },
      record: (record) => this.records.push({ ...record, atUs: pair.nowUs }),
    })
  }

  messages(channel: number): Uint8Array[] {
    return this.received.filter((one) => one.channel === channel).map(({ bytes }) => bytes)
  }
  count(kind: NetRecord['kind']): number {
    return this.records.filter((record) => record.kind === kind).length
  }
}

export class Pair {
  nowUs = 0
  readonly ends: readonly [End, End]
  readonly sent: Packet[] = []
  /** Delays a packet may have beside the latency, one for each copy that arrives; none for a loss. */
  fate: (packet: Packet) => readonly number[] = () => [0]
  readonly #latencyUs: number
  #arrivals: Arrival[] = []
  #order = 0
  readonly #isOneSided: boolean
  #hasBegun = false
  #isDirty = true

  constructor(options: PairOptions) {
    this.#latencyUs = options.latencyUs ?? 10_000
    this.ends = [new End(this, 0, options), new End(this, 1, options)]
    this.#isOneSided = options.oneSided === true
  }

  get a(): End {
    return this.ends[0]
  }
  get b(): End {
    return this.ends[1]
  }

  send(from: 0 | 1, bytes: Uint8Array, identity: PacketIdentity): number {
    const keyHi = mix32(hashText(identity.contents, identity.channel), from)
    const keyLo = mix32(mix32(identity.start >>> 0, Math.floor(identity.start / 2 ** 32)), identity.attempt)
    const packet = { id: this.sent.length, atUs: this.nowUs, from, bytes: bytes.slice(), identity, keyHi, keyLo }
    this.sent.push(packet)
    for (const delayUs of this.fate(packet)) {
      this.#arrivals.push({ atUs: this.nowUs + this.#latencyUs + delayUs, order: this.#order++, packet })
    }
    return packet.id
  }

  write(side: 0 | 1, channel: number, bytes: Uint8Array): number {
    const queued = this.ends[side].channels.write(channel, bytes, this.nowUs)
    this.#isDirty = true
    return queued
  }
  flush(): void {
    this.#isDirty = false
    for (const end of this.ends) end.channels.flush(this.nowUs)
  }

  /** Handles the next arrival or timer up to an instant; false where there is none. */
  step(untilUs: number): boolean {
    if (!this.#hasBegun) {
      this.#hasBegun = true
      this.ends[0].channels.start(this.nowUs)
      if (!this.#isOneSided) this.ends[1].channels.start(this.nowUs)
    }
    if (this.#isDirty) this.flush()
    let next: Arrival | undefined
    for (const one of this.#arrivals) {
      if (next === undefined || one.atUs < next.atUs || (one.atUs === next.atUs && one.order < next.order)) next = one
    }
    const wakesUs = this.ends.map(({ channels }) => channels.nextWakeUs())
    const wakeUs = Math.min(...wakesUs)
    const atUs = Math.min(wakeUs, next?.atUs ?? Infinity)
    if (atUs > untilUs) return false
    this.nowUs = Math.max(this.nowUs, atUs)
    if (next !== undefined && next.atUs <= wakeUs) {
      this.#arrivals.splice(this.#arrivals.indexOf(next), 1)
      const { packet } = next
      this.ends[1 - packet.from].channels.receive(packet.bytes, packet, this.nowUs)
      this.ends[1 - packet.from].channels.flush(this.nowUs)
    } else {
      const { channels } = this.ends[wakesUs.indexOf(wakeUs)]
      channels.wake(this.nowUs)
      channels.flush(this.nowUs)
    }
    return true
  }

  run(forUs: number): this {
    const untilUs = this.nowUs + forUs
    while (this.step(untilUs));
    this.nowUs = untilUs
    return this
  }
  /** Whether the condition came true within that time. */
  until(condition: () => boolean, withinUs: number): boolean {
    const untilUs = this.nowUs + withinUs
    while (!condition()) if (!this.step(untilUs)) return false
    return true
  }
  /** Runs until both ends are open and every channel is known at both. */
  open(): this {
    this.run(1_000_000)
    if (!this.a.channels.isOpen || !this.b.channels.isOpen) throw new Error('not open')
    return this
  }
}

/** Types of the chunks of a packet. */
export function chunksOf(bytes: Uint8Array): number[] {
  const types: number[] = []
  const { reader } = readPacket(bytes)!
  while (reader.remaining > 0) types.push(readChunk(reader)!.type)
  return types
}

/** Loses each packet by its key, so many in a thousand. */
export const losing = (perMille: number, seed: number) => ({ keyHi, keyLo }: Packet): readonly number[] =>
  mix32(mix32(keyHi, keyLo), seed) % 1_000 < perMille ? [] : [0]

/** A message that names itself: its number in the first four bytes, and bytes that follow from it. */
export function numbered(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(4, length))
  new DataView(bytes.buffer).setUint32(0, number)
  for (let i = 4; i < bytes.length; i++) bytes[i] = (number * 31 + i * 7) & 0xff
  return bytes
}
export const numberOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
/** Whether it is as it was made. */
export function isNumbered(bytes: Uint8Array): boolean {
  const number = numberOf(bytes)
  for (let i = 4; i < bytes.length; i++) if (bytes[i] !== ((number * 31 + i * 7) & 0xff)) return false
  return true
}
