/**
 * The host hands the session over while three members work, and its successor does so again: what they had signed is there, what they
 * would have signed meanwhile is declined, and with each host they are who they were. The first successor crashes in between.
 */
import { scenario } from '../scenario.ts'

const SETTINGS = { frames: 420, hz: 90, settleMs: 30_000, disks: true } as const
const PATIENCE_FRAMES = 400

export default scenario('host-hands-over', SETTINGS, async ({ host, join, net, frame, frames, random }) => {
  net.all.set({ latencyMs: [8, 20], drop: 0.02 })
  const crates = Array.from({ length: 3 }, (_, i) => host.spawn({ at: [i - 1, 1, -2] }))
  const prop = host.prop([0, 2, -4])
  const [ana, ben, vic] = await Promise.all([
    join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' }),
    join('vic', { over: 'quic', role: 'viewer' }),
  ])
  const members = [ana, ben, vic]
  const authors = members.map(({ author }) => author)
  const until = async (holds: () => boolean): Promise<void> => {
    for (let waited = 0; waited < PATIENCE_FRAMES && !holds(); waited++) await frames(1)
  }
  const areLive = () => members.every(({ state }) => state === 'live')
  await frame(20)
  prop.moveTo([1, 2, -4])
  // Until the host goes and beyond it, so that each has something on its way, and something is declined.
  ana.drag(crates[0], { by: [0.6, 0.3, 0], frames: 90 })
  ben.drag(crates[1], { by: [0, 0.6, 0], frames: 90 })
  const mesh = ana.offerAsset(random.bytes(40 * 1024))
  await frames(30)
  ana.spawn({ at: [2, 1, -2] })
  ben.placements.open()
  ben.placements.add({ asset: mesh, at: [3, 0, -4] })
  ben.placements.commit()
  await host.handOver()
  await until(areLive)
  ana.click(crates[2])
  ben.spawn({ at: [-2, 1, -2] })
  host.spawn({ at: [0, 3, -2] })
  const cleo = await join('cleo', { over: 'webrtc', role: 'editor' })
  prop.moveTo([2, 2, -4])
  cleo.drag(crates[0], { by: [0, 0, 0.5], frames: 60 })
  await frames(20)
  host.crash()
  await frames(3)
  host.restart()
  await until(() => areLive() && cleo.state === 'live')
  await frames(20)
  ana.spawn({ at: [2, 2, -2] })
  await host.handOver()
  await until(() => areLive() && cleo.state === 'live')
  // Only who is still who they were has something to say.
  members.forEach((member, i) => { if (member.author === authors[i]) member.say('here I am') })
  for (const member of [ana, ben, cleo]) member.click(crates[1])
  vic.fetchAsset(mesh)
  await frames(30)
}, {
  mustHappen: {
    counters: {
      handOvers: [2, 2], hostRestarts: 1, commandsDeclined: 2, commandsApplied: 20, linesSaid: 2, commitsApplied: 1, packetsLost: 20,
      assetsHeld: 3,
    },
    confirmed: { ana: 80, ben: 80, vic: 80, cleo: 10 },
  },
})
