/** An inspection for a terminal: what stands, in tables; what is nothing is left out, and what is long is cut. */
import type { Fields, InspectedNode, InspectedRow, Inspection } from './inspection.ts'
import { milliseconds } from './percentiles.ts'
import { aligned, type Cell, counted } from './table.ts'

const LIST_ROWS_MAX = 40

/** @param isEntity one entity was asked for: the world is what matters, and nothing else is told. */
export function inspectionLines(inspection: Inspection, isEntity = false): string[] {
  const { frame, isEnd, atUs, nextFrameUs, events, records, traceDigest } = inspection
  const until = isEnd ? 'the run has ended' : `frame ${frame + 1} begins at ${milliseconds(nextFrameUs)}`
  return [
    `frame ${frame}: last event at ${milliseconds(atUs)} ms, ${until}; ${counted(events, 'event')}`,
    `trace: ${counted(records, 'record')}, digest ${traceDigest}`,
    ...section('nodes', nodeTable(inspection)),
    ...(isEntity ? [] : queues(inspection)),
    ...section('rows that are wrong', rowTable(inspection.entities.flatMap((entity) => {
      const rows = entity.rows.filter(({ others }) => others.some(({ how }) => how === 'differs'))
      return rows.length === 0 ? [] : [{ ...entity, rows }]
    }))),
    ...section('world', rowTable(inspection.entities)),
  ]
}

const queues = (inspection: Inspection): string[] => [
  ...section('entries that are not closed', entryTable(inspection)),
  ...section('frames and repair', repairLines(inspection)),
  ...section('seats', seatTable(inspection)),
  ...section('connections', connectionTable(inspection)),
  ...section('channels that hold bytes', channelTable(inspection)),
  ...section('under way', datagramTable(inspection)),
  ...section('events to come', table(['at, ms#', 'node', 'what'], inspection.pending.map(({ atUs, node, what }) =>
    [milliseconds(atUs), node, what]))),
]

const section = (title: string, lines: readonly string[]): string[] =>
  (lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)])

/** Nothing where there are no rows; bounded where there are many. */
function table(titles: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  if (rows.length === 0) return []
  const more = rows.length - LIST_ROWS_MAX
  return [...aligned(titles, rows.slice(0, LIST_ROWS_MAX)), ...(more > 0 ? [`and ${more} more; --json has all`] : [])]
}

function nodeTable({ nodes }: Inspection): string[] {
  const [{ frame: hostFrame }] = nodes
  const titles = ['node', 'over', 'role', 'state', 'frame#', 'behind#', 'rows#', 'wrong#', 'world', 'closed#', 'entries#', 'log']
  return table(titles, nodes.map((node) => [
    node.name, node.transport, node.role, stateOf(node), ...(node.frame < 0 ? ['', ''] : [node.frame, hostFrame - node.frame]),
    node.rows, node.rowsWrong ?? 'unknown', node.digest,
    ...(node.log === null ? ['', '', ''] : [node.log.closedLamport, node.log.count, node.log.digest]),
  ]))
}
const stateOf = ({ state, status, held }: InspectedNode): string =>
  (status === 'paused' ? `${state}, paused with ${counted(held, 'event')}` : state)

function entryTable({ nodes }: Inspection): string[] {
  const rows = nodes.flatMap(({ name, log }) => (log?.pending ?? []).map(({ lamport, author, command, scope, admitted }) =>
    [name, lamport, author, command, scope, admitted ? 'yes' : 'no']))
  return table(['node', 'lamport#', 'author#', 'command', 'scope#', 'admitted'], rows)
}

function repairLines({ nodes }: Inspection): string[] {
  return nodes.flatMap(({ name, host, client }) => {
    if (host !== null) {
      return [
        `${name}: can send frames ${host.ring || 'none'} again (${host.ringBytes} bytes)`,
        ...(host.backlog === 0 ? [] : [`${name}: ${counted(host.backlog, 'wish')} of the runtime not done`]),
      ]
    }
    if (client === null) return []
    const { heldFrames, newestFrame, gapSinceUs, logShortSinceUs, resync, snapshot, unsent, drafts, isBusy, reconnects } = client
    const facts = [
      heldFrames !== '' && `keeps frames ${heldFrames}, the newest heard of is ${newestFrame}`,
      gapSinceUs !== null && `misses a frame since ${milliseconds(gapSinceUs)}`,
      logShortSinceUs !== null && `misses entries since ${milliseconds(logShortSinceUs)}`,
      resync !== null && `waits for a snapshot (${resync.want}) since ${milliseconds(resync.sinceUs)}`,
      snapshot !== null && `has snapshot ${snapshot.snapshotId} of frame ${snapshot.frame} but for chunks ${snapshot.missingChunks}`,
      unsent > 0 && `has ${counted(unsent, 'command')} to send`,
      drafts > 0 && `drafts ${counted(drafts, 'placement change')}`,
      isBusy && 'is in the middle of a gesture',
      reconnects > 0 && `connected again ${counted(reconnects, 'time')}`,
    ].filter((fact) => fact !== false)
    return facts.length === 0 ? [] : [`${name}: ${facts.join('; ')}`]
  })
}

