/**
 * What the command line needs of the rest: the simulator and the catalogue of stories, as an object that is handed in,
 * so that a test can hand in another.
 */
import type { Inspection } from '../reports/inspection.ts'
import type { NatMatrix } from '../reports/natmatrix.ts'
import type { Observation } from '../reports/telemetry/observation.ts'
import type { Canary } from '../scenarios/canaries/canary.ts'
import type { Training, TrainingOptions } from '../scenarios/training.ts'
import type {
  BranchOptions, Captured, CaptureOptions, Checked, CheckOptions, Future, InspectOptions, ObserveOptions, ParsedPlan,
  RunResult, Scenario, ShrinkOptions, Shrunk, SimulateOptions,
} from '../scenarios/index.ts'
import type { Packet } from '../scenarios/packet.ts'

/** A story of the catalogue and the file it stands in, as `list` shows it. */
export interface CatalogueEntry {
  readonly scenario: Scenario
  readonly source: string
}

/** A case of the interop matrix, as its list shows it. */
export interface InteropSummary {
  readonly name: string
  readonly about: string
}

/** What can be done with a scenario, in this thread or in one of its own. */
export interface Tasks {
  simulate(scenario: Scenario, options: SimulateOptions): Promise<RunResult>
  inspect(scenario: Scenario, options: InspectOptions): Promise<Inspection>
  branch(scenario: Scenario, options: BranchOptions): Promise<Future>
  checkDeterminism(scenario: Scenario, options: CheckOptions): Promise<Checked>
  shrink(scenario: Scenario, options: ShrinkOptions): Promise<Shrunk>
  observe(scenario: Scenario, options: ObserveOptions): Promise<Observation>
  capture(scenario: Scenario, options: CaptureOptions): Promise<Captured>
}

export interface Engine extends Tasks {
  /** Of this package, as package.json gives it. */
  readonly version: string
  readonly catalogue: readonly CatalogueEntry[]
  parsePlan(text: string): ParsedPlan
  bench(print: (line: string) => void): Promise<void>
  /** The exit code of the run. */
  soak(minutes: number, print: (line: string) => void): Promise<number>
  /** A compression dictionary of what stories send. */
  train(stories: readonly Scenario[], options: TrainingOptions): Promise<Training>
  canaries(): Promise<readonly Canary[]>
  interopCases(): Promise<readonly InteropSummary[]>
  /** Who meets whom through which translators, where every link loses so many datagrams in a million. */
  natMatrix(seed: number, dropPpm: number): Promise<NatMatrix>
  /** One packet as it was captured. */
  decodePacket(bytes: Uint8Array): Promise<Packet>
  /** SHA-256 over the code of this package. */
  digest(): string
  /** What `theta-sim` means to a user's file, and the module of the thread that runs it. */
  readonly packageIndex: URL
  readonly threadEntry: URL
  /** The module of a sweep's threads. */
  readonly sweepEntry: URL
  /** Rare states, and within how many seeds of a sweep over all stories each has to be reached. */
  readonly marks: Readonly<Record<string, { readonly seedsMax: number }>>
  /** The module of a thread that looks for canaries. */
  readonly hunterEntry: URL
  /** The module of a thread that plays interop cases. */
  readonly interopEntry: URL
}

/** Where the command line reads and writes. */
export interface Terminal {
  stdout(text: string): void
  stderr(text: string): void
  /** Whether a person watches stderr: progress is drawn for people only. */
  readonly isWatched: boolean
  readonly folder: string
}

/** Exit codes of design law 10. */
export const EXIT = { converged: 0, diverged: 1, unsettled: 2, fault: 3, misuse: 4, undetermined: 5 } as const

/** The user can mend this: one line that says what to do, exit 4. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
  /** What `--verbose` adds. */
  readonly details: string | undefined

  constructor(message: string, details?: string) {
    super(message)
    this.details = details
  }
}
