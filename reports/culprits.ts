/** The first event that a failed check objects to, where no row differs, and what came before it. */
import { countRecords, type CounterName } from './counters.ts'
import { eventOf, isMet, type ReportedEvent, type RunInfo, type RunRecord } from './input.ts'
import { at, type Names } from './names.ts'
import { counted } from './table.ts'

export interface Culprit {
  /** Index in the trace. */
  readonly record: number
  readonly text: string
  /** The entry that it is about, and the node that folded it. */
  readonly entry?: { readonly author: number; readonly lamport: number; readonly node: number }
  /** The message that it is about, and the node that it is for. */
  readonly message?: { readonly words: string; readonly to: number }
  /** What came before it, the latest first. */
  readonly before?: readonly { readonly record: number; readonly text: string }[]
}

type Info = Pick<RunInfo, 'failure' | 'failures' | 'mustHappen' | 'verdict' | 'nodes' | 'finalFrame'>
interface Found {
  readonly record: number
  readonly node: number
  readonly event: ReportedEvent
}

export function culpritOf(records: readonly RunRecord[], info: Info, names: Names): Culprit | undefined {
  const check = info.failures[0]?.check ?? info.failure?.check
  const notes = records.flatMap((record, index): Found[] =>
    (record.kind === 'note' ? [{ record: index, node: record.node, event: eventOf(record) }] : []))
  const [failure] = info.failures
  const details = (failure?.details ?? {}) as Readonly<Record<string, unknown>>
  switch (check) {
    case 'logOrder': return misfolded(notes, details, failure.message)
    case 'refusals': return refused(notes, details, failure.message, names)
    case 'boundedBytes': return unbounded(notes, details, failure.message, names)
    case 'oracle': return misjudged(notes, failure.message, names)
    case 'finalBytes': return changedAtTheEnd(notes, failure.message, info, names)
    case 'settle': return unsettled(records, notes, info, names)
    case 'mustHappen': return unhappened(records, info, names)
    case undefined: return undefined
    default: return brokenOff(records, notes, info)
  }
}

function misfolded(notes: readonly Found[], { node, lamport, author, frame }: Readonly<Record<string, unknown>>, message: string) {
  const fold = notes.find((one) => one.event.event === 'commandFolded' && one.node === node && one.event.lamport === lamport
    && one.event.author === author && one.event.frame === frame)
  if (fold?.event.event !== 'commandFolded') return undefined
  const entry = { author: fold.event.author, lamport: fold.event.lamport, node: fold.node }
  return { record: fold.record, text: message, entry }
}

function refused(notes: readonly Found[], { node, frame }: Readonly<Record<string, unknown>>, message: string, names: Names) {
  const refusal = notes.find((one) => one.event.event === 'resyncStarted' && one.node === node && one.event.frame === frame)
  if (refusal === undefined) return undefined
  const earlier = notes.filter((one) => one.node === node && one.record < refusal.record)
  const confirmed = earlier.findLast(({ event }) => event.event === 'frameConfirmed' || event.event === 'snapshotApplied')
  const before = confirmed === undefined || !('frame' in confirmed.event) ? [] : [{
    record: confirmed.record,
    text: confirmed.event.event === 'snapshotApplied'
      ? `${names.node(refusal.node)} stood at frame ${confirmed.event.frame}, of snapshot ${confirmed.event.snapshotId}`
      : `${names.node(refusal.node)} had confirmed frame ${confirmed.event.frame}`,
  }]
  return { record: refusal.record, text: message, before, message: { words: `the delta of frame ${String(frame)}`, to: refusal.node } }
}

/** The first snapshot too many, or the delta with which a peer had been sent more than the bound. */
function unbounded(notes: readonly Found[], { peer, bytes }: Readonly<Record<string, unknown>>, message: string, names: Names) {
  let [due, sent, sentBytes] = [0, 0, 0]
  const isTooMuch = ({ node, event }: Found): boolean => {
    if ((event.event === 'sessionOpened' && node === names.host) || event.event === 'nackSent') due++
    if (event.event === 'snapshotSent') sent++
    if (bytes === undefined) return sent > due
    const isDelta = event.event === 'messageSent' && node === names.host && event.message === 'ComponentDelta' && event.peer === peer
    if (isDelta) sentBytes += event.bytes
    return sentBytes >= Number(bytes)
  }
  const first = notes.find(isTooMuch)
  return first && { record: first.record, text: `${message}; this is ${bytes === undefined ? 'the first too many' : 'the last of them'}` }
}

