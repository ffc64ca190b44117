/**
 * An editor is made a viewer and goes on editing. What she signs before she can know of it is in the log, and at its position does
 * nothing; what she signs later the host refuses by name.
 */
import { scenario } from '../scenario.ts'

export default scenario('viewer-edits', { frames: 120, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 30], drop: 0.02 })
  const crate = host.spawn({ at: [0, 1, -2] })
  const [ana, vic] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('vic', { over: 'webrtc', role: 'editor' })])
  await frame(40)
  // Nothing is lost here: what is on its way must come before the change of role is closed, 200 ms from now.
  net.all.set({ drop: 0 })
  host.assignRole(vic, 'viewer')
  await frames(1)
  vic.click(crate)
  vic.spawn({ at: [1, 1, -2] })
  vic.spawn({ at: [2, 1, -2] })
  vic.placements.open()
  vic.placements.add({ asset: 1, at: [3, 1, -3] })
  vic.placements.commit()
  await frames(30)
  net.all.set({ drop: 0.02 })
  vic.click(crate)
  vic.drag(crate, { by: [0, 1, 0], frames: 18 })
  await frames(10)
  ana.click(crate)
}, {
  mustHappen: {
    counters: {
      commandsDenied: [3, 3], refusedRole: 2, commitsRejected: [1, 1], conflictsPermission: 1, commandsApplied: 3, sessionsOpened: 2,
    },
    confirmed: { ana: 50, vic: 40 },
  },
})
