/**
 * Captures in the format pcapng (draft-ietf-opsawg-pcapng), for Wireshark and its kin: packets of interfaces, each of one link type, with
 * comments on what became of them, and the secrets that decrypt them.
 *
 *     ipv4packet.ts   what stands in a packet of an interface of IP
 *     upperpdu.ts     and of one that shows what travels inside others
 *
 * The file ends with how many packets the interfaces had, and how many of them are left out.
 */
import { octetsOf } from './ipv4packet.ts'

/** https://www.tcpdump.org/linktypes.html; an SCTP packet has nothing around it. */
export const LinkType = { ip: 101, sctp: 248, upperPdu: 252 } as const

/** Where packets are captured. */
export interface CaptureInterface {
  readonly name: string
  readonly linkType: (typeof LinkType)[keyof typeof LinkType]
  /** Its addresses, unsigned integers of 32 bits. */
  readonly ipv4: readonly number[]
  /** How many more packets it had, which were not kept; where it is left out, nothing is said of how many there were. */
  readonly leftOut?: number
}

export interface CapturedPacket {
  /** Microseconds since the beginning. */
  readonly atUs: number
  /** Index into the interfaces. */
  readonly interface: number
  /** As the link type of its interface has it. */
  readonly bytes: Uint8Array
  /** What it carries and what became of it, in words. */
  readonly comments: readonly string[]
}

export interface Capture {
  readonly interfaces: readonly CaptureInterface[]
  /** In the order of their times. */
  readonly packets: readonly CapturedPacket[]
  /** An NSS key log (keylog.ts); empty for none. */
  readonly keyLog: string
}

const BlockType = { section: 0x0a0d0d0a, interface: 1, interfaceStatistics: 5, enhancedPacket: 6, decryptionSecrets: 0x0a } as const
const Option = {
  end: 0, comment: 1, application: 4, interfaceName: 2, interfaceIpv4: 4, timeResolution: 9, packetFlags: 2, received: 4, dropped: 5,
} as const
const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const TLS_KEY_LOG = 0x544c534b
/** Times are in units of 10^-6 s. */
const MICROSECONDS = 6
/** epb_flags: the two bits of direction. */
const OUTBOUND = 2
/** An option's length is an integer of 16 bits; longer comments are cut. */
const OPTION_BYTES_MAX = 65_535

const NETMASK = [255, 255, 0, 0]

/** The bytes of a capture file. */
export function pcapng({ interfaces, packets, keyLog }: Capture): Uint8Array {
  const output = new Output()
  const section = output.begin(BlockType.section)
  output.u32(BYTE_ORDER_MAGIC)
  output.u16(1)
  output.u16(0)
  // Of unknown length.
  output.u32(0xffff_ffff)
  output.u32(0xffff_ffff)
  output.option(Option.application, utf8('theta-sim'))
  output.option(Option.end, [])
  output.end(section)
  for (const one of interfaces) writeInterface(output, one)
  if (keyLog !== '') {
    const secrets = output.begin(BlockType.decryptionSecrets)
    const text = utf8(keyLog)
    output.u32(TLS_KEY_LOG)
    output.u32(text.length)
    output.padded(text)
    output.end(secrets)
  }
  const kept = interfaces.map(() => 0)
  for (const packet of packets) {
    writePacket(output, packet)
    kept[packet.interface]++
  }
  const endUs = packets.at(-1)?.atUs ?? 0
  interfaces.forEach(({ leftOut }, index) => {
    if (leftOut !== undefined) writeStatistics(output, index, endUs, kept[index], leftOut)
  })
  return output.bytes()
}

function writeInterface(output: Output, { name, linkType, ipv4 }: CaptureInterface): void {
  const block = output.begin(BlockType.interface)
  output.u16(linkType)
  output.u16(0)
  // No limit to the length of packets.
  output.u32(0)
  output.option(Option.interfaceName, utf8(name))
  for (const address of ipv4) output.option(Option.interfaceIpv4, [...octetsOf(address), ...NETMASK])
  output.option(Option.timeResolution, [MICROSECONDS])
  output.option(Option.end, [])
  output.end(block)
}

function writePacket(output: Output, { atUs, interface: index, bytes, comments }: CapturedPacket): void {
  const block = output.begin(BlockType.enhancedPacket)
  output.u32(index)
  output.instant(atUs)
  output.u32(bytes.length)
  output.u32(bytes.length)
  output.padded(bytes)
  for (const comment of comments) output.option(Option.comment, utf8(comment))
  output.option(Option.packetFlags, [OUTBOUND, 0, 0, 0])
  output.option(Option.end, [])
  output.end(block)
}

function writeStatistics(output: Output, index: number, atUs: number, kept: number, leftOut: number): void {
  const block = output.begin(BlockType.interfaceStatistics)
  output.u32(index)
  output.instant(atUs)
  if (leftOut > 0) output.option(Option.comment, utf8(`${leftOut} packets after these are left out`))
  output.option(Option.received, count64(kept + leftOut))
  output.option(Option.dropped, count64(leftOut))
  output.option(Option.end, [])
  output.end(block)
}

/** An integer below 2^32 in 64 bits. */
const count64 = (count: number): readonly number[] => [...octetsOf(count)].reverse().concat([0, 0, 0, 0])

/** Well-formed text as UTF-8. */
function utf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0)!
    if (code < 0x80) bytes.push(code)
    else if (code < 0x800) bytes.push(0xc0 | (code >>> 6), 0x80 | (code & 0x3f))
    else if (code < 0x1_0000) bytes.push(0xe0 | (code >>> 12), 0x80 | ((code >>> 6) & 0x3f), 0x80 | (code & 0x3f))
    else bytes.push(0xf0 | (code >>> 18), 0x80 | ((code >>> 12) & 0x3f), 0x80 | ((code >>> 6) & 0x3f), 0x80 | (code & 0x3f))
  }
  return new Uint8Array(bytes)
}

const OUTPUT_BYTES = 65_536
const BLOCK_OVERHEAD_BYTES = 12

/** A file being written, little-endian, in blocks that say their length at both ends. */
class Output {
  #bytes = new Uint8Array(OUTPUT_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** Starts a block; the answer goes to {@link end}. */
  begin(type: number): number {
    const start = this.#length
    this.u32(type)
    this.u32(0)
    return start
  }

  end(start: number): void {
    const length = this.#length - start + BLOCK_OVERHEAD_BYTES - 8
    this.#view.setUint32(start + 4, length, true)
    this.u32(length)
  }

  option(code: number, value: ArrayLike<number>): void {
    const kept = value.length <= OPTION_BYTES_MAX ? value : Array.from(value).slice(0, OPTION_BYTES_MAX)
    this.u16(code)
    this.u16(kept.length)
    this.padded(kept)
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#view.setUint16(this.#length, value, true)
    this.#length += 2
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  /** 64 bits, the upper half first. */
  instant(atUs: number): void {
    this.u32(Math.floor(atUs / 2 ** 32))
    this.u32(atUs % 2 ** 32)
  }

  raw(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Bytes, filled up with zeros to a multiple of four. */
  padded(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length + 3)
    this.raw(bytes)
    this.#length += -bytes.length & 3
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    let size = this.#bytes.length
    while (size < this.#length + count) size *= 2
    const larger = new Uint8Array(size)
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}
