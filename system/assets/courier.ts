/**
 * A client's assets: what its user offers goes to the host, what its user wants comes from there, through as many connections as it
 * takes. Every offer and every fetch ends: the host has the asset, the client has it, or it is refused by name.
 */
import { ASSET_CHUNKS_PER_FRAME, ASSET_STALL_US, ASSET_TRANSFERS_MAX, ASSETS_MAX } from '../limits.ts'
import type { Probe } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import type { AssetNotice, AssetRefusal, AssetRequest, AssetTransfer, Message, Role } from '../protocol/messages.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { type Asset, assetName, assetNumber, assetOf, isAssetSize } from './asset.ts'
import { IncomingAsset } from './incoming.ts'
import { AssetLibrary } from './library.ts'
import { OutgoingAssets } from './outgoing.ts'

export interface AssetCourierPorts {
  readonly probe: Probe
  readonly send: (message: Message) => void
  readonly report: (event: SystemEvent) => void
}

/** An own asset. On every connection it is offered anew, since the host may be another one, or have forgotten. */
interface Offer {
  readonly asset: Asset
  state: 'waiting' | 'told' | 'held'
  /** A host has had it. */
  wasHeld: boolean
  /** What the host gave for it, to go on with. */
  resumeToken: Uint8Array
  sinceUs: number
}
interface Fetch {
  readonly incoming: IncomingAsset
  resumeToken: Uint8Array
  sinceUs: number
}
/** What the host says that it has. */
interface Known {
  readonly sha256: Uint8Array
  readonly totalBytes: number
}

const NO_TOKEN = new Uint8Array(0)
const NO_NOTICE = { kind: 'AssetNotice', refusal: 'none', resumeToken: NO_TOKEN } as const

export class AssetCourier {
  readonly library = new AssetLibrary()
  readonly #ports: AssetCourierPorts
  readonly #outgoing = new OutgoingAssets()
  readonly #known = new Map<number, Known>()
  #offers: Offer[] = []
  #fetches: Fetch[] = []
  #role: Role = 'viewer'

  constructor(ports: AssetCourierPorts) {
    this.#ports = ports
  }

  /** Everything that was offered or wanted has come to its end. */
  get idle(): boolean {
    return this.#fetches.length === 0 && this.#offers.every(({ state }) => state === 'held')
  }
  /** Whether the host has said on this connection that it has an asset of this number. */
  isKnown(number: number): boolean {
    return this.#known.has(number)
  }

