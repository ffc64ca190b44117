/**
 * Links that a person knows. Each is the way between a headset and a host in the same region, up from the headset and down to it; the
 * numbers are typical ones, not measurements. A preset says everything about a link but whether it is down, so that nothing of what
 * the link was before is left.
 */
import { burstsOf } from './bursts.ts'
import { LINK_DEFAULTS, type LinkPair, type LinkSettings } from './settings.ts'
import { syntheticTrace } from './synthetic-traces.ts'

const MS = 1_000
const SECOND = 1_000_000
/** Bytes a second. */
const MBIT = 125_000

/** Makes each of them anew: traces are long, and few runs want one. */
const MAKERS = {
  /** A cable: 1 Gbit/s, a fifth of a millisecond, nothing lost. */
  lan: () => both({ latencyUsMin: 100, latencyUsMax: 300, bandwidthBytesPerSecond: 1_000 * MBIT, queueBytesMax: 262_144 }),

  /** A good access point in the same room: 100 Mbit/s down, 40 up, 4 to 30 ms with a heavy tail, 1% lost in bursts. */
  'home-wifi': () => {
    const settings: Partial<LinkSettings> = {
      latencyUsMin: 4 * MS, latencyUsMax: 30 * MS, loss: burstsOf('wifi'),
      jitter: { kind: 'pareto', meanUs: 7 * MS, deviationUs: 2 * MS, correlationPpm: 250_000 },
    }
    return {
      up: full({ ...settings, bandwidthBytesPerSecond: 40 * MBIT, queueBytesMax: 131_072 }),
      down: full({ ...settings, bandwidthBytesPerSecond: 100 * MBIT, queueBytesMax: 262_144 }),
    }
  },

  /** Two walls away, with neighbours: 6 Mbit/s down, 2 up, 5 to 150 ms, 5% lost in bursts, 1% overtaken. */
  'bad-wifi': () => {
    const settings: Partial<LinkSettings> = {
      latencyUsMin: 5 * MS, latencyUsMax: 150 * MS, loss: burstsOf('lossyWifi'), reorderPpm: 10_000, reorderUs: 10 * MS,
      jitter: { kind: 'paretonormal', meanUs: 25 * MS, deviationUs: 20 * MS, correlationPpm: 500_000 },
    }
    return {
      up: full({ ...settings, bandwidthBytesPerSecond: 2 * MBIT }),
      down: full({ ...settings, bandwidthBytesPerSecond: 6 * MBIT, queueBytesMax: 131_072 }),
    }
  },

  /** A cell, standing still: 40 Mbit/s down, 10 up, about 25 ms each way, 0.1% lost, and deep queues (bufferbloat). */
  lte: () => {
    const settings: Partial<LinkSettings> = {
      latencyUsMin: 15 * MS, latencyUsMax: 80 * MS, dropPpm: 1_000,
      jitter: { kind: 'normal', meanUs: 25 * MS, deviationUs: 5 * MS, correlationPpm: 250_000 },
    }
    return {
      up: full({ ...settings, bandwidthBytesPerSecond: 10 * MBIT, queueBytesMax: 524_288 }),
      down: full({ ...settings, bandwidthBytesPerSecond: 40 * MBIT, queueBytesMax: 1_048_576 }),
    }
  },

  /** A cell, in a car: down 1 to 25 Mbit/s with half a second of nothing now and then, up 3 Mbit/s, 2% lost in bursts. */
  'lte-driving': () => {
    const settings: Partial<LinkSettings> = {
      latencyUsMin: 20 * MS, latencyUsMax: 200 * MS, loss: burstsOf('cellular'),
      jitter: { kind: 'paretonormal', meanUs: 45 * MS, deviationUs: 20 * MS, correlationPpm: 500_000 },
    }
    return {
      up: full({ ...settings, bandwidthBytesPerSecond: 3 * MBIT, queueBytesMax: 262_144 }),
      down: full({ ...settings, trace: syntheticTrace('lteDriving'), queueBytesMax: 524_288 }),
    }
  },

  /** A geostationary one: 300 ms each way (600 ms round trip), 20 Mbit/s down, 3 up, 2.9% lost in bursts. */
  satellite: () => {
    const settings: Partial<LinkSettings> = { latencyUsMin: 300 * MS, latencyUsMax: 310 * MS, loss: burstsOf('satellite') }
    return {
      up: full({ ...settings, bandwidthBytesPerSecond: 3 * MBIT, queueBytesMax: 262_144 }),
      down: full({ ...settings, bandwidthBytesPerSecond: 20 * MBIT, queueBytesMax: 1_048_576 }),
    }
  },

  /** Taken off the head: its radio wakes for 100 ms every 1.5 s, and is slow then. */
  'headset-asleep': () => both({
    latencyUsMin: 10 * MS, latencyUsMax: 120 * MS, bandwidthBytesPerSecond: MBIT, queueBytesMax: 16_384,
    flapping: { upUs: 100 * MS, downUs: 1_400 * MS, offsetUs: 0 },
  }),

  /** Through the house, from one access point to the next: 300 ms of nothing every 6 s, and bursts of loss. */
  roaming: () => both({
    latencyUsMin: 5 * MS, latencyUsMax: 60 * MS, bandwidthBytesPerSecond: 30 * MBIT, queueBytesMax: 131_072, loss: burstsOf('cellular'),
    jitter: { kind: 'pareto', meanUs: 12 * MS, deviationUs: 6 * MS, correlationPpm: 500_000 },
    flapping: { upUs: 5_700 * MS, downUs: 300 * MS, offsetUs: 3 * SECOND },
  }),
} satisfies Record<string, () => LinkPair>

export type PresetName = keyof typeof MAKERS
export const PRESET_NAMES = Object.keys(MAKERS) as readonly PresetName[]

export const presetOf = (name: PresetName): LinkPair => MAKERS[name]()

function full(settings: Partial<LinkSettings>): Partial<LinkSettings> {
  const { down: _, ...rest } = { ...LINK_DEFAULTS, ...settings }
  return rest
}

function both(settings: Partial<LinkSettings>): LinkPair {
  return { up: full(settings), down: full(settings) }
}
