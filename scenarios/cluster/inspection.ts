/**
 * Takes down how a cluster stands: worlds, logs, queues, connections and what is under way, as plain data. It looks on from the
 * beginning, to know which rows the host had in earlier frames (a client that is behind is not wrong) and who made which entity.
 */
import { frameRuns } from '../../reports/convergence.ts'
import type {
  Fields, InspectedClient, InspectedConnection, InspectedEntity, InspectedEvent, InspectedHeartbeat, InspectedHost, InspectedLink,
  InspectedLog, InspectedNode, InspectedRow, Inspection,
} from '../../reports/inspection.ts'
import { addressNames } from '../../reports/names.ts'
import { describe } from '../../sim/net/datagram.ts'
import type { Trace } from '../../sim/trace.ts'
import type { CommandLog } from '../../system/commands/log.ts'
import { commandName, entitySpawn, memberEntity } from '../../system/commands/registry.ts'
import { ROW_HEADER_BYTES } from '../../system/ecs/canonical.ts'
import type { AnyComponent, Field } from '../../system/ecs/component.ts'
import { COMPONENTS } from '../../system/ecs/components.ts'
import type { World } from '../../system/ecs/world.ts'
import { entityAuthor, entityCounter, entitySource, hash64Hex, HOST_AUTHOR } from '../../system/ids.ts'
import type { HeartbeatMonitor } from '../../system/session/heartbeat.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { type Cells, seenBytes } from '../oracle/sight.ts'
import type { Cluster } from './cluster.ts'
import type { ClientNode } from './nodes.ts'
import type { Watcher } from './watchers.ts'

/** What is remembered of the host's earlier frames, together. */
const MEMORY_BYTES_MAX = 2 ** 26

/** The rows of a world by entity and component: see {@link rowsOf}. */
type Rows = ReadonlyMap<number, Uint8Array>

export class Inspector implements Watcher {
  /** Canonical bytes of the host's world by frame, the oldest first. */
  readonly #frames = new Map<number, Uint8Array>()
  #frameBytes = 0
  /** Whose how-manieth entity each is. */
  readonly #ordinals = new Map<number, number>()
  readonly #made = new Map<number, number>()

