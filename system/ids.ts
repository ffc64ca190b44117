/** The identifiers of Theta and how their bits are laid out. */
import { assert } from './assert.ts'

/** A member of the session; 0 is the host. Given by the host, never reused within a session, so that departed authors keep theirs. */
export type AuthorId = number
export const HOST_AUTHOR: AuthorId = 0

/** A Lamport timestamp: an integer in [1, 2^53 - 1]; 0 means "before every entry". */
export type Lamport = number

/**
 * Names an entity. 31 bits, so that it stays a small integer in every engine: bit 30 tells who owns its existence
 * (0: the command log, 1: the host's stream); below it stand 10 bits of author and 20 bits of that author's counter.
 */
export type EntityId = number
export type Source = 'log' | 'stream'

const ENTITY_COUNTER_BITS = 20
const ENTITY_AUTHOR_BITS = 10
export const AUTHORS_MAX = 1 << ENTITY_AUTHOR_BITS
export const ENTITIES_PER_AUTHOR_MAX = 1 << ENTITY_COUNTER_BITS
const STREAM_BIT = 1 << (ENTITY_COUNTER_BITS + ENTITY_AUTHOR_BITS)
export const ENTITY_ID_MAX = STREAM_BIT * 2 - 1

export function entityId(source: Source, author: AuthorId, counter: number): EntityId {
  assert(author >= 0 && author < AUTHORS_MAX, 'an author fits its bits')
  assert(counter >= 0 && counter < ENTITIES_PER_AUTHOR_MAX, 'an entity counter fits its bits')
  return (source === 'stream' ? STREAM_BIT : 0) | (author << ENTITY_COUNTER_BITS) | counter
}
export const entitySource = (entity: EntityId): Source => ((entity & STREAM_BIT) === 0 ? 'log' : 'stream')
export const entityAuthor = (entity: EntityId): AuthorId => (entity >>> ENTITY_COUNTER_BITS) & (AUTHORS_MAX - 1)
export const entityCounter = (entity: EntityId): number => entity & (ENTITIES_PER_AUTHOR_MAX - 1)

/**
 * A 64-bit value that is carried, compared and added, never multiplied: two unsigned 32-bit halves (a bigint costs
 * 400 ns an operation).
 */
export interface Hash64 {
  readonly hi: number
  readonly lo: number
}
const U32_MAX = 0xffffffff
export const HASH64_ZERO: Hash64 = { hi: 0, lo: 0 }
/** Modulo 2^64. */
export const hash64Sum = (a: Hash64, b: Hash64): Hash64 => {
  const lo = a.lo + b.lo
  return { hi: (a.hi + b.hi + (lo > U32_MAX ? 1 : 0)) >>> 0, lo: lo >>> 0 }
}
/** Modulo 2^64. */
export const hash64Difference = (a: Hash64, b: Hash64): Hash64 => {
  const lo = a.lo - b.lo
  return { hi: (a.hi - b.hi - (lo < 0 ? 1 : 0)) >>> 0, lo: lo >>> 0 }
}
export const hash64Equal = (a: Hash64, b: Hash64): boolean => a.lo === b.lo && a.hi === b.hi
/** Sixteen lower-case hexadecimal digits, most significant first. */
export const hash64Hex = ({ hi, lo }: Hash64): string => hex32(hi) + hex32(lo)

/** The two digits of each byte: the engine's own radix conversion takes six times as long, and every frame tells three digests. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const hex32 = (word: number): string => HEX[word >>> 24] + HEX[(word >>> 16) & 0xff] + HEX[(word >>> 8) & 0xff] + HEX[word & 0xff]
