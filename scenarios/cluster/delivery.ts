/**
 * What a transport promises of messages, held against what really came: a reliable, ordered channel gives exactly what was sent,
 * in its order; any other gives nothing that was not sent, and nothing twice. Told apart from what the peers make of it.
 */
import type { ChannelSpec } from '../../sim/port.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './watchers.ts'

interface Sent {
  readonly bytes: Uint8Array
  /** How many were sent before it. */
  readonly ordinal: number
}

/** Messages on their way on one channel in one direction of one connection, the oldest first. */
interface Course {
  readonly spec: ChannelSpec
  readonly sent: Sent[]
  ordinals: number
}

/** What is lost for good stays in the list: the oldest goes when a lossy channel has so many on their way, */
const COURSE_MESSAGES_MAX = 1024
/** or where one came that was sent so much later. */
const OVERTAKEN_MAX = 512
/** Of a client's connections, the last ones: nothing comes by those before. */
const CONNECTIONS_MAX = 2

export class Delivery implements Watcher {
  readonly failures: Failure[] = []
  /** By client, then by connection, then by sender and channel. */
  readonly #courses = new Map<number, Map<number, Map<string, Course>>>()
  readonly #nameOf: (node: number) => string
  readonly #channelsOf: (node: number) => readonly ChannelSpec[]

  /** @param channelsOf the channel table of a client's connections. */
  constructor(nameOf: (node: number) => string, channelsOf: (node: number) => readonly ChannelSpec[]) {
    this.#nameOf = nameOf
    this.#channelsOf = channelsOf
  }

  sent(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void {
    const course = this.#course(from, to, connection, channel)
    const { sent, spec } = course
    if (sent.length >= COURSE_MESSAGES_MAX && !isStrict(spec)) sent.shift()
    sent.push({ bytes, ordinal: course.ordinals++ })
  }

  /** Messages that may still come. */
  get held(): number {
    const courses = [...this.#courses.values()].flatMap((connections) => [...connections.values()].flatMap((ends) => [...ends.values()]))
    return courses.reduce((sum, { sent }) => sum + sent.length, 0)
  }

  received(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void {
    const { sent, spec } = this.#course(from, to, connection, channel)
    const isIt = (one: Sent): boolean => isSame(one.bytes, bytes)
    // On a lossy channel those that never come stand first.
    const place = isStrict(spec) ? sent.findIndex(isIt) : sent.findLastIndex(isIt)
    if (place < 0) return this.#fail(from, to, spec, 'invented', 'was given a message that was not sent, or not once more')
    if (place > 0 && isStrict(spec)) {
      this.#fail(from, to, spec, 'order', `was given a message before ${place} that had been sent before it`)
    }
    const { ordinal } = sent[place]
    sent.splice(isStrict(spec) ? 0 : place, isStrict(spec) ? place + 1 : 1)
    while (sent.length > 0 && sent[0].ordinal < ordinal - OVERTAKEN_MAX && !isStrict(spec)) sent.shift()
  }

  #course(from: number, to: number, connection: number, channel: number): Course {
    const client = Math.max(from, to)
    let connections = this.#courses.get(client)
    if (connections === undefined) this.#courses.set(client, (connections = new Map()))
    let courses = connections.get(connection)
    if (courses === undefined) {
      connections.set(connection, (courses = new Map()))
      if (connections.size > CONNECTIONS_MAX) connections.delete(connections.keys().next().value!)
    }
    const key = `${from} ${channel}`
    let course = courses.get(key)
    if (course === undefined) courses.set(key, (course = { spec: this.#channelsOf(client)[channel], sent: [], ordinals: 0 }))
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
