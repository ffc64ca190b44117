/** Connectivity checks as STUN messages (RFC 8445, section 7): a Binding request under short-term credentials, and what answers it. */
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { SocketAddress } from '../../net/datagram.ts'
import { StunAttribute, StunClass, StunError, StunMethod } from '../stun/constants.ts'
import { checkIntegrity, type IntegrityKey, shortTermKey } from '../stun/integrity.ts'
import {
  placeOf, type StunMessage, transportAddress, type TransactionId, u32Of, u64Of, unknownAttributes, valueOf,
} from '../stun/message.ts'
import type { StunWriter } from '../stun/writer.ts'
import type { IceCredentials } from './credentials.ts'

/** 64 bits in two halves. */
export type TieBreaker = readonly [number, number]

/** What a check may carry that must be understood. */
const KNOWN: ReadonlySet<number> = new Set([
  StunAttribute.username, StunAttribute.messageIntegrity, StunAttribute.messageIntegritySha256, StunAttribute.priority,
  StunAttribute.useCandidate,
])

/** The two directions of one generation of credentials (RFC 8445, section 7.2.2). */
export class CheckKeys {
  readonly local: IceCredentials
  readonly #localKey: IntegrityKey
  #remote: { readonly ufrag: string; readonly key: IntegrityKey } | undefined

  constructor(local: IceCredentials) {
    this.local = local
    this.#localKey = shortTermKey(local.password)
  }

  /** Signs what this side answers. */
  get answering(): IntegrityKey {
    return this.#localKey
  }
  /** Signs what this side asks, and is in the answers; undefined as long as the other side's credentials are not known. */
  get asking(): IntegrityKey | undefined {
    return this.#remote?.key
  }
  get remoteUfrag(): string | undefined {
    return this.#remote?.ufrag
  }
  learn({ ufrag, password }: IceCredentials): void {
    this.#remote = { ufrag, key: shortTermKey(password) }
  }

  /** 'theirs:ours' for a request of this side. */
  get username(): string {
    return `${this.#remote?.ufrag ?? ''}:${this.local.ufrag}`
  }
  /** Whether a request's user name begins with this side's ufrag; the rest counts once it is known. */
  isFor(message: StunMessage): boolean {
    const username = valueOf(message, StunAttribute.username)
    if (username === undefined) return false
    const told = bytesToHex(username)
    const ours = bytesToHex(utf8ToBytes(`${this.local.ufrag}:`))
    return told.startsWith(ours) && (this.#remote === undefined || told === ours + bytesToHex(utf8ToBytes(this.#remote.ufrag)))
  }
}

export interface CheckRequest {
  readonly id: TransactionId
  readonly isControlling: boolean
  readonly tieBreaker: TieBreaker
  /** Of the peer-reflexive candidate that the other side may learn from this check (section 7.1.1). */
  readonly priority: number
  readonly isNominating: boolean
}

export function writeCheck(writer: StunWriter, keys: CheckKeys, key: IntegrityKey, check: CheckRequest): Uint8Array {
  writer.begin(StunMethod.binding, StunClass.request, check.id)
  writer.text(StunAttribute.username, keys.username).u32(StunAttribute.priority, check.priority)
  writer.u64(check.isControlling ? StunAttribute.iceControlling : StunAttribute.iceControlled, check.tieBreaker)
  if (check.isNominating) writer.flag(StunAttribute.useCandidate)
  return writer.integrity(key).finish()
}

/** A request's content; `refused` names the error that answers it. */
export type ReadCheck =
  | { readonly kind: 'check'; readonly check: CheckRequest }
  | { readonly kind: 'refused'; readonly error: number; readonly unknown: readonly number[] }

/** RFC 8489, sections 9.1.3 and 6.3.1, then RFC 8445, section 7.3. */
export function readCheck(message: StunMessage, keys: CheckKeys): ReadCheck {
  const refused = (error: number, unknown: readonly number[] = []): ReadCheck => ({ kind: 'refused', error, unknown })
  const integrity = checkIntegrity(message, keys.answering)
  if (integrity === 'missing') return refused(StunError.badRequest)
  if (integrity === 'wrong') return refused(StunError.unauthenticated)
  const unknown = unknownAttributes(message, KNOWN)
  if (unknown.length > 0) return refused(StunError.unknownAttribute, unknown)
  const controlling = u64Of(message, StunAttribute.iceControlling)
  const tieBreaker = controlling ?? u64Of(message, StunAttribute.iceControlled)
  const priority = u32Of(message, StunAttribute.priority)
  if (tieBreaker === undefined || priority === undefined || priority < 1 || priority >= 2 ** 31) return refused(StunError.badRequest)
  const isNominating = placeOf(message, StunAttribute.useCandidate) !== undefined
  return { kind: 'check', check: { id: message.id, isControlling: controlling !== undefined, tieBreaker, priority, isNominating } }
}

/** Section 7.3.1.2. */
export function writeCheckSuccess(writer: StunWriter, keys: CheckKeys, id: TransactionId, seen: SocketAddress): Uint8Array {
  writer.begin(StunMethod.binding, StunClass.success, id).address(StunAttribute.xorMappedAddress, transportAddress(seen))
  return writer.integrity(keys.answering).finish()
}

/** Signed, but for the two that say that the request was not (RFC 8489, section 9.1.3). */
export function writeCheckError(
  writer: StunWriter, keys: CheckKeys, id: TransactionId, error: number, unknown: readonly number[],
): Uint8Array {
  writer.begin(StunMethod.binding, StunClass.error, id).error(error)
  if (unknown.length > 0) writer.unknown(unknown)
  const isUnsigned = error === StunError.badRequest || error === StunError.unauthenticated
  return (isUnsigned ? writer : writer.integrity(keys.answering)).finish()
}
