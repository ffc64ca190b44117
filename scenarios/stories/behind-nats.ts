/**
 * Everybody is at home: the host behind a translator that lets in whom it has spoken to, the peers behind stricter ones, one of which
 * loses its memory in the middle. They meet by STUN, TURN and the relay; whom no hole can be punched for, the relay carries.
 */
import { scenario } from '../scenario.ts'

export default scenario('behind-nats', { frames: 180, hz: 90, hostBehind: 'portRestricted', settleMs: 25_000 }, async (story) => {
  const { host, join, net, frames } = story
  net.all.set({ latencyMs: [8, 20], drop: 0.01 })
  const crates = Array.from({ length: 4 }, (_, i) => host.spawn({ at: [i - 1.5, 1, -2] }))
  const ana = await join('ana', { over: 'webrtc', role: 'editor', behind: 'restricted' })
  // Symmetric against port-restricted: only the relay.
  const ben = await join('ben', { over: 'webrtc', role: 'editor', behind: 'symmetric' })
  ana.drag(crates[0], { by: [0, 0.5, 0], frames: 18 })
  ben.drag(crates[1], { by: [0.5, 0, 0], frames: 18 })
  await frames(30)
  net.rebind(ana)
  ana.drag(crates[2], { by: [0, 0.3, 0], frames: 18 })
  ben.drag(crates[3], { by: [0.3, 0, 0], frames: 18 })
  await frames(60)
}, {
  mustHappen: { counters: { commandsApplied: 8, sessionsOpened: 2 }, confirmed: { ana: 20, ben: 20 } },
})
