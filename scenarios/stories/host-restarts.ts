/** The host crashes while three members edit, and begins anew from its disk; one of them crashes with it. What was told is not lost. */
import { scenario } from '../scenario.ts'

const SETTINGS = { frames: 150, hz: 90, settleMs: 20_000, disks: true } as const

export default scenario('host-restarts', SETTINGS, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [5, 20], drop: 0.01 })
  const crates = Array.from({ length: 4 }, (_, i) => host.spawn({ at: [i - 1.5, 1, -2] }))
  host.body({ at: [0, 2, -3] })
  const [ana, ben, cleo] = await Promise.all([
    join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' }),
    join('cleo', { over: 'quic', role: 'editor' }),
  ])
  // Until the first crash and beyond it, somebody is always moving something: deltas, which show whether one is there twice.
  ana.drag(crates[0], { by: [0.5, 0, 0], frames: 90 })
  ben.drag(crates[0], { by: [0, 0.5, 0], frames: 90 })
  cleo.spawn({ at: [-2, 1, -2] })
  cleo.placements.open()
  for (let i = 0; i < 3; i++) cleo.placements.add({ asset: i + 1, at: [3 * i, 0, -4] })
  cleo.placements.commit()
  await frames(12)
  // Of this the disk may keep all, some or nothing: nobody has been told.
  host.spawn({ at: [0, 3, -2] })
  host.crash()
  await frames(9)
  // Not even its first checkpoint is written when it goes down again.
  host.restart()
  host.crash()
  await frames(2)
  host.restart()
  await frames(45)
  ben.click(crates[1])
  ana.spawn({ at: [2, 1, -2] })
  await frames(4)
  host.crash()
  cleo.crash()
  await frames(2)
  host.restart()
  cleo.restart()
  await frame(120)
  ana.click(crates[2])
  cleo.spawn({ at: [-2, 2, -2] })
  await frame(150)
}, {
  mustHappen: {
    counters: { hostRestarts: 3, writesUnconfirmed: 2, sessionsResumed: 3, commandsApplied: 12, packetsLost: 5, resigned: 1 },
    confirmed: { ana: 30, ben: 30, cleo: 10 },
  },
})
