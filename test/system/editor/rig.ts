/** An editor in a simulated headset, over a small world, with its intents applied as the log would. */
import { prepareXR } from '../../../platform/xr.ts'
import { createHeadset, type Headset } from '../../../sim/xr/headset.ts'
import { Bounds, Placement, ROTATION_ONE, Selection, Transform } from '../../../system/ecs/components.ts'
import { Editor, type EditorFrameState } from '../../../system/editor/editor.ts'
import type { EditorIntent } from '../../../system/editor/intents.ts'
import { NO_PROBE } from '../../../system/ports.ts'
import { MapStore } from '../../support/mapstore.ts'

export const AUTHOR = 3
/** Half an edge of a box, in 1/512 m: 25 cm. */
const HALF = 128
const UPRIGHT = { qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE }

export interface Rig {
  readonly headset: Headset
  readonly editor: Editor
  readonly world: MapStore
  readonly intents: EditorIntent[]
  /** `hand type entity` of each xrInput event. */
  readonly reports: string[]
  readonly frames: EditorFrameState[]
  /** Pumps so many frames. */
  run(frames?: number): void
}

/** Puts a box of half a metre's edge at a place given in metres. */
export function putBox(world: MapStore, entity: number, [x, y, z]: readonly number[], rotation = UPRIGHT, scale = 256): void {
  world.set(entity, Transform, { x: x * 512, y: y * 512, z: z * 512, ...rotation, sx: scale, sy: scale, sz: scale })
  world.set(entity, Bounds, { hx: HALF, hy: HALF, hz: HALF })
}

export function putPlacement(world: MapStore, entity: number, [x, y, z]: readonly number[]): void {
  world.set(entity, Placement, { asset: 1, region: 0, x: x * 512, y: y * 512, z: z * 512, ...UPRIGHT, scale: 256, tags: 0 })
}

export async function createRig(world = new MapStore()): Promise<Rig> {
  const headset = await createHeadset(await prepareXR())
  const intents: EditorIntent[] = []
  const reports: string[] = []
  const frames: EditorFrameState[] = []
  const editor = new Editor({
    author: AUTHOR,
    probe: NO_PROBE,
    view: () => world,
    emit(intent) {
      intents.push(intent)
      if (intent.kind === 'select') world.set(intent.entity, Selection, { author: AUTHOR })
      if (intent.kind === 'deselect') world.delete(intent.entity, Selection)
    },
    report: ({ hand, type, entity }) => reports.push(`${hand} ${type} ${entity}`),
  })
  editor.attach(headset.session, headset.referenceSpace)
  let index = 0
  headset.session.requestAnimationFrame(function callback(_timeMs, frame) {
    headset.session.requestAnimationFrame(callback)
    frames.push(editor.onFrame(frame, index))
  })
  return {
    headset, editor, world, intents, reports, frames,
    run(count = 1) {
      for (let i = 0; i < count; i++, index++) headset.pump(Math.floor((index * 1_000_000) / 90))
    },
  }
}
