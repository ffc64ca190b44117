/**
 * What a red run is run again for: the canonical bytes of both sides at the frame in question, the row from which the others
 * came, what wrote it on either side, which datagrams brought that, and the first write in which the two histories part.
 */
import type { Parting, RowWrite, RunDivergence, Side, WriteStory } from '../../reports/input.ts'
import { differences, type WorldDifference } from '../../reports/worlddiff.ts'
import { manifest } from '../../system/ecs/manifest.ts'
import type { World } from '../../system/ecs/world.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { type Cells, seenBytes } from '../oracle/sight.ts'
import type { Watcher } from './watchers.ts'
import { firstParting, type WriteParting } from './explain-parting.ts'
import { NodeWrites, type RowName, type Unwritten, type Write } from './explain-writes.ts'
import type { Wiretap } from './wiretap.ts'

export interface ExplanationConfig {
  /** The frame that differs. */
  readonly frame: number
  /** The client whose frame differs; 0 where the host's own differs from what the oracle says. */
  readonly node: number
  /** How the report calls that side. */
  readonly peerName: () => string
  nameOf(author: number): string
  readonly tap: Wiretap
  /** The live world of a node that has spoken. */
  worldOf(node: number): World
  /** What a client sees in the frame that it has just confirmed. */
  cellsOf(node: number): Cells
  readonly nowUs: () => number
  /** Records of the trace so far. */
  readonly records: () => number
}

/** The bytes of two worlds. */
interface Sides {
  readonly hostBytes: Uint8Array
  readonly peerBytes: Uint8Array
}

/** Writes of the row that a report shows for each side. */
const HISTORY_MAX = 6

export class Explanation implements Watcher {
  readonly #config: ExplanationConfig
  /** By node and what was carried: 'delta 57', 'entry 3 41', 'snapshot 2'. */
  readonly #carriers = new Map<string, Set<number>>()
  readonly #commands = new Map<string, string>()
  readonly #worlds = new Map<number, World>()
  readonly #writes = new Map<number, NodeWrites>()
  readonly #bytes = new Map<number, Uint8Array>()
  /** What the client in question sees. */
  #cells: Cells
  /** The last frame before the one in question that the client confirmed: there the worlds were the same. */
  #sameFrame = -1
  #ordinal = 0

  constructor(config: ExplanationConfig) {
    this.#config = config
  }

