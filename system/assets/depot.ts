/**
 * The host's assets: it takes what editors offer, a window of chunks at a time, keeps as an asset only what its digest vouches for, tells
 * every member which it has, and gives each what it asks for, a few chunks a frame.
 */
import type { AuthorId } from '../ids.ts'
import { ASSET_CHUNKS_PER_FRAME, ASSET_RESUME_US, ASSET_TRANSFERS_MAX } from '../limits.ts'
import type { Probe } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { AssetNotice, AssetRefusal, AssetRequest, AssetTransfer } from '../protocol/messages.ts'
import type { Seat } from '../session/seat.ts'
import type { Seats } from '../session/seats.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { type Asset, assetName, assetNumber, assetOf } from './asset.ts'
import { IncomingAsset } from './incoming.ts'
import { AssetLibrary } from './library.ts'
import type { ResumeTokens } from './tokens.ts'

export interface AssetDepotPorts {
  readonly seats: Seats
  readonly tokens: ResumeTokens
  readonly probe: Probe
  readonly report: (event: SystemEvent) => void
}

/** What a member has offered and is sending. */
interface Upload {
  readonly author: AuthorId
  readonly incoming: IncomingAsset
  sinceUs: number
}

const NO_TOKEN = new Uint8Array(0)

export class AssetDepot {
  readonly library = new AssetLibrary()
  readonly #ports: AssetDepotPorts
  #uploads: Upload[] = []

  constructor(ports: AssetDepotPorts) {
    this.#ports = ports
  }

  /** What is on its way here. */
  get underWay(): { readonly count: number; readonly bytes: number } {
    return { count: this.#uploads.length, bytes: this.#uploads.reduce((sum, { incoming }) => sum + incoming.totalBytes, 0) }
  }

  /** Of whoever is above the host: kept at once. */
  hold(bytes: Uint8Array): void {
    const asset = assetOf(bytes)
    const { sha256 } = asset
    if (this.library.get(sha256) !== undefined) return
    const named = { asset: assetNumber(sha256), sha256: assetName(sha256) }
    const reason = this.library.refusal(sha256, bytes.length, this.underWay)
    if (reason !== undefined) return this.#ports.report({ event: 'assetRefused', ...named, reason })
    this.#ports.report({ event: 'assetOffered', ...named, bytes: bytes.length })
    this.#keep(asset)
  }

  /** What a member sent that may send it. False where nobody honest would have. */
  take(seat: Seat, message: AssetNotice | AssetRequest | AssetTransfer, nowUs: number): boolean {
    switch (message.kind) {
      case 'AssetNotice': return this.#offered(seat, message, nowUs)
      case 'AssetRequest': return this.#wanted(seat, message)
      case 'AssetTransfer': return this.#carried(seat, message, nowUs)
    }
  }

  /** At the end of a frame, for a member. */
  serve(seat: Seat): void {
    if (!seat.live) return
    if (!seat.knowsAssets) {
      seat.knowsAssets = true
      for (const asset of this.library) this.#tell(seat, asset)
    }
    for (let sent = 0; sent < ASSET_CHUNKS_PER_FRAME; sent++) {
      const chunk = seat.assets.take()
      if (chunk === undefined) return
      seat.link.send(chunk)
    }
  }

  /** Forgets what nobody goes on with. */
  tick(nowUs: number): void {
    if (this.#uploads.length > 0) this.#uploads = this.#uploads.filter(({ sinceUs }) => nowUs - sinceUs < ASSET_RESUME_US)
  }

  #offered(seat: Seat, { notice, sha256, totalBytes, resumeToken }: AssetNotice, nowUs: number): boolean {
    if (notice !== 'offered') return false
    const author = seat.author!
    const held = this.library.get(sha256)
    if (held !== undefined) {
      this.#tell(seat, held)
      return true
    }
    const isResumed = resumeToken.length > 0
    if (isResumed && !this.#ports.tokens.holds(resumeToken, 'offer', author, sha256)) return this.#refuse(seat, sha256, 'token')
    const begun = this.#uploadOf(author, sha256)
    if (begun !== undefined && isResumed && begun.incoming.totalBytes === totalBytes) {
      begun.incoming.resume()
      this.#ports.report({ event: 'assetResumed', asset: assetNumber(sha256), sha256: assetName(sha256), chunk: begun.incoming.next })
      this.#ask(seat, begun, nowUs)
      return true
    }
    if (begun !== undefined) this.#drop(begun)
    const isBusy = this.#uploads.filter((upload) => upload.author === author).length >= ASSET_TRANSFERS_MAX
    const refusal = isBusy ? 'many' : this.library.refusal(sha256, totalBytes, this.underWay)
    if (refusal !== undefined) return this.#refuse(seat, sha256, refusal)
    const upload = { author, incoming: new IncomingAsset(sha256, totalBytes), sinceUs: nowUs }
    this.#uploads.push(upload)
    this.#ask(seat, upload, nowUs)
    return true
  }

  #carried(seat: Seat, message: AssetTransfer, nowUs: number): boolean {
    const author = seat.author!
    const upload = this.#uploadOf(author, message.sha256)
    // Somebody else has brought it meanwhile, and what was on its way comes in vain.
    if (upload === undefined && this.library.get(message.sha256) !== undefined) {
      this.#ports.probe.sometimes('a chunk of an asset came in vain')
      return true
    }
    if (upload === undefined) return false
    const { incoming } = upload
    switch (incoming.put(message)) {
      case 'unasked': return false
      case 'taken':
        this.#ask(seat, upload, nowUs)
        return true
      case 'damaged':
        this.#drop(upload)
        this.#refuse(seat, incoming.sha256, 'digest')
        return false
      case 'complete':
        this.#uploads = this.#uploads.filter((other) => !bytesEqual(other.incoming.sha256, incoming.sha256))
        // Its room was kept for it; its number may be taken by now.
        if (this.library.numbered(assetNumber(incoming.sha256)) !== undefined) return this.#refuse(seat, incoming.sha256, 'number')
        this.#keep(incoming.asset)
        return true
    }
  }

  /** Only who asks for the beginning needs no token: it gets one with what it asked for. */
  #wanted(seat: Seat, request: AssetRequest): boolean {
    const { tokens } = this.#ports
    const { sha256, fromChunk, resumeToken } = request
    const author = seat.author!
    const asset = this.library.get(sha256)
    if (asset === undefined) return this.#refuse(seat, sha256, 'unknown')
    const isBeginning = fromChunk === 0 && resumeToken.length === 0
    if (!isBeginning && !tokens.holds(resumeToken, 'fetch', author, sha256)) return this.#refuse(seat, sha256, 'token')
    return seat.assets.ask(asset, request, tokens.of('fetch', author, sha256)) || this.#refuse(seat, sha256, 'many')
  }

