/**
 * Captures in the format pcapng (draft-ietf-opsawg-pcapng), for Wireshark and its kin: one interface a node, IPv4 and UDP headers made
 * up around each datagram (link type RAW), comments on what became of it, and the secrets that decrypt it.
 *
 * A packet is captured where it leaves: lost ones are in the capture, with a comment, those that were damaged on their way are whole,
 * and checksums are right. The file ends with how many packets each interface had, and how many of them are left out.
 */

/** Where packets are captured. */
export interface CaptureInterface {
  readonly name: string
  /** Its addresses, as in {@link CapturedPacket}. */
  readonly addresses: readonly number[]
}

export interface CaptureSocket {
  readonly address: number
  /** [0, 65535]. */
  readonly port: number
}

export interface CapturedPacket {
  /** Microseconds since the beginning. */
  readonly atUs: number
  /** Index into the interfaces. */
  readonly interface: number
  readonly from: CaptureSocket
  readonly to: CaptureSocket
  /** The two bits of the IP header, [0, 3]. */
  readonly ecn: number
  /** The UDP payload, at most 65,507 bytes. */
  readonly bytes: Uint8Array
  /** What it carries and what became of it, in words. */
  readonly comments: readonly string[]
}

export interface Capture {
  readonly interfaces: readonly CaptureInterface[]
  /** In the order of their times. */
  readonly packets: readonly CapturedPacket[]
  /** How many more there were of each interface, which were not kept. */
  readonly leftOut: readonly number[]
  /** An NSS key log (keylog.ts); empty for none. */
  readonly keyLog: string
  /** The IPv4 address, an unsigned integer of 32 bits, that an address is shown as. */
  readonly ipv4Of: (address: number) => number
}

const BlockType = { section: 0x0a0d0d0a, interface: 1, interfaceStatistics: 5, enhancedPacket: 6, decryptionSecrets: 0x0a } as const
const Option = {
  end: 0, comment: 1, application: 4, interfaceName: 2, interfaceIpv4: 4, timeResolution: 9, packetFlags: 2, received: 4, dropped: 5,
} as const
const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const LINK_TYPE_RAW = 101
const TLS_KEY_LOG = 0x544c534b
/** Times are in units of 10^-6 s. */
const MICROSECONDS = 6
/** epb_flags: the two bits of direction. */
const OUTBOUND = 2
/** An option's length is an integer of 16 bits; longer comments are cut. */
const OPTION_BYTES_MAX = 65_535

const IP_HEADER_BYTES = 20
const UDP_HEADER_BYTES = 8
const HEADERS_BYTES = IP_HEADER_BYTES + UDP_HEADER_BYTES
const PAYLOAD_BYTES_MAX = 65_535 - HEADERS_BYTES
const DONT_FRAGMENT = 0x4000
const TTL = 64
const UDP = 17
const NETMASK = [255, 255, 0, 0]

/** The bytes of a capture file. Throws a RangeError for a payload that no UDP datagram can carry. */
export function pcapng({ interfaces, packets, leftOut, keyLog, ipv4Of }: Capture): Uint8Array {
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
  for (const one of interfaces) writeInterface(output, one, ipv4Of)
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
    writePacket(output, packet, ipv4Of)
    kept[packet.interface]++
  }
  const endUs = packets.at(-1)?.atUs ?? 0
  kept.forEach((count, index) => writeStatistics(output, index, endUs, count, leftOut[index]))
  return output.bytes()
}

function writeInterface(output: Output, { name, addresses }: CaptureInterface, ipv4Of: (address: number) => number): void {
  const block = output.begin(BlockType.interface)
  output.u16(LINK_TYPE_RAW)
  output.u16(0)
  // No limit to the length of packets.
  output.u32(0)
  output.option(Option.interfaceName, utf8(name))
  for (const address of addresses) output.option(Option.interfaceIpv4, [...octets(ipv4Of(address)), ...NETMASK])
  output.option(Option.timeResolution, [MICROSECONDS])
  output.option(Option.end, [])
  output.end(block)
}

function writePacket(output: Output, packet: CapturedPacket, ipv4Of: (address: number) => number): void {
  const { atUs, bytes, comments } = packet
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    throw new RangeError(`expected a payload of at most ${PAYLOAD_BYTES_MAX} bytes, got ${bytes.length}`)
  }
  const block = output.begin(BlockType.enhancedPacket)
  output.u32(packet.interface)
  output.instant(atUs)
  output.u32(HEADERS_BYTES + bytes.length)
  output.u32(HEADERS_BYTES + bytes.length)
  output.raw(headers(packet, ipv4Of(packet.from.address), ipv4Of(packet.to.address)))
  // The headers are a multiple of four bytes long.
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

/** IPv4 (RFC 791), never fragmented, and UDP (RFC 768). */
function headers({ from, to, ecn, bytes }: CapturedPacket, source: number, destination: number): Uint8Array {
  const header = new Uint8Array(HEADERS_BYTES)
  const view = new DataView(header.buffer)
  view.setUint8(0, 0x45)
  view.setUint8(1, ecn)
  view.setUint16(2, HEADERS_BYTES + bytes.length)
  view.setUint16(6, DONT_FRAGMENT)
  view.setUint8(8, TTL)
  view.setUint8(9, UDP)
  view.setUint32(12, source)
  view.setUint32(16, destination)
  view.setUint16(10, complement(sumOf(header, 0, IP_HEADER_BYTES, 0)))
  view.setUint16(20, from.port)
  view.setUint16(22, to.port)
  view.setUint16(24, UDP_HEADER_BYTES + bytes.length)
  // Addresses, protocol and length stand in for the IP header.
  const pseudo = sumOf(header, 12, IP_HEADER_BYTES, UDP + UDP_HEADER_BYTES + bytes.length)
  const sum = sumOf(bytes, 0, bytes.length, sumOf(header, IP_HEADER_BYTES, HEADERS_BYTES, pseudo))
  // 0 would say that there is no checksum.
  view.setUint16(26, complement(sum) || 0xffff)
  return header
}

/** The sum of 16-bit words (RFC 1071), an odd byte filled up with 0, not yet folded. At most 2^16 * 2^16. */
function sumOf(bytes: Uint8Array, start: number, end: number, before: number): number {
  let sum = before
  let at = start
  for (; at + 2 <= end; at += 2) sum += (bytes[at] << 8) | bytes[at + 1]
  return at < end ? sum + (bytes[at] << 8) : sum
}

function complement(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = Math.floor(folded / 0x1_0000) + (folded % 0x1_0000)
  return folded ^ 0xffff
}

/** An integer below 2^32 in 64 bits. */
const count64 = (count: number): readonly number[] => [...octets(count)].reverse().concat([0, 0, 0, 0])

const octets = (ipv4: number): readonly number[] => [ipv4 >>> 24, (ipv4 >>> 16) & 255, (ipv4 >>> 8) & 255, ipv4 & 255]

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
