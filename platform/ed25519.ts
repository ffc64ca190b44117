/**
 * Ed25519 on node:crypto, ten times as fast as the pure one, and a memo that makes a second run of a seed free of crypto.
 *
 * OpenSSL demands S < L, hashes the very bytes of R and A, and compares encodings without the cofactor. With Theta's rule
 * for points (system/commands/signature.ts) in front, its verdicts equal those of the pure verifier on every supported Node,
 * as test/platform/ed25519.test.ts shows. The interfaces restate shapes of `system/`: this layer imports nothing of it.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

export interface Verifier {
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}
export interface Signer {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}
/** Which points a signature may have, whatever the equation says. */
export interface PointRule {
  /** Asked once a key; the answer is kept with the key. Any length. */
  admissibleKey(publicKey: Uint8Array): boolean
  /** Asked for R, 32 bytes. */
  smallOrder(encoded: Uint8Array): boolean
}

const SIGNATURE_BYTES = 64
const KEY_BYTES = 32
/** Keys that a verifier keeps parsed. */
const KEYS_CACHED_MAX = 1024
/** Signatures, and verdicts, that a memo keeps: some hundred runs; about 400 bytes each. */
const MEMO_ENTRIES_MAX = 1 << 14

// Keys go in and out as RFC 8037 has them: Node makes them of the bare bytes, ten times as fast as by OpenSSL's decoder of DER.

/** @example nodeVerifier({ admissibleKey, smallOrder }) // both from system/commands/signature.ts */
export function nodeVerifier(rule: PointRule): Verifier {
  const keys = new Map<string, KeyObject | undefined>()
  const keyOf = (publicKey: Uint8Array): KeyObject | undefined => {
    const name = latin1(publicKey.subarray(0, KEY_BYTES + 1))
    if (keys.has(name)) return keys.get(name)
    if (keys.size >= KEYS_CACHED_MAX) keys.clear()
    const key = rule.admissibleKey(publicKey)
      ? createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }, format: 'jwk' })
      : undefined
    keys.set(name, key)
    return key
  }
  return {
    verify(signature, message, publicKey) {
      if (signature.length !== SIGNATURE_BYTES || rule.smallOrder(signature.subarray(0, 32))) return false
      const key = keyOf(publicKey)
      return key !== undefined && verify(null, message, key, signature)
    },
  }
}

/**
 * @param secretKey 32 bytes, the seed of RFC 8032.
 * @throws RangeError where it has not 32 bytes.
 */
export function nodeSigner(secretKey: Uint8Array): Signer {
  if (secretKey.length !== KEY_BYTES) throw new RangeError(`a secret key has ${KEY_BYTES} bytes, got ${secretKey.length}`)
  const d = Buffer.from(secretKey).toString('base64url')
  // Of the public half Node wants that it is text, and reckons it itself.
  const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x: '' }, format: 'jwk' })
  const { x = '' } = key.export({ format: 'jwk' })
  return {
    publicKey: Uint8Array.from(Buffer.from(x, 'base64url')),
    sign: (message) => Uint8Array.from(sign(null, message, key)),
  }
}

/** Answers of a pure function by all the bytes that went in; bounded, forgetting everything when full. */
export class Memo<Answer> {
  readonly #answers = new Map<string, Answer>()
  readonly #entriesMax: number

  constructor(entriesMax = MEMO_ENTRIES_MAX) {
    this.#entriesMax = entriesMax
  }

  answer(inputs: readonly Uint8Array[], compute: () => Answer): Answer {
    const name = nameOf(inputs)
    const known = this.#answers.get(name)
    if (known !== undefined) return known
    const answer = compute()
    this.#keep(name, answer)
    return answer
  }

  /** The answer, where it is known by now. */
  known(inputs: readonly Uint8Array[]): Answer | undefined {
    return this.#answers.get(nameOf(inputs))
  }
  /** An answer that is known without computing it. */
  know(inputs: readonly Uint8Array[], answer: Answer): void {
    this.#keep(nameOf(inputs), answer)
  }

  #keep(name: string, answer: Answer): void {
    if (this.#answers.size >= this.#entriesMax) this.#answers.clear()
    this.#answers.set(name, answer)
  }
}

/** The lengths make the joined bytes unambiguous. */
function nameOf(inputs: readonly Uint8Array[]): string {
  let name = ''
  for (const input of inputs) name += `${input.length}:${latin1(input)}`
  return name
}

/**
 * The process's own memo, shared by all runs in it: Ed25519 is a pure function, so that a hit never shows. Only for signers and
 * verifiers that are Ed25519 under Theta's rule; a stand-in gets a memo of its own.
 */
export const PROCESS_SIGNATURES = new Memo<Uint8Array>()
export const PROCESS_VERDICTS = new Memo<boolean>()

export const memoised = (verifier: Verifier, verdicts: Memo<boolean>): Verifier => ({
  verify: (signature, message, publicKey) =>
    verdicts.answer([signature, message, publicKey], () => verifier.verify(signature, message, publicKey)),
})

/**
 * The public key stands for the secret one: RFC 8032 signatures are a function of it and the message. By the same RFC they are valid:
 * once a verifier has found that of the first one, that the keys are a pair and admissible, `verdicts` is told it of each new one.
 */
export function memoisedSigner(signer: Signer, signatures: Memo<Uint8Array>, verdicts: Memo<boolean>): Signer {
  const { publicKey } = signer
  let first: readonly Uint8Array[] | undefined
  let isPair = false
  const fresh = (message: Uint8Array): Uint8Array => {
    const signature = signer.sign(message)
    first ??= [signature, message.slice(), publicKey]
    isPair ||= verdicts.known(first) === true
    if (isPair) verdicts.know([signature, message, publicKey], true)
    return signature
  }
  // A copy: who gets bytes owns them.
  return { publicKey, sign: (message) => signatures.answer([publicKey, message], () => fresh(message)).slice() }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