  #ask(seat: Seat, upload: Upload, nowUs: number): void {
    const { author, incoming } = upload
    upload.sinceUs = nowUs
    const due = incoming.due()
    if (due === undefined) return
    const { sha256 } = incoming
    seat.link.send({ kind: 'AssetRequest', sha256, ...due, resumeToken: this.#ports.tokens.of('offer', author, sha256) })
  }

  #keep(asset: Asset): void {
    const { seats, report } = this.#ports
    this.library.keep(asset)
    const { sha256, bytes } = asset
    report({ event: 'assetHeld', asset: assetNumber(sha256), sha256: assetName(sha256), bytes: bytes.length })
    for (const seat of seats.members()) if (seat.knowsAssets) this.#tell(seat, asset)
  }
  #tell(seat: Seat, { sha256, bytes: { length: totalBytes } }: Asset): void {
    seat.link.send({ kind: 'AssetNotice', notice: 'held', refusal: 'none', totalBytes, sha256, resumeToken: NO_TOKEN })
  }
  /** True: an honest member may meet with it. */
  #refuse(seat: Seat, sha256: Uint8Array, refusal: AssetRefusal): boolean {
    this.#ports.report({ event: 'assetRefused', asset: assetNumber(sha256), sha256: assetName(sha256), reason: refusal })
    seat.link.send({ kind: 'AssetNotice', notice: 'refused', refusal, totalBytes: 0, sha256, resumeToken: NO_TOKEN })
    return true
  }
  #uploadOf(author: AuthorId, sha256: Uint8Array): Upload | undefined {
    return this.#uploads.find((upload) => upload.author === author && bytesEqual(upload.incoming.sha256, sha256))
  }
  #drop(upload: Upload): void {
    this.#uploads = this.#uploads.filter((other) => other !== upload)
  }
}
