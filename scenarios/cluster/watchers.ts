/** Who looks on while a run goes on, checkers and captures, and what each of them hears of. */
import type { Headset } from '../../sim/xr/headset.ts'
import type { World } from '../../system/ecs/world.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'

/** One who looks on. It must not write. */
export interface Watcher {
  /** How many things it keeps, where they come with time: no more in a long run than in a short one. */
  readonly held?: number
  event?(node: number, event: SystemEvent, nowUs: number): void
  /** A frame was closed by the host (node 0) or confirmed by a client; `world` is exactly that frame's. */
  frame?(node: number, frame: number, world: World): void
  message?(node: number, bytes: Uint8Array, datagrams: readonly number[]): void
  /** A headset is about to give its frame, as its wearer holds it. */
  wore?(node: number, headset: Headset): void
  /** A message is handed to the transport, and comes out of it at the other end. */
  sent?(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void
  received?(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void
}

type Told = Omit<Watcher, 'held'>
type Hearing<Kind extends keyof Told> = Watcher & Required<Pick<Watcher, Kind>>
const hears = <Kind extends keyof Told>(kind: Kind) => (watcher: Watcher): watcher is Hearing<Kind> => watcher[kind] !== undefined

/** All of them, by what they hear of: each is told in the order in which they came. */
export class Watchers implements Required<Told> {
  readonly #all: Watcher[] = []
  readonly #of = {
    event: [] as Hearing<'event'>[], frame: [] as Hearing<'frame'>[], message: [] as Hearing<'message'>[],
    wore: [] as Hearing<'wore'>[], sent: [] as Hearing<'sent'>[], received: [] as Hearing<'received'>[],
  }

  /** What each keeps, by its name. */
  get held(): readonly (readonly [name: string, count: number])[] {
    return this.#all.flatMap(({ held, constructor: { name } }) => (held === undefined ? [] : [[name, held] as const]))
  }

  push(...watchers: readonly Watcher[]): void {
    this.#all.push(...watchers)
    this.#of.event.push(...watchers.filter(hears('event')))
    this.#of.frame.push(...watchers.filter(hears('frame')))
    this.#of.message.push(...watchers.filter(hears('message')))
    this.#of.wore.push(...watchers.filter(hears('wore')))
    this.#of.sent.push(...watchers.filter(hears('sent')))
    this.#of.received.push(...watchers.filter(hears('received')))
  }

  event(node: number, event: SystemEvent, nowUs: number): void {
    for (const watcher of this.#of.event) watcher.event(node, event, nowUs)
  }
  frame(node: number, frame: number, world: World): void {
    for (const watcher of this.#of.frame) watcher.frame(node, frame, world)
  }
  message(node: number, bytes: Uint8Array, datagrams: readonly number[]): void {
    for (const watcher of this.#of.message) watcher.message(node, bytes, datagrams)
  }
  wore(node: number, headset: Headset): void {
    for (const watcher of this.#of.wore) watcher.wore(node, headset)
  }
  sent(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void {
    for (const watcher of this.#of.sent) watcher.sent(from, to, connection, channel, bytes)
  }
  received(from: number, to: number, connection: number, channel: number, bytes: Uint8Array): void {
    for (const watcher of this.#of.received) watcher.received(from, to, connection, channel, bytes)
  }
}
