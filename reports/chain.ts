/**
 * Why a run is red: the first event that is not as it should be, and the causal chain from there back.
 *
 *     byte -> row -> write -> message -> datagrams -> command -> operation -> faults
 *
 * A pure function of the trace and of what the explanation of the run found. Each link is one sentence; what the trace does not
 * tell is left out, and where nothing explains a byte the chain says so.
 */
import { placeInWords } from './divergence.ts'
import { type Culprit, culpritOf } from './culprits.ts'
import { eventOf, type Parting, type ReportedEvent, type RowWrite, type RunDivergence, type RunInfo, type RunRecord } from './input.ts'
import { DISCARDS, LEADING_VERBS, LOSSES, type LossReason } from './losses.ts'
import { at, causeInWords, writeInWords } from './names.ts'
import { counted } from './table.ts'
import type { Passage, Traffic } from './traffic.ts'
import type { WorldDifference } from './worlddiff.ts'

export interface ChainLink {
  readonly what: 'byte' | 'event' | 'write' | 'message' | 'datagram' | 'command' | 'operation' | 'fault'
  readonly atUs: number
  readonly node: string
  /** Index of the record in the trace; of a write, how many records came before it. */
  readonly record: number
  /** A sentence without its full stop. */
  readonly text: string
}

export interface Why {
  /** The first differing frame; null where it is no frame that differs. */
  readonly frame: number | null
  /** The first event that is not as it should be. */
  readonly event: ChainLink
  /** From what was found back to where it came from. */
  readonly chain: readonly ChainLink[]
}

const LINKS_MAX = 15
/** Datagrams of one message, and instants in one sentence, before the rest is only counted. */
const TOLD_MAX = 2
const INSTANTS_MAX = 4
const FOLDS_MAX = 3

/** Undefined for a run that is not red, and where the trace shows nothing. */
export function whyOf(
  records: readonly RunRecord[], info: Omit<RunInfo, 'run' | 'planDigest'>, traffic: Traffic, place: WorldDifference | undefined,
): Why | undefined {
  if (info.exit === 0 || records.length === 0) return undefined
  const chain = new Chain(records, traffic)
  const { divergence } = info
  if (divergence !== undefined) return chain.divergence(divergence, place)
  const culprit = culpritOf(records, info, traffic.names)
  return culprit && chain.failure(culprit)
}

type Note<Name extends ReportedEvent['event']> = Extract<ReportedEvent, { readonly event: Name }>
interface Found<E> {
  readonly record: number
  readonly node: number
  readonly atUs: number
  readonly event: E
}

interface Loss {
  readonly passage: Passage
  readonly record: number
  readonly atUs: number
  readonly words: string
  /** Undefined where the datagram reached an endpoint. */
  readonly why?: LossReason
}

class Chain {
  readonly #records: readonly RunRecord[]
  readonly #traffic: Traffic
  readonly #links: ChainLink[] = []
  /** Nodes that it is about, and since when. */
  readonly #nodes = new Set<number>()

  constructor(records: readonly RunRecord[], traffic: Traffic) {
    this.#records = records
    this.#traffic = traffic
  }

