/** The event queue that anyone would write first, a binary heap of objects: the clock is measured against it, and tested. */
interface PlainEvent {
  readonly atUs: number
  readonly sequence: number
  readonly kind: number
  readonly node: number
  readonly slot: number
}

const isBefore = (a: PlainEvent, b: PlainEvent): boolean => a.atUs < b.atUs || (a.atUs === b.atUs && a.sequence < b.sequence)

export class PlainHeap {
  readonly #events: PlainEvent[] = []
  #sequence = 0

  get size(): number {
    return this.#events.length
  }

  push(atUs: number, kind: number, node: number, slot: number): void {
    const events = this.#events
    events.push({ atUs, sequence: this.#sequence++, kind, node, slot })
    for (let child = events.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1
      if (isBefore(events[parent], events[child])) return
      ;[events[parent], events[child]] = [events[child], events[parent]]
      child = parent
    }
  }

  pop(): PlainEvent | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (events.length === 0 || last === undefined) return first
    events[0] = last
    for (let parent = 0; ; ) {
      let least = parent
      for (let child = 2 * parent + 1; child <= 2 * parent + 2; child++) {
        if (child < events.length && isBefore(events[child], events[least])) least = child
      }
      if (least === parent) return first
      ;[events[parent], events[least]] = [events[least], events[parent]]
      parent = least
    }
  }
}
