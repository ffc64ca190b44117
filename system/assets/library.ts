/** The assets that a peer has: so many, and so many bytes. None goes until the peer does. */
import { ASSETS_BYTES_MAX, ASSETS_MAX } from '../limits.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { AssetRefusal } from '../protocol/messages.ts'
import { type Asset, assetNumber, isAssetSize } from './asset.ts'

export class AssetLibrary implements Iterable<Asset> {
  readonly #byNumber = new Map<number, Asset>()
  #bytes = 0

  get size(): number {
    return this.#byNumber.size
  }
  get bytes(): number {
    return this.#bytes
  }
  /** In the order in which they came. */
  [Symbol.iterator](): Iterator<Asset> {
    return this.#byNumber.values()
  }
  numbered(number: number): Asset | undefined {
    return this.#byNumber.get(number)
  }
  get(sha256: Uint8Array): Asset | undefined {
    const asset = this.#byNumber.get(assetNumber(sha256))
    return asset !== undefined && bytesEqual(asset.sha256, sha256) ? asset : undefined
  }

  /** Why one of so many bytes could not be kept beside what it has and what is on its way; undefined where it could. */
  refusal(sha256: Uint8Array, totalBytes: number, underWay: { readonly count: number; readonly bytes: number }): AssetRefusal | undefined {
    if (!isAssetSize(totalBytes)) return 'size'
    if (this.#byNumber.has(assetNumber(sha256))) return 'number'
    const isFull = this.size + underWay.count >= ASSETS_MAX || this.#bytes + underWay.bytes + totalBytes > ASSETS_BYTES_MAX
    return isFull ? 'full' : undefined
  }
  /** One that it has room for, and whose digest holds. */
  keep(asset: Asset): void {
    this.#byNumber.set(assetNumber(asset.sha256), asset)
    this.#bytes += asset.bytes.length
  }
}
