/** One direction between two addresses: its settings, which may change at any time, and what it remembers. */
import { chancePpm, mix32, type Odds } from '../choice.ts'
import type { Address } from './datagram.ts'

/** Times in microseconds, probabilities in parts per million, all integers. */
export interface LinkSettings {
  readonly latencyUsMin: number
  readonly latencyUsMax: number
  readonly dropPpm: number
  readonly duplicatePpm: number
  readonly reorderPpm: number
  /** How long a reordered datagram is held back. */
  readonly reorderUs: number
  readonly corruptPpm: number
  /** 0: not limited, no queue. */
  readonly bandwidthBytesPerSecond: number
  readonly queueBytesMax: number
  /** Bytes of the largest datagram that passes (UDP payload). */
  readonly mtuBytes: number
  readonly down: boolean
}

/** 1472 = 1500 of Ethernet - 20 of IPv4 - 8 of UDP. */
export const LINK_DEFAULTS: LinkSettings = {
  latencyUsMin: 5_000, latencyUsMax: 5_000, dropPpm: 0, duplicatePpm: 0, reorderPpm: 0, reorderUs: 15_000, corruptPpm: 0,
  bandwidthBytesPerSecond: 0, queueBytesMax: 65_536, mtuBytes: 1_472, down: false,
}
const SETTING_MAX = 2 ** 31

/** The odds of each fault that can strike at present. */
interface LinkOdds {
  readonly drop: Odds | undefined
  readonly duplicate: Odds | undefined
  readonly reorder: Odds | undefined
  readonly corrupt: Odds | undefined
}

export class Link {
  readonly from: Address
  readonly to: Address
  /** The link's part of every key. */
  readonly key: number
  /** When the last datagram admitted to the queue will have left it. */
  busyUntilUs = 0
  /** The latest arrival of a datagram that kept its place. */
  lastArrivalUs = 0
  #settings: LinkSettings
  #odds: LinkOdds

  /** Throws as {@link set} does. */
  constructor(from: Address, to: Address, settings: LinkSettings) {
    this.from = from
    this.to = to
    this.key = mix32(from, to)
    this.#settings = validated(settings)
    this.#odds = oddsOf(settings)
  }

  get settings(): LinkSettings {
    return this.#settings
  }
  get odds(): LinkOdds {
    return this.#odds
  }

  /** Changes what is named. What is under way keeps its arrival. Throws a RangeError on a value that is out of range. */
  set(change: Partial<LinkSettings>): void {
    const settings = validated({ ...this.#settings, ...change })
    this.#odds = oddsOf(settings)
    this.#settings = settings
  }

  /** Clears every fault; the least latency, the bandwidth and the MTU are the link's nature and stay. */
  heal(): void {
    this.set({ latencyUsMax: this.#settings.latencyUsMin, dropPpm: 0, duplicatePpm: 0, reorderPpm: 0, corruptPpm: 0, down: false })
  }
}

function validated(settings: LinkSettings): LinkSettings {
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'down' ? typeof value !== 'boolean' : !Number.isSafeInteger(value) || value < 0 || value > SETTING_MAX) {
      throw new RangeError(`link ${name}: expected ${name === 'down' ? 'a boolean' : `an integer of [0, ${SETTING_MAX}]`}, got ${value}`)
    }
  }
  if (settings.latencyUsMax < settings.latencyUsMin) {
    throw new RangeError(`link latencyUsMax: expected at least latencyUsMin ${settings.latencyUsMin}, got ${settings.latencyUsMax}`)
  }
  return settings
}

function oddsOf(settings: LinkSettings): LinkOdds {
  const possible = (site: string, ppm: number): Odds | undefined => (ppm === 0 ? undefined : chancePpm(site, ppm))
  return {
    drop: possible('net.drop', settings.dropPpm),
    duplicate: possible('net.duplicate', settings.duplicatePpm),
    reorder: possible('net.reorder', settings.reorderPpm),
    corrupt: possible('net.corrupt', settings.corruptPpm),
  }
}
