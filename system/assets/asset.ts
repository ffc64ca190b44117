/**
 * An asset is its bytes, and is called by their SHA-256. Placements name it by a number, the first four bytes of the digest, so that
 * whoever has the asset has its number, and a number means the same at every host.
 *
 *     asset.ts     what an asset is called, and how it is cut
 *     library.ts   the assets that a peer has
 *     incoming.ts  one that is on its way here: its chunks, and which to ask for
 *     outgoing.ts  those that somebody has asked for, a few chunks a frame
 *     tokens.ts    the host's resume tokens
 *     depot.ts     the host: takes what editors offer, gives what members ask for
 *     courier.ts   a client: offers and fetches, through as many connections as it takes
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { ASSET_BYTES_MAX, ASSET_CHUNK_BYTES } from '../limits.ts'

export interface Asset {
  /** 32 bytes. */
  readonly sha256: Uint8Array
  readonly bytes: Uint8Array
}

/** The asset of these bytes, which it copies. */
export const assetOf = (bytes: Uint8Array): Asset => ({ sha256: sha256(bytes), bytes: bytes.slice() })

/** Little-endian. */
export const assetNumber = (digest: Uint8Array): number => (digest[0] | (digest[1] << 8) | (digest[2] << 16) | (digest[3] << 24)) >>> 0

/** The digest in hexadecimal digits: for keys, and for people. */
export const assetName = (digest: Uint8Array): string => bytesToHex(digest)

export const isAssetSize = (bytes: number): boolean => bytes > 0 && bytes <= ASSET_BYTES_MAX

export const chunkCountOf = (totalBytes: number): number => Math.ceil(totalBytes / ASSET_CHUNK_BYTES)
