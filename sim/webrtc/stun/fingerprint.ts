/** The FINGERPRINT of a STUN message: CRC-32 of everything before it (RFC 8489, section 14.7; ITU V.42). */

/** The remainders of single bytes. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb8_8320 : remainder >>> 1
  return remainder
})

const FINGERPRINT_XOR = 0x5354_554e

/** Of the first `end` bytes, as an unsigned 32-bit integer. */
export function fingerprintOf(bytes: Uint8Array, end: number): number {
  let crc = 0xffff_ffff
  for (let i = 0; i < end; i++) crc = (crc >>> 8) ^ REMAINDERS[(crc ^ bytes[i]) & 0xff]
  return (crc ^ 0xffff_ffff ^ FINGERPRINT_XOR) >>> 0
}