  /** Another connection begins: what the host knew is not relied on, and what was on its way is asked for again. */
  begin(role: Role, nowUs: number): void {
    this.#role = role
    this.#known.clear()
    this.#outgoing.clear()
    for (const offer of this.#offers) Object.assign(offer, { state: 'waiting', sinceUs: nowUs })
    for (const fetch of this.#fetches) {
      fetch.incoming.resume()
      fetch.sinceUs = nowUs
    }
  }
  roleChanged(role: Role): void {
    this.#role = role
    if (role === 'viewer') this.#outgoing.clear()
  }

  offer(bytes: Uint8Array, nowUs: number): void {
    const { report } = this.#ports
    const asset = assetOf(bytes)
    const { sha256 } = asset
    if (this.#offers.some((other) => bytesEqual(other.asset.sha256, sha256))) return
    const isOwn = this.library.get(sha256) !== undefined
    const isTaken = this.#fetches.some(({ incoming }) => assetNumber(incoming.sha256) === assetNumber(sha256))
    const refusal = isOwn ? undefined : isTaken ? 'number' : this.library.refusal(sha256, bytes.length, this.#underWay)
    if (refusal !== undefined) return this.#refused(sha256, refusal)
    if (!isOwn) this.library.keep(asset)
    report({ event: 'assetOffered', asset: assetNumber(sha256), sha256: assetName(sha256), bytes: bytes.length })
    this.#offers.push({ asset, state: 'waiting', wasHeld: false, resumeToken: NO_TOKEN, sinceUs: nowUs })
  }

  /** By its number, as placements name it. */
  fetch(number: number, nowUs: number): void {
    const { report } = this.#ports
    const own = this.library.numbered(number)
    if (own !== undefined) return this.#held(own)
    if (this.#fetches.some(({ incoming }) => assetNumber(incoming.sha256) === number)) return
    const known = this.#known.get(number)
    if (known === undefined) return report({ event: 'assetRefused', asset: number, sha256: '', reason: 'unknown' })
    const { sha256, totalBytes } = known
    report({ event: 'assetWanted', asset: number, sha256: assetName(sha256) })
    const refusal = this.library.refusal(sha256, totalBytes, this.#underWay)
    if (refusal !== undefined) return this.#refused(sha256, refusal)
    this.#fetches.push({ incoming: new IncomingAsset(sha256, totalBytes), resumeToken: NO_TOKEN, sinceUs: nowUs })
  }

  /** What the host sent. False where it makes no sense. */
  take(message: AssetNotice | AssetRequest | AssetTransfer, nowUs: number): boolean {
    switch (message.kind) {
      case 'AssetNotice': return this.#noticed(message, nowUs)
      case 'AssetRequest': return this.#asked(message, nowUs)
      case 'AssetTransfer': return this.#carried(message, nowUs)
    }
  }

  /** At the end of a frame, in the session. */
  tick(nowUs: number): void {
    this.#offerWaiting(nowUs)
    for (const fetch of this.#fetches.slice(0, ASSET_TRANSFERS_MAX)) this.#pursue(fetch)
    for (const { incoming: { sha256 }, sinceUs } of this.#fetches.slice(0, ASSET_TRANSFERS_MAX)) {
      if (nowUs - sinceUs >= ASSET_STALL_US) this.#end(sha256, this.#known.has(assetNumber(sha256)) ? 'stalled' : 'unknown', nowUs)
    }
    for (let sent = 0; sent < ASSET_CHUNKS_PER_FRAME; sent++) {
      const chunk = this.#outgoing.take()
      if (chunk === undefined) return
      this.#ports.send({ ...chunk, resumeToken: NO_TOKEN })
    }
  }

  get #underWay(): { readonly count: number; readonly bytes: number } {
    return { count: this.#fetches.length, bytes: this.#fetches.reduce((sum, { incoming }) => sum + incoming.totalBytes, 0) }
  }

  /** A few at a time: the host takes no more at once. */
  #offerWaiting(nowUs: number): void {
    if (this.#role === 'viewer') this.#offers = this.#offers.filter(({ state, wasHeld }) => state === 'held' || !wasHeld)
    for (const { asset: { sha256 }, state, sinceUs } of this.#offers) {
      if (state === 'told' && nowUs - sinceUs >= ASSET_STALL_US) this.#end(sha256, 'stalled', nowUs)
      if (state !== 'held' && this.#role === 'viewer') this.#end(sha256, 'role', nowUs)
    }
    let told = this.#offers.filter(({ state }) => state === 'told').length
    for (const offer of this.#offers) {
      if (told >= ASSET_TRANSFERS_MAX || offer.state !== 'waiting') continue
      told++
      const { asset: { sha256, bytes }, resumeToken } = offer
      Object.assign(offer, { state: 'told', sinceUs: nowUs })
      this.#ports.send({ ...NO_NOTICE, notice: 'offered', totalBytes: bytes.length, sha256, resumeToken })
    }
  }

  /** Asks for the next chunks, as soon as the host is known to have them. */
  #pursue({ incoming, resumeToken }: Fetch): void {
    const { sha256 } = incoming
    const known = this.#known.get(assetNumber(sha256))
    if (known === undefined || !bytesEqual(known.sha256, sha256)) return
    const due = incoming.due()
    if (due === undefined) return
    if (due.fromChunk > 0 && due.fromChunk === incoming.next) {
      this.#ports.report({ event: 'assetResumed', asset: assetNumber(sha256), sha256: assetName(sha256), chunk: due.fromChunk })
    }
    this.#ports.send({ kind: 'AssetRequest', sha256, ...due, resumeToken })
  }

  #noticed({ notice, refusal, sha256, totalBytes }: AssetNotice, nowUs: number): boolean {
    if (notice === 'offered') return false
    if (notice === 'refused') return this.#end(sha256, refusal, nowUs)
    if (!isAssetSize(totalBytes) || this.#known.size >= ASSETS_MAX) return false
    this.#known.set(assetNumber(sha256), { sha256, totalBytes })
    const offer = this.#offerOf(sha256)
    if (offer === undefined || offer.state === 'held') return true
    Object.assign(offer, { state: 'held', wasHeld: true })
    this.#ports.report({ event: 'assetAccepted', asset: assetNumber(sha256), sha256: assetName(sha256) })
    return true
  }

  #asked(request: AssetRequest, nowUs: number): boolean {
    const { sha256, resumeToken } = request
    const offer = this.#offerOf(sha256)
    if (offer?.state !== 'told' || !this.#outgoing.ask(offer.asset, request, NO_TOKEN)) return false
    Object.assign(offer, { resumeToken, sinceUs: nowUs })
    return true
  }

  #carried(message: AssetTransfer, nowUs: number): boolean {
    const fetch = this.#fetchOf(message.sha256)
    if (fetch === undefined) return false
    const { incoming } = fetch
    const result = incoming.put(message)
    if (result === 'unasked') return false
    Object.assign(fetch, { resumeToken: message.resumeToken, sinceUs: nowUs })
    if (result === 'damaged') return this.#end(incoming.sha256, 'digest', nowUs)
    if (result === 'taken') return true
    this.#fetches = this.#fetches.filter((other) => other !== fetch)
    this.library.keep(incoming.asset)
    this.#held(incoming.asset)
    return true
  }

  /** The end of an offer or a fetch; but what another host gave a token for begins anew with this one. */
  #end(sha256: Uint8Array, refusal: AssetRefusal, nowUs: number): boolean {
    const offer = this.#offerOf(sha256)
    const fetch = this.#fetchOf(sha256)
    const ended = fetch ?? (offer?.state === 'held' ? undefined : offer)
    if (ended === undefined) return false
    if (refusal === 'token' && ended.resumeToken.length > 0) {
      this.#ports.probe.sometimes('an asset began anew with another host')
      if (offer !== undefined) Object.assign(offer, { state: 'waiting', resumeToken: NO_TOKEN, sinceUs: nowUs })
      if (fetch !== undefined) {
        const anew = { incoming: new IncomingAsset(sha256, fetch.incoming.totalBytes), resumeToken: NO_TOKEN, sinceUs: nowUs }
        this.#fetches = this.#fetches.map((other) => (other === fetch ? anew : other))
      }
      return true
    }
    this.#offers = this.#offers.filter((other) => other !== ended)
    this.#fetches = this.#fetches.filter((other) => other !== ended)
    this.#refused(sha256, refusal)
    return true
  }

  #held({ sha256, bytes }: Asset): void {
    this.#ports.report({ event: 'assetHeld', asset: assetNumber(sha256), sha256: assetName(sha256), bytes: bytes.length })
  }
  #refused(sha256: Uint8Array, reason: AssetRefusal): void {
    this.#ports.report({ event: 'assetRefused', asset: assetNumber(sha256), sha256: assetName(sha256), reason })
  }
  #offerOf(sha256: Uint8Array): Offer | undefined {
    return this.#offers.find(({ asset }) => bytesEqual(asset.sha256, sha256))
  }
  #fetchOf(sha256: Uint8Array): Fetch | undefined {
    return this.#fetches.find(({ incoming }) => bytesEqual(incoming.sha256, sha256))
  }
}
