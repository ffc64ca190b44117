/**
 * The state cookie (RFC 9260, section 5.1.3): all that an association needs, kept by the peer until it is echoed, under a keyed
 * sum in the place of the MAC.
 */
import { Reader } from '../../bytes.ts'
import { isTag, TAG_BYTES, writeTag } from '../../keyedsum.ts'
import { type SumKey, sumOf } from '../secret.ts'
import type { Init } from './chunks.ts'
import { COOKIE_LIFE_US } from './limits.ts'

/** 'cook': what a cookie of this kind begins with. */
const MAGIC = 0x636f6f6b
const BODY_BYTES = 44
const U32_RANGE = 2 ** 32

export interface Cookie {
  readonly createdUs: number
  /** What was said in INIT ACK: our tag and first TSN. */
  readonly ownTag: number
  readonly ownInitialTsn: number
  /** What INIT said. */
  readonly peerTag: number
  readonly peerInitialTsn: number
  readonly peerWindowBytes: number
  readonly isPartiallyReliable: boolean
  readonly canReset: boolean
  /** Section 5.2.2: tags of the association that was there already when INIT came; 0 where there was none. */
  readonly ownTieTag: number
  readonly peerTieTag: number
}

/** Section 5.2.6: it is reported, and another is asked for. */
export const isStale = ({ createdUs }: Cookie, nowUs: number): boolean => nowUs > createdUs + COOKIE_LIFE_US

export interface CookieTerms {
  readonly createdUs: number
  readonly ownTag: number
  readonly ownInitialTsn: number
  readonly ownTieTag: number
  readonly peerTieTag: number
}

export function writeCookie(terms: CookieTerms, init: Init, key: SumKey): Uint8Array {
  const bytes = new Uint8Array(BODY_BYTES + TAG_BYTES)
  const view = new DataView(bytes.buffer)
  const words = [
    MAGIC, Math.floor(terms.createdUs / U32_RANGE), terms.createdUs, terms.ownTag, terms.ownInitialTsn, init.tag, init.initialTsn,
    init.windowBytes, (init.isPartiallyReliable ? 1 : 0) | (init.canReset ? 2 : 0), terms.ownTieTag, terms.peerTieTag,
  ]
  words.forEach((word, i) => view.setUint32(i * 4, word))
  writeTag(view, BODY_BYTES, sumOf(view, 0, BODY_BYTES, BODY_BYTES, key))
  return bytes
}

/** Undefined where it is forged. */
export function readCookie(bytes: Uint8Array, key: SumKey): Cookie | undefined {
  if (bytes.length !== BODY_BYTES + TAG_BYTES) return undefined
  const reader = new Reader(bytes, BODY_BYTES)
  const { view } = reader
  if (reader.u32() !== MAGIC || !isTag(view, BODY_BYTES, sumOf(view, 0, BODY_BYTES, BODY_BYTES, key))) return undefined
  const createdUs = reader.u32() * U32_RANGE + reader.u32()
  const [ownTag, ownInitialTsn, peerTag, peerInitialTsn, peerWindowBytes] = [
    reader.u32(), reader.u32(), reader.u32(), reader.u32(), reader.u32(),
  ]
  const flags = reader.u32()
  return {
    createdUs, ownTag, ownInitialTsn, peerTag, peerInitialTsn, peerWindowBytes,
    isPartiallyReliable: (flags & 1) !== 0, canReset: (flags & 2) !== 0, ownTieTag: reader.u32(), peerTieTag: reader.u32(),
  }
}
