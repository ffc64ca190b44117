/** Checks that hold for every scenario, besides the digests of confirmed frames and the oracle. */
import type { World } from '../../system/ecs/world.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Watcher } from './cluster.ts'

export interface Failure {
  readonly check: string
  readonly message: string
  readonly details: { readonly [field: string]: number | string }
}

interface Folded {
  readonly outcome: string
  readonly frame: number
}

/** Every node folds strictly upwards in (lamport, author), above its former closed mark, to the outcome that the host had. */
export class LogOrder implements Watcher {
  readonly failures: Failure[] = []
  readonly #host = new Map<string, Folded>()
  readonly #last = new Map<number, { readonly lamport: number; readonly author: number }>()

  event(node: number, event: SystemEvent): void {
    if (event.event === 'snapshotApplied') this.#last.delete(node)
    if (event.event !== 'commandFolded') return
    const { lamport, author, frame, outcome } = event
    const last = this.#last.get(node)
    const details = { node, lamport, author, frame }
    if (last !== undefined && (lamport < last.lamport || (lamport === last.lamport && author <= last.author))) {
      this.failures.push({ check: 'logOrder', message: `node ${node} folded (${lamport}, ${author}) after (${last.lamport}, ${last.author}) in frame ${frame}`, details })
    }
    this.#last.set(node, { lamport, author })
    const key = `${lamport} ${author}`
    if (node === 0) this.#host.set(key, { outcome, frame })
    else {
      const host = this.#host.get(key)
      if (host === undefined) this.failures.push({ check: 'logOrder', message: `node ${node} folded (${lamport}, ${author}) before the host did`, details })
      else if (host.outcome !== outcome || host.frame !== frame) {
        this.failures.push({ check: 'logOrder', message: `node ${node} folded (${lamport}, ${author}) as ${outcome} in frame ${frame}, the host as ${host.outcome} in frame ${host.frame}`, details })
      }
    }
  }
}

/** A world of this size or more must not be sent whole again and again. */
const WORLD_BYTES_MIN = 4096
/** Deltas may come to this share of what full states would have been. */
const DELTA_SHARE_MAX = 0.5

/** Snapshots only answer a join or a request, and deltas are smaller than the state. */
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
      case 'nackSent': this.#due++; return
      case 'snapshotSent': this.#snapshots++; return
      case 'messageSent':
        if (node === 0 && event.message === 'ComponentDelta') this.#deltaBytes.set(event.peer, (this.#deltaBytes.get(event.peer) ?? 0) + event.bytes)
        return
      default:
    }
  }
  failures(): Failure[] {
    const failures: Failure[] = []
    if (this.#snapshots > this.#due) {
      failures.push({ check: 'boundedBytes', message: `${this.#snapshots} snapshots were sent for ${this.#due} joins and requests`, details: { snapshots: this.#snapshots, due: this.#due } })
    }
    const whole = this.#frames === 0 ? 0 : Math.floor(this.#worldBytes / this.#frames)
    for (const [peer, bytes] of this.#deltaBytes) {
      if (whole < WORLD_BYTES_MIN || bytes <= DELTA_SHARE_MAX * this.#worldBytes) continue
      failures.push({ check: 'boundedBytes', message: `peer ${peer} was sent ${bytes} bytes of deltas, more than half of ${this.#worldBytes}, the state of every frame`, details: { peer, bytes } })
    }
    return failures
  }
}

/** At the end every client holds the host's bytes. */
export function finalBytes(host: World, clients: readonly { readonly name: string; readonly world: World }[]): Failure[] {
  const expected = host.canonicalBytes()
  return clients.flatMap(({ name, world }) => {
    const actual = world.canonicalBytes()
    const offset = actual.length === expected.length ? actual.findIndex((byte, i) => byte !== expected[i]) : Math.min(actual.length, expected.length)
    return offset < 0 ? [] : [{ check: 'finalBytes', message: `${name}'s final bytes differ from the host's at offset ${offset}`, details: { offset } }]
  })
}
