/**
 * The kernel: virtual time, nodes, and the one loop that hands events to them. It knows neither network nor transport
 * nor script: a fabric gives it datagrams with their arrival times, script.ts runs it up to an instant, and what a node
 * is, `scenarios/cluster.ts` says. It is synchronous throughout; nothing here ever waits.
 */
import { assert } from './assert.ts'
import type { Chooser } from './choice.ts'
import { Clock } from './clock.ts'
import type { ClockEvent } from './clock.ts'
import { EVENTS_MAX, FRAME_HZ_MAX, HELD_EVENTS_MAX, INSTANT_EVENTS_MAX, NODES_MAX, VIRTUAL_US_MAX } from './limits.ts'
import type { Trace } from './trace.ts'

/** Index of a node in its world: 0, 1, 2... in the order of their addition. */
export type NodeIndex = number

/** What the kernel drives. All times are virtual microseconds. A node that is down or paused is not called. */
export interface SimNode<Datagram> {
  deliver(datagram: Datagram, nowUs: number): void
  /** Called at the instant last named by `nextWakeUs`, or later, never earlier. */
  wake(nowUs: number): void
  /** When it wants to be woken: an integer, an instant in the past for "now", Infinity for never. Asked after every call to the node. */
  nextWakeUs(): number
  /** Frame `index` begins; see {@link Kernel.startFrames}. */
  frame?(index: number, nowUs: number): void
  /** An event of its own comes due; see {@link Kernel.schedule}. */
  event?(kind: number, slot: number, nowUs: number): void
  /** It lost everything that is not on a disk. */
  crash?(): void
}

/** Why a node did not get a datagram: it is down, or it is paused and its buffer is full. */
export type UndeliveredReason = 'down' | 'full'

export interface KernelConfig<Datagram> {
  readonly trace: Trace
  readonly undelivered: (datagram: Datagram, node: NodeIndex, why: UndeliveredReason) => void
  /** Permutes simultaneous events of different nodes; left out, they keep the order in which they were queued. */
  readonly ties?: Chooser
}

/** The bound that ended a run, by its name in limits.ts. */
export interface LimitEnd {
  readonly kind: 'limit'
  readonly limit: 'EVENTS_MAX' | 'INSTANT_EVENTS_MAX' | 'VIRTUAL_US_MAX' | 'TRACE_RECORDS_MAX' | 'HELD_EVENTS_MAX'
}
/** `reached`: the instant asked for. `satisfied`: the predicate holds. */
export type RunEnd = { readonly kind: 'reached' } | { readonly kind: 'satisfied' } | LimitEnd

/** Kinds of events below this one are the kernel's. */
const KIND_OWN_FIRST = 16
const KIND_MAX = 255
const DATAGRAM = 0
const WAKE = 1
const FRAME = 2
/** A frame that began while its node was paused. */
const LATE_FRAME = 3

const US_PER_SECOND = 1_000_000

/** The instant at which frame `index` begins. */
export const frameUs = (index: number, hz: number): number => Math.floor((index * US_PER_SECOND) / hz)
/** The first frame that begins at an instant or after it. */
export const frameFrom = (atUs: number, hz: number): number => Math.ceil((atUs * hz) / US_PER_SECOND)

/** An event that is still to come. An `own` one has the node's own kind and slot; a frame its index. */
export type PendingEvent<Datagram> = { readonly atUs: number; readonly node: NodeIndex } & (
  | { readonly kind: 'datagram'; readonly datagram: Datagram }
  | { readonly kind: 'wake' }
  | { readonly kind: 'frame'; readonly frame: number }
  | { readonly kind: 'own'; readonly own: number; readonly slot: number }
)

interface NodeState<Datagram> {
  node: SimNode<Datagram>
  status: 'running' | 'paused' | 'down'
  /** The instant of the one live wake; others in the queue are stale. Infinity: none. */
  armedUs: number
  hz: number
  /** The next frame and its instant; Infinity: no frames. */
  frame: number
  frameUs: number
  /** What came while it was paused, as (kind, slot), in order. */
  held: { readonly kind: number; readonly slot: number }[]
}

