/**
 * A run as it stood at the end of a frame, as plain data, and what of it somebody asked for. Times are virtual microseconds,
 * digests hexadecimal; frames that are kept are written as runs, '3-5, 9'. An instant that has not come, or will not, is null.
 */

export interface Inspection {
  /** The last frame that the host closed. */
  readonly frame: number
  /** The end of the run; else all has happened before the instant at which the next frame begins, and nothing of that instant. */
  readonly isEnd: boolean
  readonly nextFrameUs: number
  /** When the last event was. */
  readonly atUs: number
  /** Events handled and records written so far, and the chain digest over these. */
  readonly events: number
  readonly records: number
  readonly traceDigest: string
  /** The host first. */
  readonly nodes: readonly InspectedNode[]
  readonly entities: readonly InspectedEntity[]
  readonly links: readonly InspectedLink[]
  /** The kernel's, without datagrams, which are their links'; the next first. */
  readonly pending: readonly InspectedEvent[]
}

export interface InspectedNode {
  readonly name: string
  readonly transport: 'quic' | 'webrtc' | 'none'
  readonly status: 'running' | 'paused' | 'down'
  /** Events held until a paused node goes on. */
  readonly held: number
  /** 'host', or how far a client has come: 'live' in the session. */
  readonly state: string
  /** Null before the handshake. */
  readonly author: number | null
  readonly role: string
  /** The last one closed (host) or confirmed (client); -1 before the first. */
  readonly frame: number
  /** Of the world as it is in memory. */
  readonly digest: string
  /** Rows that are not as the host had them at the end of this node's own frame; null where that is not known any more. */
  readonly rowsWrong: number | null
  readonly rows: number
  readonly log: InspectedLog | null
  readonly host: InspectedHost | null
  readonly client: InspectedClient | null
  readonly connections: readonly InspectedConnection[]
}

export interface InspectedLog {
  readonly closedLamport: number
  readonly count: number
  readonly digest: string
  readonly clock: number
  /** Newer than what is closed, in the order in which they would be folded. */
  readonly pending: readonly InspectedEntry[]
}
export interface InspectedEntry {
  readonly lamport: number
  readonly author: number
  readonly command: string
  readonly scope: number
  /** The host has it. */
  readonly admitted: boolean
}

export interface InspectedHost {
  /** Encoded frames that can be sent again. */
  readonly ring: string
  readonly ringBytes: number
  /** Wishes of the runtime that are not done. */
  readonly backlog: number
  readonly seats: readonly InspectedSeat[]
}
export interface InspectedSeat {
  readonly peer: string
  readonly author: number | null
  readonly role: string
  readonly isLive: boolean
  /** Why it is to get a snapshot. */
  readonly wantsSnapshot: string | null
  /** Of the last snapshot that was sent to it, -1 before the first. */
  readonly snapshotFrame: number
  readonly heartbeat: InspectedHeartbeat
}
export interface InspectedHeartbeat {
  /** When the other side was heard last. */
  readonly heardUs: number
  /** 0 before the first echo. */
  readonly rttUs: number
  readonly jitterUs: number
}

export interface InspectedClient {
  readonly heartbeat: InspectedHeartbeat
  readonly reconnects: number
  /** Own commands that wait to be sent. */
  readonly unsent: number
  /** Changes in the placement draft. */
  readonly drafts: number
  /** Whether its hands have gestures left to play. */
  readonly isBusy: boolean
  /** Frames that came and cannot be applied yet. */
  readonly heldFrames: string
  readonly newestFrame: number
  /** Since when a frame has been missing, and since when entries of the log have. */
  readonly gapSinceUs: number | null
  readonly logShortSinceUs: number | null
  readonly resync: { readonly want: string; readonly sinceUs: number; readonly askedAtUs: number | null } | null
  /** The snapshot that is being put together. */
  readonly snapshot: { readonly snapshotId: number; readonly frame: number; readonly missingChunks: string } | null
}