function seatTable({ nodes }: Inspection): string[] {
  const titles = ['member', 'role', 'frames go to it', 'wants a snapshot', 'had one of frame#', 'heard at, ms#', 'rtt, ms#', 'jitter, ms#']
  return table(titles, nodes.flatMap(({ host }) => (host?.seats ?? []).map((seat) => [
    seat.peer, seat.role, seat.isLive ? 'yes' : 'no', seat.wantsSnapshot ?? '', seat.snapshotFrame < 0 ? '' : seat.snapshotFrame,
    milliseconds(seat.heartbeat.heardUs), milliseconds(seat.heartbeat.rttUs), milliseconds(seat.heartbeat.jitterUs),
  ])))
}

function connectionTable({ nodes }: Inspection): string[] {
  const titles = ['at', 'to', 'over', 'state', 'rtt, ms#', '+-#', 'window#', 'in flight#', 'packets#', 'oldest sent#', 'probes#', 'lost#']
  return table(titles, nodes.flatMap(({ name, connections }) => connections.map((one) => [
    name, one.peer, one.protocol, one.state, milliseconds(one.rttUs), milliseconds(one.rttVariationUs), one.windowBytes, one.inFlightBytes,
    one.unanswered, one.oldestSentUs === null ? '' : milliseconds(one.oldestSentUs), one.backoff, one.lost,
  ])))
}

function channelTable({ nodes }: Inspection): string[] {
  return table(['at', 'to', 'channel', 'unsent#', 'unanswered#', 'kept#', ''], nodes.flatMap(({ name, connections }) =>
    connections.flatMap(({ peer, channels }) => channels
      .filter(({ unsentBytes, unansweredBytes, keptBytes }) => unsentBytes + unansweredBytes + keptBytes > 0)
      .map(({ label, unsentBytes, unansweredBytes, keptBytes, isBlocked }) =>
        [name, peer, label, unsentBytes, unansweredBytes, keptBytes, isBlocked ? 'blocked' : '']))))
}

function datagramTable({ links }: Inspection): string[] {
  const cutLinks = links.filter(({ isDown }) => isDown).map(({ from, to }) => `${from} -> ${to} is cut`)
  const rows = links.flatMap(({ from, to, datagrams }) => datagrams.map(({ id, atUs, bytes, what }) =>
    ({ atUs, cells: [milliseconds(atUs), from, to, id, bytes, what] })))
  rows.sort((a, b) => a.atUs - b.atUs)
  return [...cutLinks, ...table(['arrives, ms#', 'from', 'to', 'datagram#', 'bytes#', 'carries'], rows.map(({ cells }) => cells))]
}

function rowTable(entities: Inspection['entities']): string[] {
  const rows = entities.flatMap(({ entity, name, rows: own }) => own.flatMap((row) => [
    [entity, name ?? '', short(row.component), 'host', row.fields === null ? 'no such row' : inWords(row.fields)],
    ...row.others.map((other) => ['', '', '', other.peer, otherInWords(row, other)]),
  ]))
  return table(['entity#', 'name', 'component', 'at', ''], rows)
}

const short = (component: string): string => component.replace(/^.*\./, '')
const inWords = (fields: Fields): string => Object.entries(fields).map(([name, value]) => `${name} ${value}`).join(', ')

/** What of another row is not the host's, and whether that is wrong. */
function otherInWords({ fields: own }: InspectedRow, { how, fields }: InspectedRow['others'][number]): string {
  const what = fields === null ? 'no such row' : own === null ? inWords(fields)
    : inWords(Object.fromEntries(Object.entries(fields).filter(([name, value]) => value !== own[name])))
  const why = { behind: 'as the host had it then', differs: 'WRONG', unknown: 'of a frame that nobody remembers' }[how]
  return `${what} (${why})`
}