export class Kernel<Datagram> {
  readonly #trace: Trace
  readonly #undelivered: (datagram: Datagram, node: NodeIndex, why: UndeliveredReason) => void
  readonly #clock: Clock
  readonly #event: ClockEvent = { atUs: 0, kind: 0, node: 0, slot: 0 }
  readonly #states: NodeState<Datagram>[] = []
  /** Datagrams under way, by slot. */
  readonly #datagrams: (Datagram | undefined)[] = []
  readonly #freeSlots: number[] = []
  #nowUs = 0
  #events = 0
  /** Events handled at `nowUs` so far. */
  #instantEvents = 0
  #isHoldFull = false

  constructor(config: KernelConfig<Datagram>) {
    this.#trace = config.trace
    this.#undelivered = config.undelivered
    this.#clock = new Clock(config.ties)
  }

  /** Virtual microseconds since the start of the run. */
  get nowUs(): number {
    return this.#nowUs
  }

  /** Events handled so far. */
  get events(): number {
    return this.#events
  }

  /** The instant of the next event; Infinity when there is none. */
  get nextUs(): number {
    return this.#clock.nextUs
  }

  /** The events to come, the next first, but for those that were overtaken and will do nothing. */
  pending(): PendingEvent<Datagram>[] {
    return this.#clock.entries().flatMap(({ atUs, kind, node, slot }): PendingEvent<Datagram>[] => {
      const { armedUs, frameUs } = this.#states[node]
      if (kind === DATAGRAM) return [{ atUs, node, kind: 'datagram', datagram: this.#datagrams[slot]! }]
      if (kind === WAKE) return atUs === armedUs ? [{ atUs, node, kind: 'wake' }] : []
      if (kind === FRAME) return atUs === frameUs ? [{ atUs, node, kind: 'frame', frame: slot }] : []
      return [kind === LATE_FRAME ? { atUs, node, kind: 'frame', frame: slot } : { atUs, node, kind: 'own', own: kind, slot }]
    })
  }

  /** Whether a node runs, and how many events are held for it while it is paused. */
  standing(index: NodeIndex): { readonly status: 'running' | 'paused' | 'down'; readonly held: number } {
    const { status, held } = this.#state(index)
    return { status, held: held.length }
  }

  /** Adds a running node. */
  addNode(node: SimNode<Datagram>): NodeIndex {
    const index = this.#states.length
    if (index === NODES_MAX) throw new RangeError(`world: expected at most ${NODES_MAX} nodes`)
    this.#states.push({ node, status: 'running', armedUs: Infinity, hz: 0, frame: 0, frameUs: Infinity, held: [] })
    this.#changed(index, 'started')
    this.touch(index)
    return index
  }

  /** To be called after any call to a node that the kernel did not make: it may want another wake now. */
  touch(index: NodeIndex): void {
    this.#arm(index, this.#state(index))
  }

  /** Queues a datagram that reaches its node at an instant, now or later. The kernel keeps it until then. */
  deliver(atUs: number, index: NodeIndex, datagram: Datagram): void {
    this.#checkAhead(atUs)
    this.#state(index)
    const slot = this.#freeSlots.pop() ?? this.#datagrams.length
    this.#datagrams[slot] = datagram
    this.#clock.push(atUs, DATAGRAM, index, slot)
  }

  /** Queues an event of a node's own, now or later: `kind` in [KIND_OWN_FIRST, 255], `slot` a signed 32-bit integer. */
  schedule(atUs: number, kind: number, index: NodeIndex, slot: number): void {
    this.#checkAhead(atUs)
    this.#state(index)
    if (!Number.isSafeInteger(kind) || kind < KIND_OWN_FIRST || kind > KIND_MAX) {
      throw new RangeError(`event kind: expected an integer of [${KIND_OWN_FIRST}, ${KIND_MAX}], got ${kind}`)
    }
    if (slot !== (slot | 0)) throw new RangeError(`event slot: expected a signed 32-bit integer, got ${slot}`)
    this.#clock.push(atUs, kind, index, slot)
  }

