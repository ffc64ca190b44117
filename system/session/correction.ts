/**
 * How right a member's prediction of itself was: for each frame that it confirms, how far the host's head and hands of it are from where
 * they really were at that frame, and how far they would have been had it sent them as they were.
 */
import { memberEntity } from '../commands/registry.ts'
import { HeadPose, LeftHandPose, RightHandPose } from '../ecs/components.ts'
import type { World } from '../ecs/world.ts'
import type { EditorFrameState } from '../editor/editor.ts'
import type { AuthorId } from '../ids.ts'
import { PREDICTION_HISTORY_FRAMES } from '../limits.ts'
import type { PoseQ } from '../protocol/messages.ts'
import type { Correction } from '../telemetry/diagnostics.ts'

/** What of a body is tracked. */
export type Limbs = Pick<EditorFrameState, 'head' | 'left' | 'right'>
export const LIMBS = ['head', 'left', 'right'] as const
const SHOWN = { head: HeadPose, left: LeftHandPose, right: RightHandPose } as const

type Place = Pick<PoseQ, 'x' | 'y' | 'z'>
/** What a member was like at a frame, and what it told of itself then. */
interface Moment {
  readonly frame: number
  readonly was: Limbs
  readonly told: Limbs
}

export class PoseCorrection {
  /** The last PREDICTION_HISTORY_FRAMES, by frame. */
  readonly #moments: (Moment | undefined)[] = []

  note(frame: number, was: Limbs, told: Limbs): void {
    this.#moments[frame % PREDICTION_HISTORY_FRAMES] = { frame, was, told }
  }

  /** One, rounded down, for each limb that `world`, the host's of `frame`, has of this author, and of which it is known where it was. */
  measure(frame: number, author: AuthorId, world: World): Correction[] {
    const moment = this.#at(frame)
    if (moment === undefined) return []
    return LIMBS.flatMap((limb): Correction[] => {
      const shown = world.get(memberEntity(author), SHOWN[limb])
      const source = shown && this.#sourceOf(frame, limb, shown)
      if (shown === undefined || source === undefined) return []
      const was = moment.was[limb]
      return [{ error: distance(shown, was), unpredicted: distance(source.was[limb], was) }]
    })
  }

  /** The newest moment up to a frame that told of this place. */
  #sourceOf(frame: number, limb: keyof Limbs, { x, y, z }: Place): Moment | undefined {
    for (let back = 0; back < PREDICTION_HISTORY_FRAMES; back++) {
      const moment = this.#at(frame - back)
      const told = moment?.told[limb]
      if (told !== undefined && told.x === x && told.y === y && told.z === z) return moment
    }
    return undefined
  }
  #at(frame: number): Moment | undefined {
    const moment = frame < 0 ? undefined : this.#moments[frame % PREDICTION_HISTORY_FRAMES]
    return moment?.frame === frame ? moment : undefined
  }
}

const distance = (a: Place, b: Place): number => {
  const [x, y, z] = [a.x - b.x, a.y - b.y, a.z - b.z]
  return Math.floor(Math.sqrt(x * x + y * y + z * z))
}
