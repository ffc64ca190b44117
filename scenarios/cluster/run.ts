/**
 * One run of a scenario, from seed to verdict.
 *
 *     storm: the script, until its last frame -> calm: the network heals -> everybody settles on one last frame -> checks
 *
 * A run that is red for a difference of bytes is run again, the same way, to explain it.
 */
import { macrotask, PartClock, wallClockMs } from '../../platform/clock.ts'
import { workingDirectory } from '../../platform/paths.ts'
import { countRecords, type CounterName } from '../../reports/counters.ts'
import { namedDifference, placeInWords } from '../../reports/divergence.ts'
import type { FailureKind, RunDivergence, RunInfo } from '../../reports/input.ts'
import { countHits } from '../../reports/marks.ts'
import { type Choice, type Chooser, PlannedChooser, type Seed, SeededChooser } from '../../sim/choice.ts'
import type { Datagram } from '../../sim/net/datagram.ts'
import { planChoices, type Plan } from '../../sim/plan.ts'
import { stream } from '../../sim/random.ts'
import { drive, ScriptClock, type TimeSource } from '../../sim/script.ts'
import { BranchedChooser, RecordingChooser } from '../../sim/steer.ts'
import { Trace, type TraceRecord } from '../../sim/trace.ts'
import { frameUs, type Kernel } from '../../sim/world.ts'
import { createHeadset } from '../../sim/xr/headset.ts'
import { manifest } from '../../system/ecs/manifest.ts'
import { FRAMES_PER_SECOND } from '../../system/limits.ts'
import type { MeteredPart, Verifier } from '../../system/ports.ts'
import { whole, within } from '../arguments.ts'
import { Bed, type Canary } from '../canaries/canary.ts'
import type { Scenario } from '../scenario.ts'
import type { JoinCompression, JoinOptions, Story } from './vocabulary.ts'
import { Host, Net, Peer } from './actors.ts'
import type { Failure } from './checkers.ts'
import { checksOf, type Explain, type Mismatch } from './checks.ts'
import { Cluster, propEntity } from './cluster.ts'
import type { Convergence } from './convergence.ts'
import { cryptoOf } from './crypto.ts'
import { hasDisks } from './disks.ts'
import { brokenOff, converged, type Judgement, OVERRUN_MS_MAX, type RunEnd, unhappened, unsafe, unsettled, untouched } from './judge.ts'
import type { ClientNode, ClusterPart } from './nodes.ts'
import { isOurs } from './ours.ts'
import type { Branch, ExitCode, Performance, Tampered, TamperRequest, VerifierName } from './outcome.ts'
import type { Prepared } from './prepare.ts'
import type { Recorder } from './recorder.ts'
import { tamper, tamperOffsetUs } from './tamper.ts'
import { US_PER_MS } from './units.ts'
import type { Watcher } from './watchers.ts'

export interface RunSettings {
  readonly seed: Seed
  readonly frames: number
  readonly verifier: VerifierName
  readonly plan?: Plan
  readonly tamper?: TamperRequest
  readonly canary?: Canary
  readonly branch?: Branch
  readonly onProgress?: (frame: number, frames: number) => void
  /** Measure wall time by part. */
  readonly measure: boolean
  /** Whether headsets give frames (default true). Without them peers do only what the story asks of them outright. */
  readonly headsets?: boolean
  /**
   * `chain` for a run without end, whose story demands nothing that has to be read from the records (default `digest`): nobody will
   * look back, and so nothing is kept of choices, operations and signatures either. Such a run is not shrunk.
   */
  readonly traceLevel?: 'chain' | 'digest'
  /** Whether every node keeps a mirror of its packets (default false). */
  readonly mirrors?: boolean
  /** Keeps what leaves the nodes, and what QUIC connections tell of themselves. */
  readonly recorder?: Recorder
  /** How far peers can compress whose join does not say (default 'none'). */
  readonly compression?: JoinCompression
  /** Who else looks on. */
  readonly watchers?: readonly Watcher[]
  /**
   * Asked before every event; true ends the run there. `nextUs` is the instant of what comes next: that event, or something that
   * the story does before it. For inspecting, comparing and provoking.
   */
  readonly isOver?: (cluster: Cluster, trace: Trace, nextUs: number) => boolean
  /** Told at the end, wherever that is, while everything still stands. */
  readonly onEnd?: (cluster: Cluster, trace: Trace) => void
  /** The folder from which a verdict tells paths (default: the working directory). */
  readonly folder?: string
  /** How long after its last frame the story may go on, milliseconds (default {@link OVERRUN_MS_MAX}). */
  readonly overrunMs?: number
}

