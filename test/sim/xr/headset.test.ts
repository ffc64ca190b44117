import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { prepareXR } from '../../../platform/xr.ts'
import { createHeadset, type Headset } from '../../../sim/xr/headset.ts'
import type { InputEventType, XRFrame } from '../../../sim/xr/runtime.ts'

const EVENT_TYPES: readonly InputEventType[] = ['selectstart', 'select', 'selectend', 'squeezestart', 'squeeze', 'squeezeend']

const connect = async (): Promise<Headset> => createHeadset(await prepareXR())

/** Runs `frame` at every pump, as an application does. */
function everyFrame({ session }: Headset, frame: (frame: XRFrame, timeMs: number) => void): void {
  const callback = (timeMs: number, xrFrame: XRFrame): void => {
    session.requestAnimationFrame(callback)
    frame(xrFrame, timeMs)
  }
  session.requestAnimationFrame(callback)
}

function recordEvents({ session }: Headset): string[] {
  const seen: string[] = []
  for (const type of EVENT_TYPES) session.addEventListener(type, (event) => seen.push(`${event.inputSource.handedness} ${event.type}`))
  return seen
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a simulated headset', () => {
  test('fires an action’s events in the order of the standard, before the frame’s callback', async () => {
    const headset = await connect()
    const seen = recordEvents(headset)
    everyFrame(headset, () => seen.push('frame'))
    headset.right.press('trigger')
    headset.left.press('squeeze')
    headset.pump(0)
    headset.right.release('trigger')
    headset.left.release('squeeze')
    headset.pump(11_111)
    expect(seen).toEqual([
      'left squeezestart', 'right selectstart', 'frame',
      'left squeeze', 'left squeezeend', 'right select', 'right selectend', 'frame',
    ])
  })

  test('shows every press to an application that polls, however quickly the script lets go', async () => {
    const headset = await connect()
    const held: boolean[] = []
    everyFrame(headset, ({ session }) => held.push([...session.inputSources][1].gamepad.buttons[4].pressed))
    headset.right.press('a').release('a').press('a').release('a')
    for (let frame = 0; frame < 5; frame++) headset.pump(frame)
    expect(held).toEqual([true, false, true, false, false])
  })

  test('takes a button pressed twice, or let go unpressed, for what it is: a shrunk script may do so', async () => {
    const headset = await connect()
    const seen = recordEvents(headset)
    headset.right.release('trigger').press('trigger')
    headset.pump(0)
    headset.right.press('trigger')
    headset.pump(1)
    expect(seen).toEqual(['right selectstart'])
  })

  test('answers the poses that the script set', async () => {
    const headset = await connect()
    headset.head.set({ position: { x: 0.5, y: 1.75, z: -1 }, orientation: { x: 0, y: 2, z: 0, w: 0 } })
    headset.left.set({ position: { x: 0.25, y: 1, z: 2 }, orientation: { x: 0, y: 0, z: 0, w: 1 } })
    headset.left.axes(0.5, -1)
    let calls = 0
    everyFrame(headset, (frame) => {
      calls++
      const head = frame.getViewerPose(headset.referenceSpace)!.transform
      expect(head.position).toMatchObject({ x: 0.5, y: 1.75, z: -1 })
      expect(head.orientation).toMatchObject({ x: 0, y: 1, z: 0, w: 0 })
      const [left] = frame.session.inputSources
      expect(left.gamepad.axes).toEqual([0, 0, 0.5, -1])
      for (const space of [left.gripSpace, left.targetRaySpace]) {
        expect(frame.getPose(space, headset.referenceSpace)!.transform.position).toMatchObject({ x: 0.25, y: 1, z: 2 })
      }
    })
    headset.pump(0)
    expect(calls).toBe(1)
  })

  test('runs nothing any more once its session ended', async () => {
    const headset = await connect()
    const seen = recordEvents(headset)
    everyFrame(headset, () => seen.push('frame'))
    headset.right.press('trigger').press('squeeze')
    await headset.end()
    headset.pump(0)
    expect(seen).toEqual([])
  })

  test('refuses what no controller can do', async () => {
    const { right } = await connect()
    expect(() => right.press('toString' as 'a')).toThrow(RangeError)
    expect(() => right.axes(2, 0)).toThrow(RangeError)
  })

  test('draws on no clock and no chance while frames pass', async () => {
    const headset = await connect()
    everyFrame(headset, (frame) => {
      frame.getViewerPose(headset.referenceSpace)
      for (const source of frame.session.inputSources) frame.getPose(source.gripSpace, headset.referenceSpace)
    })
    const traps = [vi.spyOn(Math, 'random'), vi.spyOn(Date, 'now'), vi.spyOn(performance, 'now'), vi.spyOn(crypto, 'getRandomValues')]
    headset.right.aim({ x: 0, y: 1, z: 0 }, { x: 1, y: 1, z: -2 }).press('trigger').press('squeeze')
    headset.pump(0)
    headset.right.release('trigger').release('squeeze')
    headset.pump(1)
    const calls = traps.map((trap) => trap.mock.calls.length)
    expect(calls).toEqual([0, 0, 0, 0])
  })

  test('leaves nothing behind: of a thousand in a process, none is kept, and the next one hears its own script alone', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const sessions: WeakRef<object>[] = []
    for (let i = 0; i < 1000; i++) {
      const headset = await connect()
      recordEvents(headset)
      headset.right.press('trigger')
      headset.pump(i)
      sessions.push(new WeakRef(headset.session))
    }
    const last = await connect()
    const seen = recordEvents(last)
    last.right.press('squeeze')
    last.pump(0)
    expect(seen).toEqual(['right squeezestart'])
    // A WeakRef keeps its target until the job that made it has ended.
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    expect(sessions.filter((session) => session.deref() !== undefined).length).toBeLessThan(10)
  })
})
