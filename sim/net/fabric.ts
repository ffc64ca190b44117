/**
 * The datagram network: directed links between addresses. It holds no clock and no queue of events: for each datagram
 * that survives, `deliver` is called back with the instant of its arrival, and whoever keeps time schedules it.
 *
 *     send ── partition, mtu, queue, loss ──> duplication ──> corruption, delay (a copy each) ──> deliver(atUs, datagram)
 */
import { type Chooser, mix32 } from '../choice.ts'
import { corruptedOffset, flipped } from './corruption.ts'
import { type Address, ADDRESSES_MAX, type Datagram } from './datagram.ts'
import { arrivalUs, isHeldBack } from './delay.ts'
import { Link, LINK_DEFAULTS, type LinkSettings } from './link.ts'
import { loss } from './loss.ts'
import { mtu } from './mtu.ts'
import { partition } from './partition.ts'
import { queue } from './queue.ts'
import type { NetRecord } from './records.ts'
import { type Crossing, judge, type Rule } from './rule.ts'

const RULES: readonly Rule[] = [partition, mtu, queue, loss]

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

  /** Those that were named so far, by from and to. */
  get links(): readonly Link[] {
    return this.#links.flatMap((row) => (row ?? []).filter((link) => link !== undefined))
  }

  send(datagram: Datagram, nowUs: number): void {
    const { id, from, to, bytes, label } = datagram
    const link = this.link(from, to)
    this.#sink({
      kind: 'sent', datagram: id, from, to, bytes: bytes.length, protocol: label.protocol, contents: label.contents,
      connection: label.connection, channel: label.channel, start: label.start, end: label.end, attempt: label.attempt,
    })
    const keyHi = mix32(datagram.keyHi, link.key)
    const crossing: Crossing = { link, datagram, nowUs, chooser: this.#chooser, keyHi, keyLo: datagram.keyLo }
    const verdict = judge(RULES, crossing)
    if (verdict !== 'pass') {
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

  #carry(crossing: Crossing): void {
    const { id, from, to } = crossing.datagram
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
    this.#sink({ kind: 'delivered', datagram: datagram.id, from: datagram.from, to: datagram.to, bytes: datagram.bytes.length })
  }

  /** Clears every fault of every link; see {@link Link.heal}. */
  heal(): void {
    for (const row of this.#links) {
      for (const link of row ?? []) link?.heal()
    }
  }
}
