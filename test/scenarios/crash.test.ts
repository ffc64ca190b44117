/**
 * A crash of any node, the host included, in every frame, one at a time, then a restart from its disk alone: no command that was
 * acknowledged to its author is lost or applied twice. THETA_CRASHES=all crashes each of four nodes in each of 120 frames, else some.
 */
import { describe, expect, it } from 'vitest'
import { countRecords } from '../../reports/counters.ts'
import { type PeerActor, type Scenario, scenario } from '../../scenarios/index.ts'
import { runInside } from '../support/runs.ts'

const FRAMES = 120
/** How many frames apart, without THETA_CRASHES=all. */
const STEP = process.env.THETA_CRASHES === 'all' ? 1 : 31
/** Where a client that had forgotten its entries signed for their positions once more. */
const FORGETFUL = [23, 25, 35, 83, 89]
const NODES = ['host', 'ana', 'ben', 'cleo'] as const
const SETTINGS = { frames: FRAMES, hz: 90, settleMs: 20_000, disks: true } as const
const DOWN_FRAMES_MAX = 24
const FRAME_MS = 11

interface Crash {
  readonly who: (typeof NODES)[number]
  readonly frame: number
}

/** Everybody edits all the time, the same things and their own; somebody goes down somewhere within a frame. */
const crashes = ({ who, frame: at }: Crash): Scenario =>
  scenario('crash', SETTINGS, async ({ host, enter, net, random, frame, frames, sleep }) => {
    net.all.set({ latencyMs: [3, 15], drop: 0.02, reorder: 0.05 })
    const shared = host.spawn({ at: [0, 1, -2] })
    const peers: readonly PeerActor[] = [
      enter('ana', { over: 'quic', role: 'editor' }), enter('ben', { over: 'webrtc', role: 'editor' }),
      enter('cleo', { over: 'quic', role: 'editor' }),
    ]
    const editing = (async () => {
      for (let turn = 0; turn < FRAMES; turn++) {
        await frame(turn)
        const peer = peers[turn % peers.length]
        if (peer.state !== 'live') continue
        if (turn % 20 === 0) peer.drag(shared, { by: [0.1, 0.1, 0], frames: 12 })
        else if (turn % 9 === 0) host.spawn({ at: [turn, 2, -2] })
        else if (turn % 8 === 0) {
          peer.placements.open()
          peer.placements.add({ asset: turn + 1, at: [turn * 3, 0, -5] })
          peer.placements.commit()
        } else peer.spawn({ at: [turn / 10, 1, -2] })
      }
    })()
    await frame(at)
    await sleep(random.int(FRAME_MS * 10) / 10)
    const goDown = async (): Promise<void> => {
      victim.crash()
      await frames(random.range(1, DOWN_FRAMES_MAX))
      victim.restart()
    }
    const victim = who === 'host' ? host : peers.find(({ name }) => name === who)!
    // What is signed just before it goes down is on its way, or on its way to the disk.
    if (random.chance(1, 2)) (victim === host ? host : peers[0]).spawn({ at: [0, 4, 0] })
    await sleep(random.int(FRAME_MS * 2) / 10)
    await goDown()
    if (random.chance(1, 4)) {
      await sleep(random.int(FRAME_MS * 5) / 10)
      await goDown()
    }
    await editing
    await frame(FRAMES)
    for (const peer of peers) peer.spawn({ at: [0, 3, 0] })
  })

describe.each(NODES)('a crash of %s', (who) => {
  it('R-DISK-1 in any frame takes nothing from anybody that was told to be in the log, and gives nothing twice', async () => {
    let unconfirmed = 0
    let torn = 0
    let applied = 0
    const red: string[] = []
    const crashed = Array.from({ length: FRAMES }, (_, frame) => frame).filter((frame) => frame % STEP === NODES.indexOf(who) % STEP)
    for (const frame of new Set([...crashed, ...FORGETFUL])) {
      const { exit, verdict, records } = await runInside(crashes({ who, frame }), { seed: frame })
      if (exit !== 0) red.push(`frame ${frame}: ${verdict}`)
      const counts = countRecords(records, 0)
      unconfirmed += counts.writesUnconfirmed
      torn += counts.writesTorn
      applied += counts.commandsApplied
      expect(counts.hostRestarts > 0).toBe(who === 'host')
    }
    expect(red).toEqual([])
    // Two of three turns come through, at the least.
    expect(applied).toBeGreaterThan((FRAMES / STEP) * FRAMES * (2 / 3))
    if (STEP === 1 && who === 'host') {
      expect(unconfirmed).toBeGreaterThan(FRAMES / 3)
      expect(torn).toBeGreaterThan(FRAMES / 10)
    }
  }, 1_200_000)
})
