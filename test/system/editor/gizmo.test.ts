import * as fc from 'fast-check'
import { Quaternion } from 'three/src/math/Quaternion.js'
import { Vector3 } from 'three/src/math/Vector3.js'
import { describe, expect, test } from 'vitest'
import { createGizmo, type Grip } from '../../../system/editor/gizmo.ts'
import type { EditorIntent } from '../../../system/editor/intents.ts'
import { ORIGIN_POSE, quantizedPose } from '../../../system/editor/poses.ts'
import type { Constraint } from '../../../system/editor/tools.ts'
import type { PoseQ } from '../../../system/protocol/messages.ts'

const ENTITY = 7
const metres = fc.double({ min: -3, max: 3, noNaN: true })
const part = fc.double({ min: -1, max: 1, noNaN: true })
const hand: fc.Arbitrary<PoseQ> = fc
  .tuple(metres, metres, metres, part, part, part, part)
  .map(([x, y, z, i, j, k, w]) => quantizedPose({ position: { x, y, z }, orientation: { x: i, y: j, z: k, w } }) ?? ORIGIN_POSE)
/** A drag: where the hand was at each frame, and whether a step was taken then. The last step always is. */
const drag = fc.tuple(hand, fc.array(fc.tuple(hand, fc.boolean()), { minLength: 1, maxLength: 40, size: 'max' }))
type Drag = [PoseQ, [PoseQ, boolean][]]

const grip = (start: PoseQ, patch: Partial<Grip> = {}): Grip =>
  ({ entity: ENTITY, hand: start, pivot: { x: 0, y: 0, z: 0 }, scale: 256, normal: new Vector3(0, 1, 0), ...patch })

function stepsOf(constraint: Constraint, [start, moves]: Drag, patch?: Partial<Grip>): EditorIntent[] {
  const gizmo = createGizmo(constraint, grip(start, patch))
  const steps: EditorIntent[] = []
  for (const [index, [pose, taken]] of moves.entries()) {
    gizmo.move(pose)
    const step = taken || index === moves.length - 1 ? gizmo.take() : undefined
    if (step !== undefined) steps.push(step)
  }
  return steps
}

const sum = (steps: EditorIntent[]) => {
  const total = { x: 0, y: 0, z: 0 }
  for (const step of steps) {
    if (step.kind !== 'translate') throw new Error(`expected a translate, got ${step.kind}`)
    total.x += step.dx
    total.y += step.dy
    total.z += step.dz
  }
  return total
}
const check = (law: (drag: Drag) => void): void => fc.assert(fc.property(drag, law), { seed: 3, numRuns: 300 })

