/** Packet numbers as they are cut short on the wire and guessed again: RFC 9000, section 17.1 and appendices A.2 and A.3. */

/** Bytes that name the packet beyond doubt to a peer that has acknowledged up to `largestAcked` (-1: nothing yet). */
export function packetNumberBytes(number: number, largestAcked: number): number {
  const unacked = number - largestAcked
  return unacked <= 2 ** 7 ? 1 : unacked <= 2 ** 15 ? 2 : unacked <= 2 ** 23 ? 3 : 4
}

/** The number nearest to the one expected after `largest` (-1: none received yet) that ends in the `bytes` bytes of `truncated`. */
export function decodePacketNumber(largest: number, truncated: number, bytes: number): number {
  const window = 2 ** (8 * bytes)
  const expected = largest + 1
  const candidate = expected - (expected % window) + truncated
  if (candidate <= expected - window / 2 && candidate < Number.MAX_SAFE_INTEGER - window) return candidate + window
  return candidate > expected + window / 2 && candidate >= window ? candidate - window : candidate
}
