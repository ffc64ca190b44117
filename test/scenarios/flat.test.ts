/** A run keeps no more for going on longer, counted part by part. `theta-sim bench --soak` weighs the bytes of a long one. */
import { describe, expect, it } from 'vitest'
import { heldBy } from '../../scenarios/cluster/held.ts'
import { type Scenario, scenario } from '../../scenarios/index.ts'
import { runOnce } from '../../scenarios/cluster/run.ts'
import { OLD_ENTRIES_MAX } from '../../system/limits.ts'
import { prepare } from '../../scenarios/cluster/prepare.ts'
import { often } from '../support/runs.ts'

/** After so many the checkers have come to their bounds; the run goes on for as many more, and with THETA_RUNS=all for twice as many. */
const FRAMES = 1200
const LENGTHS = often(2, 3)
const LOOK_FRAMES = 20
const TURN_FRAMES = 6
/** The same part may keep a little more by chance: what is swept together comes and goes. */
const SHARE_MAX = 1.25
const CHANCE_MAX = 128

/** Everybody works all the time, one of them sees only what is near, and one goes away for a while. */
const busy = (disks: boolean): Scenario =>
  scenario('busy', { frames: LENGTHS * FRAMES, hz: 90, disks }, async ({ host, join, net, frame, random }) => {
    net.all.set({ latencyMs: [5, 30], drop: 0.02, reorder: 0.02 })
    const crates = Array.from({ length: 4 }, (_, i) => host.spawn({ at: [i, 1, -2] }))
    host.body({ at: [0, 2, -4], shape: 'ball' })
    const peers = [
      await join('ana', { over: 'quic', role: 'editor' }), await join('ben', { over: 'webrtc', role: 'editor' }),
      await join('cleo', { over: 'quic', role: 'editor' }),
    ]
    peers[2].subscribe({ at: [0, 1, -2], radius: 8 })
    for (let turn = 20; turn * TURN_FRAMES < LENGTHS * FRAMES - 200; turn++) {
      await frame(turn * TURN_FRAMES)
      const [peer, crate] = [peers[turn % peers.length], crates[random.int(crates.length)]]
      if (peer.state !== 'live') continue
      if (turn % 5 === 0) peer.drag(crate, { by: [random.int(5) / 10 - 0.2, 0, 0], frames: 8 })
      else if (turn % 5 === 1) peer.say(`turn ${turn}`)
      else peer.click(crate)
      host.despawn(host.spawn({ at: [0, 3, -3] }))
      if (turn % 60 === 0) peers[1].pause(500)
      if (disks && turn % 120 === 0) host.restart()
    }
  })

interface Kept {
  /** The most that each part kept in the first {@link FRAMES}, and in the whole run. */
  readonly early: Map<string, number>
  readonly ever: Map<string, number>
}

async function keptBy(story: Scenario): Promise<Kept> {
  const kept: Kept = { early: new Map(), ever: new Map() }
  const most = (found: Map<string, number>, part: string, count: number): void => {
    found.set(part, Math.max(count, found.get(part) ?? 0))
  }
  let looked = -1
  const { exit, verdict, choices, choiceRecords, operations, trace } = await runOnce(story, {
    seed: 1, frames: story.settings.frames, verifier: 'node', measure: false, traceLevel: 'chain',
    isOver: (cluster) => {
      const { frame } = cluster.host.peer
      if (frame <= looked || frame % LOOK_FRAMES !== 0) return false
      looked = frame
      for (const [part, count] of heldBy(cluster)) {
        if (frame <= FRAMES) most(kept.early, part, count)
        most(kept.ever, part, count)
      }
      return false
    },
  }, await prepare())
  expect([exit, verdict]).toEqual([0, 'converged'])
  expect([choices, choiceRecords, operations, trace.records()]).toEqual([[], [], [], []])
  return kept
}

/** HEARTBEAT_TIMEOUT_US at 90 Hz, four peers. */
const SILENCE_FRAMES = 4 * 450

describe('what a run keeps', () => {
  it.each([['without disks', false], ['with disks, and a host that begins anew', true]])('does not grow: %s', async (_, disks) => {
    const { early, ever } = await keptBy(busy(disks))
    // Of four peers, each of which keeps so many and those of the last frames: a bound that this run does not reach so early.
    early.set('entries that are closed', 4 * OLD_ENTRIES_MAX)
    // What was said to one who is gone is kept until its silence is noticed: five seconds of frames, to each of four peers.
    early.set('Delivery', Math.max(early.get('Delivery')!, SILENCE_FRAMES))
    const grown = [...ever].filter(([part, count]) => count > SHARE_MAX * early.get(part)! + CHANCE_MAX)
    expect(grown).toEqual([])
    // Everything was looked at while there was something in it.
    for (const part of ['Convergence', 'LogOrder', 'Durability', 'AuthorOrder', 'OracleWatch', 'Embodiment', 'ShownEvents', 'Delivery']) {
      expect([part, early.get(part)! > 0]).toEqual([part, true])
    }
  }, 120_000)
})
