/**
 * A compressor that remembers: in a simulation both ends are in one process, so that what a frame contains is known from its making, and a
 * second run of a seed compresses nothing. Compression is a pure function: a hit never shows.
 */
import type { Compressor } from './zstd.ts'

/** Larger inputs are not worth their place. */
const INPUT_BYTES_MAX = 2048
/** Frames, and contents, that are kept: some ten runs, at most 64 MiB. */
const ENTRIES_MAX = 1 << 14

export function rememberingCompressor(compressor: Compressor): Compressor {
  const frames = new Map<string, Uint8Array>()
  const contents = new Map<string, Uint8Array>()
  return {
    dictionaries: compressor.dictionaries,
    compress(bytes, dictionary) {
      if (bytes.length > INPUT_BYTES_MAX) return compressor.compress(bytes, dictionary)
      const name = nameOf(bytes, dictionary)
      let frame = frames.get(name)
      if (frame === undefined) {
        frame = compressor.compress(bytes, dictionary)
        remember(frames, name, frame)
        remember(contents, nameOf(frame, dictionary), bytes.slice())
      }
      return frame.slice()
    },
    decompress(bytes, dictionary, bytesMax) {
      const content = contents.get(nameOf(bytes, dictionary))
      return content === undefined || content.length > bytesMax ? compressor.decompress(bytes, dictionary, bytesMax) : content.slice()
    },
  }
}

/** Forgets everything when full. */
function remember(known: Map<string, Uint8Array>, name: string, bytes: Uint8Array): void {
  if (known.size >= ENTRIES_MAX) known.clear()
  known.set(name, bytes)
}

const nameOf = (bytes: Uint8Array, dictionary: number): string =>
  `${dictionary}:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')}`
