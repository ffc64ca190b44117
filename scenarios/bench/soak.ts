/**
 * `theta-sim bench --soak MINUTES`: eight peers at 90 frames a second for minutes of virtual time, half of them over WebRTC, on links
 * that lose and delay, always at work. The trace keeps its digest alone, so that what grows is the system's, the transports' or the
 * checkers': and nothing may.
 */
import { wallClockMs } from '../../platform/clock.ts'
import { bytesInUse, collector } from '../../platform/memory.ts'
import { aligned, type Cell } from '../../reports/table.ts'
import { heldBy } from '../cluster/held.ts'
import type { ExitCode } from '../cluster/outcome.ts'
import { prepare } from '../cluster/prepare.ts'
import { runOnce } from '../cluster/run.ts'
import type { PeerActor } from '../cluster/vocabulary.ts'
import { type Scenario, scenario } from '../scenario.ts'
import { settingsOf } from '../settings.ts'

const NAMES = ['ana', 'ben', 'cleo', 'dan', 'eve', 'finn', 'gil', 'hal']
const FRAMES_PER_MINUTE = 90 * 60
const US_PER_MINUTE = 60_000_000
/** Each peer does something about once a second. */
const TURN_FRAMES = 90
const CRATES = 20
const BODIES = 10
const MEGABYTE = 1_000_000
/** From this minute on everything has come to its bounds: */
const FULL_MINUTE = 2
/** in the last one a flat run has no more than so many times the memory. */
const GROWTH_MAX = 1.1

const soakFor = (minutes: number): Scenario =>
  scenario('soak', { frames: minutes * FRAMES_PER_MINUTE, hz: 90, peersMax: NAMES.length }, async ({ host, join, net, frame, random }) => {
    net.all.set({ latencyMs: [5, 30], drop: 0.01, reorder: 0.01 })
    const crates = Array.from({ length: CRATES }, (_, i) => host.spawn({ at: [i - CRATES / 2, 1, -2] }))
    for (let i = 0; i < BODIES; i++) host.body({ at: [i - BODIES / 2, 1 + i / 4, -4], shape: i % 2 === 0 ? 'ball' : 'box' })
    const peers: PeerActor[] = []
    for (const [i, name] of NAMES.entries()) peers.push(await join(name, { over: i % 2 === 0 ? 'quic' : 'webrtc', role: 'editor' }))
    for (let turn = 2; turn * TURN_FRAMES < minutes * FRAMES_PER_MINUTE - TURN_FRAMES; turn++) {
      await frame(turn * TURN_FRAMES)
      for (const peer of peers) {
        const crate = crates[random.int(CRATES)]
        if (turn % 3 === 0) peer.drag(crate, { by: [random.int(5) / 10 - 0.2, 0, 0], frames: 20 })
        else peer.click(crate)
      }
    }
  })

/** Prints a line a minute, then what grew. @returns the run's exit code; 1 where it converged and its memory was not flat. */
export async function soak(minutes: number, print: (line: string) => void): Promise<ExitCode> {
  const collect = collector()
  const beganMs = wallClockMs()
  const rows: (readonly Cell[])[] = []
  const bytes: number[] = []
  const held: ReadonlyMap<string, number>[] = []
  let minute = 1
  const story = soakFor(minutes)
  const { exit, verdict, info } = await runOnce(story, {
    ...settingsOf(story, { verifier: 'node' }), traceLevel: 'chain',
    isOver: (cluster, _trace, nextUs) => {
      const { clients, host } = cluster
      if (nextUs < minute * US_PER_MINUTE || nextUs === Infinity || minute > minutes) return false
      // What holds bytes outside the heap goes the first time, and the bytes themselves the second.
      collect()
      collect()
      bytes.push(bytesInUse())
      held.push(heldBy(cluster))
      const slowest = Math.min(...clients.map(({ peer }) => peer.confirmedFrame))
      rows.push([minute, (bytes[minute - 1] / MEGABYTE).toFixed(1), host.peer.frame, slowest, host.peer.log.position.count,
        ((wallClockMs() - beganMs) / 1000).toFixed(0)])
      print(`minute ${minute++} of ${minutes}`)
      return false
    },
  }, await prepare())
  const titles = ['minute#', 'MB in use#', 'host at frame#', 'slowest peer at#', 'entries closed#', 'seconds#']
  for (const line of aligned(titles, rows)) print(line)
  print(`\n${verdict}; final frame ${info.finalFrame}`)
  if (bytes.length <= FULL_MINUTE) return exit
  const [first, last] = [FULL_MINUTE - 1, bytes.length - 1]
  const parts = [...held[first]].map(([part, before]) => [part, before, held[last].get(part) ?? 0])
  for (const line of aligned(['kept by', `in minute ${FULL_MINUTE}#`, `in minute ${bytes.length}#`], parts)) print(line)
  const growth = bytes[last] / bytes[first]
  const isFlat = growth <= GROWTH_MAX
  print(`\n${isFlat ? 'flat' : 'NOT flat'}: from minute ${FULL_MINUTE} to ${bytes.length} memory went from `
    + `${(bytes[first] / MEGABYTE).toFixed(1)} to ${(bytes[last] / MEGABYTE).toFixed(1)} MB, ${growth.toFixed(2)}x, of ${GROWTH_MAX}x`)
  return exit === 0 && !isFlat ? 1 : exit
}
