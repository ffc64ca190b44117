/** ChannelData messages (RFC 8656, section 12.4): a channel's number, the length of the data, the data. */

/** Section 12: 0x4000 to 0x4FFF. */
export const CHANNEL_FIRST = 0x4000
export const CHANNEL_LAST = 0x4fff
const HEADER_BYTES = 4

/** Whether a datagram is one, by its first byte (RFC 7983, section 7). */
export const isChannelData = (bytes: Uint8Array): boolean => bytes.length >= HEADER_BYTES && bytes[0] >= 0x40 && bytes[0] <= 0x4f

export function encodeChannelData(channel: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + data.length)
  bytes[0] = channel >>> 8
  bytes[1] = channel & 0xff
  bytes[2] = data.length >>> 8
  bytes[3] = data.length & 0xff
  bytes.set(data, HEADER_BYTES)
  return bytes
}

/** Undefined where the length exceeds what is there; what follows it is padding (section 12.5). `data` is a view. */
export function decodeChannelData(bytes: Uint8Array): { readonly channel: number; readonly data: Uint8Array } | undefined {
  if (!isChannelData(bytes)) return undefined
  const length = (bytes[2] << 8) | bytes[3]
  if (HEADER_BYTES + length > bytes.length) return undefined
  return { channel: (bytes[0] << 8) | bytes[1], data: bytes.subarray(HEADER_BYTES, HEADER_BYTES + length) }
}
