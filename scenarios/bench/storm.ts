/** Whole runs, for their speed, and what one of them did, for the bare parts to do the same. */
import type { SystemEvent } from '../../system/telemetry/events.ts'
import type { Watcher } from '../cluster/watchers.ts'
import type { Prepared } from '../cluster/prepare.ts'
import type { VerifierName } from '../cluster/outcome.ts'
import { type RunOutcome, type RunSettings, runScenario } from '../cluster/run.ts'
import type { Scenario } from '../scenario.ts'
import type { Workload } from './parts.ts'

export interface StormOptions {
  readonly seed: string
  readonly verifier: VerifierName
  readonly headsets?: boolean
  readonly watchers?: readonly Watcher[]
}
export interface Storm {
  readonly outcome: RunOutcome
  readonly realMs: number
  readonly virtualOverReal: number
}

export async function storm(story: Scenario, prepared: Prepared, options: StormOptions): Promise<Storm> {
  const settings: RunSettings = { ...options, frames: story.settings.frames, measure: true }
  const outcome = await runScenario(story, settings, prepared)
  const { realMs, virtualOverReal } = outcome.performance!
  return { outcome, realMs, virtualOverReal }
}

/** Runs a story and counts what it did until the network healed. */
export async function workloadOf(story: Scenario, prepared: Prepared, seed: string): Promise<Workload> {
  const heard = new Heard()
  const { outcome } = await storm(story, prepared, { seed, verifier: 'none', watchers: [heard] })
  const { info: { calmAtUs, nodes }, performance, records } = outcome
  const events = heard.events.flatMap(({ atUs, event }) => (atUs < calmAtUs ? [event] : []))
  const closed = events.filter((event) => event.event === 'frameClosed')
  const steps = events.filter((event) => event.event === 'physicsStepped')
  const worldBytes = new Map(closed.map((event) => [event.frame, event.worldBytes]))
  return {
    events: performance!.events,
    datagramBytes: records.flatMap((record) => {
      const isSent = record.kind === 'sent' && record.atUs < calmAtUs
      return isSent ? [record.bytes] : []
    }),
    messages: heard.messages.flatMap(({ atUs, bytes }) => (atUs < calmAtUs ? [bytes] : [])),
    digestedBytes: events.flatMap((event) => {
      const isDigested = event.event === 'frameClosed' || event.event === 'frameConfirmed'
      return isDigested ? [worldBytes.get(event.frame) ?? 0] : []
    }),
    bodies: Math.max(0, ...steps.map(({ bodies }) => bodies)),
    physicsSteps: steps.length,
    // The peers of this story are there from its first frame on.
    xrFrames: closed.length * (nodes.length - 1),
    commands: events.filter((event) => event.event === 'commandSigned').length,
  }
}

/** All that a run tells, with the instant. */
class Heard implements Watcher {
  readonly events: { readonly atUs: number; readonly event: SystemEvent }[] = []
  readonly messages: { readonly atUs: number; readonly bytes: Uint8Array }[] = []
  #atUs = 0

  event(_node: number, event: SystemEvent, nowUs: number): void {
    this.#atUs = nowUs
    this.events.push({ atUs: nowUs, event })
  }
  /** Counts as of the last event before it: some event comes with every frame. */
  message(_node: number, bytes: Uint8Array): void {
    this.messages.push({ atUs: this.#atUs, bytes: bytes.slice() })
  }
}
