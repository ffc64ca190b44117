/** Somebody joins while others edit: a snapshot, the entries since, and then every frame like everybody else. */
import { scenario } from '../scenario.ts'

export default scenario('late-join', { frames: 120, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 40], drop: 0.02, reorder: 0.05 })
  const crates = Array.from({ length: 24 }, (_, i) => host.spawn({ at: [(i % 8) - 3.5, 0.5 + Math.floor(i / 8), -3] }))
  const ana = await join('ana', { over: 'quic', role: 'editor' })
  const dragging = (async () => {
    for (let i = 0; i < 3; i++) {
      ana.drag(crates[i], { by: [0, 0.5, 0], frames: 18 })
      await frames(22)
    }
  })()
  await frame(50)
  const ben = await join('ben', { over: 'webrtc', role: 'editor' })
  ben.click(crates[20])
  await dragging
}, {
  mustHappen: {
    counters: { packetsLost: 1, snapshots: 2, commandsApplied: 8, sessionsOpened: 2 },
    confirmed: { ana: 80, ben: 20 },
  },
})
