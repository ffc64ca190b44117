/**
 * What became of each datagram, and which messages rode in it. The trace names a datagram after the first thing in it, and a
 * message by when it was handed to its channel; the two are joined by how a channel numbers what it is given: a stream by bytes, the
 * channel in front and then each message with its length before it, any other channel by messages. Where that does not add up on a
 * channel (somebody wrote to it that does not tell, or a message was thrown away before it was sent), its messages are not named from
 * there on.
 */
import { eventOf, type ReportedEvent, type RunNode, type RunRecord } from './input.ts'
import { Names } from './names.ts'

type Sent = Extract<RunRecord, { readonly kind: 'sent' }>
type FateKind = 'lost' | 'marked' | 'duplicated' | 'corrupted' | 'reordered' | 'discarded' | 'declaredLost'
type Fate = Extract<RunRecord, { readonly kind: FateKind }>

/** A datagram and all that was told of it; each with the index of its record. */
export interface Passage {
  readonly sent: Sent
  readonly record: number
  readonly delivered: { readonly atUs: number; readonly record: number }[]
  readonly fates: { readonly fate: Fate; readonly record: number }[]
  /** Messages that were in it, as far as that can be told. */
  readonly riders: Rider[]
}

/** A message on its way. */
export interface Rider {
  /** 'the delta of frame 57' */
  words: string
  readonly atUs: number
  readonly record: number
  readonly from: number
  readonly to: number
  readonly bytes: number
  /** Where any part of it rode, in the order of sending. */
  readonly passages: Passage[]
}

/** In the order of the channel table. */
const CHANNELS = ['control', 'replication', 'assets', 'input']
/** What a stream of a channel begins with. */
const STREAM_HEAD_BYTES = 1
/** Fragments count their bytes from this times the number of their message. */
const FRAGMENT_SPACE = 2 ** 17
/** What a datagram has beside its frames, and a frame beside its bytes, at the least. */
const DATAGRAM_OVERHEAD_BYTES = 20
const FRAME_OVERHEAD_BYTES = 4

const WORDS: Readonly<Record<string, string>> = {
  SessionHello: 'the hello', SessionAcknowledge: 'the answer to the hello', SessionControl: 'a goodbye', Heartbeat: 'a heartbeat',
  KeyRoster: 'the key roster', EditorEvent: 'an editor event', TelemetryReport: 'telemetry', NackRequest: 'a request for frames',
  LogRangeRequest: 'a request for entries', CommandReceipt: 'a refusal of a command', CommandLogEntry: 'entries of the log',
  ComponentDelta: 'a delta', WorldSnapshot: 'a chunk of a snapshot', InputPredictiveState: 'poses',
}

/** One channel of one connection in one direction. */
interface Lane {
  readonly riders: { readonly rider: Rider; readonly streamStart: number }[]
  /** Bytes that a stream would have been given. */
  streamEnd: number
  isBroken: boolean
}

export class Traffic {
  readonly names: Names
  readonly passages: Passage[] = []
  readonly riders: Rider[] = []
  readonly #byDatagram = new Map<number, Passage>()
  readonly #byRange = new Map<string, Passage[]>()
  readonly #lanes = new Map<string, Lane>()
  /** The connection of each pair of nodes that was begun last. */
  readonly #connections = new Map<string, number>()
  readonly #wording: MessageWording
  /** Riders of the present instant that no label has named yet. */
  #unseen: { readonly rider: Rider; readonly lane: string }[] = []

  constructor(records: readonly RunRecord[], nodes: readonly RunNode[]) {
    this.names = new Names(records, nodes)
    this.#wording = new MessageWording(this.names)
    records.forEach((record, index) => this.#add(record, index))
  }

  passage(datagram: number): Passage | undefined {
    return this.#byDatagram.get(datagram)
  }

  /** The last datagram that was sent before a record. */
  lastBefore(record: number): Passage | undefined {
    return this.passages.findLast((passage) => passage.record < record)
  }

  /** Earlier transmissions of what a datagram is named after. */
  before({ sent, record }: Passage): readonly Passage[] {
    if (sent.end <= sent.start) return []
    const sharing = this.#byRange.get(laneKey(sent)) ?? []
    return sharing.filter((other) => other.record < record && other.sent.start < sent.end && other.sent.end > sent.start)
  }

  /** "ben's datagram 41 to host (the delta of frame 57)"; where no message can be named, what the label says. */
  name(passage: Passage): string {
    return `${this.bareName(passage)} (${contentsOf(passage)})`
  }
  /** "ben's datagram 41 to the host" */
  bareName({ sent: { from, datagram, to } }: Passage): string {
    return `${this.names.who(from)}'s datagram ${datagram} to ${this.names.who(to)}`
  }

  #add(record: RunRecord, index: number): void {
    switch (record.kind) {
      case 'sent': return this.#sent(record, index)
      case 'delivered':
        this.#byDatagram.get(record.datagram)?.delivered.push({ atUs: record.atUs, record: index })
        return
      case 'lost': case 'marked': case 'duplicated': case 'corrupted': case 'reordered': case 'discarded': case 'declaredLost':
        this.#byDatagram.get(record.datagram)?.fates.push({ fate: record, record: index })
        return
      case 'overflow':
        for (const [key, lane] of this.#lanes) {
          if (key.startsWith(`${record.connection} ${record.at} ${record.channel} `)) lane.isBroken = true
        }
        return
      case 'note': return this.#note(record.atUs, record.node, eventOf(record), index)
      default:
    }
  }

