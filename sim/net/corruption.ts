/** Damage on the wire: one byte changes. Which one and how follow from the datagram's identity. */
import { mix32 } from '../choice.ts'
import type { Crossing } from './rule.ts'

/** The offset of the byte to flip, or -1. */
export function corruptedOffset({ link, chooser, datagram, keyHi, keyLo }: Crossing): number {
  if (link.odds.corrupt === undefined || datagram.bytes.length === 0) return -1
  return chooser.choose(link.odds.corrupt, keyHi, keyLo) === 0 ? -1 : mix32(keyHi, keyLo) % datagram.bytes.length
}

/** A copy with another byte at `offset`. */
export function flipped({ datagram, keyHi, keyLo }: Crossing, offset: number): Uint8Array {
  const bytes = datagram.bytes.slice()
  bytes[offset] = bytes[offset] ^ (1 + (mix32(keyLo, keyHi) % 255))
  return bytes
}
