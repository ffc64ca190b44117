/**
 * Two editors bring assets while everybody edits and places what came; a connection is lost, the host begins anew and a member with it,
 * in the middle of transfers, which go on. Mal's asset is not what it says that it is, and nobody gets it.
 */
import { scenario } from '../scenario.ts'

const SETTINGS = { frames: 420, hz: 90, settleMs: 30_000, disks: true } as const
const KIB = 1024
const PATIENCE_FRAMES = 400

export default scenario('asset-streaming', SETTINGS, async ({ host, join, net, random, frame, frames }) => {
  net.all.set({ latencyMs: [10, 25], drop: 0.02, reorder: 0.03 })
  const given = host.offerAsset(random.bytes(2 * KIB))
  const crate = host.spawn({ at: [0, 1, -2] })
  const [ana, ben, cleo, mal] = await Promise.all([
    join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' }),
    join('cleo', { over: 'webrtc', role: 'viewer' }), join('mal', { over: 'quic', role: 'editor' }),
  ])
  const until = async (holds: () => boolean): Promise<boolean> => {
    for (let waited = 0; waited < PATIENCE_FRAMES && !holds(); waited++) await frames(1)
    return holds()
  }
  await frame(20)
  ana.drag(crate, { by: [0.5, 0.5, 0], frames: 80 })
  const mesh = ana.offerAsset(random.bytes(90 * KIB + 7))
  const texture = ben.offerAsset(random.bytes(120 * KIB))
  const small = ana.offerAsset(random.bytes(3 * KIB))
  const rotten = mal.hostile.damagedAsset(random.bytes(9 * KIB))
  cleo.offerAsset(random.bytes(100))
  await frames(9)
  // In the middle of an upload.
  host.sever(ana)
  if (await until(() => cleo.knowsAsset(small))) cleo.fetchAsset(small)
  await until(() => cleo.knowsAsset(mesh) && ben.knowsAsset(mesh))
  for (const peer of [ben, cleo]) peer.fetchAsset(mesh)
  mal.hostile.forgeToken(mesh)
  cleo.fetchAsset(rotten)
  ben.fetchAsset(given)
  await frames(12)
  // In the middle of two downloads, and perhaps of an upload.
  host.sever(cleo)
  await until(() => ben.hasAsset(mesh) && cleo.hasAsset(mesh))
  ana.placements.open()
  ana.placements.add({ asset: mesh, at: [1, 0, -3] })
  ana.placements.commit()
  await until(() => ana.knowsAsset(texture))
  ana.fetchAsset(texture)
  await frames(8)
  // What it was given is gone with it; who has it offers it again.
  host.crash()
  cleo.crash()
  await frames(4)
  host.restart()
  cleo.restart()
  ben.drag(crate, { by: [0, 0, 0.5], frames: 30 })
  await until(() => ana.hasAsset(texture) && cleo.knowsAsset(texture) && cleo.knowsAsset(mesh))
  for (const asset of [texture, mesh]) cleo.fetchAsset(asset)
  await frames(20)
}, {
  mustHappen: {
    counters: {
      assetsOffered: 3, assetsHeld: 7, assetsFetched: 5, assetsResumed: 2, assetsRefused: 4, hostRestarts: 1, commandsApplied: 10,
      packetsLost: 50,
    },
    confirmed: { ana: 200, ben: 200, cleo: 100 },
  },
})
