/** IPv4 (RFC 791) and UDP (RFC 768) headers made up around a datagram, with checksums that are right. It is never a fragment. */

export interface UdpSocket {
  /** An unsigned integer of 32 bits. */
  readonly ipv4: number
  /** [0, 65535]. */
  readonly port: number
}

export interface UdpDatagram {
  readonly from: UdpSocket
  readonly to: UdpSocket
  /** The two bits of the IP header, [0, 3]. */
  readonly ecn: number
  /** At most 65,507 of them. */
  readonly payload: Uint8Array
}

const IP_HEADER_BYTES = 20
const UDP_HEADER_BYTES = 8
const HEADERS_BYTES = IP_HEADER_BYTES + UDP_HEADER_BYTES
const PAYLOAD_BYTES_MAX = 65_535 - HEADERS_BYTES
const DONT_FRAGMENT = 0x4000
const TTL = 64
const UDP = 17

/** @throws {RangeError} for a payload that no UDP datagram can carry. */
export function ipv4Packet({ from, to, ecn, payload }: UdpDatagram): Uint8Array {
  if (payload.length > PAYLOAD_BYTES_MAX) {
    throw new RangeError(`expected a payload of at most ${PAYLOAD_BYTES_MAX} bytes, got ${payload.length}`)
  }
  const packet = new Uint8Array(HEADERS_BYTES + payload.length)
  const view = new DataView(packet.buffer)
  packet.set(payload, HEADERS_BYTES)
  view.setUint8(0, 0x45)
  view.setUint8(1, ecn)
  view.setUint16(2, packet.length)
  view.setUint16(6, DONT_FRAGMENT)
  view.setUint8(8, TTL)
  view.setUint8(9, UDP)
  view.setUint32(12, from.ipv4)
  view.setUint32(16, to.ipv4)
  view.setUint16(10, complement(sumOf(packet, 0, IP_HEADER_BYTES, 0)))
  view.setUint16(20, from.port)
  view.setUint16(22, to.port)
  view.setUint16(24, UDP_HEADER_BYTES + payload.length)
  // Addresses, protocol and length stand in for the IP header.
  const pseudo = sumOf(packet, 12, IP_HEADER_BYTES, UDP + UDP_HEADER_BYTES + payload.length)
  // 0 would say that there is no checksum.
  view.setUint16(26, complement(sumOf(packet, IP_HEADER_BYTES, packet.length, pseudo)) || 0xffff)
  return packet
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

/** The four bytes of an unsigned integer of 32 bits, the highest first. */
export const octetsOf = (word: number): readonly number[] => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]
