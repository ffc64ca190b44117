/** Somebody signs with her own key in another member's name. Nobody lets it in, and nobody's own work suffers. */
import { scenario } from '../scenario.ts'

export default scenario('forged-command', { frames: 120, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [5, 20], drop: 0.02 })
  const crate = host.spawn({ at: [0, 1, -2] })
  const [ana, eve] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('eve', { over: 'webrtc', role: 'editor' })])
  await frame(40)
  for (let i = 0; i < 3; i++) {
    eve.forge({ inTheNameOf: ana, despawn: crate })
    await frames(5)
  }
  ana.click(crate)
  await frames(20)
}, { mustHappen: { counters: { refusedSignature: [3, 3], commandsApplied: 2 }, confirmed: { ana: 50, eve: 25 } } })
