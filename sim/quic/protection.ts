/**
 * Packet protection (RFC 9001, section 5): the keys of one direction at one encryption level, in two kinds.
 *
 * 'aead' is AEAD_AES_128_GCM with header protection, byte for byte: what a capture can be read from. 'tag' puts a keyed checksum of the
 * same 16 bytes behind each packet and leaves the rest in the clear: it finds damage, packets of other connections and wrong packet
 * numbers at a fraction of the cost, and hides nothing. Of the cipher suites of TLS 1.3 no other is offered.
 */
import { assert } from '../assert.ts'
import { mix32 } from '../choice.ts'
import { isTag, keyedSum, writeTag } from '../keyedsum.ts'
import { Aes128, Aes128Gcm, IV_BYTES, KEY_BYTES, TAG_BYTES } from './aesgcm.ts'
import { expandLabel, extract, type ProtectionKind, SECRET_BYTES } from './keyderivation.ts'

export { TAG_BYTES } from './aesgcm.ts'
export type { ProtectionKind } from './keyderivation.ts'

/** The encryption levels, one packet type each (RFC 9001, section 4, table 1). */
export type Level = 'initial' | 'zeroRtt' | 'handshake' | 'oneRtt'

/** The packet number is taken to be this long where the sample of header protection is looked for (section 5.4.2). */
const SAMPLE_OFFSET = 4
const SAMPLE_BYTES = 16

/** What header protection leaves to read. */
export interface Unmasked {
  /** The first byte of the header. */
  readonly first: number
  /** 1 to 4. */
  readonly pnBytes: number
  /** The packet number's low `pnBytes` bytes. */
  readonly truncated: number
}

/** All offsets count from the beginning of `bytes`; packet numbers are safe integers. */
export interface PacketKeys {
  /**
   * Protects a packet in place: the header in [start, payload), its last `pnBytes` the packet number, plaintext in [payload, end), room
   * for 16 more bytes at `end`. Applies header protection too. Packet number and plaintext must come to at least 4 bytes.
   */
  seal(bytes: Uint8Array, start: number, pnBytes: number, payload: number, end: number, packetNumber: number): void
  /** Removes header protection in place; undefined where fewer than 20 bytes stand behind `pnOffset`. 'tag' changes nothing. */
  unmask(bytes: Uint8Array, start: number, pnOffset: number, end: number): Unmasked | undefined
  /**
   * Decrypts in place; the tag is the last 16 bytes of [payload, end). False where it does not fit. 'tag' changes nothing; 'aead' does, so
   * whoever shares the bytes with a duplicate or a capture copies them before `unmask`.
   */
  open(bytes: Uint8Array, start: number, payload: number, end: number, packetNumber: number): boolean
  /** The keys of the next key phase, from its secret; header protection stays as it is (section 6.1). */
  next(secret: Uint8Array): PacketKeys
}

/** From a secret of 32 bytes (section 5.1). */
export function packetKeys(kind: ProtectionKind, secret: Uint8Array): PacketKeys {
  if (kind === 'tag') return new TagKeys(secret)
  return new AeadKeys(secret, new Aes128(expandLabel(kind, secret, 'quic hp', NO_CONTEXT, KEY_BYTES)))
}

/** What the client's first Destination Connection ID says (section 5.2): for packets that `by` sends. */
export function initialKeys(kind: ProtectionKind, destinationConnectionId: Uint8Array, by: 'client' | 'server'): PacketKeys {
  const secret = extract(kind, INITIAL_SALT, destinationConnectionId)
  return packetKeys(kind, expandLabel(kind, secret, `${by} in`, NO_CONTEXT, SECRET_BYTES))
}

/** Secret and keys of the next key phase (section 6.1). */
export function updatedKeys(
  kind: ProtectionKind, secret: Uint8Array, previous: PacketKeys,
): { readonly secret: Uint8Array; readonly keys: PacketKeys } {
  const updated = expandLabel(kind, secret, 'quic ku', NO_CONTEXT, SECRET_BYTES)
  return { secret: updated, keys: previous.next(updated) }
}

const INITIAL_SALT = new Uint8Array([
  0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
])
const NO_CONTEXT = new Uint8Array(0)

const isLongHeader = (first: number): boolean => (first & 0x80) !== 0
const pnBytesOf = (first: number): number => (first & 0x03) + 1

function truncatedNumber(bytes: Uint8Array, pnOffset: number, pnBytes: number): number {
  let truncated = 0
  for (let i = 0; i < pnBytes; i++) truncated = truncated * 256 + bytes[pnOffset + i]
  return truncated
}

/** Datagrams are carved from large blocks, so the view of the last one mostly serves the next. */
class Viewed {
  #view: DataView = new DataView(new ArrayBuffer(0))

  /** Of the whole buffer that `bytes` is part of. */
  of(bytes: Uint8Array): DataView {
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer)
    return this.#view
  }
}

