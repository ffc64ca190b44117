/**
 * What happened in a run, in whole numbers: what scenarios demand by `mustHappen` and reports show. The list is closed;
 * each name stands here with what it counts.
 */
import {
  type CommandFolded, type CommandRefused, type CommitFolded, eventOf, type FoldOutcome, type Packing, type ReportedEvent, type RunRecord,
} from './input.ts'

export const COUNTERS = {
  packetsSent: 'datagrams handed to the network',
  packetsLost: 'datagrams that the network lost: those over a queue, at a translator, or into what was down, too',
  packetsMarked: 'datagrams that a queue marked as it told of congestion (ECN)',
  packetsDuplicated: 'datagrams that the network delivered twice',
  packetsReordered: 'datagrams that the network held back',
  packetsCorrupted: 'datagrams that the network damaged',
  packetsRetransmitted: 'datagrams that carry something on a second or later attempt',
  packetsDeclaredLost: 'datagrams that a loss recovery gave up',
  pathsChanged: 'times that an end of a connection went on over another path: a peer roamed, a translator forgot',
  messagesAbandoned: 'messages that a partially reliable channel gave up',
  messagesCompressed: 'messages whose body went out compressed',
  messagesBypassed: 'messages that were too small to compress, to somebody with whom compression is agreed on',
  messagesGrown: 'messages that compressed would not have been smaller, and went out as they were',
  compressionBytesSaved: 'bytes that compressed messages would have had beyond those that they have',
  compressionRefused: 'messages that were refused for how they were compressed',
  messagesInflated: 'messages that were refused before they were decompressed: they claimed to be larger than a message may be',
  snapshots: 'snapshots that the host sent',
  snapshotChunks: 'chunks of the largest snapshot sent to somebody who joined',
  resyncs: 'resyncs that ended with a snapshot or a leap applied',
  nacks: 'requests of a peer for frames or a snapshot',
  framesResent: 'frames that the host sent again',
  leaps: 'deltas that the host sent in place of many frames',
  framesSkipped: 'frames that a snapshot or a leap skipped, over all peers',
  framesCut: 'frames that members were sent who did not see everything',
  rowsSent: 'rows of the stream that those frames brought, whole ones that came into view included',
  rowsChanged: 'rows of the stream that changed in those frames, wherever they were',
  rowsFiltered: 'rows of the stream that changed in those frames where the member saw nothing, and were not sent',
  rowsDelayed: 'rows of the stream that a frame left waiting for the budget, over all frames',
  longestWait: 'frames for which a row of the stream waited for the budget, at most',
  divergences: 'frames in which a peer itself found its digest to differ from the host\'s',
  commandsSigned: 'commands signed, each counted once however often it was signed anew',
  resigned: 'times that a command was signed anew',
  commandsAdmitted: 'entries that the host admitted',
  commandsFolded: 'different entries that the host folded',
  commandsApplied: 'entries whose fold at the host ended in: applied',
  commandsMerged: 'entries whose fold at the host ended in: merged',
  commandsRejected: 'entries whose fold at the host ended in: rejected',
  commandsDenied: 'entries whose fold at the host ended in: denied',
  commandsVoid: 'entries whose fold at the host ended in: void',
  refusedSignature: 'entries that the host refused: bad signature',
  refusedNonce: 'entries that the host refused: nonce used before',
  refusedRate: 'entries that the host refused: too many',
  refusedSize: 'entries that the host refused: too large',
  refusedLate: 'entries that the host refused: too late',
  refusedAuthor: 'entries that the host refused: unknown author',
  refusedEpoch: 'entries that the host refused: another epoch',
  refusedDuplicate: 'entries that the host refused: known already',
  refusedMalformed: 'entries that the host refused: malformed',
  refusedRole: 'entries that the host refused: their sender may give no commands',
  equivocations: 'times that an author was found to have signed two entries for one position, over all peers',
  messagesUnreadable: 'messages that the host could not read',
  messagesForbidden: 'messages that the host refused: their sender may not send them',
  messagesOverBudget: 'messages that the host refused: their sender had sent too many',
  refusedOrder: 'entries that the host refused: not behind their author\'s last one',
  commandsDeclined: 'commands that were not signed, because too many others waited for the host',
  conflictsLastWriteWins: 'entries that met another one on their scope at the host, and won as the last',
  conflictsMerged: 'entries that met another one on their scope at the host, and were merged with it',
  conflictsTurnedDown: 'entries that met another one on their scope at the host, and were rejected',
  queuesLong: 'times that a queue of commands grew to half its bound',
  refusedByPeer: 'entries that the host let through and a peer refused by itself',
  commitsRequested: 'commits requested',
  commitsApplied: 'commits that the host folded as APPLIED',
  commitsRejected: 'commits that the host folded as REJECTED',
  commitsMerged: 'commits that the host folded with at least one change merged',
  conflictsTransform: 'conflicts of commits at the host: TRANSFORM_CONFLICT',
  conflictsDeletion: 'conflicts of commits at the host: DELETION_CONFLICT',
  conflictsTag: 'conflicts of commits at the host: TAG_CONFLICT',
  conflictsPermission: 'conflicts of commits at the host: PERMISSION_CONFLICT',
  conflictsUnknown: 'conflicts of commits at the host: any other',
  sessionsOpened: 'sessions that the host opened, resumed ones included',
  sessionsResumed: 'sessions that the host resumed',
  sessionsRefused: 'hellos that the host refused',
  sessionsExpelled: 'members that the host disconnected for what they sent',
  hostRestarts: 'times that the host began anew from its disk',
  handOvers: 'times that a host handed the session over to another',
  checkpoints: 'checkpoints that the host wrote',
  writesUnconfirmed: 'writes that a crash met before they were confirmed',
  writesTorn: 'of these, those that it left in part',
  physicsSteps: 'physics steps',
  contacts: 'contacts in the physics step that had the most',
  xrSelects: 'select events of headsets',
  xrSqueezes: 'squeeze events of headsets',
  editorEvents: 'what members showed the others, as the host passed it on',
  editorEventsShown: 'how often members were shown it',
  linesSaid: 'lines of the talk that the host passed on',
  cursorsMoved: 'cursors that the host passed on',
  gizmosMoved: 'gizmos that the host passed on',
  panelsChanged: 'panels that the host passed on',
  highlightsChanged: 'highlights that the host passed on',
  toolsChanged: 'tools taken up or put down that the host passed on',
  assetsOffered: 'assets that users offered to the host',
  assetsHeld: 'assets that the host came to hold; again where it had forgotten one',
  assetsFetched: 'assets that members fetched, or had already when they wanted them',
  assetsResumed: 'transfers of assets that went on after a loss',
  assetsRefused: 'assets that a host or a member refused',
  assetChunks: 'chunks of assets sent',
  propsSpawned: 'operations that spawned a prop',
  propsMoved: 'operations that moved a prop',
  propsDespawned: 'operations that despawned a prop',
} as const
export type CounterName = keyof typeof COUNTERS
type Counts = Record<CounterName, number>

