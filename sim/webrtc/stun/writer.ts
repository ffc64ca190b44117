/** Writing STUN messages (RFC 8489, sections 5 and 14): one at a time, attributes in the order of the calls. */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { Writer } from '../../bytes.ts'
import { HEADER_BYTES, MAGIC_COOKIE, MESSAGE_BYTES_MAX, STUN_REASONS, StunAttribute, type StunClass } from './constants.ts'
import { fingerprintOf } from './fingerprint.ts'
import { INTEGRITY_BYTES, type IntegrityAlgorithm, type IntegrityKey } from './integrity.ts'
import type { TransactionId, TransportAddress } from './message.ts'

export class StunWriter {
  readonly #writer = new Writer()
  #id: TransactionId = [0, 0, 0]

  begin(method: number, kind: StunClass, id: TransactionId): this {
    this.#id = id
    this.#writer.begin(MESSAGE_BYTES_MAX)
    // Section 5, figure 3: the class bits stand among those of the method.
    const spread = (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2)
    this.#writer.u16(spread | ((kind & 1) << 4) | ((kind & 2) << 7))
    this.#writer.u16(0)
    this.#writer.u32(MAGIC_COOKIE)
    for (const word of id) this.#writer.u32(word)
    return this
  }

  bytes(type: number, value: Uint8Array): this {
    this.#head(type, value.length)
    this.#writer.raw(value)
    this.#writer.zeros(-value.length & 3)
    return this
  }

  text(type: number, value: string): this {
    return this.bytes(type, utf8ToBytes(value))
  }

  /** An attribute without a value. */
  flag(type: number): this {
    this.#head(type, 0)
    return this
  }

  u32(type: number, value: number): this {
    this.#head(type, 4)
    this.#writer.u32(value)
    return this
  }

  u64(type: number, [high, low]: readonly [number, number]): this {
    this.#head(type, 8)
    this.#writer.u32(high)
    this.#writer.u32(low)
    return this
  }

  /** Sections 14.1 and 14.2: all but MAPPED-ADDRESS are by XOR with cookie and transaction id. */
  address(type: number, { family, ip, port }: TransportAddress): this {
    const mask = type === StunAttribute.mappedAddress ? [0, 0, 0, 0] : [MAGIC_COOKIE, ...this.#id]
    this.#head(type, family === 'ipv4' ? 8 : 20)
    this.#writer.u16(family === 'ipv4' ? 1 : 2)
    this.#writer.u16(port ^ (mask[0] >>> 16))
    if (family === 'ipv4') {
      this.#writer.u32((ip ^ mask[0]) >>> 0)
    } else {
      const words = new DataView(ip.buffer, ip.byteOffset, ip.length)
      for (const [i, word] of mask.entries()) this.#writer.u32((words.getUint32(i * 4) ^ word) >>> 0)
    }
    return this
  }

  /** Section 14.8. */
  error(code: number): this {
    const reason = utf8ToBytes(STUN_REASONS.get(code) ?? '')
    this.#head(StunAttribute.errorCode, 4 + reason.length)
    this.#writer.u32((Math.floor(code / 100) << 8) | code % 100)
    this.#writer.raw(reason)
    this.#writer.zeros(-reason.length & 3)
    return this
  }

  /** UNKNOWN-ATTRIBUTES (section 14.13). */
  unknown(types: readonly number[]): this {
    this.#head(StunAttribute.unknownAttributes, types.length * 2)
    for (const type of types) this.#writer.u16(type)
    this.#writer.zeros((types.length & 1) * 2)
    return this
  }

  /** Over everything written so far. */
  integrity(key: IntegrityKey, algorithm: IntegrityAlgorithm = 'sha1'): this {
    const type = algorithm === 'sha1' ? StunAttribute.messageIntegrity : StunAttribute.messageIntegritySha256
    const { length } = this.#writer
    return this.bytes(type, key.sum(algorithm, this.#written(), length, length + 4 + INTEGRITY_BYTES[algorithm] - HEADER_BYTES))
  }

  /** The message with its FINGERPRINT, which is the last attribute (section 14.7). */
  finish(): Uint8Array {
    const { length, view, start } = this.#writer
    view.setUint16(start + 2, length + 8 - HEADER_BYTES)
    this.u32(StunAttribute.fingerprint, fingerprintOf(this.#written(), length))
    return this.#writer.finish()
  }

  /** The message as it is: for those who do not share their port with other protocols. */
  finishBare(): Uint8Array {
    const { length, view, start } = this.#writer
    view.setUint16(start + 2, length - HEADER_BYTES)
    return this.#writer.finish()
  }

  #head(type: number, length: number): void {
    this.#writer.u16(type)
    this.#writer.u16(length)
  }

  #written(): Uint8Array {
    const { view, start, length } = this.#writer
    return new Uint8Array(view.buffer, start, length)
  }
}
