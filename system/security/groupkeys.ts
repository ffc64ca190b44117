/**
 * The keys of a sealed log, and what they seal. A session whose host seals it has a group key, of which the host makes a new
 * generation whenever a member leaves; the payload of every entry is sealed by the newest one that its author has.
 *
 *     sealed payload: generation u32 | AES-256-GCM-SIV (RFC 8452) of the payload, its tag at the end
 *
 * The nonce is (author, nonce of the entry), and the header of the entry is authenticated with it: a sealed payload is worth nothing
 * in another entry. An author that lost its memory may use a nonce twice for what never reached its host; with this cipher that
 * tells an eavesdropper whether two payloads are equal, and nothing more.
 *
 * Generations are a hash chain, made backwards: who has one has all that came before it, which a newcomer needs for what is open,
 * and who has left has none that comes after.
 */
import { gcmsiv } from '@noble/ciphers/aes.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { signingBytes, type UnsignedEntry } from '../commands/signing.ts'
import { assert } from '../assert.ts'
import type { AuthorId } from '../ids.ts'
import { KEY_GENERATIONS_MAX } from '../limits.ts'
import { bytesEqual, concatenate, u32, u64 } from '../protocol/bytes.ts'
import { utf8Bytes } from '../protocol/utf8.ts'

export const KEY_BYTES = 32
const GENERATION_BYTES = 4
const NONCE_BYTES = 12
const CHAIN = utf8Bytes('theta/chain/1')
const PAYLOAD = utf8Bytes('theta/payload/1')
const WRAP = utf8Bytes('theta/wrap/1')

/** The generation before. */
const before = (key: Uint8Array): Uint8Array => sha256(concatenate([CHAIN, key]))

/** Every generation there can be, for the host that made them. */
export class KeyChain {
  /** By generation, less one. */
  readonly #keys: Uint8Array[]

  /** @param secret 32 unpredictable bytes: the last generation. */
  constructor(secret: Uint8Array) {
    this.#keys = [secret.slice()]
    while (this.#keys.length < KEY_GENERATIONS_MAX) this.#keys.push(before(this.#keys.at(-1)!))
    this.#keys.reverse()
  }
  /** From 1 to {@link KEY_GENERATIONS_MAX}. */
  at(generation: number): Uint8Array {
    return this.#keys[generation - 1]
  }
}

/** What a member has of the keys: the newest generation that it was given, and all before it. */
export class GroupKeys {
  readonly #sessionId: Uint8Array
  /** By generation; those in between are derived when they are asked for. */
  readonly #keys = new Map<number, Uint8Array>()
  #newest = 0

  constructor(sessionId: Uint8Array) {
    this.#sessionId = sessionId
  }

  /** The newest generation; 0 before the first. */
  get generation(): number {
    return this.#newest
  }

  /** Takes a newer generation. False where it is none of the same chain. */
  adopt(generation: number, key: Uint8Array): boolean {
    if (generation <= this.#newest || generation > KEY_GENERATIONS_MAX) return false
    let older = key
    for (let at = generation; this.#newest > 0 && at > this.#newest; at--) older = before(older)
    if (this.#newest > 0 && !bytesEqual(older, this.#keys.get(this.#newest)!)) return false
    this.#keys.set(generation, key.slice())
    this.#newest = generation
    return true
  }

  /** Whether what this payload is sealed by is known here. */
  knows(payload: Uint8Array): boolean {
    const generation = generationOf(payload)
    return generation >= 1 && generation <= this.#newest
  }

  /** The entry with its payload sealed by the newest generation, of which there must be one. */
  seal<E extends UnsignedEntry>(entry: E): E {
    assert(this.#newest > 0, 'there is a key to seal by')
    const prefix = u32(this.#newest)
    return { ...entry, payload: concatenate([prefix, this.#cipher(entry, prefix).encrypt(entry.payload)]) }
  }

  /** The entry with its payload as it was; undefined where it is not sealed by a known generation for this very entry. */
  open<E extends UnsignedEntry>(entry: E): E | undefined {
    if (!this.knows(entry.payload)) return undefined
    const cipher = this.#cipher(entry, entry.payload.subarray(0, GENERATION_BYTES))
    const payload = decrypted(cipher, entry.payload.subarray(GENERATION_BYTES))
    return payload === undefined ? undefined : { ...entry, payload }
  }

  #cipher(entry: UnsignedEntry, prefix: Uint8Array) {
    const nonce = concatenate([u32(entry.author), u64(entry.nonce)])
    const header = signingBytes(this.#sessionId, { ...entry, payload: prefix })
    return gcmsiv(sha256(concatenate([PAYLOAD, this.#keyOf(generationOf(prefix))])), nonce, header)
  }
  #keyOf(generation: number): Uint8Array {
    let from = generation
    while (!this.#keys.has(from)) from++
    let key = this.#keys.get(from)!
    for (; from > generation; from--) key = before(key)
    this.#keys.set(generation, key)
    return key
  }
}

/** 0 where there is none. */
function generationOf(payload: Uint8Array): number {
  if (payload.length < GENERATION_BYTES) return 0
  return new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0, true)
}

// --- from member to member ---------------------------------------------------------------------------------------------

export const exchangeKeyOf = (secret: Uint8Array): Uint8Array => x25519.getPublicKey(secret)

/** What two sides share (X25519, RFC 7748); undefined where the other side's key is none, or of small order. */
export function sharedSecret(secret: Uint8Array, exchangeKey: Uint8Array): Uint8Array | undefined {
  if (exchangeKey.length !== KEY_BYTES) return undefined
  try {
    return x25519.getSharedSecret(secret, exchangeKey)
  } catch {
    // The library's only way of saying that nothing can be shared with this key.
    return undefined
  }
}

/** For whom a group key is wrapped; a key of its own comes of it, so that a fixed nonce is used once. */
export interface WrapContext {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly generation: number
  readonly author: AuthorId
}

export const wrapKey = (shared: Uint8Array, key: Uint8Array, context: WrapContext): Uint8Array => wrapCipher(shared, context).encrypt(key)

/** The key; undefined where it was not wrapped for this. */
export const unwrapKey = (shared: Uint8Array, wrapped: Uint8Array, context: WrapContext): Uint8Array | undefined =>
  decrypted(wrapCipher(shared, context), wrapped)

function wrapCipher(shared: Uint8Array, { sessionId, epoch, generation, author }: WrapContext) {
  const info = concatenate([WRAP, u32(epoch), u32(generation), u32(author)])
  return gcmsiv(hkdf(sha256, shared, sessionId, info, KEY_BYTES), new Uint8Array(NONCE_BYTES))
}

function decrypted(cipher: { decrypt(bytes: Uint8Array): Uint8Array }, bytes: Uint8Array): Uint8Array | undefined {
  try {
    return cipher.decrypt(bytes)
  } catch {
    // Too short, or a tag that does not hold: the library throws for either, and peers may send both.
    return undefined
  }
}
