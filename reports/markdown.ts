/** A report for people to read. */
import { savedShare } from './compression.ts'
import { COUNTERS, type CounterName } from './counters.ts'
import { FOLD_OUTCOMES, isMet, type WriteStory } from './input.ts'
import { canonicalJson } from './json.ts'
import { DISCARDS, LOSSES } from './losses.ts'
import { latencyCells, milliseconds } from './percentiles.ts'
import type { Hits } from './marks.ts'
import { LATENCIES, type LatencyName, type Report } from './report.ts'
import { type Cell, counted, escaped, markdownTable, share } from './table.ts'

export function reportMarkdown(report: Report): string {
  const sections = [
    head(report), divergence(report), why(report), failures(report), mustHappen(report), convergence(report), latencies(report),
    datagrams(report), links(report), connections(report),
    messages(report), interest(report), compression(report), commands(report), commits(report), snapshots(report), sessions(report),
    physics(report),
    counters(report),
    hits('Rare states', 'state', report.marks), hits('Fault points', 'point', report.faultPoints),
  ]
  return `${sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function head({ run, result, nodes }: Report): string[] {
  const facts: Cell[][] = [
    ['seed', run.seed],
    ['frames', `${run.frames} at ${result.hz} Hz`],
    ['network healed at', `${milliseconds(result.calmAtUs)} ms`],
    ['ended at', `${milliseconds(result.endedAtUs)} ms`],
    ['final frame', `${result.finalFrame}, ${result.finalBytes} bytes, digest ${result.finalDigest}`],
    ['trace', `${counted(result.events, 'record')}, digest ${result.traceDigest}`],
    ['plan', `${counted(result.choices, 'choice')}, ${counted(result.operations, 'operation')}, digest ${result.planDigest}`],
    ['verifier', run.verifier],
    ['source', `${run.source}, digest ${run.sourceDigest}`],
    ['version', run.version],
  ]
  return [
    `# ${run.scenario}, seed ${run.seed}: ${result.verdict}`, '', `Exit ${result.exit}. Times are virtual.`, '',
    ...markdownTable(['run', ''], facts), '',
    ...nodeTable(nodes),
  ]
}

function nodeTable(nodes: Report['nodes']): string[] {
  const titles = ['node#', 'name', 'role', 'transport']
  const cells = ({ id, name, role, transport }: Report['nodes'][number]): Cell[] => [id, name, role, transport]
  if (nodes.every(({ networks }) => networks === undefined)) return markdownTable(titles, nodes.map(cells))
  return markdownTable([...titles, 'behind', 'also has'], nodes.map((node) => [
    ...cells(node), (node.networks ?? []).map(({ translator }) => translator?.kind ?? 'none').join(', then '),
    (node.interfaces ?? []).map(({ name }) => name).join(', '),
  ]))
}

function divergence({ divergence: found }: Report): string[] {
  if (found === null) return []
  const { frame, peer, place, hostWrite, peerWrite, within, history } = found
  const title = ['## Divergence', '']
  if (place === null) return [...title, `At frame ${frame} the digests of the host and ${peer} differ, but their worlds are the same.`]
  const field = place.field === null ? '' : `, field ${place.field}`
  const sides = within === null ? ['host', peer] : within === 'host' ? ['host', 'as written'] : ['as written', peer]
  const rows = [[sides[0], place.host, ...storyCells(hostWrite)], [sides[1], place.peer, ...storyCells(peerWrite)]]
  const writes = history.map(({ side, write, frame: part, atUs, record }) =>
    [side === 'host' ? 'host' : peer, write, part, milliseconds(atUs), record])
  return [
    ...title, `First at frame ${frame}: entity ${place.entity}, ${place.component}${field}, byte offset ${place.offset}.`, '',
    ...markdownTable(['side', 'value', 'written by', 'message', 'datagrams'], rows), '', '```', ...found.hexdump, '```',
    ...(writes.length === 0 ? [] : ['', ...markdownTable(['side', 'the row was', 'frame#', 'at, ms#', 'record#'], writes)]),
  ]
}
function why({ why: found }: Report): string[] {
  if (found === null) return []
  const links = found.chain.map(({ text, atUs, node, record }, index) =>
    `${index + 1}. ${escaped(text)}. (${node}, ${milliseconds(atUs)} ms, record ${record})`)
  return ['## Why', '', ...links]
}
const storyCells = (story: WriteStory | null): Cell[] =>
  [story?.cause ?? 'unknown', story?.message ?? '', story?.datagrams?.join(', ') ?? '']