  divergence(divergence: RunDivergence, place: WorldDifference | undefined): Why {
    const { frame, peer, parting } = divergence
    const node = this.#nodeNamed(peer)
    const seen = this.#find(node === this.#host ? 'frameClosed' : 'frameConfirmed', (event) => event.frame === frame, node)
    const record = seen?.record ?? this.#records.length - 1
    this.#nodes.add(this.#host).add(node)
    this.#add('byte', record, placeInWords(divergence, place))
    const event = place === undefined
      ? this.#add('event', record, `the bytes are the same on both sides: it is the digest of frame ${frame} that is wrong`)
      : this.#parting(parting, divergence, node, record)
    this.#faults(record)
    return { frame, event, chain: this.#links.slice(0, LINKS_MAX) }
  }

  failure({ record, text, entry, message, before }: Culprit): Why {
    const event = this.#add('event', record, text)
    for (const one of before ?? []) this.#add('event', one.record, one.text)
    if (message !== undefined) {
      this.#nodes.add(message.to)
      this.#message(message.words, message.to)
    }
    if (entry !== undefined) {
      this.#nodes.add(entry.node)
      this.#command(entry, entry.node)
    }
    const { node } = this.#records[record]
    if (node >= 0) this.#nodes.add(node)
    this.#faults(record)
    return { frame: null, event, chain: this.#links.slice(0, LINKS_MAX) }
  }

  // --- the first write in which two histories part ---------------------------------------------------------------------

  #parting(parting: Parting | undefined, divergence: RunDivergence, node: number, seen: number): ChainLink {
    const { names } = this.#traffic
    const { peer, frame } = divergence
    switch (parting?.kind) {
      case undefined:
        return this.#add('event', seen, `both sides wrote this row alike up to frame ${frame}: no write explains the difference`)
      case 'unwritten': return this.#unwritten(parting, divergence, node)
      case 'judged': return this.#judged(parting.write, frame)
      case 'bytes': {
        const { peer: theirs, host: ours } = parting
        const event = this.#write(node, theirs, `${this.#did(theirs)}${inFrame(theirs)} left other bytes at ${peer} than at the host`)
        this.#write(this.#host, ours, `the host's row was ${writeInWords(ours, names)}${inFrame(ours)}`)
        this.#cause(theirs, node)
        return event
      }
      case 'missing': {
        const { side, write, instead } = parting
        const [writer, idle] = side === 'peer' ? [this.#host, node] : [node, this.#host]
        const [did, lacks] = [this.#name(writer), this.#name(idle)]
        const other = instead === undefined ? '' : `, but ${writeInWords(instead, names)}`
        const written = `${did}'s row was ${writeInWords(write, names)}${inFrame(write)}`
        const event = this.#write(writer, write, `${written}; ${lacks}'s was not${other}`)
        if (side === 'peer') this.#lacked(write, parting, node)
        else this.#cause(write, node)
        return event
      }
    }
  }

  /** No link beyond it: what wrote the row last is as it should be. */
  #unwritten(parting: Extract<Parting, { kind: 'unwritten' }>, { frame, within }: RunDivergence, peer: number): ChainLink {
    const { side, change, atUs, record, last } = parting
    const node = side === 'host' ? this.#host : peer
    const who = this.#name(node)
    const how = change === 'changed' ? 'has other bytes' : change === 'vanished' ? 'is gone' : 'is there'
    const event = this.#addAt('event', record, atUs, node, `${who}'s row ${how}, and no write explains it: nothing in the log or the `
      + "stream wrote that; the bytes changed behind the system's back")
    if (last !== undefined) {
      this.#write(node, last, `the last that wrote ${who}'s row was ${this.#did(last)}${inFrame(last)}, and that was as it should be`)
    }
    if (within === undefined) return event
    for (const { record: fold, event: met } of this.#foldedIn(frame, node).slice(0, FOLDS_MAX)) {
      this.#add('command', fold, `${this.#folding(met)}: it may have met the changed row`)
    }
    return event
  }

  #judged(write: RowWrite | undefined, frame: number): ChainLink {
    if (write !== undefined) {
      const event = this.#write(this.#host, write, `${this.#did(write)}${inFrame(write)} left the host's row other than the oracle says`)
      this.#cause(write, this.#host)
      return event
    }
    const folds = this.#foldedIn(frame, this.#host)
    const idle = 'and did not write this row'
    if (folds.length === 0) return this.#add('event', this.#links[0].record, `the host folded nothing in frame ${frame}, ${idle}`)
    const [event] = folds.slice(0, FOLDS_MAX).map((fold) => this.#add('event', fold.record, `${this.#folding(fold.event)}, ${idle}`))
    if (folds.length === 1) this.#signing(folds[0].event)
    return event
  }

  #folding({ author, lamport, frame, outcome, why }: Note<'commandFolded'>, who = 'the host'): string {
    return `${who} folded ${this.#traffic.names.command(author, lamport)} in frame ${frame} as ${outcome}${why === '' ? '' : ` (${why})`}`
  }

