/**
 * Two members are cut off for longer than the host keeps its frames, one that sees everything and one that sees a part. A few of many
 * things move, come and go meanwhile, and work goes on: each gets what changed, and not all that there is.
 */
import { scenario } from '../scenario.ts'

/** Things stand every 4 m, 24 by 12 of them. */
const [COLUMNS, ROWS, APART] = [24, 12, 4]
const MOVING = 12
const CUT_MS = 1_000

export default scenario('cut-off', { frames: 200, hz: 90 }, async ({ host, join, net, frame, frames, random }) => {
  net.all.set({ latencyMs: [5, 30], drop: 0.01, reorder: 0.02 })
  const place = (column: number, row: number, height = 1) => [column * APART - 48, height, row * APART - 24] as const
  const somewhere = () => place(random.int(COLUMNS), random.int(ROWS), random.int(2))
  const things: ReturnType<typeof host.prop>[] = []
  host.does('spread', () => {
    for (let i = 0; i < COLUMNS * ROWS; i++) things.push(host.prop(place(i % COLUMNS, Math.floor(i / COLUMNS))))
  })
  const crates = Array.from({ length: 4 }, (_, i) => host.spawn({ at: [i - 2, 1, -2] }))
  const [ana, ben, cas] = await Promise.all([
    join('ana', { over: 'webrtc', role: 'editor' }),
    join('ben', { over: 'webrtc', role: 'editor' }),
    join('cas', { over: 'quic', role: 'editor' }),
  ])
  ben.subscribe({ at: place(6, 6), radius: 20, tools: [] })
  const runtime = async () => {
    for (let tick = 0; tick < 60; tick++) {
      host.does('stir', () => {
        for (let i = 0; i < MOVING; i++) things[i].moveTo(somewhere())
        if (tick % 6 === 0) things.push(host.prop(somewhere()))
        if (tick % 6 === 3) things.pop()!.despawn()
        if (tick % 12 === 9) things.splice(MOVING + random.int(things.length - MOVING), 1)[0].despawn()
      })
      await frames(3)
    }
  }
  const work = async () => {
    for (let turn = 0; turn < 9; turn++) {
      random.pick([ana, ben, cas]).drag(random.pick(crates), { by: [0.2, 0.1, 0], frames: 10 })
      cas.click(random.pick(crates))
      await frames(18)
    }
  }
  const cuts = async () => {
    await frame(40)
    net.link(ana, host).cut(CUT_MS)
    net.link(ben, host).cut(CUT_MS)
  }
  await Promise.all([runtime(), work(), cuts(), frame(190)])
}, {
  mustHappen: {
    counters: { leaps: 1, framesSkipped: 120, resyncs: 2, commandsApplied: 8, sessionsOpened: 3 },
    marks: { 'a leap stood for the frames that were missing': 1 },
    confirmed: { ana: 20, ben: 30, cas: 150 },
  },
})
