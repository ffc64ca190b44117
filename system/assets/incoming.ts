/**
 * An asset on its way here. Chunks come in order, since a channel keeps them so; what is missing is asked for a window at a time, and
 * again from the first chunk that is missing after a connection was lost. It is an asset only when its digest holds.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { ASSET_CHUNK_BYTES, ASSET_WINDOW_CHUNKS } from '../limits.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { AssetRequest, AssetTransfer } from '../protocol/messages.ts'
import { type Asset, chunkCountOf } from './asset.ts'

/** What a chunk came to. `unasked`: it is not the next one of those that were asked for, or not of its size. */
export type ChunkResult = 'taken' | 'complete' | 'damaged' | 'unasked'

export class IncomingAsset {
  readonly sha256: Uint8Array
  readonly totalBytes: number
  readonly chunkCount: number
  readonly #bytes: Uint8Array
  // Beside the bytes, chunk by chunk: no frame has to hash a whole asset.
  readonly #hash = sha256.create()
  #next = 0
  /** Chunks below it were asked for. */
  #asked = 0

  /** @param totalBytes a size that an asset may have, and that there is room for. */
  constructor(digest: Uint8Array, totalBytes: number) {
    this.sha256 = digest
    this.totalBytes = totalBytes
    this.chunkCount = chunkCountOf(totalBytes)
    this.#bytes = new Uint8Array(totalBytes)
  }

  /** The first chunk that is missing. */
  get next(): number {
    return this.#next
  }

  /** What to ask for now; undefined while enough is on its way. */
  due(): Pick<AssetRequest, 'fromChunk' | 'toChunk'> | undefined {
    const fromChunk = this.#asked
    if (fromChunk === this.chunkCount || fromChunk - this.#next > ASSET_WINDOW_CHUNKS / 2) return undefined
    this.#asked = Math.min(this.chunkCount, this.#next + ASSET_WINDOW_CHUNKS)
    return { fromChunk, toChunk: this.#asked }
  }

  /** What was asked for will not come: the connection is another one. */
  resume(): void {
    this.#asked = this.#next
  }

  put({ chunk, chunkCount, totalBytes, body }: Pick<AssetTransfer, 'chunk' | 'chunkCount' | 'totalBytes' | 'body'>): ChunkResult {
    const isOfThis = totalBytes === this.totalBytes && chunkCount === this.chunkCount
    const isNext = chunk === this.#next && chunk < this.#asked
    const bytesDue = Math.min(ASSET_CHUNK_BYTES, this.totalBytes - chunk * ASSET_CHUNK_BYTES)
    if (!isOfThis || !isNext || body.length !== bytesDue) return 'unasked'
    this.#hash.update(body)
    this.place(chunk, body)
    if (++this.#next < this.chunkCount) return 'taken'
    return this.isGenuine() ? 'complete' : 'damaged'
  }
  place(chunk: number, body: Uint8Array): void {
    this.#bytes.set(body, chunk * ASSET_CHUNK_BYTES)
  }
  /** To be asked once, when all chunks are there. */
  isGenuine(): boolean {
    return bytesEqual(this.#hash.digest(), this.sha256)
  }

  /** When it is complete. */
  get asset(): Asset {
    return { sha256: this.sha256, bytes: this.#bytes }
  }
}
