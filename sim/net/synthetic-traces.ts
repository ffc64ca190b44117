/**
 * Recorded links that nobody has recorded: what they are like follows from a few numbers, not from a measurement. Each walks at random
 * between rates, and is gone now and then; the text of a real one is read by DeliveryTrace.parse.
 */
import { hashText, mix32 } from '../choice.ts'
import { DeliveryTrace } from './delivery-trace.ts'

interface Shape {
  readonly seconds: number
  /** Opportunities in a step of 100 ms; 100 of them are 12 Mbit/s. */
  readonly least: number
  readonly most: number
  /** The greatest change from one step to the next. */
  readonly change: number
  /** Steps with no opportunity at all, of each hundred; they come `outageSteps` in a row. */
  readonly outagePercent: number
  readonly outageSteps: number
}

const STEP_MS = 100
const SHAPES = {
  /** 12 Mbit/s, ever. */
  steady: { seconds: 1, least: 100, most: 100, change: 0, outagePercent: 0, outageSteps: 0 },
  /** 5 to 40 Mbit/s, slowly. */
  lteWalking: { seconds: 30, least: 40, most: 330, change: 20, outagePercent: 0, outageSteps: 0 },
  /** 1 to 25 Mbit/s, fast, and half a second of nothing now and then: cells change. */
  lteDriving: { seconds: 30, least: 8, most: 210, change: 60, outagePercent: 5, outageSteps: 5 },
  /** 10 to 60 Mbit/s, with gaps of 200 ms while somebody else has the air. */
  wifiShared: { seconds: 20, least: 80, most: 500, change: 150, outagePercent: 8, outageSteps: 2 },
} as const satisfies Record<string, Shape>

export type TraceName = keyof typeof SHAPES
export const TRACE_NAMES = Object.keys(SHAPES) as readonly TraceName[]

/** The same name, the same trace. */
export function syntheticTrace(name: TraceName): DeliveryTrace {
  const { seconds, least, most, change, outagePercent, outageSteps }: Shape = SHAPES[name]
  const label = hashText(name, 0)
  const steps = (seconds * 1_000) / STEP_MS
  const atMs: number[] = []
  let rate = Math.floor((least + most) / 2)
  let silent = 0
  for (let step = 0; step < steps; step++) {
    const moved = rate + (mix32(label, 2 * step) % (2 * change + 1)) - change
    rate = Math.min(most, Math.max(least, moved))
    // An outage of n steps begins in one step of 100 n / outagePercent; never in the last, with which the trace ends.
    if (silent > 0) silent--
    else if (mix32(label, 2 * step + 1) % (100 * Math.max(1, outageSteps)) < outagePercent) silent = outageSteps
    if (silent > 0 && step < steps - 1) continue
    for (let i = 1; i <= rate; i++) atMs.push(step * STEP_MS + Math.floor((i * STEP_MS) / rate))
  }
  return new DeliveryTrace(atMs)
}