function failures({ failures: found }: Report): string[] {
  const rows = found.map(({ check, message, details }) => [check, message, canonicalJson(details).replace(/\s+/g, ' ').trim()])
  return titled('Failures', ['check', 'message', 'details'], rows)
}

function mustHappen({ mustHappen: expectations }: Report): string[] {
  return titled('What had to happen', ['what', 'wanted', 'got#', 'met'], expectations.map((one) => {
    const wanted = typeof one.wanted === 'number' ? `at least ${one.wanted}` : `${one.wanted[0]} to ${one.wanted[1]}`
    return [one.name, wanted, one.got, isMet(one) ? 'yes' : '**no**']
  }))
}

function convergence({ convergence: { closed, peers } }: Report): string[] {
  const rows = peers.map(({ peer, transport, count, confirmed, skipped, missing, differing }) => {
    const skips = skipped.map(({ frames, snapshotId }) => `${frames} (${snapshotId === 0 ? 'a leap' : `snapshot ${snapshotId}`})`)
    return [peer, transport, count, confirmed, skips.join(', '), missing, differing]
  })
  return [
    '## Convergence by frame', '', `The host closed ${closed === '' ? 'no frame' : closed}.`, '',
    ...markdownTable(['peer', 'over', 'confirmed#', 'frames', 'skipped by snapshots', 'neither', 'with another digest'], rows),
  ]
}

function latencies({ latencies: byName }: Report): string[] {
  const names = Object.keys(LATENCIES) as LatencyName[]
  const rows = names.flatMap((name) => byName[name].map((row) => [LATENCIES[name], row.transport, ...latencyCells(row)]))
  return titled('Latencies, virtual ms', ['what', 'over', 'count#', 'p50#', 'p90#', 'p99#', 'max#'], rows)
}

function datagrams({ datagrams: rows }: Report): string[] {
  const titles = [
    'over', 'sent#', 'bytes#', 'delivered#', 'lost', 'marked#', 'duplicated#', 'reordered#', 'corrupted#', 'discarded',
    'declared lost#', 'retransmitted#', 'recovered#', 'probes#', 'abandoned#', 'overflowed#',
  ]
  return [
    ...titled('Datagrams', titles, rows.map((row) => [
      row.protocol, row.sent, row.bytes, row.delivered, told(row.lost), row.marked, row.duplicated, row.reordered, row.corrupted,
      told(row.discarded), row.declaredLost, row.retransmitted, row.recovered, row.probes, row.abandoned, row.overflowed,
    ])),
    ...legend(LOSSES, rows.map(({ lost }) => lost)), ...legend(DISCARDS, rows.map(({ discarded }) => discarded)),
  ]
}

/** What the names in a column mean, as far as they occur. */
function legend(words: Readonly<Record<string, string>>, counts: readonly Readonly<Record<string, number>>[]): string[] {
  const names = Object.keys(words).filter((name) => counts.some((count) => name in count))
  return names.length === 0 ? [] : ['', `${names.map((name) => `${name}: ${words[name]}`).join('; ')}.`]
}

function links({ links: rows }: Report): string[] {
  const titles = [
    'from', 'to', 'sent#', 'bytes#', 'delivered#', 'lost', 'marked#', 'duplicated#', 'reordered#', 'corrupted#',
    'ms, p50#', 'p90#', 'p99#', 'max#',
  ]
  return titled('Links', titles, rows.map((row) => [
    row.from, row.to, row.sent, row.bytes, row.delivered, told(row.lost), row.marked, row.duplicated, row.reordered, row.corrupted,
    ...(row.delay === null ? ['', '', '', ''] : latencyCells(row.delay).slice(1)),
  ]))
}

function connections({ connections: rows }: Report): string[] {
  const titles = [
    'connection#', 'over', 'from', 'to', 'began at, ms#', 'path found after#', 'handshake after#', 'first message after#', 'path',
  ]
  return titled('Connections', titles, rows.map(({ connection, over, from, to, beganAtUs, pathUs, handshakeUs, messageUs, paths }) => [
    connection, over, from, to, milliseconds(beganAtUs), ...[pathUs, handshakeUs].map((us) => (us === null ? '' : milliseconds(us))),
    orNever(messageUs),
    paths.map(({ way, atUs }, index) => (index === 0 ? way : `${way} from ${milliseconds(atUs)} ms on`)).join(', '),
  ]))
}

function messages({ messages: rows, refusedMessages }: Report): string[] {
  const cells = rows.map(({ from, to, channel, message, count, bytes }) => [from, to, channel, message, count, bytes])
  return [
    ...titled('Messages', ['from', 'to', 'channel', 'message', 'count#', 'bytes#'], cells),
    ...refusedMessages.flatMap(({ by, reasons }) => ['', `${by} refused: ${told(reasons)}.`]),
  ]
}

