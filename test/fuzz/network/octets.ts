/** Mutations of bytes of which nothing is known, and the numbers that are worth a try. */
import type { Draws } from '../mutation.ts'

/** Where widths, limits and signs change. */
const EDGES = [
  0, 1, 2, 3, 4, 63, 64, 127, 128, 255, 256, 1_023, 1_024, 16_383, 16_384, 65_535, 65_536, 262_144, 1_048_576, 2 ** 30 - 1, 2 ** 30,
  2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1,
]
const EDGE_BYTES = [0, 1, 2, 4, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff]

/** One of those, or a neighbour of a number that means something. */
export function numberNear(near: number, draws: Draws): number {
  switch (draws.below(4)) {
    case 0: return draws.pick(EDGES)
    case 1: return Math.max(0, near + draws.below(17) - 8)
    case 2: return Math.max(0, near + draws.below(4_096) - 1_024)
    default: return draws.below(64)
  }
}

export function randomOctets(length: number, draws: Draws): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = draws.below(256)
  return bytes
}

/** Bits, bytes, varints of eight bytes, truncation, or the end of another one: a copy of at most `bytesMax`. */
export function mutatedOctets(bytes: Uint8Array, other: Uint8Array, bytesMax: number, draws: Draws): Uint8Array {
  const copy = bytes.slice()
  switch (draws.below(6)) {
    case 0:
      for (let left = 1 + draws.below(8); left > 0 && copy.length > 0; left--) copy[draws.below(copy.length)] ^= 1 << draws.below(8)
      return copy
    case 1:
      for (let left = 1 + draws.below(4); left > 0 && copy.length > 0; left--) copy[draws.below(copy.length)] = draws.pick(EDGE_BYTES)
      return copy
    case 2:
      return copy.subarray(0, draws.below(copy.length + 1))
    case 3: {
      const at = draws.below(copy.length + 1)
      return copy.fill(0xff, at, at + 8)
    }
    case 4:
      return spliced(copy.subarray(0, draws.below(copy.length + 1)), other.subarray(draws.below(other.length + 1)), bytesMax)
    default:
      return spliced(copy, randomOctets(draws.below(40), draws), bytesMax)
  }
}

function spliced(head: Uint8Array, tail: Uint8Array, bytesMax: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(head.length + tail.length, bytesMax))
  bytes.set(head.subarray(0, bytes.length))
  if (head.length < bytes.length) bytes.set(tail.subarray(0, bytes.length - head.length), head.length)
  return bytes
}

/** Parts of a whole (frames, chunks, records) left out, said twice, or in another order; in place. */
export function rearrange(parts: unknown[], draws: Draws): void {
  if (parts.length === 0) return
  const at = draws.below(parts.length)
  switch (draws.below(4)) {
    case 0: parts.splice(at, 1); break
    case 1: parts.push(...Array.from({ length: 1 + draws.below(8) }, () => parts[at])); break
    case 2: parts.reverse(); break
    default: parts.push(parts.splice(at, 1)[0])
  }
}
