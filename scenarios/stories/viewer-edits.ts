/** A viewer tries what only editors may: her commands are in the log, and at their position they do nothing. */
import { scenario } from '../scenario.ts'

export default scenario('viewer-edits', { frames: 120, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 30], drop: 0.02 })
  const crate = host.spawn({ at: [0, 1, -2] })
  const [ana, vic] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('vic', { over: 'webrtc', role: 'viewer' })])
  await frame(40)
  vic.click(crate)
  await frames(6)
  vic.drag(crate, { by: [0, 1, 0], frames: 18 })
  vic.placements.open()
  vic.placements.add({ asset: 1, at: [3, 1, -3] })
  vic.placements.commit()
  await frames(10)
  ana.click(crate)
}, {
  mustHappen: {
    counters: { commandsDenied: 3, commitsRejected: [1, 1], conflictsPermission: 1, commandsApplied: 2, sessionsOpened: 2 },
    confirmed: { ana: 50, vic: 40 },
  },
})
