/** Checks that hold for every scenario, besides the digests of confirmed frames and the oracle. */
import { firstDifference } from '../../reports/worlddiff.ts'
import { manifest } from '../../system/ecs/manifest.ts'
import type { World } from '../../system/ecs/world.ts'
import { FRAME_RING } from '../../system/limits.ts'
import { channelOf } from '../../system/protocol/channels.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { type Cells, seenBytes } from '../oracle/sight.ts'
import type { Horizon } from './horizon.ts'
import { Ledger } from './ledger.ts'
import type { Watcher } from './watchers.ts'
import type { Wiretap } from './wiretap.ts'

export interface Failure {
  readonly check: string
  readonly message: string
  readonly details: { readonly [field: string]: number | string }
}

interface Folded {
  readonly outcome: string
  readonly frame: number
}
/** An entry that a client folded to the host's outcome, and in a later frame. */
interface Belated {
  readonly frame: number
  readonly hostFrames: readonly number[]
  readonly failure: Failure
}

/**
 * Every node folds strictly upwards in (lamport, author), above its former closed mark, to the outcome and in the frame that the host
 * had, and signs above every Lamport time that it has seen. Entries of frames that a leap skips are folded in the frame of the leap.
 */
export class LogOrder implements Watcher {
  readonly #failures: Failure[] = []
  /** By node: failures, unless a leap turns out to have skipped the host's frame. */
  readonly #belated = new Map<number, readonly Belated[]>()
  readonly #horizon: Horizon
  /** More than once where the host began anew: whoever confirmed the frame meanwhile has it as it was. */
  readonly #host = new Ledger<readonly Folded[]>()
  readonly #last = new Map<number, { readonly lamport: number; readonly author: number }>()
  /** The highest Lamport time that each node has seen. */
  readonly #seen = new Map<number, number>()
  readonly #nameOf: (node: number) => string

  constructor(nameOf: (node: number) => string, horizon: Horizon) {
    this.#nameOf = nameOf
    this.#horizon = horizon
  }

  get failures(): readonly Failure[] {
    return [...this.#failures, ...[...this.#belated.values()].flat().map(({ failure }) => failure)]
  }
  /** Entries that somebody may still fold. */
  get held(): number {
    return this.#host.size
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'frameClosed') this.#host.forget(this.#horizon.settledLamport)
    if (event.event === 'snapshotApplied') this.#last.delete(node)
    // Who began anew has forgotten what it saw.
    if (event.event === 'sessionOpened' && node !== 0 && !event.resumed) this.#seen.delete(node)
    if (event.event === 'recovered') {
      this.#last.delete(node)
      this.#seen.set(node, event.entries.reduce((most, { lamport }) => Math.max(most, lamport), event.closedLamport))
    }
    if (event.event === 'commandIntegrated') this.#witness(node, event.lamport)
    if (event.event === 'framesSkipped' && event.snapshotId === 0) this.#leapt(node, event.fromFrame, event.toFrame)
    if (event.event === 'commandSigned') return this.#signed(node, event.lamport, event.author)
    if (event.event !== 'commandFolded') return
    this.#witness(node, event.lamport)
    const { lamport, author, frame, outcome } = event
    const last = this.#last.get(node)
    const details = { node, lamport, author, frame, component: 'CommandLogEntry' }
    const failure = (field: string, what: string): Failure =>
      ({ check: 'logOrder', message: `${this.#nameOf(node)} folded (${lamport}, ${author}) ${what}`, details: { ...details, field } })
    const fail = (field: string, what: string) => this.#failures.push(failure(field, what))
    if (last !== undefined && (lamport < last.lamport || (lamport === last.lamport && author <= last.author))) {
      fail('order', `after (${last.lamport}, ${last.author}) in frame ${frame}`)
    }
    this.#last.set(node, { lamport, author })
    const key = `${lamport} ${author}`
    const host = this.#host.get(key) ?? []
    if (node === 0) this.#host.set(key, lamport, [...host, { outcome, frame }])
    else if (host.length === 0) fail('missing', 'before the host did')
    else if (!host.some((folded) => folded.outcome === outcome && folded.frame === frame)) {
      const { outcome: hosts, frame: hostFrame } = host.at(-1)!
      const what = `as ${outcome} in frame ${frame}, the host as ${hosts} in frame ${hostFrame}`
      const hostFrames = host.filter((folded) => folded.outcome === outcome).map((folded) => folded.frame)
      const belated = { frame, hostFrames, failure: failure('outcome', what) }
      this.#belated.set(node, [...(this.#belated.get(node) ?? []), belated])
    }
  }

