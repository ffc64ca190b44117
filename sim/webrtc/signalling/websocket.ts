/** WebSocket frames (RFC 6455, section 5.2) of text, ping and pong; a client's are masked (5.3). Fragments are not used, nor taken. */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { mix32 } from '../../choice.ts'
import { MESSAGE_BYTES_MAX } from './limits.ts'

export const Opcode = { text: 1, close: 8, ping: 9, pong: 10 } as const
const FINAL = 0x80
const MASKED = 0x80
const LENGTH_16 = 126

export interface Frame {
  readonly opcode: number
  readonly payload: Uint8Array
}

/** `mask` is an unsigned 32-bit integer, of clients only. A payload has at most 65,535 bytes. */
export function encodeFrame(opcode: number, payload: Uint8Array, mask: number | undefined): Uint8Array {
  const isLong = payload.length >= LENGTH_16
  const head = 2 + (isLong ? 2 : 0) + (mask === undefined ? 0 : 4)
  const bytes = new Uint8Array(head + payload.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = FINAL | opcode
  bytes[1] = (mask === undefined ? 0 : MASKED) | (isLong ? LENGTH_16 : payload.length)
  if (isLong) view.setUint16(2, payload.length)
  bytes.set(payload, head)
  if (mask !== undefined) {
    view.setUint32(head - 4, mask)
    applyMask(bytes, head)
  }
  return bytes
}

/** By XOR with the four bytes before. */
function applyMask(bytes: Uint8Array, head: number): void {
  for (let i = head; i < bytes.length; i++) bytes[i] ^= bytes[head - 4 + ((i - head) & 3)]
}

/** Text of one message, as JSON has it in ASCII: what is beyond is written \uXXXX. */
export const textFrame = (value: unknown, mask: number | undefined): Uint8Array =>
  encodeFrame(Opcode.text, utf8ToBytes(asciiJson(value)), mask)

export const maskOf = (secret: number, ordinal: number): number => mix32(secret, ordinal)

const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Cuts a stream of bytes into frames. Bytes that are none end it. */
export class FrameReader {
  readonly #frame: (frame: Frame) => void
  readonly #isFromClient: boolean
  #buffer = new Uint8Array(0)
  isBroken = false

  constructor(isFromClient: boolean, frame: (frame: Frame) => void) {
    this.#isFromClient = isFromClient
    this.#frame = frame
  }

  push(bytes: Uint8Array): void {
    if (this.isBroken) return
    const buffer = new Uint8Array(this.#buffer.length + bytes.length)
    buffer.set(this.#buffer)
    buffer.set(bytes, this.#buffer.length)
    let offset = 0
    for (let length = this.#next(buffer, offset); length > 0; length = this.#next(buffer, offset)) offset += length
    this.#buffer = buffer.subarray(offset)
  }

  /** Hands out the frame at `offset`; the bytes that it took, 0 where it is not whole yet. */
  #next(buffer: Uint8Array, offset: number): number {
    const room = buffer.length - offset
    if (room < 2) return 0
    const isMasked = (buffer[offset + 1] & MASKED) !== 0
    const short = buffer[offset + 1] & 0x7f
    if ((buffer[offset] & 0xf0) !== FINAL || isMasked !== this.#isFromClient || short > LENGTH_16) return this.#break()
    const head = 2 + (short === LENGTH_16 ? 2 : 0) + (isMasked ? 4 : 0)
    if (room < head) return 0
    const length = short === LENGTH_16 ? (buffer[offset + 2] << 8) | buffer[offset + 3] : short
    if (length > MESSAGE_BYTES_MAX) return this.#break()
    if (room < head + length) return 0
    const frame = buffer.slice(offset, offset + head + length)
    if (isMasked) applyMask(frame, head)
    this.#frame({ opcode: frame[0] & 0x0f, payload: frame.subarray(head) })
    return head + length
  }

  #break(): number {
    this.isBroken = true
    return 0
  }
}
