/** Chunks that somebody has asked for and that are still to be sent: of several assets by turns, so that none waits for another. */
import { ASSET_CHUNK_BYTES, ASSET_TRANSFERS_MAX, ASSET_WINDOW_CHUNKS } from '../limits.ts'
import type { AssetRequest, AssetTransfer } from '../protocol/messages.ts'
import { type Asset, assetNumber, chunkCountOf } from './asset.ts'

interface Run {
  readonly asset: Asset
  readonly resumeToken: Uint8Array
  next: number
  end: number
}

export class OutgoingAssets {
  readonly #runs: Run[] = []

  /**
   * Takes note of chunks to send; a request that goes on from the one before widens it, any other takes its place. False where too
   * many assets wait.
   */
  ask(asset: Asset, { fromChunk, toChunk }: Pick<AssetRequest, 'fromChunk' | 'toChunk'>, resumeToken: Uint8Array): boolean {
    const end = Math.min(toChunk, fromChunk + ASSET_WINDOW_CHUNKS, chunkCountOf(asset.bytes.length))
    const run = this.#runs.find((other) => other.asset === asset)
    if (run !== undefined) {
      if (fromChunk !== run.end || end - run.next > 2 * ASSET_WINDOW_CHUNKS) run.next = fromChunk
      run.end = end
      return true
    }
    if (this.#runs.length >= ASSET_TRANSFERS_MAX) return false
    if (fromChunk < end) this.#runs.push({ asset, resumeToken, next: fromChunk, end })
    return true
  }

  /** The next chunk to send. */
  take(): AssetTransfer | undefined {
    const run = this.#runs.shift()
    if (run === undefined) return undefined
    const { asset: { sha256, bytes }, resumeToken } = run
    const chunk = run.next++
    if (run.next < run.end) this.#runs.push(run)
    const from = chunk * ASSET_CHUNK_BYTES
    return {
      kind: 'AssetTransfer', assetId: assetNumber(sha256), chunk, chunkCount: chunkCountOf(bytes.length), totalBytes: bytes.length, sha256,
      resumeToken, body: bytes.subarray(from, from + ASSET_CHUNK_BYTES),
    }
  }

  /** Whoever asked is gone. */
  clear(): void {
    this.#runs.length = 0
  }
}
