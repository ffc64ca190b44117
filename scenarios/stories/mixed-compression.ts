/** Peers that compress with a dictionary, without one, and not at all edit together; each is told in the way that it understands. */
import { scenario } from '../scenario.ts'

export default scenario('mixed-compression', { frames: 120, hz: 90 }, async ({ host, join, net, frame, frames }) => {
  net.all.set({ latencyMs: [10, 40], drop: 0.02, reorder: 0.05 })
  const crates = Array.from({ length: 24 }, (_, i) => host.spawn({ at: [(i % 8) - 3.5, 0.5 + Math.floor(i / 8), -3] }))
  host.body({ at: [0, 3, -3] })
  const ana = await join('ana', { over: 'quic', role: 'editor', compression: 'dictionary' })
  const ben = await join('ben', { over: 'webrtc', role: 'editor', compression: 'plain' })
  const cleo = await join('cleo', { over: 'quic', role: 'editor', compression: 'none' })
  ana.drag(crates[0], { by: [0, 0.5, 0], frames: 27 })
  ben.click(crates[20])
  cleo.drag(crates[9], { by: [0.5, 0, 0], frames: 18 })
  ana.placements.open()
  for (let i = 0; i < 6; i++) ana.placements.add({ asset: i + 1, at: [i, 0.5, -6], tags: ['structure'] })
  ana.placements.commit()
  await frames(20)
  host.sever(ana)
  await frame(60)
  const dan = await join('dan', { over: 'webrtc', role: 'editor', compression: 'dictionary' })
  dan.drag(crates[3], { by: [0, 0.5, 0], frames: 18 })
  net.link(ben, host).cut(300)
}, {
  mustHappen: {
    counters: {
      packetsLost: 3, snapshots: 5, commandsApplied: 30, commitsApplied: 1, sessionsResumed: 1, messagesCompressed: 250,
      messagesBypassed: 10, compressionBytesSaved: 12_000,
    },
    confirmed: { ana: 50, ben: 40, cleo: 50, dan: 15 },
  },
})
