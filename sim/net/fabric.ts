/**
 * The datagram network: directed links between addresses. It holds no clock and no queue of events: for each datagram
 * that survives, `deliver` is called back with the instant of its arrival, and whoever keeps time schedules it.
 *
 *     send ── partition, flapping, mtu, queue, loss ──> duplication ──> corruption, delay (a copy each) ──> deliver(atUs, datagram)
 */
import { type Chooser, mix32 } from '../choice.ts'
import { corruptedOffset, flipped } from './corruption.ts'
import { type Address, ADDRESSES_MAX, type Datagram, Ecn } from './datagram.ts'
import { arrivalUs, isHeldBack } from './delay.ts'
import { Link } from './link.ts'
import type { LossReason, NetRecord } from './records.ts'
import { type Crossing, judge } from './rule.ts'
import { LINK_DEFAULTS, type LinkPair, type LinkSettings } from './settings.ts'

export interface FabricConfig {
  readonly chooser: Chooser
  readonly deliver: (atUs: number, datagram: Datagram) => void
  readonly sink: (record: NetRecord) => void
  /** Settings that a link starts with, over {@link LINK_DEFAULTS}. */
  readonly defaults?: Partial<LinkSettings>
}

export class Fabric {
  readonly #chooser: Chooser
  readonly #deliver: (atUs: number, datagram: Datagram) => void
  readonly #sink: (record: NetRecord) => void
  readonly #defaults: LinkSettings
  /** By from, then to. */
  readonly #links: (Link | undefined)[][] = []

  constructor(config: FabricConfig) {
    this.#chooser = config.chooser
    this.#deliver = config.deliver
    this.#sink = config.sink
    this.#defaults = { ...LINK_DEFAULTS, ...config.defaults }
  }

  /** The link of that direction. Throws a RangeError on what is no address. */
  link(from: Address, to: Address): Link {
    const known = this.#links[from]?.[to]
    if (known !== undefined) return known
    for (const address of [from, to]) {
      if (!Number.isSafeInteger(address) || address < 0 || address >= ADDRESSES_MAX) {
        throw new RangeError(`address: expected an integer of [0, ${ADDRESSES_MAX}), got ${address}`)
      }
    }
    const link = new Link(from, to, this.#defaults)
    const row = (this.#links[from] ??= [])
    row[to] = link
    return link
  }

  /** Changes both directions between two addresses, each by what it is told. Throws as {@link Link.set} does. */
  setPair(from: Address, to: Address, { up, down }: LinkPair): void {
    this.link(from, to).set(up)
    this.link(to, from).set(down)
  }

  /** Those that were named so far, by from and to. */
  get links(): readonly Link[] {
    return this.#links.flatMap((row) => (row ?? []).filter((link) => link !== undefined))
  }

  /** Sends a datagram over a link: that between the addresses in its header, unless translators stand between. */
  send(datagram: Datagram, nowUs: number, link = this.link(datagram.from, datagram.to)): void {
    const { id } = datagram
    const { from, to } = link
    this.#sent(datagram, link)
    const keyHi = mix32(datagram.keyHi, link.key)
    let crossing: Crossing = { link, datagram, nowUs, chooser: this.#chooser, keyHi, keyLo: datagram.keyLo }
    const verdict = judge(link.rules, crossing)
    if (verdict === 'mark') {
      if (datagram.ecn !== Ecn.congestionExperienced) this.#sink({ kind: 'marked', datagram: id, from, to })
      crossing = { ...crossing, datagram: { ...datagram, ecn: Ecn.congestionExperienced } }
    } else if (verdict !== 'pass') {
      this.#sink({ kind: 'lost', datagram: id, from, to, why: verdict })
      return
    }
    this.#carry(crossing)
    if (link.odds.duplicate !== undefined && this.#chooser.choose(link.odds.duplicate, crossing.keyHi, crossing.keyLo) !== 0) {
      this.#sink({ kind: 'duplicated', datagram: id, from, to })
      // The copy is a thing of its own: other damage, another delay.
      this.#carry({ ...crossing, keyLo: mix32(crossing.keyLo, 1) })
    }
  }

  /** Hands a node what it sends to itself: there is no link, no time and no fault in it. */
  loop(datagram: Datagram, nowUs: number): void {
    this.#sent(datagram, datagram)
    this.#deliver(nowUs, datagram)
  }

  /** Sends a datagram that does not get as far as the link. */
  lose(datagram: Datagram, link: Link, why: LossReason): void {
    this.#sent(datagram, link)
    this.#sink({ kind: 'lost', datagram: datagram.id, from: link.from, to: link.to, why })
  }

  #sent({ id, bytes, label }: Datagram, { from, to }: { readonly from: Address; readonly to: Address }): void {
    this.#sink({
      kind: 'sent', datagram: id, from, to, bytes: bytes.length, protocol: label.protocol, contents: label.contents,
      connection: label.connection, channel: label.channel, start: label.start, end: label.end, attempt: label.attempt,
    })
  }

  #carry(crossing: Crossing): void {
    const { id } = crossing.datagram
    const { from, to } = crossing.datagram.via ?? crossing.datagram
    let datagram = crossing.datagram
    const offset = corruptedOffset(crossing)
    if (offset >= 0) {
      this.#sink({ kind: 'corrupted', datagram: id, from, to, offset })
      datagram = { ...datagram, bytes: flipped(crossing, offset) }
    }
    const heldBack = isHeldBack(crossing)
    if (heldBack) this.#sink({ kind: 'reordered', datagram: id, from, to })
    this.#deliver(arrivalUs(crossing, heldBack), datagram)
  }

  /** To be told by whoever keeps time when a datagram reaches its address. */
  arrived(datagram: Datagram): void {
    const { from, to } = datagram.via ?? datagram
    this.#sink({ kind: 'delivered', datagram: datagram.id, from, to, bytes: datagram.bytes.length })
  }

  /** Clears every fault of every link; see {@link Link.heal}. */
  heal(): void {
    for (const row of this.#links) {
      for (const link of row ?? []) link?.heal()
    }
  }
}