export type Counters = Readonly<Counts> & {
  /** Commands signed by each author, again each counted once. */
  readonly signedBy: Readonly<Record<number, number>>
}

const OUTCOMES: Readonly<Record<FoldOutcome, CounterName>> = {
  applied: 'commandsApplied', merged: 'commandsMerged', rejected: 'commandsRejected', denied: 'commandsDenied', void: 'commandsVoid',
}
const REFUSALS: Readonly<Record<string, CounterName>> = {
  signature: 'refusedSignature', nonce: 'refusedNonce', rate: 'refusedRate', size: 'refusedSize', late: 'refusedLate',
  author: 'refusedAuthor', epoch: 'refusedEpoch', duplicate: 'refusedDuplicate', malformed: 'refusedMalformed',
  role: 'refusedRole', order: 'refusedOrder',
}
const MESSAGES: Readonly<Record<string, CounterName>> = {
  unreadable: 'messagesUnreadable', forbidden: 'messagesForbidden', budget: 'messagesOverBudget',
}
const STRATEGIES: Readonly<Record<string, CounterName>> = {
  lastWriteWins: 'conflictsLastWriteWins', merge: 'conflictsMerged', reject: 'conflictsTurnedDown',
}
const CONFLICTS: Readonly<Record<string, CounterName>> = {
  TRANSFORM_CONFLICT: 'conflictsTransform', DELETION_CONFLICT: 'conflictsDeletion', TAG_CONFLICT: 'conflictsTag',
  PERMISSION_CONFLICT: 'conflictsPermission',
}
const SHOWN: Readonly<Record<string, CounterName>> = {
  chat: 'linesSaid', cursor: 'cursorsMoved', gizmo: 'gizmosMoved', panel: 'panelsChanged', highlighted: 'highlightsChanged',
  unhighlighted: 'highlightsChanged', toolActivated: 'toolsChanged', toolDeactivated: 'toolsChanged',
}
const PACKINGS: Readonly<Record<Packing, CounterName>> = {
  compressed: 'messagesCompressed', bypassed: 'messagesBypassed', grown: 'messagesGrown',
}
const VERBS: Readonly<Record<string, CounterName>> = { propSpawn: 'propsSpawned', propMove: 'propsMoved', propDespawn: 'propsDespawned' }

