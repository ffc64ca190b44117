/**
 * Out of the house and back, in the middle of a drag: ana over QUIC, whose connection migrates, ben over WebRTC, which begins ICE anew.
 * Each network puts them behind a translator of its own. Their hands do not wait, and they stay in the session as who they are.
 */
import { scenario } from '../scenario.ts'

export default scenario('roams', { frames: 240, hz: 90, settleMs: 20_000 }, async ({ host, join, net, frame, frames }) => {
  const crates = Array.from({ length: 2 }, (_, i) => host.spawn({ at: [2 * i - 1, 1, -2] }))
  const [ana, ben] = await Promise.all([
    join('ana', { over: 'quic', role: 'editor', behind: 'fullCone' }),
    join('ben', { over: 'webrtc', role: 'editor', behind: 'portRestricted' }),
  ])
  for (const peer of [ana, ben]) net.link(peer, host).set({ preset: 'home-wifi' })
  await frames(20)
  ana.drag(crates[0], { by: [0, 0.6, 0], frames: 120 })
  ben.drag(crates[1], { by: [0.6, 0, 0], frames: 120 })
  await frames(10)
  for (const peer of [ana, ben]) net.roam(peer, { preset: 'lte', behind: 'symmetric' })
  await frame(130)
  ana.spawn({ at: [0, 1, -4] })
  ben.spawn({ at: [0, 2, -4] })
  await frames(20)
  for (const peer of [ana, ben]) net.roam(peer, { preset: 'home-wifi', behind: 'portRestricted' })
  await frame(240)
}, {
  mustHappen: { counters: { pathsChanged: 6, commandsApplied: 8 }, confirmed: { ana: 60, ben: 40 } },
})