export interface RunOutcome {
  readonly exit: ExitCode
  readonly verdict: string
  readonly trace: Trace
  /** Of the trace, made once. */
  readonly records: readonly TraceRecord[]
  readonly choices: readonly Choice[]
  /** For each choice, how many records the trace had when it was made. */
  readonly choiceRecords: readonly number[]
  /** Labels of the operations that were done, in order. */
  readonly operations: readonly string[]
  /** Everything of {@link RunInfo} but what only the caller knows. */
  readonly info: Omit<RunInfo, 'run' | 'planDigest'>
  readonly tampered: Tampered | undefined
  readonly performance: Performance | undefined
  readonly stack: string | undefined
}

/** How long after the host's last frame everybody may take to confirm it, microseconds. */
const LAST_FRAME_US = 2_000_000
/** A client counts as up to date when it is this many frames behind the host, those under way not counted. */
const BEHIND_FRAMES_MAX = 8
const JOIN_MS_MAX = 20_000

export async function runScenario(scenario: Scenario, settings: RunSettings, prepared: Prepared): Promise<RunOutcome> {
  const first = await new Run(scenario, settings, prepared, undefined).play()
  // Where a script ran is expensive to keep, so that it is kept only when it is needed: the second time.
  if (first.isLineWanted) return (await new Run(scenario, { ...settings, measure: false }, prepared, undefined, true).play()).outcome
  return explained(first, scenario, settings, prepared)
}

/** One run, and none to explain how it fails: for whoever looks at it from within. */
export const runOnce = async (scenario: Scenario, settings: RunSettings, prepared: Prepared): Promise<RunOutcome> =>
  (await new Run(scenario, settings, prepared, undefined).play()).outcome

/** How a run fails, and nothing else of it: for whoever tries one plan after another. Undefined where it does not. */
export async function failureOf(scenario: Scenario, settings: RunSettings, prepared: Prepared): Promise<FailureKind | undefined> {
  const first = await new Run(scenario, settings, prepared, undefined).play()
  return (await explained(first, scenario, settings, prepared)).info.failure
}

async function explained(first: Played, scenario: Scenario, settings: RunSettings, prepared: Prepared): Promise<RunOutcome> {
  const { outcome, mismatch } = first
  if (mismatch === undefined) return outcome
  // Deterministic, so that the second run differs in nothing but what it writes down.
  const { frame, node, message } = mismatch
  const { divergence } = await new Run(scenario, { ...settings, measure: false }, prepared, { frame, node }).play()
  if (divergence === undefined) return outcome
  const place = namedDifference(divergence, manifest().components)
  const said = placeInWords(divergence, place)
  const { info } = outcome
  const failures = info.failures.map((failure) => (failure.message === message ? { ...failure, message: said } : failure))
  const verdict = outcome.verdict.replace(message, () => said)
  const named = { component: place?.component ?? '', field: place?.field ?? '' }
  const failure = info.failure === undefined || info.failures[0].message !== message ? info.failure : { ...info.failure, ...named }
  return { ...outcome, verdict, info: { ...info, verdict, failures, divergence, ...(failure !== undefined && { failure }) } }
}

/** {@link Kernel.run}, which ends where it is enough of it. */
type Advance = Kernel<Datagram>['run']

interface Played {
  readonly outcome: RunOutcome
  /** The script ended in something that only its line explains, and that is not known. */
  readonly isLineWanted: boolean
  readonly mismatch: Mismatch | undefined
  readonly divergence: RunDivergence | undefined
}

class Run {
  readonly #scenario: Scenario
  readonly #settings: RunSettings
  readonly #prepared: Prepared
  readonly #explain: Explain | undefined
  readonly #marks: boolean
  readonly #parts = new PartClock<MeteredPart | ClusterPart>()
  readonly #frameMs: number[] = []
  #tampered: Tampered | undefined

  constructor(scenario: Scenario, settings: RunSettings, prepared: Prepared, explain: Explain | undefined, marks = false) {
    this.#scenario = scenario
    this.#settings = settings
    this.#prepared = prepared
    this.#explain = explain
    this.#marks = marks
  }

