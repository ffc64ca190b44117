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
import { mix32 } from '../../sim/choice.ts'
import { atMost, figure } from './aims.ts'
import { median } from './rounds.ts'

const HZ = 30
const FRAMES = 300
const BODIES = 250
const GRAVITY = 9.81
/** Bytes of a changed transform: what is asked for, and what others reach. */
const BYTES_AIM = 7
const BYTES_GOAL = 2
const U32_SPAN = 2 ** 32
const US_PER_MS = 1000

/** A body on a circle of its own, that bounces and turns about an axis of its own. */
class Body {
  readonly #chance: (of: number) => number
  #height: number
  #rise = 0

  constructor(seed: number) {
    this.#chance = (of) => mix32(seed, of) / U32_SPAN
    this.#height = 1 + 3 * this.#chance(0)
  }

  /** After so many frames; to be called for each in turn. */
  at(frame: number) {
    const chance = this.#chance
    const seconds = frame / HZ
    this.#rise -= GRAVITY / HZ
    this.#height += this.#rise / HZ
    if (this.#height < 0) {
      this.#height = -this.#height
      this.#rise = Math.max(3, -0.9 * this.#rise)
    }
    const angle = (chance(1) < 0.5 ? -1 : 1) * (0.5 + 1.5 * chance(2)) * seconds + 6 * chance(3)
    const radius = 1 + 4 * chance(4)
    const [i, j, k] = [chance(5) - 0.5, chance(6) - 0.5, chance(7) - 0.5]
    const half = (6 * chance(8) + (0.5 + 2.5 * chance(9)) * seconds) / 2
    const part = (Math.sin(half) / Math.sqrt(i * i + j * j + k * k)) * ROTATION_ONE
    const steps = (metres: number) => Math.floor(metres * STEPS_PER_METRE + 0.5)
    const rotation = { qx: i * part, qy: j * part, qz: k * part, qw: Math.cos(half) * ROTATION_ONE }
    return {
      x: steps(40 * chance(10) + radius * Math.cos(angle)), y: steps(this.#height), z: steps(40 * chance(11) + radius * Math.sin(angle)),
      ...streamRotation(rotation), asleep: 0,
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
    bodies.forEach((body, entity) => host.set(entity, BodyPose, body.at(frame)))
    const beganMs = nowMs()
    const body = encodeDelta(host)
    const encodedMs = nowMs()
    applyDelta(client, body)
    const appliedMs = nowMs()
    const delta: ComponentDelta = {
      kind: 'ComponentDelta', epoch: 1, frame, closedLamport: 0, admittedCount: 0, admittedDigest: HASH64_ZERO, stateDigest: host.digest(),
      baseFrame: frame - 1, interest: 0, listed: false, body,
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