  /** Has `frame(k)` called at floor(k * 1e6 / hz) for k = first, first + 1... until the frames are stopped or the node crashes. */
  startFrames(index: NodeIndex, hz: number, first: number): void {
    if (!Number.isSafeInteger(hz) || hz < 1 || hz > FRAME_HZ_MAX) {
      throw new RangeError(`frames: expected an integer rate of [1, ${FRAME_HZ_MAX}] Hz, got ${hz}`)
    }
    if (!Number.isSafeInteger(first) || first < 0) throw new RangeError(`frames: expected the index of a frame, got ${first}`)
    this.#checkAhead(frameUs(first, hz))
    const state = this.#state(index)
    state.hz = hz
    this.#expectFrame(index, state, first)
  }

  stopFrames(index: NodeIndex): void {
    this.#state(index).frameUs = Infinity
  }

  /** Suspends a running node: its events are held. False, and without effect, when it is not running. */
  pause(index: NodeIndex): boolean {
    const state = this.#state(index)
    if (state.status !== 'running') return false
    state.status = 'paused'
    this.#changed(index, 'paused')
    return true
  }

  /** Lets a paused node go on: what was held comes due now, in order. False, and without effect, when it is not paused. */
  resume(index: NodeIndex): boolean {
    const state = this.#state(index)
    if (state.status !== 'paused') return false
    state.status = 'running'
    this.#changed(index, 'resumed')
    // What it has at this very instant comes after what is older, or frames would come out of order.
    const present = this.#clock.entries().filter(({ atUs, node }) => atUs === this.#nowUs && node === index)
    if (present.length > 0) this.#clock.remove((_kind, node, _slot, atUs) => atUs === this.#nowUs && node === index)
    for (const { kind, slot } of [...state.held, ...present]) this.#clock.push(this.#nowUs, kind, index, slot)
    state.held = []
    this.#arm(index, state)
    return true
  }

  /**
   * Stops a node for good, its pending events with it; datagrams that reach it are lost. False, and without effect, when it is
   * down already.
   */
  crash(index: NodeIndex): boolean {
    const state = this.#state(index)
    if (state.status === 'down') return false
    state.status = 'down'
    this.#changed(index, 'crashed')
    this.#clock.remove((kind, node) => node === index && kind !== DATAGRAM)
    state.armedUs = Infinity
    const { held } = state
    state.held = []
    for (const { kind, slot } of held) {
      if (kind === DATAGRAM) this.#undelivered(this.#take(slot), index, 'down')
    }
    state.node.crash?.()
    return true
  }

  /** Puts a new node in the place of one that is down. False, and without effect, when that is not down. */
  restart(index: NodeIndex, node: SimNode<Datagram>): boolean {
    const state = this.#state(index)
    if (state.status !== 'down') return false
    state.node = node
    state.status = 'running'
    this.#changed(index, 'started')
    this.#arm(index, state)
    return true
  }