function interest({ counters: { framesCut, rowsSent, rowsChanged, rowsFiltered } }: Report): string[] {
  if (framesCut === 0) return []
  return [
    '## Interest', '',
    `${counted(framesCut, 'frame')} for members who did not see everything. In them ${counted(rowsChanged, 'row')} changed, of which `
      + `${rowsFiltered} (${share(rowsFiltered, rowsChanged)}) were not sent, because their member saw nothing there; `
      + `${counted(rowsSent, 'row')} went out, those included that came into view whole.`,
  ]
}

function compression({ compression: rows }: Report): string[] {
  const titles = ['message', 'body bytes', 'count#', 'compressed#', 'too small#', 'would grow#', 'bytes before#', 'bytes after#', 'saved#']
  return titled('Compression', titles, rows.map((row) => [
    row.message, row.bodyBytes, row.count, row.compressed, row.bypassed, row.grown, row.plainBytes, row.bytes, savedShare(row),
  ]))
}

function commands({ commands: { outcomes, refusals } }: Report): string[] {
  const rows = outcomes.map((row) => [row.command, ...FOLD_OUTCOMES.map((outcome) => row[outcome])])
  const refused = told(refusals)
  return [
    ...titled('Commands', ['command', ...FOLD_OUTCOMES.map((outcome) => `${outcome}#`)], rows),
    ...(refused === '' ? [] : ['', `The host refused: ${refused}.`]),
  ]
}

function commits({ commits: all }: Report): string[] {
  const titles = ['commit#', 'by', 'requested at, ms#', 'status', 'frame#', 'changes#', 'merged#', 'everywhere after, ms#']
  const rows = all.map(({ commit, by, requestedAtUs, status, frame, changes, merged, appliedEverywhereUs }) =>
    [commit, by, milliseconds(requestedAtUs), status, frame ?? '', changes, merged, orNever(appliedEverywhereUs)])
  const conflicts = all.flatMap(({ commit, conflicts: found }) =>
    found.map(({ kind, placement, message, hint }) => [commit, kind, placement, message, hint]))
  return [
    ...titled('Commits', titles, rows),
    ...(conflicts.length === 0 ? [] : ['', ...markdownTable(['commit#', 'conflict', 'placement#', 'message', 'hint'], conflicts)]),
  ]
}

function snapshots({ snapshots: rows }: Report): string[] {
  const titles = ['snapshot#', 'to', 'reason', 'chunks#', 'bytes#', 'sent at, ms#', 'applied at, ms#']
  return titled('Snapshots', titles, rows.map(({ snapshotId, to, reason, chunks, bytes, sentAtUs, appliedAtUs }) =>
    [snapshotId, to, reason, chunks, bytes, milliseconds(sentAtUs), orNever(appliedAtUs)]))
}

function sessions({ sessions: rows }: Report): string[] {
  const cells = rows.map(({ atUs, who, what, details }) => [milliseconds(atUs), who, what, details])
  return titled('Sessions', ['at, ms#', 'who', 'what', 'details'], cells)
}

function physics({ physics: { steps, bodiesMax, contacts, contactsMax } }: Report): string[] {
  if (steps === 0) return []
  const touches = `${counted(contacts, 'contact')}, at most ${contactsMax} in one step`
  return ['## Physics', '', `${counted(steps, 'step')} of at most ${bodiesMax} bodies; ${touches}.`]
}

function counters({ counters: counts }: Report): string[] {
  const names = (Object.keys(COUNTERS) as CounterName[]).filter((name) => counts[name] > 0)
  return titled('Counters', ['counter', 'got#', 'what it counts'], names.map((name) => [name, counts[name], COUNTERS[name]]))
}

const hits = (title: string, what: string, counts: Hits): string[] =>
  titled(title, [what, 'times#'], Object.keys(counts).sort().map((name) => [name, counts[name]]))

const titled = (title: string, titles: readonly string[], rows: readonly (readonly Cell[])[]): string[] =>
  (rows.length === 0 ? [] : [`## ${title}`, '', ...markdownTable(titles, rows)])

const orNever = (atUs: number | null): string => (atUs === null ? 'never' : milliseconds(atUs))

/** 'drop 3, queue 1' */
const told = (counts: Readonly<Record<string, number>>): string =>
  Object.keys(counts).sort().map((name) => `${name} ${counts[name]}`).join(', ')