  #note(atUs: number, node: number, event: ReportedEvent, index: number): void {
    this.#wording.hear(node, event)
    if (event.event !== 'messageSent') return
    const { host } = this.names
    const to = node === host ? this.names.nodeOf(event.peer) : host
    const connection = to === undefined ? undefined : this.#connections.get(pairKey(node, to))
    if (to === undefined || connection === undefined) return
    const { message, bytes } = event
    const rider: Rider = { words: WORDS[message] ?? message, atUs, record: index, from: node, to, bytes, passages: [] }
    this.riders.push(rider)
    this.#wording.expect(message, rider)
    const key = `${connection} ${node} ${CHANNELS.indexOf(event.channel)} ${to}`
    const lane = this.#lane(key)
    lane.riders.push({ rider, streamStart: lane.streamEnd })
    lane.streamEnd += (bytes < 64 ? 1 : bytes < 16_384 ? 2 : 4) + bytes
    this.#unseen = this.#unseen.filter((one) => one.rider.atUs === atUs)
    this.#unseen.push({ rider, lane: key })
  }

  #sent(sent: Sent, index: number): void {
    const passage: Passage = { sent, record: index, delivered: [], fates: [], riders: [] }
    this.passages.push(passage)
    this.#byDatagram.set(sent.datagram, passage)
    const pair = pairKey(sent.from, sent.to)
    this.#connections.set(pair, Math.max(sent.connection, this.#connections.get(pair) ?? 0))
    const key = laneKey(sent)
    if (sent.end > sent.start) {
      const sharing = this.#byRange.get(key)
      if (sharing === undefined) this.#byRange.set(key, [passage])
      else sharing.push(passage)
    }
    const named = this.#named(sent)
    for (const rider of named) board(rider, passage)
    // What shares a datagram with what it is named after was handed over at the same instant, and fits into what is left of it.
    let leftBytes = sent.bytes - DATAGRAM_OVERHEAD_BYTES - (named.length === 0 ? 0 : labelledBytes(sent, named))
    const isApplication = ['stream', 'message', 'fragment'].includes(sent.contents)
    const lane = `${sent.connection} ${sent.from} `
    this.#unseen = this.#unseen.filter((one) => {
      if (named.includes(one.rider)) return false
      const mayShare = isApplication && named.length > 0 && one.rider.atUs === sent.atUs && one.lane.startsWith(lane)
        && one.lane.endsWith(` ${sent.to}`) && !this.#lane(one.lane).isBroken
      if (!mayShare || one.rider.bytes + FRAME_OVERHEAD_BYTES > leftBytes) return true
      leftBytes -= one.rider.bytes + FRAME_OVERHEAD_BYTES
      board(one.rider, passage)
      return false
    })
  }

  /** The messages that a label tells of. */
  #named(sent: Sent): Rider[] {
    const { contents, start, end, channel } = sent
    const lane = this.#lane(`${sent.connection} ${sent.from} ${channel} ${sent.to}`)
    const { streamEnd, riders: { length } } = lane
    const isStream = contents === 'stream'
    const space = contents === 'fragment' ? FRAGMENT_SPACE : 1
    if (end <= start || !(isStream || contents === 'message' || contents === 'fragment')) return []
    if (isStream ? end > streamEnd : Math.ceil(end / space) > length) lane.isBroken = true
    if (lane.isBroken) return []
    if (!isStream) return [lane.riders[Math.floor(start / space)].rider]
    const riders: Rider[] = []
    for (let index = lane.riders.length - 1; index >= 0; index--) {
      const { rider, streamStart } = lane.riders[index]
      if ((lane.riders[index + 1]?.streamStart ?? lane.streamEnd) <= start) break
      if (streamStart < end) riders.unshift(rider)
    }
    return riders
  }

  #lane(key: string): Lane {
    let lane = this.#lanes.get(key)
    if (lane === undefined) this.#lanes.set(key, (lane = { riders: [], streamEnd: STREAM_HEAD_BYTES, isBroken: false }))
    return lane
  }
}