  frame(node: number, frame: number, world: World): void {
    if (node !== 0) return
    const bytes = world.canonicalBytes()
    this.#frames.set(frame, bytes)
    this.#frameBytes += bytes.length
    for (const [oldest, { length }] of this.#frames) {
      if (this.#frameBytes <= MEMORY_BYTES_MAX || oldest === frame) break
      this.#frames.delete(oldest)
      this.#frameBytes -= length
    }
  }

  event(_node: number, event: SystemEvent): void {
    if (event.event !== 'commandSigned' || event.command !== entitySpawn.name || this.#ordinals.has(event.scope)) return
    const ordinal = (this.#made.get(event.author) ?? 0) + 1
    this.#made.set(event.author, ordinal)
    this.#ordinals.set(event.scope, ordinal)
  }

  take(cluster: Cluster, trace: Trace, isEnd: boolean): Inspection {
    const { kernel, host, clients } = cluster
    const { frame } = host.peer
    const names = new Names(cluster, this.#ordinals)
    return {
      frame, isEnd, nextFrameUs: cluster.frameUs(frame + 1), atUs: kernel.nowUs, events: kernel.events,
      records: trace.length, traceDigest: trace.digest,
      nodes: [this.#host(cluster, names), ...clients.map((client) => this.#client(client, cluster, names))],
      entities: this.#entities(cluster, names),
      links: linksOf(cluster, names),
      pending: kernel.pending().flatMap((event): InspectedEvent[] => {
        const { atUs, kind } = event
        if (kind === 'datagram') return []
        const what = kind === 'frame' ? `frame ${event.frame}` : kind === 'wake' ? 'transport' : `event ${event.own}`
        return [{ atUs, node: names.ofNode(event.node), what }]
      }),
    }
  }

  #host(cluster: Cluster, names: Names): InspectedNode {
    const { peer } = cluster.host
    const { fromFrame, toFrame, bytes } = peer.ring.held
    const standing: InspectedHost = {
      ring: fromFrame < 0 ? '' : `${fromFrame}-${toFrame}`, ringBytes: bytes, backlog: peer.backlog,
      seats: peer.seats.map(({ author, role, live, wantsSnapshot, snapshotFrame, heartbeat }) => ({
        peer: author === undefined ? 'not known yet' : names.ofAuthor(author), author: author ?? null, role, isLive: live,
        wantsSnapshot: wantsSnapshot ?? null, snapshotFrame, heartbeat: heartbeatOf(heartbeat),
      })),
    }
    return {
      ...this.#node(0, cluster, peer.world, peer.frame), name: 'host', transport: 'none', state: 'host', author: HOST_AUTHOR, role: 'host',
      log: logOf(peer.log), host: standing, client: null, connections: connectionsOf(cluster.host, names),
    }
  }

  #client(client: ClientNode, cluster: Cluster, names: Names): InspectedNode {
    const { id, name, peer, person } = client
    const repairs = peer.replica?.repairs
    const standing: InspectedClient = {
      heartbeat: heartbeatOf(peer.heartbeat), reconnects: peer.reconnects, unsent: peer.unsent, isBusy: person.isBusy(),
      drafts: peer.placements?.drafts.length ?? 0, heldFrames: frameRuns(repairs?.held ?? []), newestFrame: repairs?.newest ?? -1,
      gapSinceUs: instant(repairs?.gapSinceUs), logShortSinceUs: instant(repairs?.logShortSinceUs),
      resync: repairs?.resync === undefined ? null : { ...repairs.resync, askedAtUs: instant(repairs.resync.askedAtUs) },
      snapshot: repairs?.snapshot === undefined ? null : {
        snapshotId: repairs.snapshot.snapshotId, frame: repairs.snapshot.frame, missingChunks: frameRuns(repairs.snapshot.missing),
      },
    }
    return {
      ...this.#node(id, cluster, peer.world, peer.confirmedFrame), name, transport: cluster.transportOf(id),
      state: client.crashed ? 'crashed' : peer.state, author: peer.author ?? null, role: cluster.roleOf(name),
      log: peer.log === undefined ? null : logOf(peer.log), host: null, client: standing, connections: connectionsOf(client, names),
    }
  }

  #node(id: number, cluster: Cluster, world: World, frame: number) {
    const cells = id === 0 ? undefined : cluster.cellsOf(id)
    const [own, hosts] = [rowsOf(world.canonicalBytes()), this.#rowsAt(frame, cells)]
    const places = new Set([...own.keys(), ...(hosts?.keys() ?? [])])
    return {
      ...cluster.kernel.standing(id), frame, digest: hash64Hex(world.digest()), rows: world.rowCount,
      rowsWrong: hosts === undefined ? null : [...places].filter((place) => !isSame(own.get(place), hosts.get(place))).length,
    }
  }

  /** As who sees these cells must have them; undefined where nobody remembers. Before its first frame a world has to be empty. */
  #rowsAt(frame: number, cells: Cells | null): Rows | undefined {
    if (frame < 0) return rowsOf(new Uint8Array(0))
    const bytes = this.#frames.get(frame)
    return bytes && cells !== null ? rowsOf(seenBytes(bytes, cells)) : undefined
  }

  #entities(cluster: Cluster, names: Names): InspectedEntity[] {
    const bytes = cluster.host.peer.world.canonicalBytes()
    const ours = rowsOf(bytes)
    const views = cluster.clients.filter(({ peer }) => peer.confirmedFrame >= 0).map(({ id, name, peer }) => {
      const cells = cluster.cellsOf(id)
      // What a client does not see is no difference.
      const seen = cells === null ? ours : rowsOf(seenBytes(bytes, cells))
      return { name, rows: rowsOf(peer.world.canonicalBytes()), seen, hosts: this.#rowsAt(peer.confirmedFrame, cells) }
    })
    const places = [...new Set([ours, ...views.map(({ rows }) => rows)].flatMap((rows) => [...rows.keys()]))].sort((a, b) => a - b)
    const entities = new Map<number, InspectedRow[]>()
    for (const place of places) {
      const entity = Math.floor(place / COMPONENTS.length)
      const component = COMPONENTS[place % COMPONENTS.length]
      const own = ours.get(place)
      const others = views.flatMap(({ name, rows, seen, hosts }): InspectedRow['others'] => {
        const row = rows.get(place)
        if (isSame(row, seen.get(place))) return []
        const how = hosts === undefined ? 'unknown' : isSame(row, hosts.get(place)) ? 'behind' : 'differs'
        return [{ peer: name, how, fields: fieldsOf(component, row) }]
      })
      entities.set(entity, [...(entities.get(entity) ?? []), { component: component.name, fields: fieldsOf(component, own), others }])
    }
    return [...entities].map(([entity, rows]) => ({ entity, name: names.ofEntity(entity), rows }))
  }
}

/** What people call nodes and entities. */
class Names {
  readonly #cluster: Cluster
  readonly #ordinals: ReadonlyMap<number, number>
  readonly #addresses: ReadonlyMap<number, string>

  constructor(cluster: Cluster, ordinals: ReadonlyMap<number, number>) {
    this.#cluster = cluster
    this.#ordinals = ordinals
    const nodes = [{ id: 0, name: 'host' }, ...cluster.clients]
    this.#addresses = addressNames(nodes.map(({ id, name }) => ({ id, name, ...cluster.places.of(id) })))
  }
  /** Or of what else has such an address. */
  ofNode(node: number): string {
    return this.#addresses.get(node) ?? `address ${node}`
  }
  ofAuthor(author: number): string {
    if (author === HOST_AUTHOR) return 'host'
    return this.#cluster.clients.find(({ peer }) => peer.author === author)?.name ?? `author ${author}`
  }
  ofEntity(entity: number): string | null {
    const author = entityAuthor(entity)
    if (entitySource(entity) === 'stream') return `prop#${entityCounter(entity)}`
    if (entity === memberEntity(author)) return this.ofAuthor(author)
    const ordinal = this.#ordinals.get(entity)
    return ordinal === undefined ? null : `${this.ofAuthor(author)}#${ordinal}`
  }
}

/** The rows of canonical bytes by place: entity, then component, in one number that ascends as they do. */
function rowsOf(bytes: Uint8Array): Rows {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const rows = new Map<number, Uint8Array>()
  for (let at = 0; at < bytes.length; ) {
    const component = view.getUint16(at + 4, true)
    const end = at + ROW_HEADER_BYTES + COMPONENTS[component].stride
    rows.set(view.getUint32(at, true) * COMPONENTS.length + component, bytes.subarray(at + ROW_HEADER_BYTES, end))
    at = end
  }
  return rows
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.every((byte, index) => byte === b[index])
}

function fieldsOf(component: AnyComponent, row: Uint8Array | undefined): Fields | null {
  return row === undefined ? null : Object.fromEntries(component.fields.map((field) => [field.name, valueOf(row, field)]))
}

/** As {@link Fields} has it: memory that was changed behind everybody's back may hold anything. */
function valueOf(row: Uint8Array, { offset, bytes, type }: Field): number | string {
  let value = 0n
  for (let at = offset + bytes - 1; at >= offset; at--) value = value * 256n + BigInt(row[at])
  const signed = type.startsWith('i') ? BigInt.asIntN(8 * bytes, value) : value
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : String(signed)
}

function logOf({ position, clock, pending }: CommandLog): InspectedLog {
  return {
    closedLamport: position.closedLamport, count: position.count, digest: hash64Hex(position.digest), clock,
    pending: pending.map(({ entry: { lamport, author, command, scope }, admitted }) =>
      ({ lamport, author, command: commandName(command), scope, admitted })),
  }
}

function heartbeatOf({ heardUs, rttUs, jitterUs }: HeartbeatMonitor): InspectedHeartbeat {
  return { heardUs, rttUs, jitterUs }
}

/** Infinity, either way, is no instant. */
function instant(atUs: number | undefined): number | null {
  return atUs === undefined || !Number.isFinite(atUs) ? null : atUs
}

function connectionsOf({ endpoint }: Cluster['host'] | ClientNode, names: Names): InspectedConnection[] {
  return endpoint.connections.map(({ peer, oldestSentUs, ...standing }) =>
    ({ ...standing, peer: names.ofNode(peer), oldestSentUs: oldestSentUs ?? null }))
}

function linksOf({ internet, kernel }: Cluster, names: Names): InspectedLink[] {
  const arrivals = kernel.pending().flatMap((event) => (event.kind === 'datagram' ? [event] : []))
  return internet.links.map(({ from, to, settings }) => {
    const own = arrivals.filter(({ datagram }) => {
      const ends = datagram.via ?? datagram
      return ends.from === from && ends.to === to
    })
    return {
      from: names.ofNode(from), to: names.ofNode(to), isDown: settings.down,
      bytes: own.reduce((sum, { datagram }) => sum + datagram.bytes.length, 0),
      datagrams: own.map(({ atUs, datagram: { id, bytes, label } }) => ({ id, atUs, bytes: bytes.length, what: describe(label) })),
    }
  })
}
