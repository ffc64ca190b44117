/**
 * An editor works on one thing over a link that fails again and again, so that the host refuses the first of several commands as late
 * and the others while they are on their way: what comes of the thing is what was done to it, in that order.
 */
import { scenario } from '../scenario.ts'

export default scenario('given-order', { frames: 200, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 30], drop: 0.02 })
  const crates = [host.spawn({ at: [0, 1, -2] }), host.spawn({ at: [1, 1, -2] })]
  const [ana, ben] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' })])
  await frame(40)
  for (let round = 0; round < 4; round++) {
    // Long enough for the first of them to come too late, and short enough for the last to come in time.
    net.from(ana, host).cut(220)
    ana.spawn({ at: [round, 2, -3] })
    ben.click(crates[1])
    ana.nextTool()
    await frames(9)
    ana.click(crates[0])
    ben.nextTool()
    await frames(7)
    ana.nextTool()
    await frames(3)
    ana.spawn({ at: [round, 3, -3] })
    ana.click(crates[0])
    await frames(18)
  }
}, {
  mustHappen: {
    counters: { refusedLate: 1, refusedOrder: 1, resigned: 2, commandsApplied: 16 },
    confirmed: { ana: 60, ben: 120 },
  },
})