  async play(): Promise<Played> {
    const { seed, plan, measure, canary } = this.#settings
    const trace = new Trace(this.#explain === undefined ? this.#settings.traceLevel ?? 'digest' : 'full')
    // What is chosen while the cluster is built comes before every frame.
    let isBuilt = false
    const isFuture = (): boolean => isBuilt && this.#branchUs <= cluster.nowUs
    const isForgetful = trace.level === 'chain'
    const chosen = this.#chooser(isFuture)
    const record = isForgetful ? undefined : new RecordingChooser(chosen, () => trace.length)
    const headsets = await Promise.all(Array.from({ length: this.#scenario.settings.peersMax }, () => createHeadset(this.#prepared.xr)))
    const { verifier, signer } = cryptoOf(this.#settings.verifier, seed, isForgetful)
    const meter = measure ? this.#parts : { begin() {}, end() {} }
    const { ties, faultPoints, disks, streamBytesPerSecond, hostBehind } = this.#scenario.settings
    const cluster: Cluster = new Cluster({
      seed, chooser: record ?? chosen, trace, ties, faultPoints, disks: hasDisks(disks, seed), headsets, verifier, signer, meter,
      streamBytesPerSecond, hostBehind, rapier: this.#prepared.rapier,
      operations: plan?.operations === undefined ? undefined : new Set(plan.operations),
      explain: this.#explain !== undefined, mirrors: this.#settings.mirrors ?? false, xrFrames: this.#settings.headsets ?? true,
      compressor: this.#prepared.compressor, compression: this.#settings.compression ?? 'none',
      recorder: this.#settings.recorder,
    })
    isBuilt = true
    const bed = new Bed(cluster)
    try {
      canary?.plant(bed)
      const played = await this.#play(cluster, trace, record, verifier)
      this.#settings.onEnd?.(cluster, trace)
      return played
    } finally {
      bed.clear()
      cluster.free()
      for (const headset of headsets) await headset.end()
    }
  }

  #chooser(isFuture: () => boolean): Chooser {
    const { seed, plan, branch } = this.#settings
    const past = plan === undefined ? new SeededChooser(seed) : new PlannedChooser(planChoices(plan))
    return branch === undefined ? past : new BranchedChooser(past, new SeededChooser(branch.seed), isFuture)
  }

  get #branchUs(): number {
    return frameUs(this.#settings.branch?.frame ?? 0, this.#scenario.settings.hz)
  }

  async #play(cluster: Cluster, trace: Trace, record: RecordingChooser | undefined, verifier: Verifier): Promise<Played> {
    const checks = checksOf({ cluster, verifier, explain: this.#explain, records: () => trace.length })
    const { convergence, oracle } = checks
    cluster.watchers.push(this.#progress(), ...(this.#settings.watchers ?? []))
    cluster.start()

    const { frames, overrunMs = OVERRUN_MS_MAX, isOver } = this.#settings
    const { kernel } = cluster
    const run: Advance = (untilUs, until) => kernel.run(untilUs, isOver === undefined
      ? until
      : () => isOver(cluster, trace, Math.min(kernel.nextUs, untilUs)) || until?.() === true)
    const time: TimeSource = { get nowUs() { return kernel.nowUs }, run }
    const clock = new ScriptClock(time, this.#marks)
    cluster.clock = clock
    const host = new Host(cluster, (prop, at) => oracle.prop(propEntity(prop), at))
    const story = this.#story(cluster, clock, host)
    const beganMs = wallClockMs()
    let end: RunEnd
    let calmAtUs = 0
    let settled = true
    let realMs = 0
    let stormEvents = 0
    try {
      end = await drive({
        time, clock, yieldMacrotask: macrotask, isOurs,
        lastUs: cluster.frameUs(Math.max(frames, this.#scenario.settings.frames)) + overrunMs * US_PER_MS,
        script: async () => {
          this.#armTamper(cluster, clock)
          await this.#scenario.script(story)
          await clock.sleepUntil(cluster.frameUs(frames))
        },
      })
      realMs = wallClockMs() - beganMs
      stormEvents = cluster.kernel.events
      calmAtUs = cluster.nowUs
      if (end.kind === 'done') settled = this.#settle(cluster, run)
    } catch (error) {
      end = { kind: 'crashed', error }
    }

    const { failures, mismatch } = checks.findings(end.kind === 'done', settled)
    const records = trace.records()
    const mustHappen = end.kind === 'done' ? this.#mustHappen(records, cluster, convergence) : []
    const { exit, verdict, failure, stack } = this.#judge(end, settled, failures[0], mustHappen, cluster)
    const finalWorld = cluster.host.peer.world
    const info: RunOutcome['info'] = {
      hz: this.#scenario.settings.hz,
      nodes: [
        { id: 0, name: 'host', role: 'host', transport: 'none', ...cluster.places.of(0) },
        ...cluster.clients.map(({ id, name }) => ({
          id, name, role: cluster.roleOf(name), transport: cluster.transportOf(id), ...cluster.places.of(id),
        })),
      ],
      exit, verdict, ...(failure !== undefined && { failure }), failures, mustHappen,
      traceDigest: trace.digest, events: trace.length, endedAtUs: cluster.nowUs, calmAtUs,
      finalFrame: convergence.finalFrame, finalDigest: convergence.finalDigest, finalBytes: finalWorld.byteLength,
      manifest: manifest().components, choices: record?.recorded.length ?? 0, operations: cluster.operations.length,
    }
    return {
      outcome: {
        exit, verdict, stack, trace, records, choices: record?.recorded ?? [], choiceRecords: record?.made ?? [],
        operations: cluster.operations, info, tampered: this.#tampered, performance: this.#performance(realMs, calmAtUs, stormEvents),
      },
      isLineWanted: failures.length === 0 && 'line' in end && end.line === undefined,
      mismatch,
      divergence: checks.divergence(),
    }
  }

  #story(cluster: Cluster, clock: ScriptClock, host: Host): Story {
    const until = (frame: number) => clock.sleepUntil(cluster.frameUs(frame))
    const enter = (name: string, options: JoinOptions): Peer => {
      const joins = cluster.operate(name, 'join', () => {})
      const { id } = cluster.addClient(name, options)
      // Who does not join is there all the same, and down, so that the story can go on without.
      if (!joins) cluster.crash(id)
      return new Peer(cluster, id)
    }
    return {
      host,
      net: new Net(cluster),
      random: stream(this.#settings.seed, 'story'),
      seed: this.#settings.seed,
      enter,
      join: async (name, options) => {
        const actor = enter(name, options)
        const giveUpUs = clock.nowUs + JOIN_MS_MAX * US_PER_MS
        while (!actor.isSettled && clock.nowUs < giveUpUs) await until(cluster.nextFrame() + 1)
        return actor
      },
      frame: (index) => until(whole('frame', index)),
      frames: (count) => until(cluster.nextFrame() + whole('frames', count)),
      sleep: (ms) => clock.sleepUntil(clock.nowUs + Math.floor(within('sleep', ms, 0, Infinity) * US_PER_MS)),
    }
  }

  /** Everybody works off what is under way, then the host stops and all confirm its last frame. False where that takes too long. */
  #settle(cluster: Cluster, run: Advance): boolean {
    const { kernel } = cluster
    cluster.calm()
    const { host: { peer: host } } = cluster
    const members = () => cluster.clients.filter(({ crashed, peer }) => !crashed && peer.state !== 'closed')
    // A frame that a snapshot brought was not confirmed, and shows nothing of the frames before it.
    const hasConfirmed = ({ peer }: ClientNode) => peer.confirmedFrame > (peer.replica?.snapshotFrame ?? -1)
    const framesUnderWay = ({ id }: ClientNode) => Math.floor((cluster.ways.leastUs(id) * FRAMES_PER_SECOND) / (1_000 * US_PER_MS))
    const isUpToDate = (client: ClientNode) =>
      client.peer.confirmedFrame >= host.frame - framesUnderWay(client) - BEHIND_FRAMES_MAX
    const isDone = (client: ClientNode) => client.peer.idle && !client.person.isBusy() && hasConfirmed(client) && isUpToDate(client)
    const untilUs = kernel.nowUs + this.#scenario.settings.settleMs * US_PER_MS
    for (;;) {
      // At least one frame passes: what the story asked for in its last instant belongs to the frame that begins then.
      do {
        if (kernel.nowUs >= untilUs || run(cluster.frameUs(cluster.nextFrame() + 1)).kind !== 'reached') return false
      } while (host.backlog > 0 || !members().every(isDone))
      kernel.stopFrames(0)
      const last = host.frame
      const areThere = () => members().every((client) => hasConfirmed(client) && client.peer.confirmedFrame === last)
      const { kind } = run(kernel.nowUs + LAST_FRAME_US, areThere)
      if (areThere() || kind !== 'reached') return areThere()
      // A queue that was full still may have lost the last frame, and none came after it that would have shown the gap.
      cluster.resumeHost()
    }
  }

  #armTamper(cluster: Cluster, clock: ScriptClock): void {
    const { tamper: request, seed } = this.#settings
    if (request === undefined) return
    void clock.sleepUntil(cluster.frameUs(request.frame) + tamperOffsetUs(seed, request)).then(() => {
      const node = request.peer === 'host' ? 0 : cluster.clients.find(({ name }) => name === request.peer)?.id
      this.#tampered = node === undefined ? undefined : tamper(cluster.worldOf(node), seed, request, clock.nowUs)
    })
  }

  #progress(): Watcher {
    const { onProgress, frames, measure } = this.#settings
    let sinceMs = wallClockMs()
    return {
      frame: (node: number, frame: number) => {
        if (node !== 0) return
        onProgress?.(Math.min(frame, frames), frames)
        if (!measure || frame >= frames) return
        const nowMs = wallClockMs()
        if (frame > 0) this.#frameMs.push(nowMs - sinceMs)
        sinceMs = nowMs
      },
    }
  }

  #mustHappen(records: readonly TraceRecord[], cluster: Cluster, convergence: Convergence): RunInfo['mustHappen'] {
    const { counters = {}, marks = {}, signedBy = {}, confirmed = {} } = this.#scenario.mustHappen
    const counted = countRecords(records, 0)
    const hits = countHits(records, 'mark')
    const node = (name: string) => cluster.clients.find((client) => client.name === name)
    const signed = (name: string) => counted.signedBy[node(name)?.peer.author ?? -1] ?? 0
    const framesOf = (name: string) => convergence.confirmed(node(name)?.id ?? -1)
    return [
      ...Object.entries(counters).map(([name, wanted]) => ({ name, wanted, got: counted[name as CounterName] })),
      ...Object.entries(marks).map(([name, wanted]) => ({ name: `mark '${name}'`, wanted, got: hits[name] ?? 0 })),
      ...Object.entries(signedBy).map(([name, wanted]) => ({ name: `signedBy.${name}`, wanted, got: signed(name) })),
      ...Object.entries(confirmed).map(([name, wanted]) => ({ name: `confirmed.${name}`, wanted, got: framesOf(name) })),
    ]
  }

  #judge(
    end: RunEnd, settled: boolean, failure: Failure | undefined, mustHappen: RunInfo['mustHappen'], cluster: Cluster,
  ): Judgement {
    const broken = brokenOff(end, this.#settings.folder ?? workingDirectory())
    // A safety check that failed before tells more: what broke the story off may well have come of it.
    if (broken !== undefined && failure === undefined) return broken
    // A story that waits for what a failure took away from it says nothing more.
    if (failure !== undefined && broken !== undefined && end.kind !== 'overran') {
      return unsafe(failure, `${failure.message}; then ${broken.verdict}`, broken.stack)
    }
    const { tamper: request } = this.#settings
    if (request !== undefined && this.#tampered === undefined) return untouched(request, cluster.clients)
    if (failure !== undefined) return unsafe(failure, failure.message)
    if (!settled) return unsettled(cluster.clients, cluster.host.peer.frame)
    return unhappened(mustHappen, cluster.clients)
      ?? converged(this.#tampered === undefined ? '' : '; the flip was overwritten before it could be seen')
  }

  #performance(realMs: number, virtualUs: number, events: number): Performance | undefined {
    if (!this.#settings.measure) return undefined
    const round = (value: number) => Math.round(value * 1000) / 1000
    const sorted = [...this.#frameMs].sort((a, b) => a - b)
    const rank = (share: number) => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
    const virtualMs = virtualUs / US_PER_MS
    return {
      startUpMs: round(this.#prepared.startUpMs), realMs: round(realMs), virtualMs, virtualOverReal: round(virtualMs / realMs),
      events, eventsPerSecond: Math.round((events * 1000) / realMs), frameMs: { p50: rank(0.5), p90: rank(0.9), p99: rank(0.99) },
      partsMs: Object.fromEntries([...this.#parts.totalsMs()].map(([part, ms]) => [part, round(ms)])),
    }
  }
}

