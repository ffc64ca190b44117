/**
 * Far more moves than the stream may tell: crates fall, two hundred things wander, hands drag, and the budget has room for a part of it.
 * What waits longest goes first, hands before things, nothing starves; and when all have come to rest, everybody has everything.
 */
import { scenario } from '../scenario.ts'

const [THINGS, COLUMNS, CRATES] = [200, 20, 12]
const MOVING = 60

export default scenario('thin-pipe', {
  frames: 200, hz: 90, settleMs: 8_000, streamBytesPerSecond: 4_096,
}, async ({ host, join, net, frame, frames, random }) => {
  net.all.set({ latencyMs: [5, 30], drop: 0.01 })
  const place = () => [random.int(COLUMNS), 1 + random.int(3), -8 - random.int(COLUMNS)] as const
  const things: ReturnType<typeof host.prop>[] = []
  host.does('spread', () => {
    for (let i = 0; i < THINGS; i++) things.push(host.prop(place()))
  })
  const crates = Array.from({ length: CRATES }, (_, i) => host.body({ at: [(i % 4) - 2, 2 + Math.floor(i / 4), -3] }))
  const ana = await join('ana', { over: 'quic', role: 'editor' })
  const ben = await join('ben', { over: 'webrtc', role: 'editor' })
  const cas = await join('cas', { over: 'quic', role: 'viewer' })
  const wander = async () => {
    for (let tick = 0; tick < 40; tick++) {
      host.does('stir', () => {
        for (let i = 0; i < MOVING; i++) things[random.int(things.length)].moveTo(place())
        if (tick % 5 === 0) things.push(host.prop(place()))
        if (tick % 5 === 3) things.splice(random.int(things.length), 1)[0].despawn()
      })
      await frames(3)
    }
  }
  const work = async () => {
    for (let turn = 0; turn < 8; turn++) {
      ana.drag(random.pick(crates), { by: [0.3, 0.2, 0], frames: 8 })
      ben.drag(random.pick(crates), { by: [0, 0.3, 0.2], frames: 8, hand: 'left' })
      cas.click(random.pick(crates))
      await frames(16)
    }
  }
  await Promise.all([wander(), work(), frame(190)])
}, {
  mustHappen: {
    counters: { rowsDelayed: 5_000, longestWait: 20, commandsApplied: 20, sessionsOpened: 3 },
    marks: { 'a row of the stream waited for the budget': 100 },
    confirmed: { ana: 100, ben: 60, cas: 100 },
  },
})