  /** What a client folded in the frame after these, the host folded in one of these. */
  #leapt(node: number, fromFrame: number, toFrame: number): void {
    const isSkipped = (frame: number) => fromFrame <= frame && frame <= toFrame
    const rest = this.#belated.get(node)?.filter(({ frame, hostFrames }) => frame !== toFrame + 1 || !hostFrames.some(isSkipped))
    if (rest !== undefined) this.#belated.set(node, rest)
  }

  #witness(node: number, lamport: number): void {
    this.#seen.set(node, Math.max(lamport, this.#seen.get(node) ?? 0))
  }
  #signed(node: number, lamport: number, author: number): void {
    const seen = this.#seen.get(node) ?? 0
    if (lamport <= seen) {
      const message = `${this.#nameOf(node)} signed at lamport ${lamport}, having seen ${seen}`
      const details = { node, lamport, author, component: 'CommandLogEntry', field: 'lamport' }
      this.#failures.push({ check: 'logOrder', message, details })
    }
    this.#witness(node, lamport)
  }
}

/** What a peer calls a body that it cannot unpack begins so. */
const UNREAD = 'compression: '

/**
 * Honest peers lose frames and entries, and that is all: a client that finds a delta on the wrong base, or a log that is not the
 * host's, and lets a snapshot mend it, has met a mistake; so has who finds a body other than it was compressed. The first is told.
 */
export class Refusals implements Watcher {
  readonly failures: Failure[] = []
  readonly #nameOf: (node: number) => string
  readonly #isHostile: (node: number) => boolean
  readonly #isHonest: (author: number) => boolean

  constructor(nameOf: (node: number) => string, isHostile: (node: number) => boolean, isHonest: (author: number) => boolean) {
    this.#nameOf = nameOf
    this.#isHostile = isHostile
    this.#isHonest = isHonest
  }
  event(node: number, event: SystemEvent): void {
    if (event.event === 'messageRefused') this.#unread(node, event.reason, event.peer)
    // A divergence is told by who compares digests.
    // Who is hostile may have told of an interest that its client knows nothing of.
    if (event.event === 'resyncStarted' && event.reason === 'interest' && this.#isHostile(node)) return
    if (event.event !== 'resyncStarted' || event.reason === 'divergence' || this.failures.length > 0) return
    const { frame, reason } = event
    const why = reason === 'log' ? 'its entries are not those that the host closed' : reason
    const message = `${this.#nameOf(node)} could not take frame ${frame}: ${why}`
    const component = reason === 'log' ? 'CommandLogEntry' : 'ComponentDelta'
    this.failures.push({ check: 'refusals', message, details: { node, frame, component } })
  }

  /** A transport brings what was sent, or nothing. What overtakes the acknowledgement cannot be read yet. */
  #unread(node: number, reason: string, author: number): void {
    if (!reason.startsWith(UNREAD) || reason === `${UNREAD}unagreed` || !this.#isHonest(author) || this.failures.length > 0) return
    const field = reason.slice(UNREAD.length)
    const message = `${this.#nameOf(node)} could not read what an honest peer had compressed: ${field}`
    this.failures.push({ check: 'refusals', message, details: { node, component: 'compression', field } })
  }
}

/** Nobody is kept out by a ghost of its own: each name has a key of its own, so that no other device can have it. */
export class KeptOut implements Watcher {
  readonly #nameOf: (node: number) => string
  readonly #out = new Set<number>()

  constructor(nameOf: (node: number) => string) {
    this.#nameOf = nameOf
  }
  event(node: number, event: SystemEvent): void {
    if (node === 0) return
    if (event.event !== 'sessionClosed' && event.event !== 'sessionOpened') return
    if (event.event === 'sessionClosed' && event.code === 'duplicateKey') this.#out.add(node)
    else this.#out.delete(node)
  }
  /** @param closed nodes that are out of the session in the end, and not by a crash. */
  failures(closed: readonly number[]): Failure[] {
    return closed.filter((node) => this.#out.has(node)).map((node) =>
      ({ check: 'keptOut', message: `${this.#nameOf(node)} was kept out by its own former connection`, details: { node } }))
  }
}

/** A world of this size or more must not be sent whole again and again. */
const WORLD_BYTES_MIN = 4096
/** Deltas may come to this share of what full states would have been. */
const DELTA_SHARE_MAX = 0.5

/** Snapshots only answer a join, a request or another interest, and deltas are smaller than the state. */
export class BoundedBytes implements Watcher {
  #worldBytes = 0
  #frames = 0
  #due = 0
  #snapshots = 0
  readonly #deltaBytes = new Map<number, number>()

