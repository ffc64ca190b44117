/**
 * What a red run is run again for: the canonical bytes of both sides at the frame in question, and for every row what wrote
 * it last and which datagrams brought that.
 */
import { openEnvelope } from '../../system/protocol/envelope.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'
import type { World } from '../../system/ecs/world.ts'
import type { SystemEvent, WriteCause } from '../../system/telemetry/events.ts'
import type { WriteStory } from '../../reports/input.ts'
import type { Watcher } from './cluster.ts'

interface Write {
  readonly cause: WriteCause
  readonly removed: boolean
  /** Which write of the run it was. */
  readonly ordinal: number
}

interface RowName {
  readonly entity: number
  readonly component: string
}

export class Explanation implements Watcher {
  readonly #frame: number
  readonly #node: number
  readonly #codec = new Codec()
  readonly #nameOf: (author: number) => string
  /** By node and what was carried: 'delta 57', 'entry 3 41', 'snapshot 2'. */
  readonly #carriers = new Map<string, readonly number[]>()
  readonly #commands = new Map<string, string>()
  /** By node, entity and component. Frozen for a node once its frame has been captured. */
  readonly #writes = new Map<string, Write>()
  #pending: { readonly key: string; readonly write: Write }[] = []
  readonly #bytes = new Map<number, Uint8Array>()
  #ordinal = 0

  /** @param node the client whose frame differs. */
  constructor(frame: number, node: number, nameOf: (author: number) => string) {
    this.#frame = frame
    this.#node = node
    this.#nameOf = nameOf
  }

  get hostBytes(): Uint8Array | undefined {
    return this.#bytes.get(0)
  }
  get clientBytes(): Uint8Array | undefined {
    return this.#bytes.get(this.#node)
  }

  frame(node: number, frame: number, world: World): void {
    if (frame !== this.#frame || (node !== 0 && node !== this.#node) || this.#bytes.has(node)) return
    this.#bytes.set(node, world.canonicalBytes())
  }
  event(node: number, event: SystemEvent): void {
    if (event.event === 'commandSigned') this.#commands.set(`${event.author} ${event.lamport}`, event.command)
    // Events are drained after the input that made them: one that was reported before its frame's capture still counts.
    if (event.event === 'rowWritten') {
      const { entity, component, cause, removed } = event
      this.#pending.push({ key: `${node} ${entity} ${component}`, write: { cause, removed, ordinal: ++this.#ordinal } })
    }
    const closes = event.event === 'frameClosed' || event.event === 'frameConfirmed'
    if (closes && event.frame <= this.#frame) this.#commit(node)
  }
  message(node: number, bytes: Uint8Array, datagrams: readonly number[]): void {
    const opened = openEnvelope(bytes, SCHEMA_HASH)
    const decoded = opened.kind === 'opened' ? this.#codec.decode(opened.type, opened.body) : undefined
    if (decoded?.kind !== 'message') return
    const { message } = decoded
    const carry = (what: string) => {
      const key = `${node} ${what}`
      this.#carriers.set(key, [...(this.#carriers.get(key) ?? []), ...datagrams])
    }
    if (message.kind === 'ComponentDelta') carry(`delta ${message.frame}`)
    if (message.kind === 'WorldSnapshot') carry(`snapshot ${message.snapshotId}`)
    if (message.kind === 'CommandLogEntry') for (const { author, lamport } of message.entries) carry(`entry ${author} ${lamport}`)
  }

  /** Of rows that differ, the one whose last write is the oldest: what came of it was written later. */
  causeOf<R extends RowName>(rows: readonly R[]): R | undefined {
    const ordinalAt = (node: number, { entity, component }: R) => this.#writes.get(`${node} ${entity} ${component}`)?.ordinal ?? 0
    const age = (row: R) => Math.max(ordinalAt(0, row), ordinalAt(this.#node, row))
    return rows.reduce<R | undefined>((oldest, row) => (oldest === undefined || age(row) < age(oldest) ? row : oldest), undefined)
  }

  /** What wrote this row at this node last, up to the frame in question. */
  storyOf(node: number, entity: number, component: string): WriteStory | undefined {
    const write = this.#writes.get(`${node} ${entity} ${component}`)
    if (write === undefined) return undefined
    const { cause, removed } = write
    const carried = (what: string, message: string): Partial<WriteStory> => {
      const datagrams = this.#carriers.get(`${node} ${what}`)
      return datagrams === undefined ? {} : { message, datagrams: [...new Set(datagrams)] }
    }
    const verb = removed ? 'removed by' : 'written by'
    switch (cause.by) {
      case 'command': {
        const { author, lamport } = cause
        const command = this.#commands.get(`${author} ${lamport}`) ?? 'command'
        const what = `${verb} ${this.#nameOf(author)}'s ${command} at lamport ${lamport}`
        return { cause: what, ...carried(`entry ${author} ${lamport}`, 'CommandLogEntry') }
      }
      case 'delta': return { cause: `${verb} the delta of frame ${cause.frame}`, ...carried(`delta ${cause.frame}`, 'ComponentDelta') }
      case 'snapshot': return { cause: `${verb} snapshot ${cause.snapshotId}`, ...carried(`snapshot ${cause.snapshotId}`, 'WorldSnapshot') }
      case 'runtime': return { cause: `${verb} the host's runtime in frame ${cause.frame}` }
    }
  }

  #commit(node: number): void {
    this.#pending = this.#pending.filter(({ key, write }) => {
      if (!key.startsWith(`${node} `)) return true
      this.#writes.set(key, write)
      return false
    })
  }
}
