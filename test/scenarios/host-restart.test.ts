/** A host that begins anew from its disk: what it has again, and what it has not. */
import { describe, expect, it } from 'vitest'
import { type Scenario, scenario, type Story } from '../../scenarios/index.ts'
import type { Watcher } from '../../scenarios/cluster/watchers.ts'
import { BodyPose, Motion } from '../../system/ecs/components.ts'
import { Codec } from '../../system/protocol/codec.ts'
import type { Storage } from '../../system/ports.ts'
import { recover } from '../../system/storage/recovery.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { runInside, storyOf } from '../support/runs.ts'

const SETTINGS = { frames: 60, hz: 90, settleMs: 20_000, disks: true } as const
const story = (script: (story: Story) => Promise<void>): Scenario => scenario('restart', SETTINGS, script)

/** What a node told, in order. */
class Heard implements Watcher {
  readonly events: { readonly node: number; readonly event: SystemEvent }[] = []
  event(node: number, event: SystemEvent): void {
    this.events.push({ node, event })
  }
  of<Name extends SystemEvent['event']>(name: Name, node: number): Extract<SystemEvent, { readonly event: Name }>[] {
    return this.events.flatMap(({ node: teller, event }) =>
      (teller === node && event.event === name ? [event as Extract<SystemEvent, { readonly event: Name }>] : []))
  }
}

/** The files of a host in the end of a story. */
async function filesOf(name: string, seed: number): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  await runInside(storyOf(name), {
    seed,
    onEnd: ({ host: { disk } }) => {
      for (const file of disk!.files) files.set(file, disk!.read(file)!)
    },
  })
  return files
}
const storageOf = (files: ReadonlyMap<string, Uint8Array>): Storage => ({ files: [...files.keys()], read: (file) => files.get(file) })
const CODEC = new Codec()
const CUT_BYTES = 11

describe('recovery', () => {
  it('R-DISK-3 takes every file up to wherever it was cut, and never less than from a shorter one', async () => {
    const [[name, bytes]] = await filesOf('host-restarts', 1)
    let entries = -1
    for (let length = 0; length <= bytes.length; length += CUT_BYTES) {
      const found = recover(storageOf(new Map([[name, bytes.subarray(0, length)]])), CODEC)
      const count = found.kind === 'recovered' ? found.state.entries.length : -1
      expect(found.kind).toBe(count < 0 ? 'fresh' : 'recovered')
      expect(count).toBeGreaterThanOrEqual(entries)
      entries = count
    }
    expect(entries).toBeGreaterThan(20)
  })

  it('R-DISK-3 refuses a file with damage before its end, by name', async () => {
    const [[name, bytes]] = await filesOf('host-restarts', 1)
    const damaged = bytes.slice()
    damaged[40] ^= 1
    expect(recover(storageOf(new Map([[name, damaged]])), CODEC)).toEqual(
      { kind: 'damaged', why: `${name}: no whole record at byte 0, and whole ones behind it` })
  })

  it('R-DISK-4 takes the generation before where the newest ones have no whole checkpoint', async () => {
    const [[name, bytes]] = await filesOf('host-restarts', 1)
    const files = new Map([[name, bytes], ['journal.98', bytes.subarray(0, 100)], ['journal.99', new Uint8Array(0)]])
    expect(recover(storageOf(files), CODEC)).toEqual(recover(storageOf(new Map([[name, bytes]])), CODEC))
  })

  it('is fresh where there is nothing', () => {
    expect(recover(storageOf(new Map()), CODEC)).toEqual({ kind: 'fresh' })
  })
})

describe('a host that begins anew', () => {
  it('R-DISK-5 knows its members by their numbers, in the same session and epoch, and lets them resume', async () => {
    const heard = new Heard()
    const { exit, verdict } = await runInside(story(async ({ host, join, frames }) => {
      const ana = await join('ana', { over: 'quic', role: 'editor' })
      await join('ben', { over: 'webrtc', role: 'editor' })
      ana.spawn({ at: [0, 1, -2] })
      await frames(5)
      host.restart()
      await frames(30)
    }), { watchers: [heard] })
    expect({ exit, verdict }).toEqual({ exit: 0, verdict: 'converged' })
    const opened = heard.of('sessionOpened', 0).map(({ displayName, author, resumed }) => ({ displayName, author, resumed }))
    const again = opened.slice(2)
    expect(again.length).toBeGreaterThanOrEqual(2)
    for (const one of again) expect(one).toEqual({ ...opened.find(({ displayName }) => displayName === one.displayName), resumed: true })
    expect(new Set(heard.of('frameClosed', 0).map(({ epoch }) => epoch)).size).toBe(1)
    // Frames go on, and the closed mark with them.
    const frames = heard.of('frameClosed', 0)
    for (const [index, { frame, closedLamport }] of frames.slice(1).entries()) {
      expect(frame).toBeGreaterThan(frames[index].frame)
      expect(closedLamport).toBeGreaterThanOrEqual(frames[index].closedLamport)
    }
    const members = heard.of('commandFolded', 0).filter(({ command }) => command === 'member.left')
    expect(members.length).toBeGreaterThanOrEqual(2)
  })

  it('R-DISK-6 has its bodies where they were authored, and no props', async () => {
    const heights: number[] = []
    const props: number[] = []
    const watcher: Watcher = {
      frame: (node, _frame, world) => {
        if (node !== 0) return
        heights.push(...world.entities(BodyPose).map((entity) => world.get(entity, BodyPose)!.y))
        props.push(world.entities(Motion).length)
      },
    }
    const { exit, verdict } = await runInside(story(async ({ host, join, frames }) => {
      host.body({ at: [0, 2, 0] })
      host.prop([1, 1, 1])
      await join('ana', { over: 'quic', role: 'viewer' })
      await frames(40)
      host.restart()
      await frames(2)
    }), { watchers: [watcher] })
    expect({ exit, verdict }).toEqual({ exit: 0, verdict: 'converged' })
    // It falls, and stands where it began once more.
    const rise = heights.findIndex((height, index) => height > (heights[index - 1] ?? height) + 100)
    expect(heights[rise - 1]).toBeLessThan(heights[0] - 100)
    expect(Math.abs(heights[rise] - heights[0])).toBeLessThan(10)
    expect([Math.max(...props), props.at(-1)]).toEqual([1, 0])
  })

  it('cannot without a disk, and the story is told so', async () => {
    const { exit, verdict } = await runInside(scenario('diskless', { frames: 10, hz: 90 }, async ({ host, frame }) => {
      await frame(2)
      host.crash()
    }))
    expect(exit).toBe(4)
    expect(verdict).toContain('set `disks: true`')
  })
})

it('R-DISK-7 a client resumes after a crash before the host has missed it', async () => {
  const heard = new Heard()
  const { exit, verdict } = await runInside(story(async ({ join, frames, sleep }) => {
    const ana = await join('ana', { over: 'quic', role: 'editor' })
    await frames(5)
    ana.crash()
    await sleep(20)
    ana.restart()
    await frames(20)
    ana.spawn({ at: [0, 1, 0] })
  }), { watchers: [heard] })
  expect({ exit, verdict }).toEqual({ exit: 0, verdict: 'converged' })
  const opened = heard.of('sessionOpened', 0)
  expect(opened.map(({ author, resumed }) => ({ author, resumed }))).toEqual([{ author: 1, resumed: false }, { author: 1, resumed: true }])
  expect(heard.of('sessionRefused', 0)).toEqual([])
})
