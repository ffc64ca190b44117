/**
 * A run as one plain object: a pure function of its trace and of what the run knows beside it. One pass over the
 * records tells each to the sections that it concerns.
 *
 *     records ──┬─> counters.ts
 *               └─> convergence, datagrams, messages, commands, commits, sessions, ... ──> Report ──> json, markdown, summary
 */
import { type Why, whyOf } from './chain.ts'
import { Commands, type CommandSection } from './commands.ts'
import { type CommitRow, Commits } from './commits.ts'
import { Compression, type CompressionRow } from './compression.ts'
import { type ConnectionRow, Connections } from './connections.ts'
import { Convergence, type ConvergenceSection } from './convergence.ts'
import { type Counters, countRecords } from './counters.ts'
import { Datagrams, type ProtocolRow } from './datagrams.ts'
import { type DivergenceSection, divergenceSection, namedDifference } from './divergence.ts'
import { eventOf, type ReportedEvent, type RunHeader, type RunInfo, type RunNode, type RunRecord } from './input.ts'
import { type LinkRow, Links } from './links.ts'
import { countHits, type Hits } from './marks.ts'
import { Members } from './members.ts'
import { type MessageRow, Messages } from './messages.ts'
import { type LatencyRow, LatencySamples } from './percentiles.ts'
import { Physics, type PhysicsSection } from './physics.ts'
import { type RefusedMessageRow, type SessionRow, Sessions } from './sessions.ts'
import { type SnapshotRow, Snapshots } from './snapshots.ts'
import { Traffic } from './traffic.ts'

/** The latencies that a report tells, in its order. */
export const LATENCIES = {
  commandAdmit: 'command, append to admit',
  commandApply: 'command, append to apply',
  commitEverywhere: 'commit, request to applied everywhere',
  join: 'join',
  resync: 'resync',
} as const
export type LatencyName = keyof typeof LATENCIES

export interface Report {
  /** What a replay needs. */
  readonly run: RunHeader
  readonly result: Omit<RunInfo, 'run' | 'nodes' | 'manifest' | 'failures' | 'mustHappen' | 'divergence'>
  readonly failures: RunInfo['failures']
  readonly mustHappen: RunInfo['mustHappen']
  /** Where two worlds parted, if they did. */
  readonly divergence: DivergenceSection | null
  /** The first event that is not as it should be, and the causal chain from there back; null where the run is not red. */
  readonly why: Why | null
  readonly nodes: readonly RunNode[]
  readonly counters: Counters
  /** Rare states that were reached. */
  readonly marks: Hits
  readonly faultPoints: Hits
  readonly convergence: ConvergenceSection
  /** In virtual microseconds; by the transport of the peer that applied, joined or resynced, or whose command or commit it was. */
  readonly latencies: Readonly<Record<LatencyName, readonly LatencyRow[]>>
  readonly datagrams: readonly ProtocolRow[]
  readonly links: readonly LinkRow[]
  readonly connections: readonly ConnectionRow[]
  readonly messages: readonly MessageRow[]
  /** Of connections on which compression is agreed. */
  readonly compression: readonly CompressionRow[]
  readonly refusedMessages: readonly RefusedMessageRow[]
  readonly commands: CommandSection
  readonly commits: readonly CommitRow[]
  readonly snapshots: readonly SnapshotRow[]
  readonly sessions: readonly SessionRow[]
  readonly physics: PhysicsSection
}

/** What the percentiles of a report were taken of, for whoever takes them over many runs. */
export type LatencyValues = Readonly<Record<LatencyName, readonly number[]>>

/** @throws {RangeError} where no node is the host, or the bytes of a divergence are not canonical. */
export function buildReport(records: readonly RunRecord[], info: RunInfo): Report {
  return buildWithLatencies(records, info).report
}

/** Throws as {@link buildReport} does. */
export function buildWithLatencies(
  records: readonly RunRecord[], info: RunInfo,
): { readonly report: Report; readonly latencies: LatencyValues } {
  const members = new Members(info.nodes)
  const sections = new Sections(members, info.nodes)
  for (const record of records) sections.add(record)
  const { run, nodes, manifest: _manifest, failures, mustHappen, divergence: _divergence, ...result } = info
  const samples = sections.latencies()
  const report: Report = {
    run, result, failures, mustHappen, nodes,
    ...explained(records, info),
    counters: countRecords(records, members.host),
    marks: countHits(records, 'mark'), faultPoints: countHits(records, 'faultPoint'),
    convergence: sections.convergence.section(members, result.finalFrame),
    latencies: mapped(samples, (of) => of.rows()),
    datagrams: sections.datagrams.rows(),
    links: sections.links.rows(nodes),
    connections: sections.connections.rows(),
    messages: sections.messages.rows(members),
    compression: sections.compression.rows(),
    refusedMessages: sections.sessions.refusedMessages(),
    commands: sections.commands.section(),
    commits: sections.commits.rows(),
    snapshots: sections.snapshots.rows(members),
    sessions: sections.sessions.rows(),
    physics: sections.physics.section(),
  }
  return { report, latencies: mapped(samples, (of) => of.values()) }
}

