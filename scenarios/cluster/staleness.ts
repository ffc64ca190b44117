/**
 * What holds of a stream with a budget, the naive way: after every frame the rows that the host wrote are laid beside those that it
 * published. Nothing was published before what had waited longer for its weight, nothing waits beyond its bound, no member gets more
 * bytes than the budget and one burst, and in the end everything is published.
 */
import type { World } from '../../system/ecs/world.ts'
import { channelsFor } from '../../system/protocol/channels.ts'
import { MessageType } from '../../system/protocol/messages.ts'
import type { Failure } from './checkers.ts'
import type { Watcher } from './watchers.ts'
import type { Wiretap } from './wiretap.ts'

/** Of the rules: what waits, by the name of its component, and what comes or goes. */
const WEIGHTS: Readonly<Record<string, number>> = { 'theta.HeadPose': 4, 'theta.LeftHandPose': 4, 'theta.RightHandPose': 4 }
const WEIGHT_ELSE = 1
const WEIGHT_PRESENCE = 8
/** Bytes of a row at its worst; frames a second; seconds of the budget that are one burst; frames in which a burst is made up for. */
const [ROW_BYTES, PER_SECOND, BURST_SECONDS, DEBT_FRAMES] = [56, 90, 1, 64]
const MESSAGE_TYPE_AT = 1
const REPLICATION = 'replication'

/** What it looks at. */
interface Streaming {
  /** Infinity: there is no budget, and nothing to look at. */
  readonly streamBytesPerSecond: number
  readonly tap: Pick<Wiretap, 'messageOf'>
  readonly host: { readonly peer: { readonly written: World } }
  transportOf(node: number): 'quic' | 'webrtc' | 'none'
}

/** Rows by 'entity component', as text. */
type Rows = ReadonlyMap<string, string>
interface Load {
  frame: number
  bytes: number
}

export class Staleness implements Watcher {
  readonly failures: Failure[] = []
  /** The longest that a row has waited, in frames. */
  longest = 0
  readonly #streaming: Streaming
  readonly #bytesPerSecond: number
  readonly #nameOf: (node: number) => string
  #before: Rows = new Map()
  /** Since which frame rows differ from what is published. */
  #since: ReadonlyMap<string, number> = new Map()
  #rowsMost = 0
  readonly #loads = new Map<number, Load>()

  constructor(streaming: Streaming, nameOf: (node: number) => string) {
    this.#streaming = streaming
    this.#bytesPerSecond = streaming.streamBytesPerSecond
    this.#nameOf = nameOf
  }
  get #hasBudget(): boolean {
    return this.#bytesPerSecond < Infinity
  }

  event(node: number, { event }: { readonly event: string }): void {
    // Another host begins with another stream.
    if (node === 0 && event === 'recovered') [this.#before, this.#since] = [new Map(), new Map()]
  }

  frame(node: number, frame: number, world: World): void {
    if (node !== 0 || !this.#hasBudget || this.failures.length > 0) return
    const [written, shown, before] = [rowsOf(this.#streaming.host.peer.written), rowsOf(world), this.#before]
    const since = new Map<string, number>()
    const published = new Map<string, number>()
    const waiting = new Map<string, number>()
    const keys = new Set([...written.keys(), ...shown.keys(), ...before.keys()])
    for (const key of keys) {
      const from = this.#since.get(key) ?? frame
      if (shown.get(key) !== before.get(key)) raise(published, key, frame - from + 1, shown.has(key) !== before.has(key))
      if (shown.get(key) === written.get(key)) continue
      since.set(key, from)
      raise(waiting, key, frame - from + 1, shown.has(key) !== written.has(key))
    }
    this.#rowsMost = Math.max(this.#rowsMost, keys.size)
    const [last] = [...published].sort(([, a], [, b]) => a - b)
    const [first] = [...waiting].sort(([, a], [, b]) => b - a)
    if (last !== undefined && first !== undefined && last[1] < first[1]) {
      this.#fail(frame, first[0], `${last[0]} was published before ${first[0]}, whose turn it was`)
    }
    for (const [key, from] of since) this.#age(frame, key, frame - from + 1)
    this.#before = shown
    this.#since = since
  }

  /** Rows, weights and the budget give the bound. */
  #age(frame: number, key: string, age: number): void {
    this.longest = Math.max(this.longest, age)
    const rowsPerFrame = this.#bytesPerSecond / PER_SECOND / ROW_BYTES
    const bound = (this.#rowsMost / rowsPerFrame) * (1 + WEIGHT_PRESENCE / weightOf(key)) + DEBT_FRAMES
    if (age > bound) this.#fail(frame, key, `${key} has waited for ${age} frames`)
  }

  sent(from: number, to: number, _connection: number, channel: number, bytes: Uint8Array): void {
    if (from !== 0 || !this.#hasBudget || bytes[MESSAGE_TYPE_AT] !== MessageType.ComponentDelta) return
    // What is sent again goes another way.
    const { label } = channelsFor(this.#streaming.transportOf(to) === 'webrtc' ? 'webrtc' : 'quic')[channel]
    const message = label === REPLICATION ? this.#streaming.tap.messageOf(bytes) : undefined
    if (message?.kind !== 'ComponentDelta') return
    const { frame, body } = message
    const load = this.#loads.get(to) ?? { frame, bytes: 0 }
    const left = Math.max(0, load.bytes - ((frame - load.frame) * this.#bytesPerSecond) / PER_SECOND)
    this.#loads.set(to, { frame, bytes: left + body.length })
    if (left + body.length <= BURST_SECONDS * this.#bytesPerSecond) return
    this.#fail(frame, 'ComponentDelta bytes', `${this.#nameOf(to)} gets more than the budget and a burst`)
  }

  /** The session has settled. */
  ended(frame: number): void {
    for (const key of this.#since.keys()) this.#fail(frame, key, `${key} was never published as it was written`)
  }

  #fail(frame: number, key: string, message: string): void {
    if (this.failures.length > 0) return
    const [entity, component] = key.split(' ')
    const place = Number.isNaN(Number(entity)) ? { component: entity, field: component } : { entity: Number(entity), component }
    this.failures.push({ check: 'staleness', message: `in frame ${frame} ${message}`, details: { node: 0, frame, ...place } })
  }
}

function rowsOf(world: World): Rows {
  return new Map([...world.rows('stream')].map(({ entity, component, bytes }) => [`${entity} ${component.name}`, bytes.join(' ')]))
}
const weightOf = (key: string): number => WEIGHTS[key.split(' ')[1]] ?? WEIGHT_ELSE

/** Notes a priority: of a row that comes or goes, that of the oldest of its entity's. */
function raise(units: Map<string, number>, key: string, age: number, isPresence: boolean): void {
  const unit = isPresence ? `${key.split(' ')[0]} comings` : key
  units.set(unit, Math.max(units.get(unit) ?? 0, age * (isPresence ? WEIGHT_PRESENCE : weightOf(key))))
}
