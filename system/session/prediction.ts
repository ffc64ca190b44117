/**
 * A member's head and hands ahead of time: it sends them as they will be when the host's frame shows them, as far as their last samples
 * foretell, so that others see them where they are and not where they were.
 *
 *     horizon   half the round trip and the wait for a frame: what lies between a sample and the host's frame that shows it
 *     foreseen  on the line through two samples of late, positions and rotations alike; as it is, after a jump or a pause
 *
 * The host shows what it is given; {@link PoseCorrection} measures how right that was. Integers, and + - * / sqrt alone.
 */
import type { EditorFrameState } from '../editor/editor.ts'
import { nearest } from '../editor/poses.ts'
import { ROTATION_ONE } from '../ecs/components.ts'
import type { World } from '../ecs/world.ts'
import type { AuthorId } from '../ids.ts'
import {
  FRAMES_PER_SECOND, INPUT_EVERY_FRAMES, PREDICTION_FRAMES_MAX, PREDICTION_PAUSE_US, PREDICTION_SAMPLES, PREDICTION_SPEED_MAX,
} from '../limits.ts'
import type { InputPredictiveState, PoseQ } from '../protocol/messages.ts'
import type { Correction } from '../telemetry/diagnostics.ts'
import { LIMBS, type Limbs, PoseCorrection } from './correction.ts'

const US_PER_SECOND = 1_000_000
/** Two rotations of which the cosine of half the angle between them is less, 16 degrees, are no turn that goes on. */
const TURN_COSINE_MIN = 0.99

/**
 * How far ahead to foresee, in microseconds, a whole number of frames: the first frame after half of `rttUs` has passed, at most
 * PREDICTION_FRAMES_MAX; 0 while no round trip is known, which is 0.
 */
export function horizonOf(rttUs: number): number {
  if (rttUs === 0) return 0
  const frames = 1 + Math.floor((rttUs * FRAMES_PER_SECOND) / (2 * US_PER_SECOND))
  return Math.floor((Math.min(frames, PREDICTION_FRAMES_MAX) * US_PER_SECOND) / FRAMES_PER_SECOND)
}

export class PosePrediction {
  readonly #trails: { readonly [L in keyof Limbs]: Trail } = { head: new Trail(), left: new Trail(), right: new Trail() }
  readonly #correction = new PoseCorrection()
  #sampled: EditorFrameState | undefined
  #sequence = 0

  /** What the headset tells, if it tells anything. */
  sample(state: EditorFrameState | undefined, nowUs: number): void {
    if (state === undefined) return
    for (const limb of LIMBS) this.#trails[limb].add(state[limb], nowUs)
    this.#sampled = state
  }

  /** What to tell the host in this frame of the session; undefined before the first sample. */
  tell(frame: number, rttUs: number, nowUs: number): InputPredictiveState | undefined {
    if (this.#sampled === undefined || frame % INPUT_EVERY_FRAMES !== 0) return undefined
    const horizonUs = horizonOf(rttUs)
    const at = (limb: keyof Limbs): PoseQ => this.#trails[limb].at(nowUs, nowUs + horizonUs)
    const told = { head: at('head'), left: at('left'), right: at('right') }
    this.#correction.note(frame, this.#sampled, told)
    const { gesture } = this.#sampled
    return { kind: 'InputPredictiveState', sequence: this.#sequence++, frame, horizonUs, gesture, ...told }
  }

  /** How right it was, by the host's world of a frame that has been confirmed. */
  judge(frame: number, author: AuthorId, world: World): readonly Correction[] {
    return this.#correction.measure(frame, author, world)
  }
}

interface Sample {
  readonly pose: PoseQ
  readonly atUs: number
}

/** Where one limb has been of late, since its last jump or pause. */
class Trail {
  readonly #samples: Sample[] = []

  add(pose: PoseQ, atUs: number): void {
    const sample = { pose, atUs }
    const last = this.#samples.at(-1)
    if (last !== undefined && !goesOn(last, sample)) this.#samples.length = 0
    this.#samples.push(sample)
    if (this.#samples.length > PREDICTION_SAMPLES) this.#samples.shift()
  }

  /** The last sample, moved on until `untilUs`; as it is where it is the only one, or too old by now. */
  at(nowUs: number, untilUs: number): PoseQ {
    const [from, to] = [this.#samples[0], this.#samples[this.#samples.length - 1]]
    if (from === to || untilUs <= to.atUs || nowUs - to.atUs > PREDICTION_PAUSE_US) return to.pose
    return movedOn(from.pose, to.pose, untilUs - to.atUs, to.atUs - from.atUs)
  }
}

/** Whether a limb may have moved from one sample to the next, rather than have been put elsewhere or been lost. */
function goesOn({ pose: a, atUs }: Sample, { pose: b, atUs: laterUs }: Sample): boolean {
  const tookUs = laterUs - atUs
  if (tookUs <= 0 || tookUs > PREDICTION_PAUSE_US) return false
  const [dx, dy, dz, far] = [b.x - a.x, b.y - a.y, b.z - a.z, (PREDICTION_SPEED_MAX * tookUs) / US_PER_SECOND]
  const cosine = Math.abs(alike(a, b)) / Math.sqrt(alike(a, a) * alike(b, b))
  return dx * dx + dy * dy + dz * dz <= far * far && cosine >= TURN_COSINE_MIN
}

const alike = (a: PoseQ, b: PoseQ): number => a.qx * b.qx + a.qy * b.qy + a.qz * b.qz + a.qw * b.qw

/** Where what went from `a` to `b` in `tookUs` is `aheadUs` later. */
function movedOn(a: PoseQ, b: PoseQ, aheadUs: number, tookUs: number): PoseQ {
  const on = (from: number, to: number): number => to + ((to - from) * aheadUs) / tookUs
  const place = { x: nearest(on(a.x, b.x)), y: nearest(on(a.y, b.y)), z: nearest(on(a.z, b.z)) }
  // q and -q are one rotation: the one that is nearer is where it came from.
  const sign = alike(a, b) < 0 ? -1 : 1
  const turned = [on(sign * a.qx, b.qx), on(sign * a.qy, b.qy), on(sign * a.qz, b.qz), on(sign * a.qw, b.qw)]
  const length = Math.sqrt(turned.reduce((sum, part) => sum + part * part, 0))
  const isStill = sign * a.qx === b.qx && sign * a.qy === b.qy && sign * a.qz === b.qz && sign * a.qw === b.qw
  if (isStill || length === 0) return { ...b, ...place }
  const [qx, qy, qz, qw] = turned.map((part) => nearest((part * ROTATION_ONE) / length))
  return { ...place, qx, qy, qz, qw }
}
