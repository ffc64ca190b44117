/** Two editors work on while the network between one of them and the host is down; both their work ends in the log. */
import { scenario } from '../scenario.ts'

export default scenario('partition-heals', { frames: 180, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 30], drop: 0.01 })
  const [shared, left, right] = [host.spawn({ at: [0, 1, -2] }), host.spawn({ at: [-1, 1, -2] }), host.spawn({ at: [1, 1, -2] })]
  const [ana, ben] = await Promise.all([join('ana', { over: 'webrtc', role: 'editor' }), join('ben', { over: 'quic', role: 'editor' })])
  await frame(50)
  net.link(ana, host).cut(700)
  // Ana's commands arrive far too late for their Lamport time: refused by name, signed anew, applied.
  ana.click(left)
  ben.click(right)
  await frames(6)
  ana.drag(shared, { by: [0.5, 0, 0], frames: 27 })
  ben.drag(shared, { by: [0, 0.5, 0], frames: 27 })
  await frame(130)
}, {
  mustHappen: {
    counters: { packetsLost: 40, resyncs: 1, refusedLate: 1, resigned: 1, commandsApplied: 6 },
    confirmed: { ana: 8, ben: 100 },
  },
})
