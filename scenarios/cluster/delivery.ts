/**
 * What a transport promises of messages, held against what really came: a reliable, ordered channel gives exactly what was sent,
 * in its order; any other gives nothing that was not sent, and nothing twice. Told apart from what the peers make of it.
 */
import type { ChannelSpec } from '../../sim/port.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './cluster.ts'

/** Messages on their way on one channel in one direction of one connection. */
interface Course {
  readonly spec: ChannelSpec
  readonly sent: Uint8Array[]
}

/** What is lost for good stays in the list: the oldest goes when a lossy channel has so many on their way. */
const COURSE_MESSAGES_MAX = 1024

export class Delivery implements Watcher {
  readonly failures: Failure[] = []
  readonly #courses = new Map<string, Course>()
  readonly #nameOf: (node: number) => string
  readonly #channelsOf: (node: number) => readonly ChannelSpec[]

  /** @param channelsOf the channel table of a client's connections. */
  constructor(nameOf: (node: number) => string, channelsOf: (node: number) => readonly ChannelSpec[]) {
    this.#nameOf = nameOf
    this.#channelsOf = channelsOf
  }

  sent(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void {
    const { sent, spec } = this.#course(from, to, connection, channel)
    if (sent.length >= COURSE_MESSAGES_MAX && !isStrict(spec)) sent.shift()
    sent.push(bytes)
  }

  received(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void {
    const { sent, spec } = this.#course(from, to, connection, channel)
    const place = sent.findIndex((one) => isSame(one, bytes))
    if (place < 0) return this.#fail(from, to, spec, 'invented', 'was given a message that was not sent, or not once more')
    if (place > 0 && isStrict(spec)) {
      this.#fail(from, to, spec, 'order', `was given a message before ${place} that had been sent before it`)
    }
    sent.splice(isStrict(spec) ? 0 : place, isStrict(spec) ? place + 1 : 1)
  }

  #course(from: number, to: number, connection: number, channel: number): Course {
    const key = `${connection} ${from} ${channel}`
    let course = this.#courses.get(key)
    if (course === undefined) {
      course = { spec: this.#channelsOf(Math.max(from, to))[channel], sent: [] }
      this.#courses.set(key, course)
    }
    return course
  }

  /** The first is told: what comes after it follows from it. */
  #fail(from: number, to: number, { label }: ChannelSpec, field: string, what: string): void {
    if (this.failures.length > 0) return
    const message = `${this.#nameOf(to)} ${what}, on the ${label} channel from ${this.#nameOf(from)}`
    this.failures.push({ check: 'delivery', message, details: { node: to, component: label, field } })
  }
}

const isStrict = ({ ordered, delivery }: ChannelSpec): boolean => ordered && delivery.kind === 'reliable'

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
