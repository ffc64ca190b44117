/**
 * The queue of events: a 4-ary heap over typed arrays, ordered by (atUs, sequence). An event is five numbers, never
 * a closure, so that a queue holds no hidden state and pushing allocates nothing.
 *
 * Sifting moves two float64 columns only: the instant, and an order key of rank (2 bits), sequence (31 bits) and entry
 * (20 bits). The entry says where kind, node and slot lie, which stay in place.
 */
import { assert } from './assert.ts'
import { odds } from './choice.ts'
import type { Chooser } from './choice.ts'
import { EVENT_SEQUENCE_MAX, PENDING_EVENTS_MAX } from './limits.ts'

const CAPACITY_FIRST = 256
const SEQUENCE_STEP = PENDING_EVENTS_MAX
const RANK_STEP = SEQUENCE_STEP * EVENT_SEQUENCE_MAX
const U32_RANGE = 2 ** 32
const NODE_RANGE = 2 ** 16

/** How far the events of a node fall back among those of their instant; most keep their place. */
const TIE = odds('tie', [5, 1, 1, 1])

assert(RANK_STEP * TIE.alternatives <= Number.MAX_SAFE_INTEGER + 1, 'rank, sequence and entry fit into one exact float64')

/** An event as {@link Clock.popInto} gives it out. */
export interface ClockEvent {
  atUs: number
  /** In [0, 255]. */
  kind: number
  /** In [0, 65535]. */
  node: number
  /** A signed 32-bit integer. */
  slot: number
}

export class Clock {
  readonly #ties: Chooser | undefined
  #size = 0
  #sequence = 0
  // The heap: the children of place i are 4 * i + 1 to 4 * i + 4.
  #atUs = new Float64Array(CAPACITY_FIRST)
  #order = new Float64Array(CAPACITY_FIRST)
  // By entry.
  #kind = new Uint8Array(CAPACITY_FIRST)
  #node = new Uint16Array(CAPACITY_FIRST)
  #slot = new Int32Array(CAPACITY_FIRST)
  /** The unused entries stand from #size on. */
  #free = Int32Array.from({ length: CAPACITY_FIRST }, (_, entry) => entry)

  /**
   * With `ties`, events of one instant are permuted by choice: all those that one node has at an instant fall back by
   * the same rank, a function of (node, instant), and keep their order among themselves.
   */
  constructor(ties?: Chooser) {
    this.#ties = ties
  }

  get size(): number {
    return this.#size
  }

  /** The instant of the earliest event; Infinity when there is none. */
  get nextUs(): number {
    return this.#size === 0 ? Infinity : this.#atUs[0]
  }

