/**
 * Whole runs of loopback-120: virtual over real time, and beside the sum of their bare parts. All contenders take turns in
 * one process, each turn on a seed that this process has not seen, so that no remembered signature or verdict helps;
 * where remembering is what is measured, the row says so.
 */
import { wallClockMs } from '../../platform/clock.ts'
import { aligned } from '../../reports/table.ts'
import { prepare, type Prepared } from '../cluster/prepare.ts'
import type { VerifierName } from '../cluster/outcome.ts'
import { Wiretap } from '../cluster/wiretap.ts'
import type { Scenario } from '../scenario.ts'
import loopback from '../stories/loopback-120.ts'
import { atLeast, atMost, figure } from './aims.ts'
import { intentsOnly } from './intentsonly.ts'
import { codec, datagrams, digests, physics, signatures, type Workload } from './parts.ts'
import { type Contender, interleaved, median, type Samples } from './rounds.ts'
import { events, xrFrames } from './simparts.ts'
import { storm, workloadOf } from './storm.ts'

const WARM_UP_RUNS = 80
const ROUNDS = { rounds: 12, warmUpRounds: 1 }
const SUM_AIM = 2.5

/** One kind of run. */
interface Pace {
  readonly name: string
  readonly story: Scenario
  readonly verifier: VerifierName
  readonly headsets: boolean
  /** Of the seeds of that other pace, after it. */
  readonly again?: string
  readonly aim: number | undefined
}
const NODE = 'node, fresh seeds'
const NOOP = 'none, fresh seeds'
const PACES: readonly Pace[] = [
  { name: NODE, story: loopback, verifier: 'node', headsets: true, aim: 20 },
  { name: 'node, the same seeds again', story: loopback, verifier: 'node', headsets: true, again: NODE, aim: 20 },
  { name: 'noble, fresh seeds', story: loopback, verifier: 'noble', headsets: true, aim: undefined },
  { name: NOOP, story: loopback, verifier: 'none', headsets: true, aim: 30 },
  { name: 'none, no headset frames, no bodies', story: intentsOnly, verifier: 'none', headsets: false, aim: 100 },
]

const PARTS = ['datagrams', 'codec', 'digests', 'physics', 'xr frames', 'signatures', 'events'] as const
type PartName = (typeof PARTS)[number]

export async function runs(print: (line: string) => void): Promise<string[]> {
  const prepared = await prepare()
  const first = await storm(loopback, prepared, { seed: 'cold', verifier: 'node' })
  for (let run = 1; run < WARM_UP_RUNS; run++) await storm(loopback, prepared, { seed: `warm-up ${run}`, verifier: 'none' })
  const [startUpMs, firstMs, firstRatio] = [prepared.startUpMs, first.realMs, first.virtualOverReal].map(figure)
  print(`start-up ${startUpMs} ms; the first run of a process ${firstMs} ms, ${firstRatio}x`)
  print(`medians of ${ROUNDS.rounds} rounds, after ${WARM_UP_RUNS} runs for the engine to compile what is hot\n`)

  const overReal = new Map<string, number[]>(PACES.map(({ name }) => [name, []]))
  const red: string[] = []
  const paceOf = ({ name, story, verifier, headsets, again }: Pace): Contender => ({
    name,
    async run(round) {
      const seed = `${again ?? name} ${round}`
      const { outcome, realMs, virtualOverReal } = await storm(story, prepared, { seed, verifier, headsets })
      if (outcome.exit !== 0) red.push(`seed '${seed}': ${outcome.verdict}`)
      if (round >= ROUNDS.warmUpRounds) overReal.get(name)!.push(virtualOverReal)
      return realMs
    },
  })
  const workload = await workloadOf(loopback, prepared, 'workload')
  const bare = await bareParts(workload, prepared)
  const samples = await interleaved([...PACES.map(paceOf), ...bare.contenders], ROUNDS)
  await bare.end()

  return [
    ...aligned(['loopback-120 by verifier', 'ms#', 'virtual/real#', 'aim', ''], PACES.map(({ name, aim }) => {
      const ratio = median(overReal.get(name)!)
      const judged = aim === undefined ? ['', ''] : [`at least ${aim}`, atLeast(ratio, aim)]
      return [name, figure(median(samples.get(name)!)), figure(ratio), ...judged]
    })),
    ...(red.length === 0 ? [] : [`${red.length} of these runs ended red, the first by ${red[0]}`]),
    '',
    ...partsTable(workload, samples),
    '',
    ...ratioTable(samples),
  ]
}

interface BareParts {
  readonly contenders: readonly Contender[]
  end(): Promise<void>
}

async function bareParts(workload: Workload, { rapier, xr, compressor }: Prepared): Promise<BareParts> {
  const bodies = physics(workload, rapier)
  const headset = await xrFrames(workload, xr)
  const work: Readonly<Record<PartName, () => void | number>> = {
    datagrams: datagrams(workload),
    codec: codec(workload, new Wiretap(compressor)),
    digests: digests(workload),
    physics() {
      bodies.begin()
      const beganMs = wallClockMs()
      bodies.run()
      const ms = wallClockMs() - beganMs
      bodies.end()
      return ms
    },
    'xr frames': () => headset.run(),
    signatures: signatures(workload),
    events: events(workload),
  }
  return { contenders: PARTS.map((name) => ({ name, run: work[name] })), end: () => headset.end() }
}

function partsTable(workload: Workload, samples: Samples): string[] {
  const { events: eventCount, datagramBytes, messages, digestedBytes, bodies, physicsSteps, xrFrames: frames, commands } = workload
  const what: Readonly<Record<PartName, string>> = {
    datagrams: `${datagramBytes.length} datagrams of ${mean(datagramBytes)} bytes, copied, two CRC-32 each`,
    codec: `${messages.length} messages decoded, of those the distinct ones encoded once`,
    digests: `${digestedBytes.length} hashes of ${mean(digestedBytes)} bytes`,
    physics: `${physicsSteps} steps of ${bodies} bodies in Rapier`,
    'xr frames': `${frames} frames with a viewer and four poses`,
    signatures: `${commands} commands signed, the first verified, node:crypto`,
    events: `${eventCount} events pushed and popped`,
  }
  const rows = PARTS.map((name) => [name, figure(median(samples.get(name)!)), what[name]])
  return aligned(['bare part', 'ms#', 'as often as one run did it'], rows)
}

const mean = (values: readonly number[]): number => Math.round(values.reduce((sum, value) => sum + value, 0) / values.length)

/** Each round has a ratio of its own: a storm over the sum of the parts that followed it. */
function ratioTable(samples: Samples): string[] {
  const row = (name: string, parts: readonly PartName[]) => {
    const runsMs = samples.get(name)!
    const sumsMs = runsMs.map((_, round) => parts.reduce((sum, part) => sum + samples.get(part)![round], 0))
    const ratio = median(runsMs.map((ms, round) => ms / sumsMs[round]))
    return [name, figure(median(runsMs)), figure(median(sumsMs)), figure(ratio), `at most ${SUM_AIM}`, atMost(ratio, SUM_AIM)]
  }
  const unsigned = PARTS.filter((part) => part !== 'signatures')
  return aligned(['loopback-120 by verifier', 'ms#', 'bare parts, ms#', 'ratio#', 'aim', ''], [row(NODE, PARTS), row(NOOP, unsigned)])
}
