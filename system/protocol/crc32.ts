/** CRC-32 as in IEEE 802.3 and zlib (reflected polynomial 0xEDB88320), four bytes a step. It finds damage, not intent. */

const POLYNOMIAL = 0xedb88320
/** TABLES[n * 256 + b]: what byte b does to the checksum n bytes further on. */
const TABLES = new Uint32Array(4 * 256)
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0)
  TABLES[byte] = value
}
for (let i = 256; i < TABLES.length; i++) TABLES[i] = (TABLES[i - 256] >>> 8) ^ TABLES[TABLES[i - 256] & 0xff]

/** The checksum of bytes [from, to), unsigned; `before` continues the checksum of what came before them. */
export function crc32(bytes: Uint8Array, from = 0, to = bytes.length, before = 0): number {
  let crc = ~before
  let i = from
  for (; i + 4 <= to; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    crc = TABLES[768 + (crc & 0xff)] ^ TABLES[512 + ((crc >>> 8) & 0xff)] ^ TABLES[256 + ((crc >>> 16) & 0xff)] ^ TABLES[crc >>> 24]
  }
  for (; i < to; i++) crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[i]) & 0xff]
  return ~crc >>> 0
}
