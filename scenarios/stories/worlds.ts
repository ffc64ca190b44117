/**
 * Worlds of ten to ten thousand entities, by strata: of twenty seeds one has 10,000, three have 1,000, six have 100 and ten have 10. Two
 * members join while things move, one is cut off for a while, and everybody has the host's bytes in every frame that they confirm.
 */
import { scenario } from '../scenario.ts'

/** Entities, by the last place of the seed in twenty. */
const SIZES = [10_000, 1_000, 1_000, 1_000, 100, 100, 100, 100, 100, 100]
const SIZE_ELSE = 10
const STRATA = 20
/** Of each hundred entities, this many are the log's; at most so many. */
const LOGGED_SHARE = 0.1
const LOGGED_MAX = 100
/** Entities that move in a frame, at most. */
const MOVING_MAX = 24
const MADE_FRAMES = 45
const ROW = 100

export default scenario('worlds', { frames: 150, hz: 90 }, async ({ host, join, net, frame, random, seed }) => {
  net.all.set({ latencyMs: [4, 24], drop: 0.02, reorder: 0.02 })
  const stratum = typeof seed === 'number' ? seed % STRATA : random.int(STRATA)
  const size = SIZES[stratum] ?? SIZE_ELSE
  const logged = Math.min(LOGGED_MAX, Math.floor(size * LOGGED_SHARE))
  const things = Array.from({ length: logged }, (_, i) => host.spawn({ at: [i % ROW, 0.5, -4] }))
  const props = Array.from({ length: size - logged }, (_, i) => host.prop([i % ROW, 2, -8 - Math.floor(i / ROW)]))
  // Made before anybody looks on: what the runtime takes in a frame is bounded.
  await frame(MADE_FRAMES)
  const ana = await join('ana', { over: 'quic', role: 'editor' })
  const ben = await join('ben', { over: 'webrtc', role: 'editor' })
  for (let k = 60; k < 148; k += 2) {
    await frame(k)
    if (k === 80) net.link(ben, host).cut(300)
    for (let moving = Math.min(MOVING_MAX, props.length); moving > 0; moving--) {
      props[random.int(props.length)].moveTo([random.int(ROW), 2 + random.int(10) / 10, -8 - random.int(ROW)])
    }
    if (k % 8 === 0) props.push(host.prop([random.int(ROW), 3, -6]))
    if (k % 8 === 4) props.splice(random.int(props.length), 1)[0].despawn()
    if (k % 10 === 0) random.pick([ana, ben]).drag(random.pick(things), { by: [random.int(9) / 10, 0, 0], frames: 6 })
  }
}, { mustHappen: { counters: { snapshots: 2, propsMoved: 200, propsSpawned: 9, propsDespawned: 8 }, confirmed: { ana: 60, ben: 10 } } })