  /**
   * Handles every event before `untilUs`, which then is the present: whoever acts at an instant from outside acts before its
   * events. Stops earlier where the predicate holds (asked before every event) or at a bound. Throws what a node throws.
   */
  run(untilUs: number, until?: () => boolean): RunEnd {
    for (;;) {
      if (until?.() === true) return { kind: 'satisfied' }
      const nextUs = this.#clock.nextUs
      const limit = this.#limitBefore(Math.min(nextUs, untilUs))
      if (limit !== undefined) return { kind: 'limit', limit }
      if (nextUs >= untilUs) {
        if (untilUs > this.#nowUs) this.#advance(untilUs)
        return { kind: 'reached' }
      }
      this.#handleNext()
    }
  }

  #limitBefore(nextUs: number): LimitEnd['limit'] | undefined {
    if (nextUs > VIRTUAL_US_MAX) return 'VIRTUAL_US_MAX'
    if (this.#events >= EVENTS_MAX) return 'EVENTS_MAX'
    if (this.#instantEvents >= INSTANT_EVENTS_MAX && nextUs === this.#nowUs) return 'INSTANT_EVENTS_MAX'
    if (this.#trace.isFull) return 'TRACE_RECORDS_MAX'
    return this.#isHoldFull ? 'HELD_EVENTS_MAX' : undefined
  }

  #handleNext(): void {
    const event = this.#event
    this.#clock.popInto(event)
    const { atUs, kind, node: index, slot } = event
    if (atUs > this.#nowUs) this.#advance(atUs)
    this.#events++
    this.#instantEvents++
    const state = this.#states[index]
    if (kind === WAKE) {
      if (atUs !== state.armedUs) return
      state.armedUs = Infinity
      // A pause or a later wish has overtaken this wake; arming again (by resume, or below) asks anew.
      if (state.status !== 'running') return
      if (state.node.nextWakeUs() <= atUs) state.node.wake(atUs)
    } else if (kind === FRAME) {
      if (atUs !== state.frameUs) return
      this.#expectFrame(index, state, state.frame + 1)
      if (state.status === 'paused') return this.#hold(state, LATE_FRAME, slot)
      state.node.frame?.(slot, atUs)
    } else if (kind === DATAGRAM) {
      if (state.status === 'down') return this.#undelivered(this.#take(slot), index, 'down')
      if (state.status === 'paused') {
        if (state.held.length < HELD_EVENTS_MAX) return this.#hold(state, kind, slot)
        return this.#undelivered(this.#take(slot), index, 'full')
      }
      state.node.deliver(this.#take(slot), atUs)
    } else {
      if (state.status === 'paused') return this.#hold(state, kind, slot)
      if (kind === LATE_FRAME) state.node.frame?.(slot, atUs)
      else state.node.event?.(kind, slot, atUs)
    }
    this.#arm(index, state)
  }

  #advance(atUs: number): void {
    this.#nowUs = atUs
    this.#instantEvents = 0
  }

  /** Queues a wake if the node wants one before the one that is live. Should it want a later one, the live one will notice. */
  #arm(index: NodeIndex, state: NodeState<Datagram>): void {
    if (state.status !== 'running') return
    const wakeUs = Math.max(state.node.nextWakeUs(), this.#nowUs)
    if (wakeUs === Infinity || wakeUs >= state.armedUs) return
    assert(Number.isSafeInteger(wakeUs), 'a node asks to be woken at an integer number of microseconds')
    state.armedUs = wakeUs
    this.#clock.push(wakeUs, WAKE, index, 0)
  }

  #expectFrame(index: NodeIndex, state: NodeState<Datagram>, frame: number): void {
    state.frame = frame
    state.frameUs = frameUs(frame, state.hz)
    this.#clock.push(state.frameUs, FRAME, index, frame)
  }

  #hold(state: NodeState<Datagram>, kind: number, slot: number): void {
    // A socket's buffer overflows without harm (see the caller); a frame or an own event that is lost would be a hidden fault.
    if (state.held.length >= HELD_EVENTS_MAX) this.#isHoldFull = true
    else state.held.push({ kind, slot })
  }

  #take(slot: number): Datagram {
    const datagram = this.#datagrams[slot] as Datagram
    this.#datagrams[slot] = undefined
    this.#freeSlots.push(slot)
    return datagram
  }

  #changed(index: NodeIndex, change: 'started' | 'paused' | 'resumed' | 'crashed'): void {
    this.#trace.record(this.#nowUs, index, { kind: 'node', change })
  }

  #checkAhead(atUs: number): void {
    if (!Number.isSafeInteger(atUs) || atUs < this.#nowUs) {
      throw new RangeError(`atUs: expected an integer of at least ${this.#nowUs}, got ${atUs}`)
    }
  }

  #state(index: NodeIndex): NodeState<Datagram> {
    const state = this.#states[index]
    if (state === undefined) throw new RangeError(`node: expected an index of [0, ${this.#states.length}), got ${index}`)
    return state
  }
}