export interface InspectedConnection {
  readonly peer: string
  /** Both ends' number for it. */
  readonly number: number
  readonly protocol: string
  readonly state: string
  readonly rttUs: number
  readonly rttVariationUs: number
  readonly windowBytes: number
  readonly inFlightBytes: number
  readonly backoff: number
  readonly lost: number
  readonly unanswered: number
  readonly oldestSentUs: number | null
  readonly channels: readonly {
    readonly label: string
    readonly unsentBytes: number
    readonly unansweredBytes: number
    readonly keptBytes: number
    readonly isBlocked: boolean
  }[]
}

export interface InspectedLink {
  readonly from: string
  readonly to: string
  readonly isDown: boolean
  readonly bytes: number
  /** Under way, the next to arrive first. */
  readonly datagrams: readonly { readonly id: number; readonly atUs: number; readonly bytes: number; readonly what: string }[]
}

export interface InspectedEvent {
  readonly atUs: number
  readonly node: string
  readonly what: string
}

/** A value that fits no number (a corrupted u64) is text. */
export type Fields = Readonly<Record<string, number | string>>

export interface InspectedEntity {
  readonly entity: number
  /** A member by its name, what somebody made by its maker: `ana#2` is the second that ana signed a spawn for, `prop#1` a prop. */
  readonly name: string | null
  readonly rows: readonly InspectedRow[]
}
export interface InspectedRow {
  readonly component: string
  /** The host's; null where it has none. */
  readonly fields: Fields | null
  /** Clients whose row is another one. */
  readonly others: readonly {
    readonly peer: string
    /** As the host had it at the end of that client's own frame; not so; or nobody remembers that frame. */
    readonly how: 'behind' | 'differs' | 'unknown'
    readonly fields: Fields | null
  }[]
}

export interface Narrowing {
  readonly peer?: string
  /** An id, a name, or a component with or without what stands before its dot. */
  readonly entity?: string
}
export type Narrowed = { readonly kind: 'narrowed'; readonly inspection: Inspection } | { readonly kind: 'unknown'; readonly why: string }

/** Names that a refusal lists. */
const NAMES_MAX = 12

/** A node beside the host, an entity, or both; what has nothing to do with them is left out. */
export function narrowed(inspection: Inspection, { peer, entity }: Narrowing): Narrowed {
  const { nodes, frame } = inspection
  if (peer !== undefined && !nodes.some(({ name }) => name === peer)) {
    return { kind: 'unknown', why: `there is no '${peer}' in frame ${frame}, only ${listed(nodes.map(({ name }) => name))}` }
  }
  const entities = entity === undefined ? inspection.entities : inspection.entities.flatMap((one) => matching(one, entity))
  if (entity !== undefined && entities.length === 0) {
    const names = inspection.entities.flatMap(({ name }) => name ?? [])
    return { kind: 'unknown', why: `there is no '${entity}' in frame ${frame}; give an id, a component, or one of ${listed(names)}` }
  }
  const isWanted = (name: string): boolean => peer === undefined || name === peer
  return {
    kind: 'narrowed',
    inspection: {
      ...inspection,
      nodes: nodes.filter(({ name, host }) => host !== null || isWanted(name)).map((node) => (isWanted(node.name) ? node : {
        ...node, connections: node.connections.filter((connection) => connection.peer === peer),
        host: node.host && { ...node.host, seats: node.host.seats.filter((seat) => seat.peer === peer) },
      })),
      links: inspection.links.filter(({ from, to }) => isWanted(from) || isWanted(to)),
      pending: inspection.pending.filter(({ node }) => isWanted(node)),
      entities: peer === undefined || peer === nodes[0].name ? entities : entities.map((one) => ({
        ...one, rows: one.rows.map((row) => ({ ...row, others: row.others.filter((other) => other.peer === peer) })),
      })),
    },
  }
}

/** The entity, or its rows of a component; nothing where it is neither that entity nor has such a row. */
function matching(one: InspectedEntity, wanted: string): InspectedEntity[] {
  if (one.name === wanted || String(one.entity) === wanted) return [one]
  const rows = one.rows.filter(({ component }) => component === wanted || component.replace(/^.*\./, '') === wanted)
  return rows.length === 0 ? [] : [{ ...one, rows }]
}

const listed = (names: readonly string[]): string =>
  `${names.slice(0, NAMES_MAX).join(', ')}${names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : ''}`