  /** Entries that a node folded in a frame. */
  #foldedIn(frame: number, node: number): Found<Note<'commandFolded'>>[] {
    return this.#all('commandFolded').filter((fold) => fold.node === node && fold.event.frame === frame)
  }

  // --- what led to a write ---------------------------------------------------------------------------------------------

  #cause(write: RowWrite, node: number): void {
    const { cause, datagrams } = write
    if (cause.by === 'command') return this.#command(cause, node, datagrams)
    if (cause.by === 'snapshot') this.#snapshot(cause.snapshotId)
    if (datagrams !== undefined) this.#datagrams(datagrams, `${causeInWords(cause, this.#traffic.names)} arrived in`)
  }

  /** Why a peer did not write what the host did. */
  #lacked({ cause, frame }: RowWrite, { datagrams }: Extract<Parting, { kind: 'missing' }>, node: number): void {
    const { names } = this.#traffic
    const who = names.who(node)
    if (cause.by === 'command') {
      const { author, lamport } = cause
      if (datagrams === undefined && author !== names.host) {
        this.#message(names.command(author, lamport), node)
      }
      return this.#command(cause, node, datagrams)
    }
    const skipped = this.#find('framesSkipped', (event) => event.fromFrame <= frame && frame <= event.toFrame, node)
    if (skipped !== undefined) {
      const { fromFrame, toFrame, snapshotId } = skipped.event
      const inPlace = snapshotId === 0 ? `the delta of frame ${toFrame + 1}` : `snapshot ${snapshotId}`
      this.#add('write', skipped.record, `${who} skipped frames ${fromFrame} to ${toFrame}: ${inPlace} stood for them`)
      if (snapshotId === 0) return
      return this.#snapshot(snapshotId)
    }
    const words = `the delta of frame ${frame}`
    if (datagrams === undefined) return this.#message(words, node)
    const confirmed = this.#find('frameConfirmed', (event) => event.frame === frame, node)
    if (confirmed !== undefined) this.#add('message', confirmed.record, `${who} took ${words} and confirmed it, and did not write this row`)
    this.#datagrams(datagrams, `${words} arrived in`)
  }

  #snapshot(snapshotId: number): void {
    const sent = this.#find('snapshotSent', (event) => event.snapshotId === snapshotId)
    if (sent === undefined) return
    const { chunks, reason, peer } = sent.event
    this.#add('message', sent.record, `the host sent snapshot ${snapshotId} in ${counted(chunks, 'chunk')} for a ${reason}`)
    const node = this.#traffic.names.nodeOf(peer)
    const asked = this.#all('resyncStarted').findLast((one) => one.node === node && one.record < sent.record)
    if (reason !== 'join' && asked !== undefined) {
      const { frame, reason: wish } = asked.event
      this.#add('event', asked.record, `${this.#name(asked.node)} had asked for it, wanting frame ${frame}: ${wish}`)
      this.#message(`the delta of frame ${frame}`, asked.node)
    }
  }

  /** @param node whose fold beside the host's is told. @param datagrams that brought the entry there. */
  #command({ author, lamport }: { readonly author: number; readonly lamport: number }, node: number, datagrams?: readonly number[]): void {
    const { names } = this.#traffic
    const words = names.command(author, lamport)
    const isIt = (event: { readonly author: number; readonly lamport: number }) => event.author === author && event.lamport === lamport
    for (const folder of new Set([node, this.#host])) {
      const fold = this.#find('commandFolded', isIt, folder)
      const who = names.who(folder)
      if (fold !== undefined) {
        this.#add('command', fold.record, this.#folding(fold.event, who))
      } else if (folder !== this.#host || datagrams === undefined) {
        this.#add('command', this.#links[0].record, `${who} never folded ${words}`)
      }
    }
    if (datagrams !== undefined && node !== this.#host) this.#datagrams(datagrams, `${words} reached ${names.who(node)} in`)
    this.#signing({ author, lamport })
  }

  /** Who signed an entry, how it came to the host, and what had it signed. */
  #signing({ author, lamport }: { readonly author: number; readonly lamport: number }): void {
    const words = this.#traffic.names.command(author, lamport)
    const isIt = (event: { readonly author: number; readonly lamport: number }) => event.author === author && event.lamport === lamport
    const admitted = this.#find('commandAdmitted', ({ entry }) => isIt(entry), this.#host)
    const refused = this.#find('commandRefused', isIt)
    if (refused !== undefined) this.#add('command', refused.record, `${this.#name(refused.node)} refused it: ${refused.event.reason}`)
    let signed = this.#find('commandSigned', isIt)
    let signatures = 1
    for (let earlier = signed; earlier !== undefined && earlier.event.resignedFrom !== 0; signatures++) {
      const { resignedFrom } = earlier.event
      earlier = this.#find('commandSigned', (event) => event.author === author && event.lamport === resignedFrom)
      signed = earlier ?? signed
    }
    if (author === 0 || signed === undefined) {
      if (admitted !== undefined) this.#add('command', admitted.record, `the host admitted ${words}`)
    } else {
      const letIn = admitted === undefined ? 'the host never admitted it' : `the host admitted it ${at(admitted.atUs)}`
      const anew = signatures === 1 ? '' : `, anew after it came too late (${signatures} signatures in all)`
      this.#add('command', signed.record, `${this.#name(signed.node)} signed ${words}${anew}; ${letIn}`)
      this.#message(words, this.#host)
    }
    if (signed !== undefined) this.#operation(signed.node, signed.record, signed.event.command)
  }

  /** The last operation of an actor before a record that leads to such a command, or the last of all where none does. */
  #operation(node: number, record: number, command: string): void {
    const actor = this.#traffic.names.node(node)
    const done = this.#all('operation').filter((one) => one.record < record && one.event.label.startsWith(`${actor}.`))
    const verbs = VERBS[command]
    const operation = done.findLast(({ event }) => verbs?.test(event.label)) ?? done.at(-1)
    if (operation === undefined) return
    this.#addAt('operation', operation.record, operation.atUs, node, `before that the story had ${operation.event.label} done`)
  }

  // --- how it travelled ------------------------------------------------------------------------------------------------

  /** What became of a message, by the words for it, that is not known to have been taken. */
  #message(words: string, to: number): void {
    const isIt = (told: string) => told === words || (told.startsWith(words) && MORE.test(told.slice(words.length)))
    const riders = this.#traffic.riders.filter((rider) => rider.to === to && isIt(rider.words))
    const passages = [...new Set(riders.flatMap((rider) => rider.passages))]
    const [rider] = riders
    if (rider === undefined) return
    const arrived = passages.filter(({ delivered }) => delivered.length > 0)
    const { names } = this.#traffic
    if (passages.length === 0) {
      this.#add('message', rider.record, `${names.who(rider.from)} sent ${words} to ${names.who(to)}; in which datagrams cannot be told`)
    } else if (arrived.length === 0) {
      this.#add('message', rider.record, `no datagram that is known to have carried ${words} to ${names.who(to)} arrived`)
      this.#lost(passages)
    } else this.#passages(arrived, `${words} came to ${names.who(to)} in`)
  }

  #datagrams(datagrams: readonly number[], lead: string): void {
    this.#passages(datagrams.flatMap((datagram) => this.#traffic.passage(datagram) ?? []), lead)
  }

  #passages(passages: readonly Passage[], lead: string): void {
    for (const passage of passages.slice(0, TOLD_MAX)) {
      const { sent, delivered, record } = passage
      const arrived = delivered.length === 0 ? 'not delivered' : `delivered ${at(delivered[0].atUs)}`
      const effects = passage.fates.map(({ fate: { kind } }) => (EFFECTS[kind] === undefined ? '' : `; it was ${EFFECTS[kind]}`)).join('')
      const travelled = `sent ${at(sent.atUs)}, ${arrived}${effects}`
      this.#addAt('datagram', record, sent.atUs, sent.from, `${lead} ${this.#traffic.bareName(passage)}, ${travelled}`)
      this.#lost(this.#traffic.before(passage))
    }
    if (passages.length > TOLD_MAX) {
      const { record, sent } = passages[TOLD_MAX]
      this.#addAt('datagram', record, sent.atUs, sent.from, `and in ${counted(passages.length - TOLD_MAX, 'more datagram')}`)
    }
  }

  /** Merges what did not arrive into one link, and one for what made them so. */
  #lost(passages: readonly Passage[]): void {
    const losses = passages.flatMap((passage) => passage.fates.flatMap(({ fate, record }): Loss[] => {
      const { atUs } = fate
      if (fate.kind === 'lost') return [{ passage, record, words: LOSSES[fate.why], why: fate.why, atUs }]
      return fate.kind === 'discarded' && fate.why !== 'repeated' ? [{ passage, record, words: DISCARDS[fate.why], atUs }] : []
    }))
    if (losses.length === 0) return
    const instants = losses.slice(0, INSTANTS_MAX).map(({ words, atUs }) => `${words} ${at(atUs)}`).join(', ')
    const rest = losses.length > INSTANTS_MAX ? ` and ${losses.length - INSTANTS_MAX} more` : ''
    const [{ passage, record }] = losses
    const declared = passages.flatMap(({ fates }) => fates).find(({ fate }) => fate.kind === 'declaredLost')
    const recovery = declared === undefined ? '' : `; the sender gave it up ${at(declared.fate.atUs)}`
    const name = this.#traffic.name(passage)
    const attempts = losses.length === 1 ? `one attempt was lost, ${name}` : `${losses.length} attempts were lost, ${name} first`
    this.#add('fault', record, `${attempts}: ${instants}${rest}${recovery}`)
    const outage = losses.find(({ why }) => why !== undefined && why !== 'drop')
    if (outage?.why !== undefined) this.#outage(outage.why, outage.record, outage.passage)
  }

  /** Why a link, a translator or a node took nothing. */
  #outage(why: LossReason, record: number, { sent }: Passage): void {
    const change = this.#records.slice(0, record).findLastIndex((one) => one.kind === 'node' && one.node === sent.to)
    const changed = this.#records[change]
    const mayBeNode = why === 'down' || why === 'queue'
    if (mayBeNode && changed?.kind === 'node' && (changed.change === 'crashed' || changed.change === 'paused')) {
      return void this.#add('fault', change, `${this.#name(sent.to)} had been ${changed.change}`)
    }
    const verbs = LEADING_VERBS[why]
    const led = this.#all('operation').findLast((one) => one.record < record && verbs.includes(one.event.verb))
    if (led !== undefined) this.#add('fault', led.record, `the network had been changed by ${led.event.label}`)
  }

  /** Nodes of the chain that stood still or crashed within it. */
  #faults(until: number): void {
    const from = this.#links.reduce((least, { record }) => Math.min(least, record), until)
    const changes = this.#records.slice(from, until + 1).flatMap((one, index) =>
      (one.kind === 'node' && this.#nodes.has(one.node) && (one.change === 'paused' || one.change === 'crashed') ? [from + index] : []))
    for (const record of changes.slice(-TOLD_MAX)) {
      const one = this.#records[record]
      if (one.kind === 'node') this.#add('fault', record, `${this.#name(one.node)} was ${one.change}`)
    }
  }

  // --- the trace -------------------------------------------------------------------------------------------------------

  get #host(): number {
    return this.#traffic.names.host
  }
  /** 'the host', 'ana' */
  #name(node: number): string {
    return this.#traffic.names.who(node)
  }
  #nodeNamed(name: string): number {
    const found = [...this.#nodes, ...this.#records.map(({ node }) => node)].find((node) => this.#traffic.names.node(node) === name)
    return found ?? this.#host
  }

  #did(write: RowWrite): string {
    return `${write.removed ? 'the removal by ' : ''}${causeInWords(write.cause, this.#traffic.names)}`
  }

  #write(node: number, { record, atUs }: RowWrite, text: string): ChainLink {
    return this.#addAt('write', record, atUs, node, text)
  }

  #add(what: ChainLink['what'], record: number, text: string): ChainLink {
    const { atUs, node } = this.#records[record]
    return this.#addAt(what, record, atUs, node, text)
  }

  #addAt(what: ChainLink['what'], record: number, atUs: number, node: number, text: string): ChainLink {
    const known = this.#links.find((link) => link.text === text)
    if (known !== undefined) return known
    const link = { what, atUs, node: this.#traffic.names.node(node), record, text }
    this.#links.push(link)
    return link
  }

  #find<N extends ReportedEvent['event']>(name: N, isIt: (event: Note<N>) => boolean, node?: number): Found<Note<N>> | undefined {
    return this.#all(name).find((found) => (node === undefined || found.node === node) && isIt(found.event))
  }

  readonly #byName = new Map<string, Found<ReportedEvent>[]>()
  #all<N extends ReportedEvent['event']>(name: N): Found<Note<N>>[] {
    if (this.#byName.size === 0) {
      this.#records.forEach((record, index) => {
        if (record.kind !== 'note') return
        const event = eventOf(record)
        const known = this.#byName.get(event.event)
        const found = { record: index, node: record.node, atUs: record.atUs, event }
        if (known === undefined) this.#byName.set(event.event, [found])
        else known.push(found)
      })
    }
    return (this.#byName.get(name) ?? []) as unknown as Found<Note<N>>[]
  }
}

