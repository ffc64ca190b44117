import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Selection, Transform } from '../../../system/ecs/components.ts'
import { COALESCE_FRAMES, Editor, RIGHT_HAND_SHIFT, SQUEEZE_GESTURE, TRIGGER_GESTURE } from '../../../system/editor/editor.ts'
import { type EditorIntent, NO_ENTITY } from '../../../system/editor/intents.ts'
import { ORIGIN_POSE } from '../../../system/editor/poses.ts'
import { NO_PROBE } from '../../../system/ports.ts'
import { MapStore } from '../../support/mapstore.ts'
import { AUTHOR, createRig, putBox, putPlacement, type Rig } from './rig.ts'

const BOX = 40
const OTHER_BOX = 41
const PLACEMENT = 50
const BOX_METRES = { x: 1, y: 1, z: -3 }
const RIGHT_HAND = { x: 0.25, y: 1.25, z: 0 }
const FORWARD = { x: 0, y: 0, z: 0, w: 1 }

function smallWorld(): MapStore {
  const world = new MapStore()
  putBox(world, BOX, [1, 1, -3])
  putBox(world, OTHER_BOX, [-1, 1, -3])
  putPlacement(world, PLACEMENT, [0, 3, -3])
  return world
}
const atBox = ({ headset }: Rig) => headset.right.aim(RIGHT_HAND, BOX_METRES)
/** Without what is only shown to others: hovering, which every ray does, and where things are meanwhile. */
const SHOWN = new Set(['hover', 'cursor', 'gizmo'])
const acts = ({ intents }: Rig): EditorIntent[] => intents.filter(({ kind }) => !SHOWN.has(kind))
const click = (rig: Rig): void => {
  rig.headset.right.press('trigger').release('trigger')
  rig.run(2)
}
/** Presses A so often. */
const cycle = (rig: Rig, times: number): void => {
  for (let i = 0; i < times; i++) {
    rig.headset.right.press('a').release('a')
    rig.run(2)
  }
  rig.intents.length = 0
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the trigger', () => {
  test('R-XR-1 selects what the ray hits, once, when it is let go', async () => {
    const rig = await createRig(smallWorld())
    atBox(rig).press('trigger')
    rig.run()
    expect(acts(rig)).toEqual([])
    rig.headset.right.release('trigger')
    rig.run()
    expect(acts(rig)).toEqual([{ kind: 'select', entity: BOX }])
    expect(rig.reports).toEqual([`right selectstart ${NO_ENTITY}`, `right select ${BOX}`, `right selectend ${NO_ENTITY}`])
  })

  test('lets go what this author has, and takes over what another has', async () => {
    const world = smallWorld()
    world.set(BOX, Selection, { author: AUTHOR })
    world.set(OTHER_BOX, Selection, { author: AUTHOR + 1 })
    const rig = await createRig(world)
    atBox(rig)
    click(rig)
    rig.headset.right.aim(RIGHT_HAND, { x: -1, y: 1, z: -3 })
    click(rig)
    expect(acts(rig)).toEqual([{ kind: 'deselect', entity: BOX }, { kind: 'select', entity: OTHER_BOX }])
  })

  test('on nothing lets everything go that is this author’s own', async () => {
    const world = smallWorld()
    for (const entity of [BOX, PLACEMENT]) world.set(entity, Selection, { author: AUTHOR })
    world.set(OTHER_BOX, Selection, { author: AUTHOR + 1 })
    const rig = await createRig(world)
    rig.headset.right.aim(RIGHT_HAND, { x: 0, y: 1, z: 5 })
    click(rig)
    expect(acts(rig)).toEqual([{ kind: 'deselect', entity: BOX }, { kind: 'deselect', entity: PLACEMENT }])
  })
})

