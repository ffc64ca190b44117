/**
 * How much of the stream a frame may tell: a bucket of bytes that fills with every frame, and what a row of each component takes, as the
 * frames of late took it. A frame is planned by these costs and pays what it really took, so that a wrong guess is made up for by the
 * next ones. Integers throughout.
 */
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { assert } from '../assert.ts'
import type { AnyComponent } from '../ecs/component.ts'
import {
  CHANGE_BYTES_MAX, FRAMES_PER_SECOND, STREAM_BURST_FRAMES, STREAM_BYTES_PER_SECOND_MIN, STREAM_COST_SHIFT, STREAM_ROW_BYTES_MIN,
  STREAM_ROWS_PER_FRAME_MAX,
} from '../limits.ts'

/** Parts of a byte in which costs are counted. */
const COST_PARTS = 256
const COST_MIN = STREAM_ROW_BYTES_MIN * COST_PARTS
const COST_MAX = CHANGE_BYTES_MAX * COST_PARTS

assert(STREAM_ROWS_PER_FRAME_MAX * CHANGE_BYTES_MAX <= COUNT_MAX.ComponentDelta.body, 'what a frame publishes fits its delta')

/** What a frame does with a row: it tells how it has changed, or that it came or went. */
export type Telling = 'change' | 'presence'
/** What the rows of one component cost when they are told so, and how many of them the present frame has. */
interface Price {
  cost: number
  rows: number
}

export class StreamBudget {
  readonly #perSecond: number
  /** In bytes times FRAMES_PER_SECOND, so that what a frame gains is whole. Below 0 while a frame that took too much is made up for. */
  #level: number
  readonly #prices: Readonly<Record<Telling, Map<AnyComponent, Price>>> = { change: new Map(), presence: new Map() }
  #planned = 0
  #rows = 0

  /** @param bytesPerSecond whole, at least STREAM_BYTES_PER_SECOND_MIN. */
  constructor(bytesPerSecond: number) {
    const isWhole = Number.isInteger(bytesPerSecond) && Number.isSafeInteger(bytesPerSecond * STREAM_BURST_FRAMES * COST_PARTS)
    const isUsable = isWhole && bytesPerSecond >= STREAM_BYTES_PER_SECOND_MIN
    assert(isUsable, 'a budget is a whole number of bytes a second that a row fits')
    this.#perSecond = bytesPerSecond
    this.#level = this.#capacity
  }

  get #capacity(): number {
    return this.#perSecond * STREAM_BURST_FRAMES
  }

  /** A frame begins. */
  begin(): void {
    this.#level = Math.min(this.#capacity, this.#level + this.#perSecond)
    this.#planned = 0
    this.#rows = 0
    for (const prices of Object.values(this.#prices)) for (const price of prices.values()) price.rows = 0
  }

  /** Whether the frame has room for so many rows more: some is left, and it stays within a message. */
  hasRoom(rows: number): boolean {
    return this.#planned * FRAMES_PER_SECOND < this.#level * COST_PARTS && this.#rows + rows <= STREAM_ROWS_PER_FRAME_MAX
  }

  plan(component: AnyComponent, telling: Telling): void {
    const prices = this.#prices[telling]
    let price = prices.get(component)
    if (price === undefined) prices.set(component, (price = { cost: COST_MAX, rows: 0 }))
    price.rows++
    this.#rows++
    this.#planned += price.cost
  }

  /** What the rows of the frame really took, in bytes: what they cost comes nearer to it by an eighth. */
  settle(bytes: number): void {
    this.#level -= bytes * FRAMES_PER_SECOND
    if (this.#planned === 0 || bytes === 0) return
    const took = bytes * COST_PARTS
    for (const prices of Object.values(this.#prices)) {
      for (const price of prices.values()) {
        if (price.rows === 0) continue
        const share = Math.floor((price.cost * took) / this.#planned)
        price.cost = Math.max(COST_MIN, Math.min(COST_MAX, price.cost + ((share - price.cost) >> STREAM_COST_SHIFT)))
      }
    }
  }
}