/** @param host the node of the host. */
export function countRecords(records: readonly RunRecord[], host: number): Counters {
  const tally = new Tally(host)
  for (const record of records) tally.add(record)
  return { ...tally.counts, signedBy: tally.signedBy }
}

type Sent = Extract<RunRecord, { readonly kind: 'sent' }>
/** Carries a range, and not for the first time; a probe carries none, and its attempt counts backoffs. */
export const isRetransmission = ({ start, end, attempt }: Sent): boolean => attempt > 0 && end > start

export function increment(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

class Tally {
  readonly counts = Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])) as Counts
  readonly signedBy: Record<number, number> = {}
  readonly #host: number
  /** How often the host had begun anew when it first folded each entry, by Lamport time and author. */
  readonly #folded = new Map<string, number>()
  /** Commits that the host folded. */
  readonly #settled = new EntrySet()
  readonly #refused = new EntrySet()
  /** Entries that met another one at the host. */
  readonly #disputed = new EntrySet()

  constructor(host: number) {
    this.#host = host
  }

  add(record: RunRecord): void {
    const { counts } = this
    switch (record.kind) {
      case 'note': return this.#event(eventOf(record), record.node === this.#host)
      case 'sent':
        counts.packetsSent++
        if (isRetransmission(record)) counts.packetsRetransmitted++
        return
      case 'lost': counts.packetsLost++; return
      case 'marked': counts.packetsMarked++; return
      case 'duplicated': counts.packetsDuplicated++; return
      case 'reordered': counts.packetsReordered++; return
      case 'corrupted': counts.packetsCorrupted++; return
      case 'declaredLost': counts.packetsDeclaredLost++; return
      case 'pathChanged': counts.pathsChanged++; return
      case 'abandoned': counts.messagesAbandoned++; return
      default:
    }
  }

  #event(event: ReportedEvent, atHost: boolean): void {
    const { counts } = this
    switch (event.event) {
      case 'messageSent':
        if (event.message === 'AssetTransfer') counts.assetChunks++
        if (event.packing === undefined) return
        counts[PACKINGS[event.packing]]++
        counts.compressionBytesSaved += event.plainBytes! - event.bytes
        return
      case 'framesSkipped': counts.framesSkipped += event.toFrame - event.fromFrame + 1; return
      case 'leapSent': counts.leaps++; return
      case 'framesResent': counts.framesResent += event.toFrame - event.fromFrame + 1; return
      case 'frameCut':
        counts.framesCut += event.members
        counts.rowsSent += event.rowsSent
        counts.rowsChanged += event.rowsChanged
        counts.rowsFiltered += event.rowsFiltered
        return
      case 'streamPublished':
        counts.rowsDelayed += event.waiting
        counts.longestWait = Math.max(counts.longestWait, event.longestWait)
        return
      case 'divergence': counts.divergences++; return
      case 'nackSent': counts.nacks++; return
      case 'resyncFinished': counts.resyncs++; return
      case 'snapshotSent':
        counts.snapshots++
        if (event.reason === 'join') counts.snapshotChunks = Math.max(counts.snapshotChunks, event.chunks)
        return
      case 'sessionOpened':
        if (!atHost) return
        counts.sessionsOpened++
        if (event.resumed) counts.sessionsResumed++
        return
      case 'sessionRefused':
        if (atHost) counts.sessionsRefused++
        return
      case 'sessionClosed':
        if (atHost && event.code === 'protocolError' && event.by === 'local') counts.sessionsExpelled++
        return
      case 'messageRefused': {
        const name = MESSAGES[event.cause]
        if (atHost && name !== undefined) counts[name]++
        if (event.reason.startsWith('compression')) counts.compressionRefused++
        if (event.reason === 'compression: inflated') counts.messagesInflated++
        return
      }
      case 'equivocation': counts.equivocations++; return
      case 'commandSigned':
        if (event.resignedFrom !== 0) counts.resigned++
        else {
          counts.commandsSigned++
          this.signedBy[event.author] = (this.signedBy[event.author] ?? 0) + 1
        }
        return
      case 'commandAdmitted': counts.commandsAdmitted++; return
      case 'commandRefused': return this.#refuse(event)
      case 'commandFolded':
        if (!atHost) return
        if (this.#isFoldedAgain(event)) return
        counts[OUTCOMES[event.outcome]]++
        return
      case 'commandConflict': {
        const name = STRATEGIES[event.strategy]
        if (atHost && name !== undefined && this.#disputed.add(event.author, event.lamport)) counts[name]++
        return
      }
      case 'commandDeclined': counts.commandsDeclined++; return
      case 'commandBacklog':
        if (event.state === 'long') counts.queuesLong++
        return
      case 'commitRequested': counts.commitsRequested++; return
      case 'commitFolded':
        if (atHost) this.#commit(event)
        return
      case 'recovered':
        if (event.generation > 0) counts.hostRestarts++
        return
      case 'checkpointed': counts.checkpoints++; return
      case 'unconfirmed':
        counts.writesUnconfirmed++
        if (event.kept > 0 && event.kept < event.bytes) counts.writesTorn++
        return
      case 'physicsStepped':
        counts.physicsSteps++
        counts.contacts = Math.max(counts.contacts, event.contacts)
        return
      case 'handedOver': counts.handOvers++; return
      case 'assetOffered': counts.assetsOffered++; return
      case 'assetHeld': counts[atHost ? 'assetsHeld' : 'assetsFetched']++; return
      case 'assetResumed': counts.assetsResumed++; return
      case 'assetRefused': counts.assetsRefused++; return
      case 'editorEventShown': counts.editorEventsShown++; return
      case 'editorEventRelayed': {
        counts.editorEvents++
        const name = SHOWN[event.what]
        if (name !== undefined) counts[name]++
        return
      }
      case 'xrInput':
        if (event.type === 'select') counts.xrSelects++
        else if (event.type === 'squeeze') counts.xrSqueezes++
        return
      case 'operation': {
        const name = VERBS[event.verb]
        if (name !== undefined) counts[name]++
        return
      }
      default:
    }
  }

  /** A peer tells of its own judgement and of the host's receipt in the same words; the host's came first. */
  #refuse({ author, lamport, reason, at }: CommandRefused): void {
    if (at === 'host') {
      this.#refused.add(author, lamport)
      const name = REFUSALS[reason]
      if (name !== undefined) this.counts[name]++
    } else if (!this.#refused.has(author, lamport)) this.counts.refusedByPeer++
  }

  /** A host that began anew folds again what its disk gave back. */
  #isFoldedAgain({ author, lamport }: CommandFolded): boolean {
    const key = `${lamport} ${author}`
    const first = this.#folded.get(key)
    if (first === undefined) {
      this.#folded.set(key, this.counts.hostRestarts)
      this.counts.commandsFolded++
    }
    return first !== undefined && first < this.counts.hostRestarts
  }

  #commit({ author, lamport, status, merged, conflicts }: CommitFolded): void {
    if (!this.#settled.add(author, lamport)) return
    this.counts[status === 'APPLIED' ? 'commitsApplied' : 'commitsRejected']++
    if (merged > 0) this.counts.commitsMerged++
    for (const { kind } of conflicts) this.counts[CONFLICTS[kind] ?? 'conflictsUnknown']++
  }
}

/** Log entries by their identity. */
class EntrySet {
  readonly #byAuthor = new Map<number, Set<number>>()

  has(author: number, lamport: number): boolean {
    return this.#byAuthor.get(author)?.has(lamport) === true
  }
  /** Whether it is new. */
  add(author: number, lamport: number): boolean {
    if (this.has(author, lamport)) return false
    const lamports = this.#byAuthor.get(author)
    if (lamports === undefined) this.#byAuthor.set(author, new Set([lamport]))
    else lamports.add(lamport)
    return true
  }
}
