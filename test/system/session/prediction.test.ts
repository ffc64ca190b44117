/** What a member tells of its body ahead of time, and how right it is. */
import { beforeAll, describe, expect, it } from 'vitest'
import { memberEntity } from '../../../system/commands/registry.ts'
import { HeadPose, ROTATION_ONE, STEPS_PER_METRE } from '../../../system/ecs/components.ts'
import { World } from '../../../system/ecs/world.ts'
import type { EditorFrameState } from '../../../system/editor/editor.ts'
import { ORIGIN_POSE } from '../../../system/editor/poses.ts'
import type { OrientationLike, PointLike, XRFrameLike, XRSessionLike } from '../../../system/editor/webxr.ts'
import { PREDICTION_FRAMES_MAX, PREDICTION_HISTORY_FRAMES, PREDICTION_PAUSE_US, PREDICTION_SPEED_MAX } from '../../../system/limits.ts'
import type { PoseQ } from '../../../system/protocol/messages.ts'
import type { Client } from '../../../system/session/client.ts'
import { horizonOf, PosePrediction } from '../../../system/session/prediction.ts'
import { type Actor, frameStartUs, Loopback, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const RTT_US = 100_000
const AUTHOR = 1
const stateAt = (head: Partial<PoseQ>, left: Partial<PoseQ> = {}): EditorFrameState =>
  ({ head: { ...ORIGIN_POSE, ...head }, left: { ...ORIGIN_POSE, ...left }, right: ORIGIN_POSE, gesture: 3 })
/** What is told in the frame of the last of these heads, one a frame. */
function told(heads: readonly Partial<PoseQ>[], rttUs = RTT_US) {
  const prediction = new PosePrediction()
  heads.forEach((head, frame) => prediction.sample(stateAt(head), frameStartUs(frame)))
  return prediction.tell(heads.length - 1, rttUs, frameStartUs(heads.length - 1))!
}
const along = (frames: number, place: (frame: number) => Partial<PoseQ>) => Array.from({ length: frames }, (_, frame) => place(frame))
/** A turn about the y axis, so many quarter degrees. */
const turned = (quarters: number) => {
  const half = (quarters / 4) * (Math.PI / 360)
  return { qy: Math.round(Math.sin(half) * ROTATION_ONE), qw: Math.round(Math.cos(half) * ROTATION_ONE) }
}

/** A headset whose head is where the test puts it. */
class Head implements XRFrameLike {
  at: PointLike = { x: 0, y: 0, z: 0 }
  readonly #orientation: OrientationLike = { x: 0, y: 0, z: 0, w: 1 }
  readonly session: XRSessionLike = { inputSources: [], addEventListener() {}, removeEventListener() {} }
  getPose = (): null => null
  getViewerPose() {
    return { transform: { position: this.at, orientation: this.#orientation } }
  }
}
/** A member whose head is at `x(frame)` metres, over frames of the session, with 50 ms each way; its errors in steps. */
function worn(frames: number, x: (frame: number) => number) {
  const loopback = new Loopback()
  loopback.carry = () => [{ delayUs: 50_000 }]
  const head = new Head()
  const ana = loopback.join('ana')
  ana.peer.attachXR(head.session, {})
  const heads: number[] = []
  for (let step = 0; step < frames; step++) {
    const frame = loopback.frame + 1
    head.at = { x: x(frame), y: 0, z: 0 }
    heads[frame] = Math.floor(x(frame) * STEPS_PER_METRE + 0.5)
    loopback.nowUs = frameStartUs(frame)
    if (ana.peer.author !== undefined) ana.give({ kind: 'xrFrame', frame: head, index: frame })
    loopback.run(1)
  }
  return { loopback, ana, heads }
}
const errors = (ana: Actor<Client>) => {
  const { histograms } = ana.peer.diagnostics.telemetry
  return { error: histograms['pose.errorSteps'], unpredicted: histograms['pose.unpredictedSteps'] }
}

describe('the horizon', () => {
  it('R-PREDICT-1 is half the round trip and the wait for a frame, bounded, and nothing while no round trip is known', () => {
    expect(horizonOf(0)).toBe(0)
    // What arrives within the frame in which it was sent is shown by the next one.
    expect([1, 22_222].map(horizonOf)).toEqual([11_111, 11_111])
    // 50 ms are four frames of 11,111 us and a part of the fifth.
    expect(horizonOf(100_000)).toBe(frameStartUs(5))
    expect([10_000_000, 2 ** 40].map(horizonOf)).toEqual([frameStartUs(PREDICTION_FRAMES_MAX), frameStartUs(PREDICTION_FRAMES_MAX)])
    expect(told(along(3, () => ({})), 0)).toMatchObject({ horizonUs: 0, frame: 2, sequence: 0, gesture: 3 })
  })
})

describe('what is told', () => {
  it('R-PREDICT-2 is where an even motion has led to at the horizon, and where it is without a horizon', () => {
    const motion = along(10, (frame) => ({ x: 9 * frame, y: -3 * frame, z: 1000 }))
    expect(told(motion).head).toEqual({ ...ORIGIN_POSE, x: 9 * 14, y: -3 * 14, z: 1000 })
    expect(told(motion, 0).head).toEqual({ ...ORIGIN_POSE, ...motion[9] })
  })

  it('R-PREDICT-2 turns on as it turned, with either sign of the same rotation, and is a rotation', () => {
    const head = told(along(10, (frame) => turned(8 * frame))).head
    const wanted = turned(8 * 14)
    expect(Math.abs(head.qy - wanted.qy)).toBeLessThan(60)
    expect(Math.abs(head.qw - wanted.qw)).toBeLessThan(60)
    const length = Math.sqrt(head.qx ** 2 + head.qy ** 2 + head.qz ** 2 + head.qw ** 2)
    expect(Math.abs(length - ROTATION_ONE)).toBeLessThan(1)
    const flipped = along(10, (frame) => {
      const { qy, qw } = turned(8 * frame)
      return frame >= 8 ? { qy, qw } : { qy: -qy, qw: -qw }
    })
    expect(told(flipped).head).toEqual(head)
  })

  it('R-PREDICT-2 is what was sampled over a jump, a turn that is none, or a pause, and goes on from there', () => {
    const perFrame = Math.floor(PREDICTION_SPEED_MAX / 90)
    const jump = [...along(5, (frame) => ({ x: 9 * frame })), { x: 36 + perFrame + 1 }]
    expect(told(jump).head.x).toBe(36 + perFrame + 1)
    expect(told([...jump, { x: 36 + perFrame + 11 }]).head.x).toBe(36 + perFrame + 11 + 50)
    expect(told(along(2, (frame) => ({ x: perFrame * frame }))).head.x).toBe(perFrame * 6)
    const whirled = [...along(5, (frame) => ({ x: 9 * frame })), { x: 45, ...turned(80) }]
    expect(told(whirled).head).toEqual({ ...ORIGIN_POSE, ...whirled[5] })
    const paused = new PosePrediction()
    paused.sample(stateAt({ x: 0 }), 0)
    paused.sample(stateAt({ x: 9 }), 11_111)
    expect(paused.tell(9, RTT_US, 11_111 + PREDICTION_PAUSE_US)?.head.x).toBeGreaterThan(9)
    expect(paused.tell(9, RTT_US, 11_112 + PREDICTION_PAUSE_US)?.head.x).toBe(9)
    paused.sample(stateAt({ x: 18 }), 11_112 + PREDICTION_PAUSE_US)
    expect(paused.tell(9, RTT_US, 11_112 + PREDICTION_PAUSE_US)?.head.x).toBe(18)
    // Frames that a driver makes up for have one instant.
    paused.sample(stateAt({ x: 19 }), 11_112 + PREDICTION_PAUSE_US)
    expect(paused.tell(9, RTT_US, 11_112 + PREDICTION_PAUSE_US)?.head.x).toBe(19)
  })

  it('R-PREDICT-2 each limb is foreseen by itself, and nothing is told before the first sample', () => {
    const prediction = new PosePrediction()
    expect(prediction.tell(0, RTT_US, 0)).toBeUndefined()
    prediction.sample(undefined, 0)
    expect(prediction.tell(0, RTT_US, 0)).toBeUndefined()
    for (let frame = 0; frame < 6; frame++) prediction.sample(stateAt({ x: 9 * frame }, { x: frame === 5 ? 5000 : 0 }), frameStartUs(frame))
    const { head, left, right, sequence } = prediction.tell(5, RTT_US, frameStartUs(5))!
    expect([head.x, left.x, right.x, sequence]).toEqual([90, 5000, 0, 0])
    expect(prediction.tell(6, RTT_US, frameStartUs(6))?.sequence).toBe(1)
  })
})

describe('the correction', () => {
  const shown = (x: number): World => {
    const world = new World()
    world.set(memberEntity(AUTHOR), HeadPose, { ...ORIGIN_POSE, x })
    return world
  }

  it('R-PREDICT-3 is held against where the limb was at the frame, beside what sending it as it was had given', () => {
    const prediction = new PosePrediction()
    for (let frame = 0; frame < 20; frame++) {
      // It stops in frame 15.
      prediction.sample(stateAt({ x: 9 * Math.min(frame, 15) }), frameStartUs(frame))
      prediction.tell(frame, RTT_US, frameStartUs(frame))
    }
    // Of frame 9, five frames ahead.
    expect(prediction.judge(14, AUTHOR, shown(9 * 14))).toEqual([{ error: 0, unpredicted: 45 }])
    expect(prediction.judge(17, AUTHOR, shown(9 * 17))).toEqual([{ error: 18, unpredicted: 27 }])
    expect(prediction.judge(17, AUTHOR, shown(5))).toEqual([])
    expect(prediction.judge(20, AUTHOR, shown(9 * 15))).toEqual([])
    expect(prediction.judge(17, AUTHOR + 1, shown(9 * 17))).toEqual([])
  })

  it('R-PREDICT-3 is not reckoned from moments that are forgotten', () => {
    const prediction = new PosePrediction()
    prediction.sample(stateAt({ x: 1 }), 0)
    for (let frame = 0; frame <= PREDICTION_HISTORY_FRAMES; frame++) prediction.tell(frame, 0, 0)
    expect(prediction.judge(0, AUTHOR, shown(1))).toEqual([])
    expect(prediction.judge(1, AUTHOR, shown(1))).toEqual([{ error: 0, unpredicted: 0 }])
  })

  it('R-PREDICT-3 a head that moves evenly is shown where it is, with 50 ms each way; one that stops is off by its way at most', () => {
    // 1 m/s, 5.7 steps a frame; five frames lie between a sample and the frame that shows it. Two of three limbs, the hands, are still.
    const even = worn(200, (frame) => frame / 90)
    const { error, unpredicted } = errors(even.ana)
    expect(error.count).toBeGreaterThan(100)
    expect(unpredicted.p90).toBeGreaterThanOrEqual(27)
    expect(error.p90).toBeLessThanOrEqual(2)
    const row = even.loopback.host.peer.world.get(memberEntity(even.ana.peer.author!), HeadPose)!
    expect(Math.abs(row.x - even.heads[even.loopback.frame])).toBeLessThanOrEqual(2)
    const stopping = worn(200, (frame) => Math.min(frame, 120) / 90)
    // While no round trip was known, and once it had stopped.
    expect(errors(stopping.ana).error.max).toBeLessThanOrEqual(40)
    expect(stopping.loopback.host.peer.world.get(memberEntity(1), HeadPose)!.x).toBe(stopping.heads[150])
  })
})