/** Operations that lead to a command, some of them frames later. */
const VERBS: Readonly<Record<string, RegExp>> = {
  'placement.commit': /placements\.commit#/, 'entity.spawn': /\.(spawn|body)#/, 'entity.despawn': /\.despawn#/,
  'selection.highlight': /\.(click|drag|press|release)#/, 'entity.translate': /\.(drag|moveBy)#/, 'entity.rotate': /\.(drag|moveBy)#/,
  'vertex.create': /\.mesh\.vertex#/, 'edge.extrude': /\.mesh\.extrude#/, 'face.subdivide': /\.mesh\.subdivide#/,
  'entity.scale': /\.(drag|moveBy)#/, 'tool.activate': /\.(nextTool|press)#/, 'tool.deactivate': /\.(nextTool|press)#/,
}

/** Of what does not name its frame itself. */
const inFrame = ({ cause: { by }, frame }: RowWrite): string => (by === 'command' || by === 'snapshot' ? ` in frame ${frame}` : '')

/** What may follow the name of a message: it came again, or brought more. */
const MORE = /^(, sent again$| and )/

/** What the network did to a datagram that arrived. */
const EFFECTS: Readonly<Record<string, string>> = {
  duplicated: 'duplicated', corrupted: 'damaged', reordered: 'held back', marked: 'marked by a queue that was long (ECN)',
}
