/**
 * DEFLATE (RFC 1951) with a dictionary, for comparison alone: Node's zlib gives other bytes on other processors and versions, so that no
 * run may use it.
 */
import { deflateRawSync } from 'node:zlib'

const LEVEL = 9

/** How many bytes it makes of these. */
export const deflatedBytes = (bytes: Uint8Array, dictionary: Uint8Array): number =>
  deflateRawSync(bytes, { dictionary, level: LEVEL }).length
