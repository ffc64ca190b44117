/**
 * `theta-sim bench --soak MINUTES`: eight peers at 90 frames a second for minutes of virtual time, half of them over WebRTC, on links
 * that lose and delay, always at work. The trace keeps its digest alone, so that what grows is the system's, the transports' or the
 * checkers'.
 */
import { wallClockMs } from '../../platform/clock.ts'
import { bytesInUse, collector } from '../../platform/memory.ts'
import { aligned, type Cell } from '../../reports/table.ts'
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

/** Prints a line a minute, then what grew. @returns the run's exit code. */
export async function soak(minutes: number, print: (line: string) => void): Promise<number> {
  const collect = collector()
  const beganMs = wallClockMs()
  const rows: (readonly Cell[])[] = []
  const bytes: number[] = []
  let minute = 1
  const story = soakFor(minutes)
  const { exit, verdict, info } = await runOnce(story, {
    ...settingsOf(story, { verifier: 'node' }), traceLevel: 'chain',
    isOver: ({ clients, host }, _trace, nextUs) => {
      if (nextUs < minute * US_PER_MINUTE || nextUs === Infinity || minute > minutes) return false
      collect()
      bytes.push(bytesInUse())
      const slowest = Math.min(...clients.map(({ peer }) => peer.confirmedFrame))
      rows.push([minute, (bytesInUse() / MEGABYTE).toFixed(1), host.peer.frame, slowest, host.peer.log.position.count,
        ((wallClockMs() - beganMs) / 1000).toFixed(0)])
      print(`minute ${minute++} of ${minutes}`)
      return false
    },
  }, await prepare())
  const titles = ['minute#', 'MB in use#', 'host at frame#', 'slowest peer at#', 'entries closed#', 'seconds#']
  for (const line of aligned(titles, rows)) print(line)
  const [first, last] = [bytes[Math.min(1, bytes.length - 1)], bytes[bytes.length - 1]]
  print(`\n${verdict}; final frame ${info.finalFrame}; from minute ${Math.min(2, bytes.length)} to ${bytes.length} memory grew by `
    + `${((last - first) / MEGABYTE).toFixed(1)} MB, ${(last / first).toFixed(2)}x`)
  return exit
}
