/**
 * What a seed has, as plain data. Swarm testing (Groce et al., 2012) leaves whole features out of each run, so that the others
 * have room to do what they seldom do together. Each part is drawn from a stream of its own label: leaving an operation
 * out, or narrowing one part, leaves the others as they were.
 */
import type { Seed } from '../../sim/choice.ts'
import { type RandomStream, stream } from '../../sim/random.ts'
import { type Translator, TRANSLATORS } from '../cluster/translators.ts'
import { COMPRESSIONS, type JoinOptions } from '../cluster/vocabulary.ts'
import { FAULT_NAMES, type FaultName, FAULTS } from './faults.ts'
import { KINDS, OPERATION_NAMES, type OperationName, OPERATIONS } from './grammar.ts'
import { CAPABILITIES, PEER_NAMES, ROLES, TRANSPORTS } from './names.ts'
import type { Range, SwarmNarrowing } from './narrowing.ts'

export interface SwarmPeer extends JoinOptions {
  readonly name: string
  /** When it joins. */
  readonly frame: number
  /** One way, to the host and back from it, milliseconds. */
  readonly latencyMs: readonly [up: number, down: number]
}

/** Something to be done at the beginning of a frame. */
export interface SwarmOperation {
  /** Names the stream of its own draws. */
  readonly id: string
  readonly name: OperationName
  readonly frame: number
  /** Into the peers; whose turn it is, or who it happens to. -1: the host. */
  readonly peer: number
  /** Which of those that do it in the same frame: 0 or 1. */
  readonly side: number
}

export type SwarmHappening =
  | { readonly is: 'cut'; readonly frame: number; readonly peer: number; readonly way: 'both' | 'up' | 'down'; readonly ms: number }
  | { readonly is: 'sever'; readonly frame: number; readonly peer: number }
  /** To a network with a latency and perhaps a translator of its own. */
  | {
    readonly is: 'roam'; readonly frame: number; readonly peer: number; readonly behind: Translator
    readonly latencyMs: readonly [up: number, down: number]
  }
  | { readonly is: 'pause'; readonly frame: number; readonly peer: number; readonly ms: number }
  | { readonly is: 'crash'; readonly frame: number; readonly peer: number; readonly restartFrame: number | undefined }
  /** It begins anew each time: without it nothing goes on. */
  | { readonly is: 'hostCrash'; readonly frame: number; readonly peer: number; readonly restartFrame: number }

export interface Swarm {
  readonly peers: readonly SwarmPeer[]
  /** Strength of each fault that is on. */
  readonly faults: { readonly [Name in FaultName]?: number }
  readonly happenings: readonly SwarmHappening[]
  /** Weight of each operation that is on. */
  readonly weights: { readonly [Name in OperationName]?: number }
  /** By frame. */
  readonly operations: readonly SwarmOperation[]
}

/** Of 2, 3... peers: most sessions are small. */
const PEERS_ODDS = [12, 10, 6, 4, 2, 1, 1]
const ROLE_ODDS = { viewer: 1, editor: 6, admin: 2 }
const COMPRESSION_ODDS = { dictionary: 2, plain: 1, none: 3 }
/** One way, milliseconds: in the house, in the country, across a sea. */
const LATENCIES: readonly Range[] = [[1, 5], [5, 30], [30, 90]]
const OPERATIONS_RANGE: Range = [10, 50]
/** Frames that a session gets to be there before much happens to it. */
const OPENING_FRAMES = 8
const THINGS_RANGE: Range = [2, 8]
/** How many times sixteen more of them. */
const CROWDS = [0, 0, 0, 3]
/** Operations come at any frame, or several at once, every so many frames. */
const BEATS = [1, 1, 8, 25]

