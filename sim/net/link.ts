/** One direction between two addresses: its settings, which may change at any time, and what it remembers. */
import { mix32 } from '../choice.ts'
import type { Address } from './datagram.ts'
import { drop, loss } from './loss.ts'
import { LinkMemory } from './memory.ts'
import { mtu } from './mtu.ts'
import { type LinkOdds, oddsOf } from './odds.ts'
import { flapping, partition } from './partition.ts'
import { queue } from './queue.ts'
import type { Rule, RuleMaker } from './rule.ts'
import { type LinkSettings, validated } from './settings.ts'

export type { LinkSettings } from './settings.ts'

/** In the order in which a datagram meets them. */
const RULE_MAKERS: readonly RuleMaker[] = [partition, flapping, mtu, queue, drop, loss]

export class Link {
  readonly from: Address
  readonly to: Address
  /** The link's part of every key. */
  readonly key: number
  readonly memory = new LinkMemory()
  #settings: LinkSettings
  #odds: LinkOdds
  #rules: readonly Rule[]

  /** Throws as {@link set} does. */
  constructor(from: Address, to: Address, settings: LinkSettings) {
    this.from = from
    this.to = to
    this.key = mix32(from, to)
    this.#settings = validated(settings)
    this.#odds = oddsOf(settings)
    this.#rules = rulesOf(settings)
  }

  get settings(): LinkSettings {
    return this.#settings
  }
  get odds(): LinkOdds {
    return this.#odds
  }
  /** Those that these settings need. */
  get rules(): readonly Rule[] {
    return this.#rules
  }

  /** Changes what is named. What is under way keeps its arrival. Throws a RangeError on a value that is out of range. */
  set(change: Partial<LinkSettings>): void {
    const settings = validated({ ...this.#settings, ...change })
    this.#odds = oddsOf(settings)
    this.#rules = rulesOf(settings)
    this.#settings = settings
  }

  /** Clears every fault; the least latency, the bandwidth or trace, its queue and the MTU are the link's nature and stay. */
  heal(): void {
    this.set({
      latencyUsMax: this.#settings.latencyUsMin, jitter: { kind: 'tail' }, dropPpm: 0, loss: { kind: 'none' }, duplicatePpm: 0,
      reorderPpm: 0, corruptPpm: 0, flapping: undefined, down: false,
    })
  }
}

const rulesOf = (settings: LinkSettings): Rule[] => RULE_MAKERS.flatMap((make) => make(settings) ?? [])