function misjudged(notes: readonly Found[], message: string, names: Names): Culprit | undefined {
  const [, author, lamport] = (/author (\d+), lamport (\d+)$/.exec(message) ?? []).map(Number)
  const admission = notes.find(({ event }) =>
    event.event === 'commandAdmitted' && event.entry.author === author && event.entry.lamport === lamport)
  if (admission === undefined) return undefined
  const text = `the host admitted ${names.command(author, lamport)}: ${message.replace(/: author \d+, lamport \d+$/, '')}`
  return { record: admission.record, text, entry: { author, lamport, node: names.host } }
}

function changedAtTheEnd(notes: readonly Found[], message: string, { nodes, finalFrame }: Info, names: Names): Culprit | undefined {
  const node = nodes.find(({ name }) => message.startsWith(`${name}'s `))?.id
  const confirmed = notes.findLast((one) => one.node === node && one.event.event === 'frameConfirmed')
  if (confirmed === undefined) return undefined
  const then = `${names.node(confirmed.node)} confirmed frame ${finalFrame} here`
  return { record: confirmed.record, text: `${message}, though ${then}: its bytes changed afterwards, or the digest misses them` }
}

/** What a peer does that is behind. */
const WISHES: readonly string[] = ['nackSent', 'resyncStarted', 'sessionClosed']

/** The last progress of whoever was left behind, and what stood in its way. */
function unsettled(records: readonly RunRecord[], notes: readonly Found[], { nodes, finalFrame, verdict }: Info, names: Names) {
  const confirmedLast = ({ id }: { readonly id: number }) =>
    notes.findLast((one) => one.node === id && (one.event.event === 'frameConfirmed' || one.event.event === 'snapshotApplied'))
  const behind = nodes.filter(({ id, name }) => id !== names.host && verdict.includes(`${name} is `))
    .map((node) => ({ node, last: confirmedLast(node) })).sort((a, b) => (a.last?.record ?? -1) - (b.last?.record ?? -1))[0]
  if (behind === undefined) return undefined
  const { node: { id, name }, last } = behind
  const record = last?.record ?? records.findIndex((one) => one.node === id)
  const change = records.findLastIndex((one) => one.kind === 'node' && one.node === id)
  const changed = records[change]
  const stands = changed?.kind === 'node' && (changed.change === 'paused' || changed.change === 'crashed')
  const asked = notes.findLast((one) => one.node === id && one.record > record && WISHES.includes(one.event.event))
  const before = [
    ...(stands ? [{ record: change, text: `${name} was ${changed.change} and never went on` }] : []),
    ...(asked === undefined ? [] : [{ record: asked.record, text: `the last that ${name} did about it was ${asked.event.event}` }]),
  ]
  const frame = last !== undefined && 'frame' in last.event ? `confirmed nothing after frame ${last.event.frame}` : 'confirmed no frame'
  const next = last !== undefined && 'frame' in last.event ? last.event.frame + 1 : -1
  return {
    record, text: `${name} ${frame}; the host's last was ${finalFrame}`, before,
    ...(next >= 0 && { message: { words: `the delta of frame ${next}`, to: id } }),
  }
}

/** The first that was too many, or the last that there was. */
function unhappened(records: readonly RunRecord[], { mustHappen, verdict }: Info, names: Names): Culprit | undefined {
  const unmet = mustHappen.find((one) => !isMet(one))
  if (unmet === undefined) return undefined
  const { name, wanted, got } = unmet
  const most = typeof wanted === 'number' ? Infinity : wanted[1]
  const count = Math.min(got, most === Infinity ? got : most + 1)
  if (count === 0 || !(name in countRecords([], names.host))) {
    return { record: records.length - 1, text: `${verdict}: no record of the trace shows any` }
  }
  // Counters only rise, so that the first prefix that counts as many can be looked for by halves.
  let [low, high] = [1, records.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (countRecords(records.slice(0, middle), names.host)[name as CounterName] >= count) high = middle
    else low = middle + 1
  }
  const which = got > most ? 'the first too many' : `the last of ${counted(got, 'record')}`
  return { record: low - 1, text: `${verdict}; this is ${which}` }
}

/** A crash, an assertion or a script that broke off: what the trace has last. */
function brokenOff(records: readonly RunRecord[], notes: readonly Found[], { verdict }: Info): Culprit {
  const operation = notes.findLast(({ event }) => event.event === 'operation')
  const record = records.length - 1
  const before = operation?.event.event !== 'operation' ? [] : [{
    record: operation.record, text: `the last operation of the story was ${operation.event.label}, ${at(records[operation.record].atUs)}`,
  }]
  return { record, text: `${verdict}; this is the last record before`, before }
}