describe('the steps of a drag', () => {
  test('R-XR-2 add up to the whole quantised motion, whatever the rhythm', () => {
    check((drag) => {
      const [start, moves] = drag
      const end = moves[moves.length - 1][0]
      expect(sum(stepsOf('free', drag))).toEqual({ x: end.x - start.x, y: end.y - start.y, z: end.z - start.z })
    })
  })

  test('along an axis add up to the part of the motion along it', () => {
    const normal = new Vector3(0.6, 0, -0.8)
    check((drag) => {
      const [start, moves] = drag
      const end = moves[moves.length - 1][0]
      const along = (end.x - start.x) * 0.6 + (end.z - start.z) * -0.8
      const total = sum(stepsOf('axis', drag, { normal }))
      expect(total).toEqual({ x: Math.floor(0.6 * along + 0.5), y: 0, z: Math.floor(-0.8 * along + 0.5) })
    })
  })

  test('turn about +Y as far as the hand did, to the rounding of one step', () => {
    check((drag) => {
      const [start, moves] = drag
      const product = new Quaternion()
      for (const step of stepsOf('turn', drag)) {
        if (step.kind !== 'rotate') throw new Error(`expected a rotate, got ${step.kind}`)
        expect([step.qx, step.qz]).toEqual([0, 0])
        expect(step.qw).toBeGreaterThanOrEqual(0)
        product.premultiply(new Quaternion(step.qx, step.qy, step.qz, step.qw).normalize())
      }
      const end = moves[moves.length - 1][0]
      const turn = new Quaternion(end.qx, end.qy, end.qz, end.qw).normalize()
      turn.multiply(new Quaternion(start.qx, start.qy, start.qz, start.qw).normalize().conjugate())
      fc.pre(turn.y * turn.y + turn.w * turn.w > 0.001)
      const twist = new Quaternion(0, turn.y, 0, turn.w).normalize()
      expect(Math.abs(twist.dot(product))).toBeGreaterThan(1 - 1e-8)
    })
  })

  test('do not drift on a slow turn, where each is rounded by as much as it is large', () => {
    // Near a quarter turn, one part of qy is 1.4 parts of half the angle: 300 steps rounded each by itself would lose 120 parts.
    const at = (k: number): PoseQ => {
      const y = 0.7 + k / 32767
      return quantizedPose({ position: { x: 0, y: 0, z: 0 }, orientation: { x: 0, y, z: 0, w: Math.sqrt(1 - y * y) } })!
    }
    const steps = stepsOf('turn', [at(0), Array.from({ length: 300 }, (_, k) => [at(k + 1), true])])
    const product = new Quaternion()
    for (const step of steps) if (step.kind === 'rotate') product.premultiply(new Quaternion(0, step.qy, 0, step.qw).normalize())
    const [from, to] = [at(0), at(300)]
    const turn = new Quaternion(0, to.qy, 0, to.qw).multiply(new Quaternion(0, from.qy, 0, from.qw).conjugate()).normalize()
    expect(Math.abs(product.y - turn.y)).toBeLessThan(1 / 32767)
  })

  test('scale by the ratio of the hand’s distances, rounding where the log rounds', () => {
    check((drag) => {
      const [start, moves] = drag
      const distance = ({ x, y, z }: PoseQ) => Math.max(16, Math.sqrt(x * x + y * y + z * z))
      fc.pre(distance(start) > 128)
      let scale = 256
      for (const step of stepsOf('scale', drag)) {
        if (step.kind !== 'scale') throw new Error(`expected a scale, got ${step.kind}`)
        scale = Math.max(1, Math.floor((scale * step.numerator) / step.denominator + 0.5))
      }
      const wanted = (256 * distance(moves[moves.length - 1][0])) / distance(start)
      // The factor is one of 256ths, so that a scale of s is met to s/512, and to half a step of its own.
      expect(Math.abs(scale - wanted)).toBeLessThanOrEqual(wanted / 256 + 1)
    })
  })

  test('are none where nothing moved', () => {
    for (const constraint of ['free', 'axis', 'turn', 'scale'] as const) {
      expect(stepsOf(constraint, [ORIGIN_POSE, [[ORIGIN_POSE, true]]])).toEqual([])
    }
  })
})

describe('a quantised pose', () => {
  test('has a unit quaternion, whatever length the device gave it', () => {
    const position = { x: 1, y: -0.5, z: 1 / 1024 }
    expect(quantizedPose({ position, orientation: { x: 0, y: 3, z: 0, w: 4 } })).toEqual(
      { x: 512, y: -256, z: 1, qx: 0, qy: Math.floor(0.6 * 32767 + 0.5), qz: 0, qw: Math.floor(0.8 * 32767 + 0.5) },
    )
  })

  test('is unknown where tracking tells nonsense', () => {
    const upright = { x: 0, y: 0, z: 0, w: 1 }
    const origin = { x: 0, y: 0, z: 0 }
    expect(quantizedPose({ position: { ...origin, x: NaN }, orientation: upright })).toBeUndefined()
    expect(quantizedPose({ position: { ...origin, y: 9000 }, orientation: upright })).toBeUndefined()
    expect(quantizedPose({ position: origin, orientation: { x: 0, y: 0, z: 0, w: 0 } })).toBeUndefined()
    expect(quantizedPose({ position: origin, orientation: { ...upright, w: NaN } })).toBeUndefined()
  })
})
