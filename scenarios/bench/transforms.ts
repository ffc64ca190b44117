/** What the change of a transform costs on the wire and in time: bodies that circle and bounce, every byte of the message counted. */
import { aligned } from '../../reports/table.ts'
import { BodyPose, ROTATION_ONE, STEPS_PER_METRE } from '../../system/ecs/components.ts'
import { streamRotation } from '../../system/ecs/rotation.ts'
import { World } from '../../system/ecs/world.ts'
import { HASH64_ZERO } from '../../system/ids.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { categoryOf } from '../../system/protocol/channels.ts'
import { sealEnvelope } from '../../system/protocol/envelope.ts'
import { type ComponentDelta, MessageType } from '../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'
import { applyDelta, encodeDelta } from '../../system/replication/delta.ts'
import { atMost, figure } from './aims.ts'
import { median } from './rounds.ts'

const HZ = 30
const FRAMES = 300
const BODIES = 250
const GRAVITY = 9.81
/** Bytes of a changed transform: what is asked for, and what others reach. */
const BYTES_AIM = 7
const BYTES_GOAL = 2
/** The golden ratio's fraction. */
const WEYL_STEP = 0.618033988749895
const US_PER_MS = 1000

/** A point that goes round the unit circle in equal steps; angles are given by the tangents of their halves: no inexact function. */
class Turning {
  cosine: number
  sine: number
  readonly #stepCosine: number
  readonly #stepSine: number

  constructor(tangent: number, stepTangent: number) {
    const [square, stepSquare] = [tangent * tangent, stepTangent * stepTangent]
    this.cosine = (1 - square) / (1 + square)
    this.sine = (2 * tangent) / (1 + square)
    this.#stepCosine = (1 - stepSquare) / (1 + stepSquare)
    this.#stepSine = (2 * stepTangent) / (1 + stepSquare)
  }

  step(): void {
    const { cosine, sine } = this
    this.cosine = cosine * this.#stepCosine - sine * this.#stepSine
    this.sine = sine * this.#stepCosine + cosine * this.#stepSine
  }
}

/** A body on a circle of its own (1 to 5 m, 0.5 to 2 rad/s), that bounces and turns about an axis of its own (0.5 to 3 rad/s). */
class Body {
  readonly #path: Turning
  /** Of half the angle. */
  readonly #spin: Turning
  readonly #radius: number
  readonly #centre: { readonly x: number; readonly z: number }
  readonly #axis: readonly number[]
  #height: number
  #rise = 0

  constructor(seed: number) {
    // Weyl's sequence: spread evenly, which is all that is asked of it.
    const chance = (of: number) => ((seed * 12 + of) * WEYL_STEP) % 1
    this.#height = 1 + 3 * chance(0)
    this.#path = new Turning(4 * chance(1) - 2, ((chance(2) < 0.5 ? -1 : 1) * (0.5 + 1.5 * chance(3))) / (2 * HZ))
    this.#spin = new Turning(4 * chance(4) - 2, (0.5 + 2.5 * chance(5)) / (4 * HZ))
    this.#radius = 1 + 4 * chance(6)
    this.#centre = { x: 40 * chance(7), z: 40 * chance(8) }
    const axis = [9, 10, 11].map((of) => chance(of) - 0.5)
    const length = Math.sqrt(axis.reduce((sum, part) => sum + part * part, 0))
    this.#axis = axis.map((part) => part / length)
  }

  step(): void {
    this.#path.step()
    this.#spin.step()
    this.#rise -= GRAVITY / HZ
    this.#height += this.#rise / HZ
    if (this.#height >= 0) return
    this.#height = -this.#height
    this.#rise = Math.max(3, -0.9 * this.#rise)
  }

  row() {
    const steps = (metres: number) => Math.floor(metres * STEPS_PER_METRE + 0.5)
    const [qx, qy, qz] = this.#axis.map((part) => part * this.#spin.sine * ROTATION_ONE)
    return {
      x: steps(this.#centre.x + this.#radius * this.#path.cosine), y: steps(this.#height),
      z: steps(this.#centre.z + this.#radius * this.#path.sine),
      ...streamRotation({ qx, qy, qz, qw: this.#spin.cosine * ROTATION_ONE }), asleep: 0,
    }
  }
}

/** @param nowMs a wall clock. */
export function transforms(nowMs: () => number): string[] {
  const [host, client] = [new World({ tracksChanges: true }), new World()]
  const codec = new Codec()
  const bodies = Array.from({ length: BODIES }, (_, i) => new Body(i + 1))
  const sizes: number[] = []
  const [encodeUs, applyUs]: [number[], number[]] = [[], []]
  for (let frame = 1; frame <= FRAMES; frame++) {
    bodies.forEach((body, entity) => {
      body.step()
      host.set(entity, BodyPose, body.row())
    })
    const beganMs = nowMs()
    const body = encodeDelta(host)
    const encodedMs = nowMs()
    applyDelta(client, body)
    const appliedMs = nowMs()
    const delta: ComponentDelta = {
      kind: 'ComponentDelta', epoch: 1, frame, closedLamport: 0, admittedCount: 0, admittedDigest: HASH64_ZERO, stateDigest: host.digest(),
      baseFrame: frame - 1, interest: 0, listed: false, leap: false, body,
    }
    const message = sealEnvelope(MessageType.ComponentDelta, categoryOf('ComponentDelta'), frame, codec.encode(delta), SCHEMA_HASH)
    if (frame === 1) continue
    sizes.push(message.length / BODIES)
    encodeUs.push((encodedMs - beganMs) * US_PER_MS)
    applyUs.push((appliedMs - encodedMs) * US_PER_MS)
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
  return aligned(
    ['bodies#', 'Hz#', 'bytes a change#', 'encode, us#', 'apply, us#', `at most ${BYTES_AIM}`, `at most ${BYTES_GOAL}`],
    [[BODIES, HZ, figure(bytes), figure(median(encodeUs)), figure(median(applyUs)), atMost(bytes, BYTES_AIM), atMost(bytes, BYTES_GOAL)]],
  )
}
