/** A simulator that simulates nothing, for tests of the command line: it counts frames, runs the script, seals a report. */
import { SEAL_BLANK, seal } from '../../../platform/digests.ts'

export interface Story {
  readonly frame: (count: number) => Promise<void>
  readonly seed: number
}

export interface Scenario {
  readonly name: string
  readonly settings: { readonly frames: number; readonly hz: number }
  readonly script: (story: Story) => Promise<void>
}

interface Options {
  readonly seed: number
  readonly plan?: { readonly scenario?: string }
  readonly frames?: number
  readonly version: string
  readonly source: string
  readonly sourceDigest: string
  readonly measure?: boolean
  readonly onProgress?: (frame: number, frames: number) => void
}

export function scenario(name: string, settings: Scenario['settings'], script: Scenario['script']): Scenario {
  if (!/^[a-z0-9-]+$/.test(name)) throw new RangeError(`${name} is no name`)
  return { name, settings, script }
}

export const FRAMES_MAX = 54_000
/** Reached by each third seed; by none. */
export const MARKS = { 'a third seed': { seedsMax: 10 }, 'a blue moon': { seedsMax: 50 } }
export class OptionError extends RangeError {}

export const parsePlan = (text: string) =>
  (text.startsWith('{') ? { kind: 'plan', plan: JSON.parse(text) as object } : { kind: 'invalid', why: 'expected an object' })

const untold = async (): Promise<never> => { throw new RangeError('nothing is simulated here') }
export const inspect = untold
export const observe = untold
export const branch = untold
export const checkDeterminism = untold
export const shrink = untold

/** Seeds that end in 7 diverge; a scenario called `unstable` gives other bytes each time. */
export async function simulate({ name, settings, script }: Scenario, { onProgress, measure, ...options }: Options) {
  const frames = options.frames ?? settings.frames
  if (options.plan !== undefined && options.plan.scenario !== name) throw new OptionError(`the plan is not one of ${name}`)
  let frame = 0
  const { seed, version, source, sourceDigest } = options
  const run = { version, source, sourceDigest, seed, frames }
  const outcome = await script({ seed, frame: async (count) => { for (let i = 0; i < count; i++) onProgress?.(++frame, frames) } }).then(
    () => (options.seed % 10 === 7 ? { exit: 1, verdict: 'diverged at frame 7' } : { exit: 0, verdict: 'converged' }),
    (error: Error) => ({ exit: 4, verdict: `the script threw ${String(error)}`, stack: error.stack }),
  )
  const value = name === 'unstable' ? performance.now() : frame
  const { exit } = outcome
  const reportJson = seal(`${JSON.stringify({ run, frames: [{ value }], seal: SEAL_BLANK })}\n`)
  return {
    ...outcome, reportJson, reportMarkdown: '# report\n', planJson: '{}\n',
    ...(exit === 0 ? {} : { failure: { exit, check: exit === 1 ? 'world' : 'script', component: '', field: '' } }),
    report: {
      ...JSON.parse(reportJson) as object, result: { events: 1000 - (seed % 1000) }, marks: seed % 3 === 0 ? { 'a third seed': 1 } : {},
      counters: { packetsSent: 3, packetsLost: 0, signedBy: { 1: 2 } },
    },
    latencies: { commandAdmit: [seed * 100, 500], join: [] }, traceDigest: seed.toString(16).padStart(16, '0'),
    summary: [`${frame} frames`],
    reproduce: `theta-sim run ${options.source} --seed ${options.seed}`, ...(measure === true ? { perf: { ms: 1 } } : {}),
  }
}

/** What was asked for, one packet and one end; of a scenario called `unstable`, another run. */
export async function capture({ name }: Scenario, { seed, pcap, qlog }: Options & { readonly pcap: boolean; readonly qlog: boolean }) {
  return {
    traceDigest: name === 'unstable' ? 'ffff' : seed.toString(16).padStart(16, '0'),
    ...(pcap && { pcap: { file: Uint8Array.of(10, 13, 13, 10), packets: 1, inside: 2, leftOut: 0 } }),
    ...(qlog && { qlog: { file: '{}\n', ends: 1, leftOut: 7 } }),
  }
}