  frame(node: number, frame: number, world: World): void {
    if (node !== 0 && node !== this.#config.node) return
    this.#writes.get(node)?.look()
    if (frame === this.#config.frame && !this.#bytes.has(node)) {
      this.#bytes.set(node, world.canonicalBytes())
      if (node !== 0) this.#cells = this.#config.cellsOf(node)
    }
    if (node !== 0 && frame < this.#config.frame) this.#sameFrame = frame
  }

  event(node: number, event: SystemEvent): void {
    if (event.event === 'commandSigned') this.#commands.set(`${event.author} ${event.lamport}`, event.command)
    if (event.event === 'rowWritten') this.#ordinal++
    if (node !== 0 && node !== this.#config.node) return
    this.#listen(node)
    this.#writes.get(node)!.event(event, this.#ordinal)
  }

  message(node: number, bytes: Uint8Array, datagrams: readonly number[]): void {
    if (node !== 0 && node !== this.#config.node) return
    // A message may be folded at once by a client. The host folds when a frame begins.
    if (node !== 0) this.#writes.get(node)?.look()
    const message = this.#config.tap.messageOf(bytes)
    if (message === undefined) return
    const carry = (what: string) => {
      const known = this.#carriers.get(`${node} ${what}`)
      if (known === undefined) this.#carriers.set(`${node} ${what}`, new Set(datagrams))
      else for (const datagram of datagrams) known.add(datagram)
    }
    if (message.kind === 'ComponentDelta') carry(`delta ${message.frame}`)
    if (message.kind === 'WorldSnapshot') carry(`snapshot ${message.snapshotId}`)
    if (message.kind === 'CommandLogEntry') for (const { author, lamport } of message.entries) carry(`entry ${author} ${lamport}`)
  }

  /** @param judged what the host has and what the oracle says, where it is the oracle that the host differs from. */
  divergence(judged: { readonly actual: Uint8Array; readonly expected: Uint8Array } | undefined): RunDivergence | undefined {
    const { frame, node, peerName } = this.#config
    const closed = this.#bytes.get(0)
    const [hostBytes, peerBytes] = node === 0
      ? [judged?.actual, judged?.expected]
      : [closed && seenBytes(closed, this.#cells), this.#bytes.get(node)]
    if (hostBytes === undefined || peerBytes === undefined) return undefined
    const { row, unwritten, within } = this.#rowOf({ hostBytes, peerBytes })
    const divergence = { frame, peer: peerName(), ...(within ?? { hostBytes, peerBytes }) }
    if (row === undefined) return divergence
    const parting = unwritten === undefined ? this.#partingOf(row) : this.#unwritten(unwritten)
    const host = this.#of(0, row)
    const peer = node === 0 ? [] : this.#of(node, row)
    const [hostWrite, peerWrite] = [this.#story(0, host.at(-1)), this.#story(node, peer.at(-1))]
    const told = (side: number, writes: readonly Write[]) => writes.slice(-HISTORY_MAX).map((write) => this.#told(side, write))
    return {
      ...divergence,
      cause: { entity: row.entity, component: row.component },
      ...(hostWrite !== undefined && { hostWrite }), ...(peerWrite !== undefined && { peerWrite }),
      ...(parting !== undefined && { parting }),
      history: { host: told(0, host), peer: told(node, peer) },
    }
  }

  /** Hears of every write of a node's world: of a new one, too, where it was restarted. */
  #listen(node: number): void {
    const world = this.#config.worldOf(node)
    if (this.#worlds.get(node) === world) return
    this.#worlds.set(node, world)
    // What only an explanation records is left out: the report is made of a trace without it.
    const moment = () => ({ nowUs: this.#config.nowUs(), records: this.#config.records() - this.#ordinal })
    this.#writes.set(node, new NodeWrites(node, world, this.#config.frame, moment))
  }

  #of(node: number, row: RowName): readonly Write[] {
    return this.#writes.get(node)?.of(row) ?? []
  }

  /**
   * Of the rows that differ, the one from which the others came: one that changed though nothing wrote it, else the one whose
   * histories part first. A row that changed so may be as it should by the end of the frame, and have left other rows wrong.
   */
  #rowOf(sides: Sides): { readonly row?: RowName; readonly unwritten?: Unwritten; readonly within?: Sides & { readonly within: Side } } {
    const rows = [...differences(sides.hostBytes, sides.peerBytes, manifest().components)]
    if (rows.length === 0) return {}
    const unwritten = this.#firstUnwritten(rows)
    if (unwritten !== undefined) {
      const { found, written, node } = unwritten
      const within = node === 0
        ? { within: 'host' as const, hostBytes: found, peerBytes: written }
        : { within: 'peer' as const, hostBytes: written, peerBytes: found }
      const change = [...differences(within.hostBytes, within.peerBytes, manifest().components)].find((row) => isRow(row, unwritten))
      const isStill = rows.some((row) => isRow(row, unwritten) && isSameChange(row, change))
      return isStill ? { row: unwritten, unwritten } : { row: unwritten, unwritten, within }
    }
    const { node } = this.#config
    const partedAt = (row: RowName): number => {
      if (node === 0) return this.#of(0, row).at(-1)?.ordinal ?? 0
      const parting = this.#writeParting(row)
      return parting === undefined ? Infinity : parting.kind === 'bytes' ? parting.host.ordinal : parting.write.ordinal
    }
    return { row: rows.map((row) => ({ row, at: partedAt(row) })).reduce((a, b) => (b.at < a.at ? b : a)).row }
  }

  #firstUnwritten(rows: readonly RowName[]): Unwritten | undefined {
    const { node } = this.#config
    const all = [...new Set([0, node])].flatMap((side) => this.#writes.get(side)?.unwritten ?? [])
    const recent = all.filter(({ frame }) => node === 0 || frame > this.#sameFrame).sort((a, b) => a.record - b.record)
    return recent.find((one) => rows.some((row) => isRow(row, one))) ?? recent[0]
  }

  #unwritten({ node, change, atUs, record, ...row }: Unwritten): Parting {
    const last = this.#of(node, row).findLast((write) => write.record < record)
    const side = node === 0 ? 'host' : 'peer'
    return { kind: 'unwritten', side, change, atUs, record, ...(last !== undefined && { last: this.#told(node, last) }) }
  }

  #partingOf(row: RowName): Parting | undefined {
    const { node, frame } = this.#config
    if (node === 0) {
      const write = this.#of(0, row).findLast((candidate) => candidate.frame === frame)
      return { kind: 'judged', ...(write !== undefined && { write: this.#told(0, write) }) }
    }
    const parting = this.#writeParting(row)
    return parting && this.#partingTold(parting)
  }

  #writeParting(row: RowName): WriteParting | undefined {
    const { node } = this.#config
    return firstParting(this.#of(0, row), this.#of(node, row), this.#sameFrame, this.#writes.get(node)?.snapshotFrame ?? -1)
  }

  #partingTold(parting: WriteParting): Parting {
    const { node } = this.#config
    if (parting.kind === 'bytes') return { kind: 'bytes', host: this.#told(0, parting.host), peer: this.#told(node, parting.peer) }
    const { side, write, instead } = parting
    const [writer, other] = side === 'peer' ? [0, node] : [node, 0]
    return {
      kind: 'missing', side, write: this.#told(writer, write), ...(instead !== undefined && { instead: this.#told(other, instead) }),
      ...(side === 'peer' && this.#carried(node, write)),
    }
  }

  #told(node: number, write: Write): RowWrite {
    const { cause, removed, frame, atUs, record } = write
    return { cause, removed, frame, atUs, record, ...this.#carried(node, write) }
  }

  /** What brought to a node what a write did. */
  #carried(node: number, { cause }: Write): { readonly message?: string; readonly datagrams?: readonly number[] } {
    const [what, message] = cause.by === 'command'
      ? [`entry ${cause.author} ${cause.lamport}`, 'CommandLogEntry']
      : cause.by === 'snapshot' ? [`snapshot ${cause.snapshotId}`, 'WorldSnapshot'] : [`delta ${cause.frame}`, 'ComponentDelta']
    const datagrams = this.#carriers.get(`${node} ${what}`)
    return datagrams === undefined ? {} : { message, datagrams: [...datagrams] }
  }

  /** What wrote a row last, in words. */
  #story(node: number, write: Write | undefined): WriteStory | undefined {
    if (write === undefined) return undefined
    const { cause, removed } = write
    const by = `${removed ? 'removed' : 'written'} by`
    const carried = this.#carried(node, write)
    switch (cause.by) {
      case 'command': {
        const { author, lamport } = cause
        const command = this.#commands.get(`${author} ${lamport}`) ?? 'command'
        return { cause: `${by} ${this.#config.nameOf(author)}'s ${command} at lamport ${lamport}`, ...carried }
      }
      case 'delta': return { cause: `${by} the delta of frame ${cause.frame}`, ...carried }
      case 'snapshot': return { cause: `${by} snapshot ${cause.snapshotId}`, ...carried }
      case 'runtime': return { cause: `${by} the host's runtime in frame ${cause.frame}` }
    }
  }
}

const isRow = (a: RowName, b: RowName): boolean => a.entity === b.entity && a.component === b.component
const isSameChange = (a: WorldDifference, b: WorldDifference | undefined): boolean =>
  a.kind === b?.kind && a.field === b.field && a.valueA === b.valueA && a.valueB === b.valueB
