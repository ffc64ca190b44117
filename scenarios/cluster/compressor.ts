/** How far a peer of a story compresses. */
import type { Compressor } from '../../system/ports.ts'
import type { JoinCompression } from './vocabulary.ts'

/** A compressor that does that much, over one that does everything; undefined for none. */
export function compressorOf(compression: JoinCompression, compressor: Compressor): Compressor | undefined {
  switch (compression) {
    case 'dictionary': return compressor
    case 'plain': return {
      dictionaries: [],
      compress: (bytes, dictionary) => compressor.compress(bytes, dictionary),
      decompress: (bytes, dictionary, bytesMax) => compressor.decompress(bytes, dictionary, bytesMax),
    }
    case 'none': return undefined
  }
}
