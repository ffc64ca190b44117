/** The long-term credential mechanism at a server (RFC 8489, section 9.2): realm, nonces, and the keys of its users. */
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { mix32 } from '../../choice.ts'
import { StunAttribute, StunError } from '../stun/constants.ts'
import { checkIntegrity, type IntegrityAlgorithm, type IntegrityKey, longTermKey } from '../stun/integrity.ts'
import { placeOf, type StunMessage, valueOf } from '../stun/message.ts'
import type { StunWriter } from '../stun/writer.ts'
import { NONCE_US } from './limits.ts'

export interface Caller {
  readonly kind: 'known'
  readonly username: string
  readonly key: IntegrityKey
  /** In which the response is to be signed too. */
  readonly algorithm: IntegrityAlgorithm
}
type Refusal = { readonly kind: 'refused'; readonly error: number; readonly isChallenge: boolean }

export class Authenticator {
  readonly #realm: Uint8Array
  readonly #secret: number
  /** By user name in hexadecimal: a peer's bytes are compared as they are. */
  readonly #users: ReadonlyMap<string, { readonly username: string; readonly key: IntegrityKey }>

  constructor(realm: string, users: ReadonlyMap<string, string>, secret: number) {
    this.#realm = utf8ToBytes(realm)
    this.#secret = secret
    this.#users = new Map([...users].map(([username, password]) => {
      const name = utf8ToBytes(username)
      return [bytesToHex(name), { username, key: longTermKey(name, this.#realm, password) }]
    }))
  }

  /** Section 9.2.4, in its order. */
  check(message: StunMessage, nowUs: number): Caller | Refusal {
    const { messageIntegrity, messageIntegritySha256, username, realm, nonce } = StunAttribute
    if (placeOf(message, messageIntegrity) === undefined && placeOf(message, messageIntegritySha256) === undefined) {
      return { kind: 'refused', error: StunError.unauthenticated, isChallenge: true }
    }
    const name = valueOf(message, username)
    const told = valueOf(message, nonce)
    if (name === undefined || told === undefined || placeOf(message, realm) === undefined) {
      return { kind: 'refused', error: StunError.badRequest, isChallenge: false }
    }
    if (bytesToHex(told) !== bytesToHex(this.#nonce(nowUs))) return { kind: 'refused', error: StunError.staleNonce, isChallenge: true }
    const user = this.#users.get(bytesToHex(name))
    const algorithm = user === undefined ? 'wrong' : checkIntegrity(message, user.key)
    if (user === undefined || algorithm === 'wrong' || algorithm === 'missing') {
      return { kind: 'refused', error: StunError.unauthenticated, isChallenge: true }
    }
    return { kind: 'known', ...user, algorithm }
  }

  /** Adds what a client needs to sign its next request. */
  challenge(writer: StunWriter, nowUs: number): void {
    writer.bytes(StunAttribute.realm, this.#realm).bytes(StunAttribute.nonce, this.#nonce(nowUs))
  }

  /** One for all clients, until its hour is over. */
  #nonce(nowUs: number): Uint8Array {
    const hour = Math.floor(nowUs / NONCE_US)
    return utf8ToBytes([0, 1].map((half) => mix32(mix32(this.#secret, hour), half).toString(16).padStart(8, '0')).join(''))
  }
}
