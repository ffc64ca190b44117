/**
 * How an association comes about: INIT, INIT ACK with a state cookie, COOKIE ECHO, COOKIE ACK (RFC 9260, section 5.1), from either end
 * or from both at once (section 5.2), as WebRTC does. Knows what to answer; the association does the sending.
 */
import { mix32 } from '../../choice.ts'
import { answerTo, type Cause as Datagram, type PacketIdentity } from '../packetidentity.ts'
import type { SumKey } from '../secret.ts'
import { ChunkType, type Init, type OwnInit, writeChunk, writeInit } from './chunks.ts'
import { type Cookie, isStale, readCookie, writeCookie } from './cookie.ts'
import { INIT_RETRANSMISSIONS_MAX, type SctpTimings } from './limits.ts'
import type { PacketBuilder } from './packet.ts'
import type { RetransmissionTimeout } from './rto.ts'

/** What both ends agreed on. */
export type Terms = Pick<Cookie, 'peerTag' | 'peerInitialTsn' | 'peerWindowBytes' | 'isPartiallyReliable' | 'canReset'>

export type CookieVerdict =
  | { readonly kind: 'forged' | 'old' | 'restart' }
  | { readonly kind: 'stale' | 'good'; readonly terms: Terms }

/** Sends a packet of what `write` puts into it, under a verification tag. */
export type SendPacket = (tag: number, identity: PacketIdentity, write: (packet: PacketBuilder) => void) => void

export class Setup {
  readonly #own: OwnInit
  readonly #key: SumKey
  readonly #timings: SctpTimings
  readonly #rto: RetransmissionTimeout
  readonly #send: SendPacket
  /** Of the peer, as far as it is known. */
  #terms: Terms | undefined
  #cookie: Uint8Array | undefined
  #state: 'closed' | 'cookie wait' | 'cookie echoed' = 'closed'
  #attempt = 0
  #t1Us: number
  #t1AtUs = Infinity
  #sentUs = 0

  constructor(own: OwnInit, key: SumKey, timings: SctpTimings, rto: RetransmissionTimeout, send: SendPacket) {
    this.#own = own
    this.#key = key
    this.#timings = timings
    this.#rto = rto
    this.#send = send
    this.#t1Us = timings.rtoUsInitial
  }

  nextWakeUs(): number {
    return this.#t1AtUs
  }

  start(nowUs: number): void {
    this.#state = 'cookie wait'
    this.#sendInit(nowUs)
  }

  /** T1-init or T1-cookie; false where the last attempt is over. */
  wake(nowUs: number): boolean {
    if (nowUs < this.#t1AtUs) return true
    if (this.#attempt >= INIT_RETRANSMISSIONS_MAX) return false
    this.#attempt++
    this.#t1Us = Math.min(this.#t1Us * 2, this.#timings.rtoUsMax)
    if (this.#state === 'cookie wait') this.#sendInit(nowUs)
    else this.#sendCookie(nowUs)
    return true
  }

  stop(): void {
    this.#t1AtUs = Infinity
  }

  #name(contents: string): PacketIdentity {
    return { contents, channel: 0, start: 0, end: 0, attempt: this.#attempt }
  }

  #sendInit(nowUs: number): void {
    this.#sentUs = nowUs
    this.#t1AtUs = nowUs + this.#t1Us
    this.#send(0, this.#name('init'), ({ writer }) => writeInit(writer, this.#own))
  }
  #sendCookie(nowUs: number): void {
    this.#sentUs = nowUs
    this.#t1AtUs = nowUs + this.#t1Us
    this.#send(this.#terms!.peerTag, this.#name('cookie echo'), ({ writer }) => writeChunk(writer, ChunkType.cookieEcho, 0, this.#cookie!))
  }

  /**
   * Answers an INIT. Before there is an association the answer repeats our own INIT, so that two that cross make one (section 5.2.1);
   * `established` is the peer of the one that is there: the answer offers another tag then (section 5.2.2).
   */
  init(init: Init, established: Terms | undefined, cause: Datagram, nowUs: number): void {
    const { tag, initialTsn } = this.#own
    const other = mix32(tag, init.tag) || 1
    const own = established === undefined ? this.#own : { ...this.#own, tag: other, initialTsn: mix32(initialTsn, init.tag) }
    const peer = established ?? (this.#state === 'cookie echoed' ? this.#terms : undefined)
    const cookie = writeCookie({
      createdUs: nowUs, ownTag: own.tag, ownInitialTsn: own.initialTsn,
      ownTieTag: peer === undefined ? 0 : tag, peerTieTag: peer?.peerTag ?? 0,
    }, init, this.#key)
    this.#send(init.tag, answerTo('init ack', cause), ({ writer }) => writeInit(writer, own, cookie, init.unrecognized))
  }

  /** An INIT ACK counts while it is waited for: section 5.2.3. False where it is not, or has no cookie. */
  initAck(init: Init, nowUs: number): boolean {
    if (this.#state !== 'cookie wait' || init.cookie === undefined) return false
    this.#terms = {
      peerTag: init.tag, peerInitialTsn: init.initialTsn, peerWindowBytes: init.windowBytes,
      isPartiallyReliable: init.isPartiallyReliable, canReset: init.canReset,
    }
    this.#measure(nowUs)
    this.#cookie = init.cookie.slice()
    this.#state = 'cookie echoed'
    this.#attempt = 0
    this.#t1Us = this.#timings.rtoUsInitial
    this.#sendCookie(nowUs)
    return true
  }

  /** COOKIE ACK, or what only follows it: the terms of the association; undefined where none is waited for. */
  cookieAck(nowUs: number): Terms | undefined {
    if (this.#state !== 'cookie echoed') return undefined
    this.#measure(nowUs)
    return this.#terms
  }

  /** What was sent once measures the path (section 6.3.1). */
  #measure(nowUs: number): void {
    if (this.#attempt === 0) this.#rto.measured(nowUs - this.#sentUs)
  }

  /** ERROR with a stale cookie: another is asked for (section 5.2.6). */
  staleCookie(nowUs: number): void {
    if (this.#state !== 'cookie echoed') return
    this.#state = 'cookie wait'
    this.#attempt++
    this.#sendInit(nowUs)
  }

  /** What a cookie that came back stands for: section 5.2.4, table 12. */
  cookieEcho(bytes: Uint8Array, packetTag: number, established: Terms | undefined, nowUs: number): CookieVerdict {
    const cookie = readCookie(bytes, this.#key)
    if (cookie === undefined || cookie.ownTag !== packetTag) return { kind: 'forged' }
    if (cookie.ownTag === this.#own.tag) {
      // That of an association that is there already may be as old as it likes.
      return { kind: established === undefined && isStale(cookie, nowUs) ? 'stale' : 'good', terms: cookie }
    }
    if (established === undefined) return { kind: 'old' }
    const isTied = cookie.ownTieTag === this.#own.tag && cookie.peerTieTag === established.peerTag
    return { kind: isTied && cookie.peerTag !== established.peerTag ? 'restart' : 'old' }
  }
}