function mapped<A, B>(latencies: Record<LatencyName, A>, change: (of: A) => B): Record<LatencyName, B> {
  return Object.fromEntries(Object.entries(latencies).map(([name, of]) => [name, change(of)])) as Record<LatencyName, B>
}

/** A run that converged is not looked into. */
function explained(records: readonly RunRecord[], info: RunInfo): Pick<Report, 'divergence' | 'why'> {
  if (info.exit === 0) return { divergence: null, why: null }
  const { divergence, manifest, nodes } = info
  const traffic = new Traffic(records, nodes)
  const place = divergence && namedDifference(divergence, manifest)
  return {
    divergence: divergence === undefined ? null : divergenceSection(divergence, manifest, traffic.names),
    why: whyOf(records, info, traffic, place) ?? null,
  }
}

class Sections {
  readonly #members: Members
  readonly convergence = new Convergence()
  readonly datagrams = new Datagrams()
  readonly links = new Links()
  readonly connections: Connections
  readonly messages = new Messages()
  readonly compression = new Compression()
  readonly commands: Commands
  readonly commits: Commits
  readonly sessions: Sessions
  readonly snapshots = new Snapshots()
  readonly physics = new Physics()
  readonly joins = new LatencySamples()
  readonly resyncs = new LatencySamples()

  constructor(members: Members, nodes: readonly RunNode[]) {
    this.#members = members
    this.connections = new Connections(nodes)
    this.commands = new Commands(members)
    this.commits = new Commits(members)
    this.sessions = new Sessions(members)
  }

  latencies(): Record<LatencyName, LatencySamples> {
    return {
      ...this.commands.latencies(), commitEverywhere: this.commits.latencies(), join: this.joins, resync: this.resyncs,
    }
  }

  add(record: RunRecord): void {
    if (record.kind === 'note') this.#event(record.atUs, record.node, eventOf(record))
    else if (record.kind === 'node') this.sessions.add(record.atUs, record.node, { event: 'node', change: record.change })
    else {
      this.datagrams.add(record)
      this.links.add(record)
      if (record.kind === 'sent') this.connections.sent(record)
    }
  }

  #event(atUs: number, node: number, event: ReportedEvent): void {
    switch (event.event) {
      case 'messageSent':
        this.compression.sent(event)
        return this.messages.sent(node, event)
      case 'messageRefused': return this.sessions.messageRefused(node, event)
      case 'frameClosed': return this.convergence.closed(event)
      case 'frameCut': return this.convergence.cut(event)
      case 'frameConfirmed': return this.convergence.confirmed(node, event)
      case 'framesSkipped': return this.convergence.skipped(node, event)
      case 'sessionOpened':
        this.#members.opened(node, event)
        return this.sessions.add(atUs, node, event)
      case 'sessionRefused': return this.sessions.add(atUs, node, event)
      case 'sessionClosed':
        this.#members.closed(node)
        return this.sessions.add(atUs, node, event)
      case 'joined':
        this.#members.joined(node)
        return this.joins.add(this.#members.transportOf(node), event.tookUs)
      case 'resyncFinished': return this.resyncs.add(this.#members.transportOf(node), event.tookUs)
      case 'snapshotSent': return this.snapshots.sent(atUs, event)
      case 'snapshotApplied':
        this.snapshots.applied(atUs, event)
        this.commands.snapshotApplied(atUs, node, event)
        return this.commits.snapshotApplied(atUs, node, event)
      case 'commandSigned': return this.commands.signed(atUs, node, event)
      case 'commandAdmitted': return this.commands.admitted(atUs, event)
      case 'commandRefused': return this.commands.refused(event)
      case 'commandFolded': return this.commands.folded(atUs, node, event)
      case 'commitRequested': return this.commits.requested(atUs, node, event)
      case 'commitFolded': return this.commits.folded(atUs, node, event)
      case 'physicsStepped': return this.physics.stepped(event)
      default:
    }
  }
}