describe('a drag', () => {
  test('R-XR-2 moves the entity by exactly what the hand moved, with at most one step in nine frames', async () => {
    const metres = fc.double({ min: -2, max: 2, noNaN: true })
    const path = fc.array(fc.tuple(metres, metres, metres), { minLength: 1, maxLength: 60, size: 'max' })
    const squeeze = fc.asyncProperty(path, async (places) => {
      const rig = await createRig(smallWorld())
      atBox(rig).press('squeeze')
      const at: number[] = []
      const step = (frame: number): void => {
        const before = acts(rig).length
        rig.run()
        if (acts(rig).length > before) at.push(frame)
      }
      step(0)
      const start = rig.frames[0].right
      for (const [frame, [x, y, z]] of places.entries()) {
        rig.headset.right.set({ position: { x, y, z }, orientation: FORWARD })
        step(frame + 1)
      }
      const coalesced = [...at]
      rig.headset.right.release('squeeze')
      step(places.length + 1)
      const end = rig.frames.at(-1)!.right
      const total = { dx: 0, dy: 0, dz: 0 }
      for (const intent of acts(rig)) {
        if (intent.kind !== 'translate') throw new Error(`expected a translate, got ${intent.kind}`)
        expect(intent.entity).toBe(BOX)
        total.dx += intent.dx
        total.dy += intent.dy
        total.dz += intent.dz
      }
      expect(total).toEqual({ dx: end.x - start.x, dy: end.y - start.y, dz: end.z - start.z })
      for (const [index, frame] of coalesced.entries()) {
        expect(frame - (coalesced[index - 1] ?? 0)).toBeGreaterThanOrEqual(index === 0 ? COALESCE_FRAMES - 1 : COALESCE_FRAMES)
      }
    })
    await fc.assert(squeeze, { seed: 4, numRuns: 60 })
  })

  test('with the translate tool goes along the normal of the face that was hit', async () => {
    const rig = await createRig(smallWorld())
    rig.headset.right.aim({ x: 1, y: 1, z: 0 }, BOX_METRES)
    cycle(rig, 1)
    rig.headset.right.press('squeeze')
    rig.run()
    rig.headset.right.set({ position: { x: 2, y: 2, z: 0.5 }, orientation: FORWARD }).release('squeeze')
    rig.run()
    expect(acts(rig)).toEqual([{ kind: 'translate', entity: BOX, dx: 0, dy: 0, dz: 256 }])
  })

  test('with the rotate tool turns about +Y as the hand turns', async () => {
    const rig = await createRig(smallWorld())
    rig.headset.right.aim({ x: 1, y: 1, z: 0 }, BOX_METRES)
    cycle(rig, 2)
    rig.headset.right.press('squeeze')
    rig.run()
    rig.headset.right.set({ position: { x: 1, y: 1, z: 0 }, orientation: { x: 0, y: 3, z: 0, w: 4 } }).release('squeeze')
    rig.run()
    expect(acts(rig)).toEqual([{ kind: 'rotate', entity: BOX, qx: 0, qy: 19660, qz: 0, qw: 26214 }])
  })

  test('with the scale tool grows as the hand draws away', async () => {
    const rig = await createRig(smallWorld())
    rig.headset.right.aim({ x: 1, y: 1, z: -1 }, BOX_METRES)
    cycle(rig, 3)
    rig.headset.right.press('squeeze')
    rig.run()
    rig.headset.right.set({ position: { x: 1, y: 1, z: 0 }, orientation: FORWARD }).release('squeeze')
    rig.run()
    expect(acts(rig)).toEqual([{ kind: 'scale', entity: BOX, numerator: 384, denominator: 256 }])
  })

  test('takes hold of a placement as well', async () => {
    const rig = await createRig(smallWorld())
    rig.headset.left.aim({ x: 0, y: 3, z: 0 }, { x: 0, y: 3, z: -3 }).press('squeeze')
    rig.run()
    rig.headset.left.set({ position: { x: 0, y: 2, z: 0 }, orientation: FORWARD }).release('squeeze')
    rig.run()
    expect(acts(rig)).toEqual([{ kind: 'translate', entity: PLACEMENT, dx: 0, dy: -512, dz: 0 }])
    expect(rig.reports).toEqual([`left squeezestart ${PLACEMENT}`, `left squeeze ${NO_ENTITY}`, `left squeezeend ${PLACEMENT}`])
  })

  test('belongs to one hand: the other’s squeeze neither takes it nor ends it', async () => {
    const rig = await createRig(smallWorld())
    atBox(rig).press('squeeze')
    rig.headset.left.aim({ x: -1, y: 1, z: 0 }, { x: -1, y: 1, z: -3 })
    rig.run()
    rig.headset.left.press('squeeze').release('squeeze')
    rig.run(2)
    rig.headset.right.set({ position: { ...RIGHT_HAND, y: 2.25 }, orientation: FORWARD }).release('squeeze')
    rig.run()
    expect(acts(rig)).toEqual([{ kind: 'translate', entity: BOX, dx: 0, dy: 512, dz: 0 }])
  })

  test('is over when the entity goes away under the hand', async () => {
    const rig = await createRig(smallWorld())
    atBox(rig).press('squeeze')
    rig.run()
    rig.world.delete(BOX, Transform)
    rig.headset.right.set({ position: { x: 2, y: 2, z: 0 }, orientation: FORWARD })
    rig.run(20)
    rig.headset.right.release('squeeze')
    rig.run()
    expect(acts(rig)).toEqual([])
  })

  test('ends where the hand was when the session is let go', async () => {
    const rig = await createRig(smallWorld())
    atBox(rig).press('squeeze')
    rig.run()
    rig.headset.right.set({ position: { ...RIGHT_HAND, x: 1.25 }, orientation: FORWARD })
    rig.run()
    rig.editor.detach()
    expect(acts(rig)).toEqual([{ kind: 'translate', entity: BOX, dx: 512, dy: 0, dz: 0 }])
  })
})

