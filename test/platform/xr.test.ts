import { expect, test, vi } from 'vitest'
import { prepareXR } from '../../platform/xr.ts'
import { createHeadset } from '../../sim/xr/headset.ts'

test('the runtime is built once a process', async () => {
  expect(await prepareXR()).toBe(await prepareXR())
})

test('frames and events tell the virtual time, whatever the wall clock says', async () => {
  const headset = await createHeadset(await prepareXR())
  const times: number[] = []
  headset.session.addEventListener('selectstart', (event) => times.push(event.timeStamp))
  headset.session.requestAnimationFrame((timeMs) => times.push(timeMs))
  headset.right.press('trigger')
  headset.pump(11_111)
  expect(times).toEqual([11.111, 11.111])
})

test('removeEventListener removes the listener it names, and no other', async () => {
  const { session, right, pump } = await createHeadset(await prepareXR())
  const calls: string[] = []
  const first = () => calls.push('first')
  session.addEventListener('selectstart', first)
  session.addEventListener('selectstart', () => calls.push('second'))
  session.removeEventListener('selectstart', first)
  right.press('trigger')
  pump(0)
  expect(calls).toEqual(['second'])
})

test('what a callback throws ends the pump, and is not printed away', async () => {
  const runtime = await prepareXR()
  const print = vi.spyOn(console, 'error')
  const inFrame = await createHeadset(runtime)
  inFrame.session.requestAnimationFrame(() => {
    throw new Error('in a frame')
  })
  expect(() => inFrame.pump(0)).toThrow('in a frame')
  const inEvent = await createHeadset(runtime)
  inEvent.session.addEventListener('select', () => {
    throw new Error('in an event')
  })
  inEvent.right.press('trigger').release('trigger')
  inEvent.pump(0)
  expect(() => inEvent.pump(1)).toThrow('in an event')
  expect(print).not.toHaveBeenCalled()
  print.mockRestore()
})
