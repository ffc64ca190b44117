/**
 * Bytes of datagrams, in network order: integers of fixed width, variable-length ones (RFC 9000, section 16; up to
 * 2^53 - 1 here), a writer that carves datagrams out of larger blocks, and a reader that never throws.
 */
export const DATAGRAM_BYTES_MAX = 1_200
/** Datagrams are carved from blocks of this many bytes: one allocation for fifty of them. */
const BLOCK_BYTES = 65_536

export const VARINT_MAX = Number.MAX_SAFE_INTEGER
const U32_RANGE = 2 ** 32

export const varintBytes = (value: number): number => (value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x4000_0000 ? 4 : 8)

/** Writes one datagram at a time: `begin`, fields, then `finish` (or `begin` anew to give it up). The caller minds {@link room}. */
export class Writer {
  #block = new Uint8Array(BLOCK_BYTES)
  #view = new DataView(this.#block.buffer)
  #begin = 0
  #offset = 0
  #end = 0

  /** Starts a datagram of at most `bytesMax`. */
  begin(bytesMax: number): void {
    if (this.#begin + bytesMax > BLOCK_BYTES) {
      this.#block = new Uint8Array(BLOCK_BYTES)
      this.#view = new DataView(this.#block.buffer)
      this.#begin = 0
    }
    this.#offset = this.#begin
    this.#end = this.#begin + bytesMax
  }

  get length(): number {
    return this.#offset - this.#begin
  }
  get room(): number {
    return this.#end - this.#offset
  }
  /** The datagram as written so far, and where it stands in it. For sealing. */
  get view(): DataView {
    return this.#view
  }
  get start(): number {
    return this.#begin
  }

  u8(value: number): void {
    this.#block[this.#offset++] = value
  }
  u16(value: number): void {
    this.#view.setUint16(this.#offset, value)
    this.#offset += 2
  }
  u32(value: number): void {
    this.#view.setUint32(this.#offset, value)
    this.#offset += 4
  }
  varint(value: number): void {
    if (value < 0x40) {
      this.#block[this.#offset++] = value
    } else if (value < 0x4000) {
      this.#view.setUint16(this.#offset, value | 0x4000)
      this.#offset += 2
    } else if (value < 0x4000_0000) {
      this.#view.setUint32(this.#offset, (value | 0x8000_0000) >>> 0)
      this.#offset += 4
    } else {
      this.#view.setUint32(this.#offset, (Math.floor(value / U32_RANGE) | 0xc000_0000) >>> 0)
      this.#view.setUint32(this.#offset + 4, value % U32_RANGE)
      this.#offset += 8
    }
  }
  raw(bytes: Uint8Array): void {
    this.#block.set(bytes, this.#offset)
    this.#offset += bytes.length
  }
  zeros(count: number): void {
    this.#block.fill(0, this.#offset, this.#offset + count)
    this.#offset += count
  }

  /** A view of what was written from `offset` of the datagram on. */
  written(offset: number): Uint8Array {
    return this.#block.subarray(this.#begin + offset, this.#offset)
  }

  /** Takes back everything after the first `length` bytes. */
  truncate(length: number): void {
    this.#offset = this.#begin + length
  }

  finish(): Uint8Array {
    const bytes = this.#block.subarray(this.#begin, this.#offset)
    this.#begin = (this.#offset + 3) & ~3
    return bytes
  }
}

/** Reads what a peer sent. After an underrun `failed` is true and everything read is 0 or empty. */
export class Reader {
  readonly #bytes: Uint8Array
  #view: DataView | undefined
  readonly end: number
  offset = 0
  failed = false

  /** Reads bytes [0, end). */
  constructor(bytes: Uint8Array, end: number) {
    this.#bytes = bytes
    this.end = end
  }

  /** Of the same bytes. Made when somebody asks: most readers are short-lived, and a view costs more than their few integers. */
  get view(): DataView {
    return (this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length))
  }

  get remaining(): number {
    return this.end - this.offset
  }

  #take(count: number): boolean {
    if (this.failed || count > this.end - this.offset) {
      this.failed = true
      return false
    }
    return true
  }

  u8(): number {
    return this.#take(1) ? this.#bytes[this.offset++] : 0
  }
  u16(): number {
    if (!this.#take(2)) return 0
    this.offset += 2
    return this.#u16At(this.offset - 2)
  }
  u32(): number {
    if (!this.#take(4)) return 0
    this.offset += 4
    return this.#u32At(this.offset - 4)
  }
  #u16At(offset: number): number {
    return (this.#bytes[offset] << 8) | this.#bytes[offset + 1]
  }
  #u32At(offset: number): number {
    return ((this.#u16At(offset) << 16) | this.#u16At(offset + 2)) >>> 0
  }
  varint(): number {
    if (!this.#take(1)) return 0
    const first = this.#bytes[this.offset]
    const length = 1 << (first >>> 6)
    if (length === 1) {
      this.offset++
      return first
    }
    if (!this.#take(length)) return 0
    const offset = this.offset
    this.offset += length
    if (length === 2) return this.#u16At(offset) & 0x3fff
    const high = this.#u32At(offset) & 0x3fff_ffff
    if (length === 4) return high
    const value = high * U32_RANGE + this.#u32At(offset + 4)
    if (value > VARINT_MAX) {
      this.failed = true
      return 0
    }
    return value
  }
  /** A view, not a copy. */
  raw(length: number): Uint8Array {
    if (!this.#take(length)) return this.#bytes.subarray(0, 0)
    this.offset += length
    return this.#bytes.subarray(this.offset - length, this.offset)
  }
}