/** @param frames how long the story has; at least 1. */
export function drawSwarm(seed: Seed, frames: number, narrowing: SwarmNarrowing = {}): Swarm {
  const draws = (label: string): RandomStream => stream(seed, `swarm ${label}`)
  const last = Math.max(0, frames - 2)
  const peers = drawPeers(draws, last, narrowing)
  const faults = Object.fromEntries(FAULT_NAMES.flatMap((fault) => {
    const strength = drawStrength(draws(`fault ${fault}`), fault, narrowing.faults?.[fault])
    return strength === undefined ? [] : [[fault, strength]]
  }))
  const weights = drawWeights(draws, narrowing.workload)
  const happenings = drawHappenings(draws, { faults, peers, last })
  const operations = drawOperations(draws, { weights, peers, last, range: narrowing.operations ?? OPERATIONS_RANGE })
  return { peers, faults, happenings, weights, operations }
}

type Draws = (label: string) => RandomStream

function drawPeers(
  draws: Draws, last: number, { peers: range = [2, PEER_NAMES.length], over, roles, compression: some = COMPRESSIONS }: SwarmNarrowing,
): SwarmPeer[] {
  const [least, most] = range
  const odds = PEERS_ODDS.map((weight, index) => (index + 2 >= least && index + 2 <= most ? weight : 0))
  const counts = draws('peers')
  const count = weighted(counts, PEERS_ODDS.map((_, index) => index + 2), odds) ?? counts.range(least, most)
  return PEER_NAMES.slice(0, count).map((name, index) => {
    const random = draws(`peer ${name}`)
    const [transport, role] = [random.pick(over ?? TRANSPORTS), drawRole(random, roles)]
    const [isLate, isLimited] = [random.chance(1, 4), random.chance(1, 6)]
    const [least, most] = random.pick(LATENCIES)
    const latencyMs = [random.range(least, most), random.range(least, most)] as const
    const late = random.range(0, Math.floor((last * 2) / 3))
    const capabilities = CAPABILITIES.filter(() => random.chance(2, 3))
    const cbor = draws(`peer ${name} form`).chance(1, 10)
    const compression = weighted(draws(`compression ${name}`), some, some.map((one) => COMPRESSION_ODDS[one]))!
    const frame = isLate && index > 0 ? late : 0
    return { name, over: transport, role, cbor, compression, ...(isLimited && { capabilities }), frame, latencyMs }
  })
}

function drawRole(random: RandomStream, roles: SwarmNarrowing['roles'] = ROLES): SwarmPeer['role'] {
  return weighted(random, roles, roles.map((role) => ROLE_ODDS[role]))!
}

/** Undefined where the fault is off. Shares to a thousandth, all else whole. */
function drawStrength(random: RandomStream, fault: FaultName, narrowed: false | Range | undefined): number | undefined {
  const isOn = random.chance(1, 2)
  const [least, most] = narrowed === undefined || narrowed === false ? FAULTS[fault].range : narrowed
  const parts = FAULTS[fault].unit === 'share of datagrams' ? 1000 : 1
  const strength = random.range(Math.ceil(least * parts), Math.max(Math.ceil(least * parts), Math.floor(most * parts))) / parts
  if (narrowed === false || (narrowed === undefined && !isOn)) return undefined
  return strength
}

/** Whole kinds are off in half of the seeds, and of those that are on some operations; something is always on. */
function drawWeights(draws: Draws, workload: SwarmNarrowing['workload']): Swarm['weights'] {
  if (workload !== undefined) return workload
  const random = draws('weights')
  const always = random.pick(OPERATION_NAMES)
  const on = new Set(KINDS.filter((kind) => random.chance(1, 2) || kind === OPERATIONS[always].kind))
  return Object.fromEntries(OPERATION_NAMES.flatMap((name) => {
    const [isOn, factor] = [random.chance(3, 4) || name === always, random.pick([1, 1, 4])]
    return isOn && on.has(OPERATIONS[name].kind) ? [[name, OPERATIONS[name].weight * factor]] : []
  }))
}

interface Cast {
  readonly peers: readonly SwarmPeer[]
  readonly last: number
}

