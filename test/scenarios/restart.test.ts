/** A peer that begins anew, with its key and an empty memory, is the same member again; nobody else notices more than that. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PeerActor, type Scenario, scenario, type Story } from '../../scenarios/index.ts'
import type { Watcher } from '../../scenarios/cluster/watchers.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { often, runInside } from '../support/runs.ts'

type Event<Name> = Extract<SystemEvent, { readonly event: Name }>
const ANA = 1
const BEN = 2

/** What every node told, in order. */
class Heard implements Watcher {
  readonly events: { readonly node: number; readonly event: SystemEvent; readonly atUs: number }[] = []
  event(node: number, event: SystemEvent, atUs: number): void {
    this.events.push({ node, event, atUs })
  }
  of<Name extends SystemEvent['event']>(name: Name, node?: number): Event<Name>[] {
    const isOne = (one: Heard['events'][number]) => one.event.event === name && (node === undefined || one.node === node)
    return this.events.filter(isOne).map(({ event }) => event as Event<Name>)
  }
}

interface Course {
  readonly over: 'quic' | 'webrtc'
  /** What becomes of ana before she begins anew. */
  readonly ends: (ana: PeerActor, story: Story) => void
  readonly downFrames: number
  readonly drop: number
}

/** Ana spawns, ends, begins anew and spawns again, while ben edits. */
const course = ({ over, ends, downFrames, drop }: Course, told: (ana: PeerActor) => void = () => {}): Scenario =>
  scenario('anew', { frames: 150, hz: 90 }, async (story) => {
    const { host, join, net, frame, frames } = story
    net.all.set({ latencyMs: [5, 20], drop })
    const crate = host.spawn({ at: [0, 1, -2] })
    const [ana, ben] = await Promise.all([join('ana', { over, role: 'editor' }), join('ben', { over: 'quic', role: 'editor' })])
    ana.spawn({ at: [1, 1, -2] })
    await frame(45)
    ana.spawn({ at: [2, 1, -2] })
    ben.click(crate)
    ends(ana, story)
    await frames(downFrames)
    ana.restart()
    ben.drag(crate, { by: [0, 0.5, 0], frames: 20 })
    while (ana.state !== 'live') await frames(1)
    ana.spawn({ at: [3, 1, -2] })
    ana.placements.open()
    ana.placements.add({ asset: 1, at: [0, 0, -5] })
    ana.placements.commit()
    await frame(140)
    told(ana)
  })

const ENDS: readonly (readonly [string, Course['ends']])[] = [
  ['after a crash', (ana) => ana.crash()],
  ['after it left', (ana) => ana.leave()],
  ['after it was removed', (ana, { host }) => host.kick(ana)],
  ['after its connection broke', (ana, { host }) => host.sever(ana)],
  ['while it stands still', (ana) => ana.pause(100)],
  ['while it cannot be heard', (ana, { host, net }) => net.from(ana, host).cut(200)],
  ['while it cannot hear', (ana, { host, net }) => net.from(host, ana).cut(200)],
  ['while it runs', () => {}],
  ['after it began anew a moment before', (ana) => ana.restart()],
]

describe.each(['quic', 'webrtc'] as const)('over %s a peer begins anew', (over) => {
  it.each(ENDS)('%s, as the same author, and goes on with its work', async (_when, ends) => {
    for (const downFrames of [0, 3, 30]) {
      const heard = new Heard()
      let state = ''
      const story = course({ over, ends, downFrames, drop: 0 }, (ana) => { state = ana.state })
      const { exit, verdict } = await runInside(story, { watchers: [heard] })
      expect({ exit, verdict, state }).toEqual({ exit: 0, verdict: 'converged', state: 'live' })
      const opened = heard.of('sessionOpened', 0).filter(({ displayName }) => displayName === 'ana')
      expect(opened.length).toBeGreaterThan(1)
      expect(new Set(opened.map(({ author }) => author)).size).toBe(1)
      // What came too late before is signed anew; nothing else is turned down, its numbers go on where they were.
      expect(heard.of('commandRefused').filter(({ reason }) => reason !== 'late')).toEqual([])
      expect(heard.of('sessionRefused', 0).filter(({ code }) => code !== 'duplicateKey')).toEqual([])
      const { author } = opened[0]
      const folded = heard.of('commandFolded', 0).filter((entry) => entry.author === author && entry.outcome === 'applied')
      expect(folded.map(({ command }) => command)).toEqual(expect.arrayContaining(['entity.spawn', 'placement.commit']))
    }
  })

  let ofCrash: Promise<Heard> | undefined
  /** What is told where ana crashes; one run for all who ask. */
  const crashed = (): Promise<Heard> => (ofCrash ??= (async () => {
    const heard = new Heard()
    await runInside(course({ over, ends: (ana) => ana.crash(), downFrames: 10, drop: 0 }), { watchers: [heard] })
    return heard
  })())

  it('and the others confirm frame after frame meanwhile, and need nothing sent again', async () => {
    const heard = await crashed()
    expect(heard.of('resyncStarted', BEN)).toEqual([])
    expect(heard.of('nackSent', BEN)).toEqual([])
    const frames = heard.of('frameConfirmed', BEN).map(({ frame }) => frame)
    expect(frames).toEqual(frames.map((_, index) => frames[0] + index))
  })

  it('and the host lets the former connection go, says that the member left, and takes its poses away', async () => {
    const heard = await crashed()
    const of = (event: SystemEvent) => 'author' in event && event.author === heard.of('sessionOpened', ANA)[0].author
    const session = heard.events.filter(({ node, event }) => node === 0 && of(event))
      .flatMap(({ event }) => (event.event === 'sessionOpened' || event.event === 'sessionClosed' ? [event.event] : []))
    expect(session).toEqual(['sessionOpened', 'sessionClosed', 'sessionOpened'])
    const members = heard.of('commandFolded', 0).filter(({ command }) => command.startsWith('member.')).map(({ command }) => command)
    expect(members.filter((command) => command === 'member.left')).toHaveLength(1)
  })

  it('on a bad network, whatever became of it', async () => {
    await fc.assert(fc.asyncProperty(
      fc.nat(), fc.constantFrom(...ENDS), fc.nat(40), async (seed, [, ends], downFrames) => {
        const { exit, verdict } = await runInside(course({ over, ends, downFrames, drop: 0.15 }), { seed })
        expect({ exit, verdict }).toEqual({ exit: 0, verdict: 'converged' })
      }), { numRuns: often(4, 12), seed: 1 })
  })
})