class AeadKeys implements PacketKeys {
  readonly #gcm: Aes128Gcm
  readonly #header: Aes128
  readonly #viewed = new Viewed()

  constructor(secret: Uint8Array, header: Aes128) {
    const key = expandLabel('aead', secret, 'quic key', NO_CONTEXT, KEY_BYTES)
    this.#gcm = new Aes128Gcm(key, expandLabel('aead', secret, 'quic iv', NO_CONTEXT, IV_BYTES))
    this.#header = header
  }

  seal(bytes: Uint8Array, start: number, pnBytes: number, payload: number, end: number, packetNumber: number): void {
    assert(pnBytes + end - payload >= SAMPLE_OFFSET, 'a packet must be long enough for the sample of header protection')
    const view = this.#viewed.of(bytes)
    const base = bytes.byteOffset
    this.#gcm.seal(view, base + start, base + payload, base + end, packetNumber)
    const pnOffset = payload - pnBytes
    const mask = this.#mask(view, base + pnOffset)
    bytes[start] ^= firstMask(bytes[start], mask.s0)
    maskNumber(bytes, pnOffset, pnBytes, mask.s0, mask.s1)
  }

  unmask(bytes: Uint8Array, start: number, pnOffset: number, end: number): Unmasked | undefined {
    if (end - pnOffset < SAMPLE_OFFSET + SAMPLE_BYTES) return undefined
    const mask = this.#mask(this.#viewed.of(bytes), bytes.byteOffset + pnOffset)
    const first = bytes[start] ^ firstMask(bytes[start], mask.s0)
    const pnBytes = pnBytesOf(first)
    bytes[start] = first
    maskNumber(bytes, pnOffset, pnBytes, mask.s0, mask.s1)
    return { first, pnBytes, truncated: truncatedNumber(bytes, pnOffset, pnBytes) }
  }

  open(bytes: Uint8Array, start: number, payload: number, end: number, packetNumber: number): boolean {
    if (end - payload < TAG_BYTES) return false
    const base = bytes.byteOffset
    return this.#gcm.open(this.#viewed.of(bytes), base + start, base + payload, base + end - TAG_BYTES, packetNumber)
  }

  next(secret: Uint8Array): PacketKeys {
    return new AeadKeys(secret, this.#header)
  }

  /** The first five bytes of the encrypted sample, as little-endian words (section 5.4.3). */
  #mask(view: DataView, pnOffset: number): { readonly s0: number; readonly s1: number } {
    const at = pnOffset + SAMPLE_OFFSET
    return this.#header.words(
      view.getUint32(at, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true), view.getUint32(at + 12, true))
  }
}

/** Four bits of a long header are protected, five of a short one (section 5.4.1). */
const firstMask = (first: number, mask: number): number => mask & (isLongHeader(first) ? 0x0f : 0x1f)

function maskNumber(bytes: Uint8Array, pnOffset: number, pnBytes: number, mask: number, maskEnd: number): void {
  for (let i = 0; i < pnBytes; i++) bytes[pnOffset + i] ^= i < 3 ? mask >>> (8 * (i + 1)) : maskEnd
}

class TagKeys implements PacketKeys {
  readonly #hi: number
  readonly #lo: number
  readonly #viewed = new Viewed()

  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, secret.length)
    this.#hi = view.getUint32(0)
    this.#lo = view.getUint32(4)
  }

  seal(bytes: Uint8Array, start: number, _pnBytes: number, _payload: number, end: number, packetNumber: number): void {
    const view = this.#viewed.of(bytes)
    const at = bytes.byteOffset + end
    writeTag(view, at, this.#sum(view, bytes.byteOffset + start, at, packetNumber))
  }

  unmask(bytes: Uint8Array, start: number, pnOffset: number, end: number): Unmasked | undefined {
    if (end - pnOffset < SAMPLE_OFFSET + SAMPLE_BYTES) return undefined
    const first = bytes[start]
    const pnBytes = pnBytesOf(first)
    return { first, pnBytes, truncated: truncatedNumber(bytes, pnOffset, pnBytes) }
  }

  open(bytes: Uint8Array, start: number, payload: number, end: number, packetNumber: number): boolean {
    if (end - payload < TAG_BYTES) return false
    const view = this.#viewed.of(bytes)
    const at = bytes.byteOffset + end - TAG_BYTES
    return isTag(view, at, this.#sum(view, bytes.byteOffset + start, at, packetNumber))
  }

  next(secret: Uint8Array): PacketKeys {
    return new TagKeys(secret)
  }

  #sum(view: DataView, start: number, end: number, packetNumber: number): number {
    const hi = mix32(this.#hi, packetNumber >>> 0)
    return keyedSum(view, start, end, hi, mix32(this.#lo ^ (end - start), Math.floor(packetNumber / 2 ** 32)))
  }
}