describe('the A button', () => {
  test('goes through the tools and begins again, one a press', async () => {
    const rig = await createRig()
    const tools: string[] = [rig.editor.tool.name]
    for (let i = 0; i < 4; i++) {
      rig.headset.left.press('a')
      rig.run(3)
      rig.headset.left.release('a')
      rig.run(3)
      tools.push(rig.editor.tool.name)
    }
    expect(tools).toEqual(['select', 'translate', 'rotate', 'scale', 'select'])
    expect(rig.intents.map((intent) => `${intent.kind} ${'tool' in intent ? intent.tool : ''}`)).toEqual([
      'toolDeactivate 1', 'toolActivate 2', 'toolDeactivate 2', 'toolActivate 3',
      'toolDeactivate 3', 'toolActivate 4', 'toolDeactivate 4', 'toolActivate 1',
    ])
  })
})

describe('a frame', () => {
  test('tells where head and hands are, and what is held', async () => {
    const rig = await createRig()
    rig.headset.head.set({ position: { x: 0, y: 1.5, z: 0.25 }, orientation: FORWARD })
    rig.headset.left.set({ position: { x: -0.5, y: 1, z: 0 }, orientation: { x: 0, y: 1, z: 0, w: 0 } }).press('trigger')
    rig.headset.right.set({ position: { x: 0.5, y: 1, z: 0 }, orientation: FORWARD }).press('squeeze')
    rig.run()
    expect(rig.frames).toEqual([{
      head: { ...ORIGIN_POSE, y: 768, z: 128 },
      left: { x: -256, y: 512, z: 0, qx: 0, qy: 32767, qz: 0, qw: 0 },
      right: { ...ORIGIN_POSE, x: 256, y: 512 },
      gesture: TRIGGER_GESTURE | (SQUEEZE_GESTURE << RIGHT_HAND_SHIFT),
    }])
  })

  test('hovers with the hand that last did something, and says when it leaves', async () => {
    const rig = await createRig(smallWorld())
    atBox(rig)
    rig.run(20)
    rig.headset.right.aim(RIGHT_HAND, { x: 0, y: 1, z: 5 })
    rig.run(10)
    rig.headset.left.aim({ x: -1, y: 1, z: 0 }, { x: -1, y: 1, z: -3 }).press('squeeze').release('squeeze')
    rig.run(20)
    expect(rig.intents.filter(({ kind }) => kind === 'hover')).toEqual([
      { kind: 'hover', entity: BOX }, { kind: 'hover', entity: NO_ENTITY }, { kind: 'hover', entity: OTHER_BOX },
    ])
  })

  test('without poses, or with nonsense for them, leaves them as they were', () => {
    const intents: EditorIntent[] = []
    const editor = new Editor({
      author: AUTHOR, probe: NO_PROBE, view: () => smallWorld(), emit: (intent) => void intents.push(intent), report() {},
    })
    const source = { handedness: 'right', targetRaySpace: {} }
    editor.attach({ inputSources: [source], addEventListener() {}, removeEventListener() {} }, {})
    const orientation = FORWARD
    const frame = (y: number | undefined) => {
      const pose = y === undefined ? null : { transform: { position: { x: 0, y, z: 0 }, orientation } }
      return { getPose: () => pose, getViewerPose: () => pose }
    }
    const known = { ...ORIGIN_POSE, y: 512 }
    expect(editor.onFrame(frame(1), 0)).toMatchObject({ head: known, left: ORIGIN_POSE, right: known })
    expect(editor.onFrame(frame(undefined), 1)).toMatchObject({ head: known, right: known })
    expect(editor.onFrame(frame(NaN), 9)).toMatchObject({ head: known, right: known })
    expect(intents).toEqual([])
  })
})