function drawHappenings(draws: Draws, { faults, peers, last }: Cast & Pick<Swarm, 'faults'>): SwarmHappening[] {
  const times = (is: SwarmHappening['is'], draw: (random: RandomStream, frame: number, peer: number) => SwarmHappening) =>
    Array.from({ length: faults[is] ?? 0 }, (_, index) => {
      const random = draws(`${is} ${index + 1}`)
      const peer = random.int(peers.length)
      return draw(random, frameFor(random, peers[peer].frame, last), peer)
    })
  const restMs = (frame: number) => Math.max(1, (last - frame) * 11)
  return [
    ...times('cut', (random, frame, peer) =>
      ({ is: 'cut', frame, peer, way: random.pick(['both', 'both', 'up', 'down']), ms: random.range(50, 700) })),
    ...times('sever', (_random, frame, peer) => ({ is: 'sever', frame, peer })),
    ...times('roam', (random, frame, peer) => {
      const behind = random.pick(TRANSLATORS)
      const [least, most] = random.pick(LATENCIES)
      return { is: 'roam', frame, peer, behind, latencyMs: [random.range(least, most), random.range(least, most)] }
    }),
    // Nobody is left standing still when the storm is over.
    ...times('pause', (random, frame, peer) => {
      const [isHost, ms] = [random.chance(1, 4), Math.min(random.range(20, 400), restMs(frame))]
      return { is: 'pause', frame, peer: isHost ? -1 : peer, ms }
    }),
    ...times('crash', (random, frame, peer) => {
      const [comesBack, downFrames] = [random.chance(3, 4), random.range(0, 40)]
      return { is: 'crash', frame, peer, restartFrame: comesBack || peer === 0 ? Math.min(frame + downFrames, last) : undefined }
    }),
    ...times('hostCrash', (random, frame) =>
      ({ is: 'hostCrash', frame, peer: -1, restartFrame: Math.min(frame + random.range(0, 40), last) })),
  ]
}

interface Work extends Cast {
  readonly weights: Swarm['weights']
  readonly range: Range
}

function drawOperations(draws: Draws, { weights, peers, last, range }: Work): SwarmOperation[] {
  const count = draws('operations').range(...range)
  const names = OPERATION_NAMES.filter((name) => (weights[name] ?? 0) > 0)
  const odds = names.map((name) => weights[name]!)
  const shape = draws('shape')
  const [things, crowds, beat] = [shape.range(...THINGS_RANGE), shape.pick(CROWDS), shape.pick(BEATS)]
  const first = (name: 'thing' | 'crowd', length: number) => Array.from({ length }, (_, index): SwarmOperation =>
    ({ id: `${name} ${index + 1}`, name, frame: 0, peer: -1, side: 0 }))
  const drawn = Array.from({ length: count }, (_, index): SwarmOperation[] => {
    const id = String(index + 1)
    const random = draws(id)
    const name = weighted(random, names, odds)!
    const { by } = OPERATIONS[name]
    const [one, other] = [random.int(peers.length), random.int(peers.length)]
    const from = by === 'host' ? 0 : Math.max(peers[one].frame, by === 'two' ? peers[other].frame : 0)
    const drawnFrame = frameFor(random, from, last)
    const frame = Math.max(from, drawnFrame - (drawnFrame % beat))
    if (by === 'host') return [{ id, name, frame, peer: -1, side: 0 }]
    const turn = (peer: number, side: number): SwarmOperation => ({ id, name, frame, peer, side })
    return by === 'two' ? [turn(one, 0), ...(other === one ? [] : [turn(other, 1)])] : [turn(one, 0)]
  })
  return [...first('thing', things), ...first('crowd', crowds), ...drawn.flat()].sort((a, b) => a.frame - b.frame)
}

/** Some frame from a while after `from`. */
function frameFor(random: RandomStream, from: number, last: number): number {
  return random.range(Math.min(from + OPENING_FRAMES, last), last)
}

/** Undefined where nothing has a weight. */
function weighted<T>(random: RandomStream, items: readonly T[], weights: readonly number[]): T | undefined {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total === 0) return undefined
  let draw = random.int(total)
  return items[weights.findIndex((weight) => (draw -= weight) < 0)]
}