  /** All that is queued, the next first: for whoever looks on. */
  entries(): ClockEvent[] {
    const places = Array.from({ length: this.#size }, (_, place) => place)
    places.sort((a, b) => this.#atUs[a] - this.#atUs[b] || this.#order[a] - this.#order[b])
    return places.map((place) => {
      const entry = entryOf(this.#order[place])
      return { atUs: this.#atUs[place], kind: this.#kind[entry], node: this.#node[entry], slot: this.#slot[entry] }
    })
  }

  /** Queues an event after all others of its instant. Microseconds are integers; the other fields are cut to their widths. */
  push(atUs: number, kind: number, node: number, slot: number): void {
    if (this.#size === this.#free.length) this.#grow()
    const entry = this.#free[this.#size]
    this.#kind[entry] = kind
    this.#node[entry] = node
    this.#slot[entry] = slot
    const sequence = this.#sequence++
    assert(sequence < EVENT_SEQUENCE_MAX, 'the sequence of events fits its bits')
    this.#siftUp(this.#size++, atUs, sequence * SEQUENCE_STEP + entry)
  }

  /** Takes the earliest event out; false when there is none. */
  popInto(event: ClockEvent): boolean {
    if (this.#size === 0) return false
    if (this.#ties !== undefined) this.#permute(this.#ties)
    const entry = entryOf(this.#order[0])
    event.atUs = this.#atUs[0]!
    event.kind = this.#kind[entry]!
    event.node = this.#node[entry]!
    event.slot = this.#slot[entry]!
    const last = --this.#size
    this.#free[last] = entry
    this.#siftDown(0, this.#atUs[last], this.#order[last])
    return true
  }

  /** Takes out every event that `isGone` points at, and returns how many. Visits all events, in no particular order. */
  remove(isGone: (kind: number, node: number, slot: number, atUs: number) => boolean): number {
    const size = this.#size
    let kept = 0
    let gone = size
    for (let place = 0; place < size; place++) {
      const order = this.#order[place]
      const entry = entryOf(order)
      if (isGone(this.#kind[entry], this.#node[entry], this.#slot[entry], this.#atUs[place])) {
        this.#free[--gone] = entry
      } else {
        this.#atUs[kept] = this.#atUs[place]!
        this.#order[kept++] = order
      }
    }
    this.#size = kept
    for (let place = (kept - 2) >> 2; place >= 0; place--) this.#siftDown(place, this.#atUs[place], this.#order[place])
    return size - kept
  }

  /** Moves the hole at `place` up to where the event belongs, and puts it there. */
  #siftUp(place: number, atUs: number, order: number): void {
    const instants = this.#atUs
    const orders = this.#order
    while (place > 0) {
      const parent = (place - 1) >>> 2
      const parentUs = instants[parent]
      if (parentUs < atUs || (parentUs === atUs && orders[parent] < order)) break
      instants[place] = parentUs
      orders[place] = orders[parent]!
      place = parent
    }
    instants[place] = atUs
    orders[place] = order
  }

  /** Moves the hole at `place` down to where the event belongs, and puts it there. */
  #siftDown(place: number, atUs: number, order: number): void {
    const instants = this.#atUs
    const orders = this.#order
    const size = this.#size
    for (;;) {
      const first = 4 * place + 1
      if (first >= size) break
      const end = first + 4 < size ? first + 4 : size
      let least = first
      let leastUs = instants[first]
      for (let child = first + 1; child < end; child++) {
        const childUs = instants[child]
        if (childUs < leastUs || (childUs === leastUs && orders[child] < orders[least])) {
          least = child
          leastUs = childUs
        }
      }
      if (atUs < leastUs || (atUs === leastUs && order < orders[least])) break
      instants[place] = leastUs
      orders[place] = orders[least]!
      place = least
    }
    instants[place] = atUs
    orders[place] = order
  }

  /** Lets first events that are not alone at their instant fall back, until one of them stays. Each falls back once. */
  #permute(ties: Chooser): void {
    for (;;) {
      const order = this.#order[0]
      const atUs = this.#atUs[0]
      if (order >= RANK_STEP || !this.#isTied(atUs)) return
      const keyHi = Math.floor(atUs / U32_RANGE) * NODE_RANGE + this.#node[entryOf(order)]
      const rank = ties.choose(TIE, keyHi, atUs >>> 0)
      if (rank === 0) return
      this.#siftDown(0, atUs, order + rank * RANK_STEP)
    }
  }

  /** Whether a second event stands at the instant of the first: then one of its four children does. */
  #isTied(atUs: number): boolean {
    const end = Math.min(5, this.#size)
    for (let child = 1; child < end; child++) {
      if (this.#atUs[child] === atUs) return true
    }
    return false
  }

  #grow(): void {
    const old = this.#free.length
    const capacity = old * 2
    assert(capacity <= PENDING_EVENTS_MAX, 'the queue of events stays within its bound')
    this.#atUs = grown(this.#atUs, new Float64Array(capacity))
    this.#order = grown(this.#order, new Float64Array(capacity))
    this.#kind = grown(this.#kind, new Uint8Array(capacity))
    this.#node = grown(this.#node, new Uint16Array(capacity))
    this.#slot = grown(this.#slot, new Int32Array(capacity))
    this.#free = grown(this.#free, new Int32Array(capacity))
    for (let entry = old; entry < capacity; entry++) this.#free[entry] = entry
  }
}

const entryOf = (order: number): number => order - Math.floor(order / SEQUENCE_STEP) * SEQUENCE_STEP

function grown<T extends Float64Array | Uint8Array | Uint16Array | Int32Array>(old: T, larger: T): T {
  larger.set(old)
  return larger
}
