/** CRC32c (Castagnoli), RFC 9260, appendix A: four bytes a step. */

const POLYNOMIAL = 0x82f63b78
/** Four tables of 256: table k is for a byte that k others follow. */
const TABLES = tables()

function tables(): Uint32Array {
  const all = new Uint32Array(1024)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    all[byte] = crc
  }
  for (let i = 256; i < 1024; i++) all[i] = (all[i - 256] >>> 8) ^ all[all[i - 256] & 0xff]
  return all
}

/** What a sum begins with. */
export const CRC_BEGIN = -1

/** Goes on with a sum over bytes [start, end) of the view. */
export function crcUpdate(sum: number, view: DataView, start: number, end: number): number {
  const tables = TABLES
  let crc = sum
  let i = start
  for (; i + 4 <= end; i += 4) {
    crc ^= view.getInt32(i, true)
    crc = tables[768 + (crc & 0xff)] ^ tables[512 + ((crc >>> 8) & 0xff)] ^ tables[256 + ((crc >>> 16) & 0xff)] ^ tables[crc >>> 24]
  }
  for (; i < end; i++) crc = tables[(crc ^ view.getUint8(i)) & 0xff] ^ (crc >>> 8)
  return crc
}

/** The finished sum as an unsigned integer. */
export const crcEnd = (sum: number): number => ~sum >>> 0
