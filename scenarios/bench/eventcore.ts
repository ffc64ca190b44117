/** The event core alone: events pushed and popped a second while so many others wait, beside a plain heap of objects. */
import { aligned } from '../../reports/table.ts'
import { mix32 } from '../../sim/choice.ts'
import { Clock, type ClockEvent } from '../../sim/clock.ts'
import { atLeast, figure } from './aims.ts'
import { PlainHeap } from './plainheap.ts'
import { interleaved, median } from './rounds.ts'

const PENDING = [100, 10_000]
const EVENTS = 100_000
/** An event comes due up to so much after the one that made it. */
const DELAY_US_MAX = 40_000
const ROUNDS = { rounds: 15, warmUpRounds: 3 }
const MS_PER_SECOND = 1000
/** The clock is there to be faster than what anyone would write first. */
const RATIO_AIM = 1

const DELAYS_US = Int32Array.from({ length: EVENTS }, (_, i) => mix32(i, 1) % DELAY_US_MAX)

/** Events that each make the next one: as many wait at the end as at the start. */
function turnClock(clock: Clock): void {
  const event: ClockEvent = { atUs: 0, kind: 0, node: 0, slot: 0 }
  for (let i = 0; i < EVENTS; i++) {
    clock.popInto(event)
    clock.push(event.atUs + DELAYS_US[i], 1, 2, i)
  }
}
function turnHeap(heap: PlainHeap): void {
  for (let i = 0; i < EVENTS; i++) {
    const { atUs } = heap.pop()!
    heap.push(atUs + DELAYS_US[i], 1, 2, i)
  }
}

export async function eventCore(): Promise<string[]> {
  const rows = []
  for (const pending of PENDING) {
    const clock = new Clock()
    const heap = new PlainHeap()
    for (let i = 0; i < pending; i++) {
      clock.push(DELAYS_US[i], 1, 2, i)
      heap.push(DELAYS_US[i], 1, 2, i)
    }
    const samples = await interleaved([
      { name: 'clock', run: () => turnClock(clock) },
      { name: 'heap', run: () => turnHeap(heap) },
    ], ROUNDS)
    const perSecond = (name: string) => (EVENTS * MS_PER_SECOND) / median(samples.get(name)!)
    const ratio = perSecond('clock') / perSecond('heap')
    const figures = [pending, perSecond('clock'), perSecond('heap'), ratio].map(figure)
    rows.push([...figures, `at least ${RATIO_AIM}`, atLeast(ratio, RATIO_AIM)])
  }
  return aligned(['pending#', 'clock, events/s#', 'plain heap, events/s#', 'ratio#', 'aim', ''], rows)
}