  event(node: number, event: SystemEvent): void {
    switch (event.event) {
      case 'frameClosed':
        this.#worldBytes += event.worldBytes
        this.#frames++
        return
      case 'sessionOpened': if (node === 0) this.#due++; return
      // What the host was asked, and not what a client says it asked: one that is hostile says nothing.
      case 'messageReceived': if (node === 0 && (event.message === 'NackRequest' || event.message === 'InterestSet')) this.#due++; return
      case 'snapshotSent': this.#snapshots++; return
      case 'messageSent':
        if (node !== 0 || event.message !== 'ComponentDelta') return
        this.#deltaBytes.set(event.peer, (this.#deltaBytes.get(event.peer) ?? 0) + event.bytes)
        return
      default:
    }
  }
  failures(): Failure[] {
    const failures: Failure[] = []
    const fail = (message: string, details: Failure['details']) => failures.push({ check: 'boundedBytes', message, details })
    const [snapshots, due] = [this.#snapshots, this.#due]
    if (snapshots > due) fail(`${snapshots} snapshots were sent for ${due} joins, requests and interests`, { snapshots, due })
    const whole = this.#frames === 0 ? 0 : Math.floor(this.#worldBytes / this.#frames)
    for (const [peer, bytes] of this.#deltaBytes) {
      if (whole < WORLD_BYTES_MIN || bytes <= DELTA_SHARE_MAX * this.#worldBytes) continue
      const half = `more than half of ${this.#worldBytes}, the state of every frame`
      fail(`peer ${peer} was sent ${bytes} bytes of deltas, ${half}`, { peer, bytes })
    }
    return failures
  }
}

/** At the end every client holds the host's bytes, as far as it sees them. */
export function finalBytes(
  host: World, clients: readonly { readonly name: string; readonly world: World; readonly cells: Cells | null }[],
): Failure[] {
  const bytes = host.canonicalBytes()
  return clients.flatMap(({ name, world, cells }) => {
    if (cells === null) return [{ check: 'finalBytes', message: `${name} does not know what it sees`, details: {} }]
    const place = firstDifference(seenBytes(bytes, cells), world.canonicalBytes(), manifest().components)
    if (place === undefined) return []
    const { offset, entity, component, field = '' } = place
    const message = `${name}'s final bytes differ from the host's at offset ${offset}: entity ${entity}, ${component}`
    return [{ check: 'finalBytes', message, details: { offset, entity, component, field } }]
  })
}

/** A resend tells all that the ring holds, perhaps twice; a few frames of others may come between. */
const RESENT_MESSAGES_MAX = 3 * FRAME_RING
type Told = Pick<Extract<SystemEvent, { readonly event: 'framesResent' }>, 'fromFrame' | 'toFrame' | 'peer'>
/** Repair goes where loss cannot hit it again. */
const REPAIR_CHANNEL = channelOf('SessionControl')

/** What the host says that it has sent again are the frames that were asked for, at once or when its disk lets them go. */
export class Resends implements Watcher {
  readonly #tap: Wiretap
  /** The host's last messages on the channel for repair. */
  readonly #sent: Uint8Array[] = []
  /** Frames that were told and that nobody has seen yet. */
  #due: (Told & { readonly frame: number })[] = []

  constructor(tap: Wiretap) {
    this.#tap = tap
  }

  sent(from: number, _to: number, _connection: number, channel: number, bytes: Uint8Array): void {
    if (from !== 0 || channel !== REPAIR_CHANNEL) return
    this.#sent.push(bytes)
    if (this.#sent.length > RESENT_MESSAGES_MAX) this.#sent.shift()
    if (this.#due.length === 0) return
    const message = this.#tap.messageOf(bytes)
    // What nobody can read is told by those who were to read it.
    if (message === undefined) this.#due = []
    if (message?.kind === 'ComponentDelta' && !message.leap) this.#due = this.#due.filter(({ frame }) => frame !== message.frame)
  }
  event(node: number, event: SystemEvent): void {
    if (node !== 0) return
    // What was held for somebody who has gone, or by a host that crashed, goes to nobody.
    if (event.event === 'sessionClosed') this.#due = this.#due.filter(({ peer }) => peer !== event.author)
    if (event.event === 'recovered') this.#due = []
    if (event.event !== 'framesResent') return
    const { fromFrame, toFrame, peer } = event
    const messages = this.#sent.map((bytes) => this.#tap.messageOf(bytes))
    if (messages.includes(undefined)) return
    const sent = new Set(messages.flatMap((message) => (message?.kind === 'ComponentDelta' && !message.leap ? [message.frame] : [])))
    for (let frame = fromFrame; frame <= toFrame; frame++) if (!sent.has(frame)) this.#due.push({ fromFrame, toFrame, peer, frame })
  }
  /** In the end; the first is told. */
  failures(): Failure[] {
    return this.#due.slice(0, 1).map(({ fromFrame, toFrame, frame }) => {
      const message = `the host told frames ${fromFrame} to ${toFrame} sent again, and frame ${frame} was not among what it sent`
      return { check: 'resends', message, details: { node: 0, frame, component: 'ComponentDelta', field: 'frame' } }
    })
  }
}
