/**
 * How secrets become other secrets: a hash, a keyed hash, and HKDF with TLS 1.3's labels over them (RFC 5869; RFC 8446, section 7.1).
 *
 * 'aead' takes SHA-256, as the cipher suite TLS_AES_128_GCM_SHA256 says. 'tag' takes a mixing of words in its place, some hundred
 * times faster: as deterministic and as sensitive to each bit, but anybody could invert it.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { mix32 } from '../choice.ts'

/** How packets are protected: by a keyed checksum that hides nothing, or by the AEAD_AES_128_GCM of RFC 9001. */
export type ProtectionKind = 'tag' | 'aead'

/** Of a secret and of a hash. */
export const SECRET_BYTES = 32

/** A hash in progress. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** 32 bytes, of everything so far; it may go on afterwards. */
  digest(): Uint8Array
}

export function hasher(kind: ProtectionKind): Hasher {
  if (kind === 'tag') return new MixedHasher()
  const state = sha256.create()
  return {
    update: (bytes) => { state.update(bytes) },
    digest: () => state.clone().digest(),
  }
}

/** HMAC-SHA256 of `data`, or what stands for it: 32 bytes. */
export function keyedHash(kind: ProtectionKind, key: Uint8Array, data: Uint8Array): Uint8Array {
  if (kind === 'aead') return hmac(sha256, key, data)
  const mixed = new MixedHasher()
  mixed.update(key)
  mixed.update(data)
  return mixed.digest()
}

/** HKDF-Extract (RFC 5869, section 2.2): 32 bytes. */
export const extract = (kind: ProtectionKind, salt: Uint8Array, input: Uint8Array): Uint8Array => keyedHash(kind, salt, input)

/** HKDF-Expand-Label (RFC 8446, section 7.1) of at most 32 bytes, which one round of HKDF-Expand gives; `label` without 'tls13 '. */
export function expandLabel(kind: ProtectionKind, secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  const full = `tls13 ${label}`
  const info = new Uint8Array(2 + 1 + full.length + 1 + context.length + 1)
  info[1] = length
  info[2] = full.length
  for (let i = 0; i < full.length; i++) info[3 + i] = full.charCodeAt(i)
  info[3 + full.length] = context.length
  info.set(context, 4 + full.length)
  info[info.length - 1] = 1
  return keyedHash(kind, secret, info).subarray(0, length)
}

/** Two words of state; every step is a bijection of each, so that a single changed byte never goes unseen. */
class MixedHasher implements Hasher {
  #a = 0x6a09e667
  #b = 0xbb67ae85

  update(bytes: Uint8Array): void {
    let a = mix32(this.#a, bytes.length)
    let b = this.#b
    let i = 0
    for (; i + 4 <= bytes.length; i += 4) {
      a = mix32(a, bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24))
      b = mix32(b, a)
    }
    for (; i < bytes.length; i++) {
      a = mix32(a, bytes[i])
      b = mix32(b, a)
    }
    this.#a = a
    this.#b = b
  }

  digest(): Uint8Array {
    const bytes = new Uint8Array(SECRET_BYTES)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < SECRET_BYTES; i += 4) view.setUint32(i, mix32(mix32(this.#a, i), this.#b))
    return bytes
  }
}
