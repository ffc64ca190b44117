/**
 * What editors show each other and no log keeps: tools, highlights, cursors, the thing in hand, panels and talk; to those who are
 * there, as its author's whom the host knows, and gone with who leaves.
 */
import { scenario } from '../scenario.ts'

const PATIENCE_FRAMES = 60

export default scenario('editors-talk', { frames: 150, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 25], drop: 0.02, reorder: 0.05 })
  const crate = host.spawn({ at: [0, 1, -2] })
  const [ana, ben] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' })])
  // Vic's build is one for debugging.
  const vic = await join('vic', { over: 'quic', role: 'viewer', cbor: true })
  /** Whether it comes to that, in what a story has time for. */
  const until = async (holds: () => boolean): Promise<boolean> => {
    for (let waited = 0; waited < PATIENCE_FRAMES && !holds(); waited++) await frames(1)
    return holds()
  }
  await frame(20)
  ana.say('shall we move it?')
  vic.panel(1, 'map')
  ana.panel(1, 'outliner')
  ben.nextTool()
  ana.click(crate)
  await frames(16)
  ben.say('yes')
  vic.say('I only watch')
  ana.drag(crate, { by: [0, 0.5, 0], frames: 27 })
  for (let told = 0; told < 12; told++) ana.panel(told, `page ${told}`)
  const inHand = await until(() => {
    const { highlights, cursor, drags } = ben.shownBy(ana)
    return highlights.includes(crate) && cursor !== undefined && drags === crate
  })
  if (inHand) ben.say('I see it in your hand')
  ana.panel(11, '')
  if (await until(() => ana.shownBy(ben).tool === 2)) ana.say('you have the other tool')
  const newest = '4 5 6 7 8 9 10'
  if (await until(() => vic.shownBy(ana).panels.map(([panel]) => panel).join(' ') === newest)) vic.say('only the newest panels')
  const isHeard = await until(() => ana.heard().includes('vic: I only watch') && ben.heard().includes('vic: only the newest panels'))
  if (isHeard && !ana.heard().some((line) => line.startsWith('ana'))) ana.say('I heard you')
  vic.leave()
  const isGone = await until(() => ben.shownBy(vic).panels.length === 0 && ben.heard().includes('ana: I heard you'))
  if (isGone && ben.heard().includes('vic: I only watch')) ben.say('gone, and what was said stays')
}, {
  mustHappen: {
    counters: {
      linesSaid: [8, 8], panelsChanged: [15, 15], cursorsMoved: 2, gizmosMoved: 2, highlightsChanged: 1, toolsChanged: 2,
      editorEventsShown: 40,
    },
    confirmed: { ana: 60, ben: 60 },
  },
})
