/** Commits that meet: a placement that both move, one that both remove, tags that merge and tags that do not, one that is gone. */
import { scenario } from '../scenario.ts'

export default scenario('placement-race', { frames: 180, hz: 90 }, async ({ join, net, frames }) => {
  net.all.set({ latencyMs: [10, 25], drop: 0.02 })
  const [ana, ben] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' })])
  ana.placements.open()
  for (let i = 0; i < 5; i++) ana.placements.add({ asset: i + 1, at: [2 * i, 0.5, -6], tags: ['structure'] })
  ana.placements.commit()
  while (ana.placements.seen().length < 5 || ben.placements.seen().length < 5) await frames(1)
  // Closed everywhere, so that what follows is drafted against the same state.
  await frames(30)
  const [moved, removed, merged, disputed, gone] = ana.placements.seen()
  /** Both sign within one frame, so that neither has seen the other's commit. */
  const both = async (anaEdits: () => void, benEdits: () => void) => {
    for (const [editor, edits] of [[ana, anaEdits], [ben, benEdits]] as const) {
      editor.placements.open()
      edits()
      editor.placements.commit()
    }
    await frames(14)
  }
  await both(() => ana.placements.move(moved, [0, 1, -6]), () => ben.placements.move(moved, [0, 2, -6]))
  await both(() => ana.placements.remove(removed), () => ben.placements.remove(removed))
  await both(() => ana.placements.tag(merged, ['structure', 'interactive']), () => ben.placements.tag(merged, ['structure', 'hidden']))
  await both(() => ana.placements.tag(disputed, ['interactive']), () => ben.placements.tag(disputed, ['structure', 'interactive']))
  await both(() => ana.placements.remove(gone), () => ben.placements.move(gone, [8, 1, -6]))
}, {
  mustHappen: {
    counters: {
      commitsApplied: [7, 7], commitsRejected: [4, 4], commitsMerged: 1, conflictsTransform: 1, conflictsDeletion: 1, conflictsTag: 1,
    },
    confirmed: { ana: 80, ben: 80 },
  },
})
