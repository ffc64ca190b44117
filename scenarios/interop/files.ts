/**
 * What both ends of an interop case do with their streams: HTTP/0.9, as the interop runner's "hq-interop" has it. The client asks
 * for a file by its size, one stream a file; the server answers with its bytes and ends the stream.
 */

export const ALPN = 'hq-interop'

/** Byte `offset` of every file: a pattern in which no shift goes unseen. */
const byteAt = (offset: number): number => (offset ^ (offset >>> 8) ^ (offset >>> 16)) & 0xff
const REQUEST = /^GET \/(\d{1,9})\r\n$/
const REQUEST_BYTES_MAX = 32

/** The streams of a connection, as a file server or a client of one needs them. */
export interface StreamPort {
  /** Undefined where the peer allows no more at present. */
  openStream(): number | undefined
  write(stream: number, bytes: Uint8Array, fin: boolean): void
}

export class FileServer {
  readonly #port: StreamPort
  readonly #asked = new Map<number, string>()
  /** What every file begins with. */
  #content = new Uint8Array(0)

  constructor(port: StreamPort) {
    this.#port = port
  }

  data(stream: number, bytes: Uint8Array, fin: boolean): void {
    const asked = (this.#asked.get(stream) ?? '') + String.fromCharCode(...bytes)
    if (asked.length > REQUEST_BYTES_MAX) return
    this.#asked.set(stream, asked)
    if (!fin) return
    this.#asked.delete(stream)
    const size = Number(REQUEST.exec(asked)?.[1] ?? 0)
    if (this.#content.length < size) this.#content = Uint8Array.from({ length: size }, (_, offset) => byteAt(offset))
    this.#port.write(stream, this.#content.subarray(0, size), true)
  }
}

export class FileClient {
  readonly #port: StreamPort
  /** Sizes that are not asked for yet, the next last. */
  readonly #wanted: number[]
  readonly #open = new Map<number, { readonly size: number; received: number }>()
  received = 0
  finished = 0
  /** The first thing that was wrong. */
  fault: string | undefined

  constructor(port: StreamPort, sizes: readonly number[]) {
    this.#port = port
    this.#wanted = [...sizes].reverse()
  }

  get isDone(): boolean {
    return this.#wanted.length === 0 && this.#open.size === 0
  }

  /** Asks for as many files as it may. */
  ask(): void {
    while (this.#wanted.length > 0) {
      const stream = this.#port.openStream()
      if (stream === undefined) return
      const size = this.#wanted.pop()!
      this.#open.set(stream, { size, received: 0 })
      this.#port.write(stream, Uint8Array.from(`GET /${size}\r\n`, (letter) => letter.charCodeAt(0)), true)
    }
  }

  data(stream: number, bytes: Uint8Array, fin: boolean): void {
    const file = this.#open.get(stream)
    if (file === undefined) {
      this.fault ??= `stream ${stream} was not asked for`
      return
    }
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== byteAt(file.received + i)) this.fault ??= `stream ${stream} has another byte at ${file.received + i}`
    }
    file.received += bytes.length
    this.received += bytes.length
    if (!fin) return
    if (file.received !== file.size) this.fault ??= `stream ${stream} ended after ${file.received} bytes of ${file.size}`
    this.#open.delete(stream)
    this.finished++
    this.ask()
  }
}
