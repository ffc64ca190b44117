/** A report in some twenty lines, for a terminal. */
import { isMet } from './input.ts'
import { latencyCells, milliseconds } from './percentiles.ts'
import { LATENCIES, type LatencyName, type Report } from './report.ts'
import { aligned, counted, share } from './table.ts'

export function summaryLines(report: Report): string[] {
  const { run, result, mustHappen } = report
  const facts: [name: string, text: string][] = [
    ['verdict', `${result.verdict} (exit ${result.exit})`],
    ['run', `${run.scenario}, seed ${run.seed}, ${run.frames} frames at ${result.hz} Hz, ${milliseconds(result.endedAtUs)} virtual ms`],
    ...whyFacts(report), ...frameFacts(report), ...networkFacts(report), ...editingFacts(report),
    ...interestFacts(report),
    ['world', `${result.finalBytes} bytes at frame ${result.finalFrame}, digest ${result.finalDigest}`],
    ['trace', `${counted(result.events, 'record')}, digest ${result.traceDigest}`],
    ['must happen', `${mustHappen.filter(isMet).length} of ${mustHappen.length} did`],
  ]
  const width = Math.max(...facts.map(([name]) => name.length))
  return [...facts.map(([name, text]) => `${name.padEnd(width)}  ${text}`), ...latencyLines(report)]
}

function whyFacts({ why, divergence }: Report): [string, string][] {
  if (why === null) return []
  const { frame, event } = why
  const place = divergence?.place ?? null
  const field = place === null || place.field === null ? '' : `.${place.field}`
  const where = `${event.node}, ${milliseconds(event.atUs)} ms, record ${event.record}`
  const facts: [string, string][] = [['first event', `${event.text} (${where})`]]
  if (frame !== null) facts.unshift(['first frame', `${frame} differs between the host and ${divergence?.peer ?? 'a peer'}`])
  if (place !== null) facts.push(['place', `entity ${place.entity}, ${place.component}${field}, byte ${place.offset}`])
  return facts
}

function frameFacts({ convergence }: Report): [string, string][] {
  return convergence.peers.map(({ peer, transport, count, confirmed, skipped: runs }, index) => {
    const skips = runs.reduce((sum, one) => sum + one.count, 0)
    const frames = count === 0 ? 'none' : `${count} (${confirmed})`
    const skipped = skips === 0 ? '' : `, snapshots skipped ${skips}`
    return [index === 0 ? 'frames' : '', `${peer} over ${transport} confirmed ${frames}${skipped}`]
  })
}

function networkFacts({ counters, datagrams, messages }: Report): [string, string][] {
  const { packetsSent: sent, packetsLost: lost, packetsDuplicated: duplicated, packetsReordered: reordered } = counters
  const { packetsMarked: marked, packetsCorrupted: corrupted, packetsRetransmitted: retransmitted, messagesAbandoned: abandoned } = counters
  const recovered = datagrams.reduce((sum, row) => sum + row.recovered, 0)
  const bytes = datagrams.reduce((sum, row) => sum + row.bytes, 0)
  const byChannel = new Map<string, number>()
  for (const row of messages) byChannel.set(row.channel, (byChannel.get(row.channel) ?? 0) + row.bytes)
  const channels = [...byChannel].sort(([a], [b]) => (a < b ? -1 : 1)).map(([channel, count]) => `${channel} ${count}`)
  return [
    ['packets', `${sent} sent, ${lost} lost, ${duplicated} duplicated, ${reordered} reordered, ${corrupted} corrupted, ${marked} marked`],
    ['', `${retransmitted} retransmitted, ${recovered} recovered, ${counted(abandoned, 'message')} abandoned`],
    ['bytes', `${bytes} in datagrams; in messages: ${channels.join(', ')}`],
  ]
}

function editingFacts({ counters }: Report): [string, string][] {
  const { commandsSigned, commandsAdmitted, commandsApplied, commandsMerged, commandsRejected, commandsDenied, commandsVoid } = counters
  const { commitsRequested, commitsApplied, commitsRejected, resyncs, snapshots, nacks, framesResent } = counters
  return [
    ['commands', `${commandsSigned} signed, ${commandsAdmitted} admitted; ${commandsApplied} applied, ${commandsMerged} merged, `
      + `${commandsRejected} rejected, ${commandsDenied} denied, ${commandsVoid} void`],
    ['commits', `${commitsRequested} requested, ${commitsApplied} applied, ${commitsRejected} rejected`],
    ['repair', `${counted(resyncs, 'resync')}, ${counted(snapshots, 'snapshot')}, ${counted(nacks, 'request')}, `
      + `${counted(framesResent, 'frame')} sent again`],
  ]
}

function interestFacts({ counters: { framesCut, rowsChanged, rowsFiltered } }: Report): [string, string][] {
  if (framesCut === 0) return []
  const filtered = `${rowsFiltered} filtered (${share(rowsFiltered, rowsChanged)})`
  return [['interest', `${counted(framesCut, 'frame')} cut; of ${counted(rowsChanged, 'row')} that changed ${filtered}`]]
}

function latencyLines({ latencies }: Report): string[] {
  const names = Object.keys(LATENCIES) as LatencyName[]
  const rows = names.flatMap((name) => latencies[name].slice(0, 1).map((row) => [LATENCIES[name], ...latencyCells(row)]))
  return rows.length === 0 ? [] : aligned(['latency, virtual ms', 'count#', 'p50#', 'p90#', 'p99#', 'max#'], rows)
}
