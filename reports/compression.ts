/** What compression made of messages, by type and size: losses included, which are bytes of messages that it could not help. */
import type { MessageSent, Packing } from './input.ts'

/** Least bytes of a body in each class. */
const SIZE_CLASSES = [0, 64, 128, 256, 512, 1024, 4096] as const
const ENVELOPE_BYTES = 24

export interface CompressionRow {
  readonly message: string
  /** '128 to 255', of the body. */
  readonly bodyBytes: string
  readonly count: number
  readonly compressed: number
  readonly bypassed: number
  readonly grown: number
  /** Of whole messages: as they would have been, and as they travelled. */
  readonly plainBytes: number
  readonly bytes: number
}
type Tally = { -readonly [K in keyof CompressionRow]: CompressionRow[K] } & { readonly least: number }

/** Counts messages of connections on which compression is agreed. */
export class Compression {
  readonly #tallies = new Map<string, Tally>()

  sent({ message, bytes, packing, plainBytes }: MessageSent): void {
    if (packing === undefined || plainBytes === undefined) return
    this.add(message, packing, plainBytes, bytes)
  }

  /** @param plainBytes of the whole message, its envelope included. */
  add(message: string, packing: Packing, plainBytes: number, bytes: number): void {
    const least = SIZE_CLASSES.findLast((size) => plainBytes - ENVELOPE_BYTES >= size) ?? 0
    const key = `${message} ${least}`
    let tally = this.#tallies.get(key)
    if (tally === undefined) {
      const next = SIZE_CLASSES[SIZE_CLASSES.indexOf(least) + 1]
      const bodyBytes = next === undefined ? `${least} and more` : `${least} to ${next - 1}`
      tally = { least, message, bodyBytes, count: 0, compressed: 0, bypassed: 0, grown: 0, plainBytes: 0, bytes: 0 }
      this.#tallies.set(key, tally)
    }
    tally.count++
    tally[packing]++
    tally.plainBytes += plainBytes
    tally.bytes += bytes
  }

  /** By message, then by size. */
  rows(): CompressionRow[] {
    return [...this.#tallies.values()]
      .sort((a, b) => (a.message === b.message ? a.least - b.least : a.message < b.message ? -1 : 1))
      .map(({ least: _least, ...row }) => row)
  }
}

/** Tenths of a percent of the bytes that did not have to travel: '48.3%'. */
export function savedShare({ plainBytes, bytes }: Pick<CompressionRow, 'plainBytes' | 'bytes'>): string {
  return plainBytes === 0 ? '0.0%' : `${(Math.floor(((plainBytes - bytes) * 1000) / plainBytes) / 10).toFixed(1)}%`
}