/** Says which frame, snapshot or entries a message brings: the events around it tell. */
class MessageWording {
  readonly #names: Names
  /** By node: what its own events will name. */
  readonly #deltas = new Map<number, Rider[]>()
  readonly #chunks = new Map<number, Rider[]>()
  /** Entries that a node signed, or the host admitted, since it last sent some. */
  readonly #entries = new Map<number, { readonly author: number; readonly lamport: number }[]>()
  readonly #isTold = new Set<number>()

  constructor(names: Names) {
    this.#names = names
  }

  expect(message: string, rider: Rider): void {
    if (message === 'ComponentDelta') pushTo(this.#deltas, rider.from, rider)
    else if (message === 'WorldSnapshot') pushTo(this.#chunks, rider.from, rider)
    else if (message === 'CommandLogEntry') this.#entrySent(rider)
  }

  hear(node: number, event: ReportedEvent): void {
    switch (event.event) {
      case 'frameClosed':
        for (const rider of take(this.#deltas, node)) rider.words = `the delta of frame ${event.frame}`
        this.#entries.delete(node)
        return
      case 'framesResent': return this.#resent(node, event.fromFrame, event.toFrame)
      case 'snapshotSent':
        take(this.#chunks, node).forEach((rider, index) => {
          rider.words = `chunk ${index + 1} of ${event.chunks} of snapshot ${event.snapshotId}`
        })
        return
      case 'commandSigned': if (node !== this.#names.host) this.#entry(node, event); return
      case 'commandAdmitted': this.#entry(node, event.entry); return
      default:
    }
  }

  #resent(node: number, fromFrame: number, toFrame: number): void {
    const riders = take(this.#deltas, node)
    const isWhole = riders.length === toFrame - fromFrame + 1
    riders.forEach((rider, index) => {
      rider.words = isWhole ? `the delta of frame ${fromFrame + index}, sent again` : 'a delta, sent again'
    })
  }

  #entry(node: number, entry: { readonly author: number; readonly lamport: number }): void {
    if (this.#isTold.delete(node)) this.#entries.delete(node)
    pushTo(this.#entries, node, entry)
  }

  /** A host sends the same entries to everybody, one message after another; a peer sends them once. */
  #entrySent(rider: Rider): void {
    const entries = this.#entries.get(rider.from) ?? []
    this.#isTold.add(rider.from)
    if (entries.length === 0) return
    const [{ author, lamport }] = entries
    rider.words = `${this.#names.command(author, lamport)}${entries.length === 1 ? '' : ` and ${entries.length - 1} more`}`
    if (rider.from !== this.#names.host) this.#entries.delete(rider.from)
  }
}

function pushTo<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
function take<T>(map: Map<number, T[]>, key: number): T[] {
  const taken = map.get(key) ?? []
  map.delete(key)
  return taken
}

function board(rider: Rider, passage: Passage): void {
  rider.passages.push(passage)
  passage.riders.push(rider)
}

const labelledBytes = ({ contents, start, end }: Sent, [rider]: readonly Rider[]): number =>
  FRAME_OVERHEAD_BYTES + (contents === 'message' ? rider.bytes : end - start)

const pairKey = (a: number, b: number): string => `${Math.min(a, b)} ${Math.max(a, b)}`
const laneKey = ({ connection, from, channel, to, contents }: Sent): string => `${connection} ${from} ${channel} ${to} ${contents}`

function contentsOf({ sent, riders }: Passage): string {
  const words = [...new Set(riders.map((rider) => rider.words))]
  if (words.length === 0) return labelInWords(sent)
  const [first, second, ...more] = words
  return second === undefined ? first : more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${more.length} more`
}

/** 'quic stream 3 [1200, 2400) attempt 2 of connection 4096'; what has no range is named alone. */
function labelInWords({ protocol, contents, connection, channel, start, end, attempt }: Sent): string {
  const range = end > start ? ` ${channel} [${start}, ${end}) attempt ${attempt}` : ''
  return `${protocol} ${contents}${range} of connection ${connection}`
}