describe('an editor', () => {
  const story = async (): Promise<Rig> => {
    const rig = await createRig(smallWorld())
    for (let i = 0; i < 4; i++) {
      atBox(rig)
      click(rig)
      rig.headset.right.press('squeeze')
      rig.run()
      for (let frame = 0; frame < 25; frame++) {
        rig.headset.right.aim({ x: 0.25 + frame / 70, y: 1.25, z: frame / 90 }, { x: 1, y: 1 + frame / 30, z: -3 })
        rig.run()
      }
      rig.headset.right.release('squeeze')
      rig.headset.left.press('a').release('a')
      rig.run(4)
    }
    return rig
  }

  test('makes the same of the same input, and reads no clock and no chance', async () => {
    const first = await story()
    const kinds = new Set(first.intents.map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual([
      'cursor', 'deselect', 'gizmo', 'hover', 'rotate', 'scale', 'select', 'toolActivate', 'toolDeactivate', 'translate',
    ])
    const traps: { mock: { calls: unknown[] } }[] = [vi.spyOn(Date, 'now'), vi.spyOn(performance, 'now')]
    traps.push(vi.spyOn(crypto, 'getRandomValues'))
    const inexact = ['random', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan2', 'exp', 'log', 'pow', 'hypot'] as const
    for (const name of inexact) traps.push(vi.spyOn(Math, name))
    const second = await story()
    const used = traps.filter((trap) => trap.mock.calls.length > 0)
    vi.restoreAllMocks()
    expect(used).toEqual([])
    expect(second.intents).toEqual(first.intents)
    expect(second.reports).toEqual(first.reports)
    expect(second.frames).toEqual(first.frames)
  })

  test('listens to one session at a time, and to none once detached', () => {
    const editor = new Editor({ author: AUTHOR, probe: NO_PROBE, view: () => smallWorld(), emit() {}, report() {} })
    const counting = () => {
      const listeners: unknown[] = []
      return {
        listeners,
        inputSources: [],
        addEventListener: (type: string, listener: unknown) => void listeners.push(type, listener),
        removeEventListener(type: string, listener: unknown) {
          const at = listeners.findIndex((entry, index) => entry === type && listeners[index + 1] === listener)
          if (at >= 0) listeners.splice(at, 2)
        },
      }
    }
    const first = counting()
    const second = counting()
    editor.attach(first, {})
    editor.attach(first, {})
    expect(first.listeners.length).toBe(2 * 6)
    editor.attach(second, {})
    expect([first.listeners.length, second.listeners.length]).toEqual([0, 12])
    editor.detach()
    editor.detach()
    expect(second.listeners).toEqual([])
  })
})
