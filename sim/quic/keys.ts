/** The keys of a connection: one pair for each encryption level, and the generations of 1-RTT keys (RFC 9001, section 6). */
import { TransportError, type Violation, violation } from './errors.ts'
import { KEY_PHASE, type NumberedHeader, RESERVED_BITS_LONG, RESERVED_BITS_SHORT } from './packet.ts'
import { decodePacketNumber } from './packetnumber.ts'
import { type Level, type PacketKeys, packetKeys, type ProtectionKind, TAG_BYTES, updatedKeys } from './protection.ts'

/** RFC 9001, section 6.5: old keys are kept for that many probe timeouts. */
const OLD_KEYS_PROBE_TIMEOUTS = 3
/** Section 6.6: packets that AEAD_AES_128_GCM may protect with one key. The keys are updated well before. */
const CONFIDENTIALITY_PACKETS_MAX = 2 ** 23
const UPDATE_AFTER_PACKETS = CONFIDENTIALITY_PACKETS_MAX / 2

/** A packet that was opened. */
export interface Opened {
  readonly number: number
  /** Where the frames begin and end. */
  readonly payload: number
  readonly end: number
  /** The peer has updated its keys, and so have we. */
  readonly isKeyUpdate: boolean
}

interface Generation {
  readonly secret: Uint8Array
  readonly keys: PacketKeys
}

export class ConnectionKeys {
  /** Updates so far; its least bit is on the wire. */
  keyPhase = 0
  readonly #kind: ProtectionKind
  readonly #own: Partial<Record<Level, PacketKeys>> = {}
  readonly #peer: Partial<Record<Level, PacketKeys>> = {}
  #ownSecret: Uint8Array | undefined
  #peerSecret: Uint8Array | undefined
  #next: Generation | undefined
  #previous: PacketKeys | undefined
  #previousUntilUs = Infinity
  /** The lowest packet number of this key phase that was received. */
  #phaseNumber = 0
  /** Packets sent in this key phase, and the number of the first. */
  #sentCount = 0
  #firstSent = 0

  constructor(kind: ProtectionKind) {
    this.#kind = kind
  }

  set(level: Level, own: PacketKeys | undefined, peer: PacketKeys | undefined): void {
    if (own !== undefined) this.#own[level] = own
    if (peer !== undefined) this.#peer[level] = peer
  }

  install(level: Level, own: Uint8Array | undefined, peer: Uint8Array | undefined): void {
    this.set(level, own && packetKeys(this.#kind, own), peer && packetKeys(this.#kind, peer))
    if (level !== 'oneRtt') return
    this.#ownSecret = own ?? this.#ownSecret
    this.#peerSecret = peer ?? this.#peerSecret
  }

  own(level: Level): PacketKeys | undefined {
    return this.#own[level]
  }
  hasPeer(level: Level): boolean {
    return this.#peer[level] !== undefined
  }
  discard(level: Level): void {
    this.#own[level] = undefined as never
    this.#peer[level] = undefined as never
  }

  /** A packet left in the current phase; true once it is time for new keys. */
  sent(number: number): boolean {
    if (this.#sentCount === 0) this.#firstSent = number
    return ++this.#sentCount >= UPDATE_AFTER_PACKETS
  }
  /** Section 6.1: once a packet of this phase is acknowledged the keys may be updated (again). */
  isPhaseAcked(largestAcked: number): boolean {
    return this.#sentCount > 0 && largestAcked >= this.#firstSent
  }

  /**
   * Opens a packet; 'tag' where it was not protected with keys that we have, 'malformed' where it is too short. `largest` is the largest
   * packet number received in its space. With 'aead' the bytes are changed.
   */
  open(
    header: NumberedHeader, bytes: Uint8Array, largest: number, nowUs: number, probeTimeoutUs: number,
  ): Opened | 'tag' | 'malformed' | Violation {
    const { kind, start, numberOffset, end } = header
    const keys = this.#peer[kind]
    if (keys === undefined) return 'tag'
    const unmasked = keys.unmask(bytes, start, numberOffset, end)
    if (unmasked === undefined) return 'malformed'
    const number = decodePacketNumber(largest, unmasked.truncated, unmasked.pnBytes)
    const payload = numberOffset + unmasked.pnBytes
    let isKeyUpdate = false
    if (kind === 'oneRtt') {
      const phase = (unmasked.first & KEY_PHASE) === 0 ? 0 : 1
      const isOpenedBy = (these: PacketKeys): boolean => these.open(bytes, start, payload, end, number)
      const opened = this.#openPhase(keys, phase, number, isOpenedBy, nowUs, nowUs + OLD_KEYS_PROBE_TIMEOUTS * probeTimeoutUs)
      if (opened !== 'current' && opened !== 'updated') return opened
      isKeyUpdate = opened === 'updated'
    } else if (!keys.open(bytes, start, payload, end, number)) {
      return 'tag'
    }
    if ((unmasked.first & (kind === 'oneRtt' ? RESERVED_BITS_SHORT : RESERVED_BITS_LONG)) !== 0) {
      return violation(TransportError.protocolViolation, 'reserved bits are set')
    }
    return { number, payload, end: end - TAG_BYTES, isKeyUpdate }
  }

  #openPhase(
    keys: PacketKeys, phase: number, number: number, isOpenedBy: (keys: PacketKeys) => boolean, nowUs: number, oldUntilUs: number,
  ): 'current' | 'updated' | 'tag' | Violation {
    if (nowUs >= this.#previousUntilUs) this.#previous = undefined
    if (phase === this.keyPhase % 2) {
      if (!isOpenedBy(keys)) return 'tag'
      if (number < this.#phaseNumber) this.#phaseNumber = number
      if (this.#previousUntilUs === Infinity) this.#previousUntilUs = oldUntilUs
      return 'current'
    }
    // Section 6.3: the packet number tells packets of before from those of an update.
    if (number < this.#phaseNumber) {
      return this.#previous !== undefined && isOpenedBy(this.#previous) ? 'current' : 'tag'
    }
    this.#next ??= updatedKeys(this.#kind, this.#peerSecret!, keys)
    if (!isOpenedBy(this.#next.keys)) return 'tag'
    // Section 6.2: the peer cannot have an acknowledgement in these keys if nothing was ever sent with them.
    if (this.keyPhase > 0 && this.#sentCount === 0) return violation(TransportError.keyUpdateError, 'keys updated twice at once')
    this.#rotate()
    this.#phaseNumber = number
    this.#previousUntilUs = oldUntilUs
    return 'updated'
  }

  /** Updates the keys of our own accord; the caller sees that the handshake is confirmed, and {@link isPhaseAcked}. */
  update(): void {
    this.#rotate()
    // What arrives with the old phase is of before, whatever its number, until the peer follows.
    this.#phaseNumber = Infinity
    this.#previousUntilUs = Infinity
  }

  #rotate(): void {
    const peer = this.#next ?? updatedKeys(this.#kind, this.#peerSecret!, this.#peer.oneRtt!)
    const own = updatedKeys(this.#kind, this.#ownSecret!, this.#own.oneRtt!)
    this.#previous = this.#peer.oneRtt
    this.#peer.oneRtt = peer.keys
    this.#own.oneRtt = own.keys
    this.#peerSecret = peer.secret
    this.#ownSecret = own.secret
    this.#next = undefined
    this.keyPhase++
    this.#sentCount = 0
  }
}
