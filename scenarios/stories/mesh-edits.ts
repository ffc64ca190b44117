/** Two editors on one mesh: vertices of both are kept, of two extrusions at once the first is, and one who comes later has the record. */
import { scenario } from '../scenario.ts'

export default scenario('mesh-edits', { frames: 120, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 25], drop: 0.02, reorder: 0.05 })
  const clay = host.spawn({ at: [0, 1, -2] })
  const [ana, ben] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' })])
  await frame(12)
  for (let corner = 0; corner < 4; corner++) {
    ana.mesh.vertex(clay, [corner / 4, 0, 0], corner)
    ben.mesh.vertex(clay, [0, corner / 4, 0], 16 + corner)
    await frames(2)
  }
  await frames(30)
  // Both sign within one frame: neither has seen the other's.
  ana.mesh.extrude(clay, 0, [0, 0, 0.5])
  ben.mesh.extrude(clay, 1, [0, 0.5, 0])
  await frames(20)
  ana.mesh.subdivide(clay, 0, { levels: 2, scheme: 'catmullClark' })
  const cat = await join('cat', { over: 'quic', role: 'editor' })
  await frames(6)
  cat.mesh.subdivide(clay, 1, { levels: 5 })
}, {
  mustHappen: {
    counters: { commandsApplied: 4, commandsMerged: 1, commandsRejected: 1, commandsVoid: 1, sessionsOpened: 3 },
    confirmed: { ana: 80, ben: 80, cat: 20 },
  },
})
