/**
 * The host's resume tokens: what a member shows to go on with a transfer. One is a MAC over who transfers what which way, by a secret that
 * the host's key gives, so that the host keeps none of them and knows them again after a crash; another host knows none.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { AuthorId } from '../ids.ts'
import type { Signer } from '../ports.ts'
import { bytesEqual, concatenate, u32 } from '../protocol/bytes.ts'
import { utf8Bytes } from '../protocol/utf8.ts'

const DOMAIN = utf8Bytes('theta/asset-tokens/1')
const TOKEN_BYTES = 16
const WAYS = ['offer', 'fetch'] as const
type Way = (typeof WAYS)[number]

export class ResumeTokens {
  readonly #secret: Uint8Array

  constructor(signer: Signer, sessionId: Uint8Array) {
    this.#secret = sha256(signer.sign(concatenate([DOMAIN, sessionId])))
  }

  of(way: Way, author: AuthorId, digest: Uint8Array): Uint8Array {
    return hmac(sha256, this.#secret, concatenate([u32(WAYS.indexOf(way)), u32(author), digest])).slice(0, TOKEN_BYTES)
  }
  holds(token: Uint8Array, way: Way, author: AuthorId, digest: Uint8Array): boolean {
    return bytesEqual(token, this.of(way, author, digest))
  }
}
