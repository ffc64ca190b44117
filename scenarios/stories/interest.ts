/**
 * A thousand things stand evenly on a field of 160 m, each of eight members sees the part around itself, and things move in and out of
 * everybody's sight: nobody keeps a ghost, nobody misses anything, and nobody hears of what is far away.
 */
import { scenario } from '../scenario.ts'

/** Things stand every 5 m, 40 by 25 of them, over 10 by 8 cells. */
const [COLUMNS, ROWS, APART] = [40, 25, 5]
const NAMES = ['ana', 'ben', 'cas', 'dia', 'eli', 'fay', 'gus', 'hal']

export default scenario('interest', { frames: 120, hz: 90, peersMax: 8 }, async ({ host, join, net, frame, frames, random }) => {
  net.all.set({ latencyMs: [5, 30], drop: 0.01, reorder: 0.02 })
  const place = (column: number, row: number, height = 1) =>
    [column * APART - 97.5, height, row * APART - 60] as const
  const props: ReturnType<typeof host.prop>[] = []
  host.does('spread', () => {
    for (let i = 0; i < COLUMNS * ROWS; i++) props.push(host.prop(place(i % COLUMNS, Math.floor(i / COLUMNS))))
  })
  const peers = await Promise.all(NAMES.map((name, i) => join(name, { over: i % 2 === 0 ? 'quic' : 'webrtc', role: 'editor' })))
  const somewhere = () => place(random.int(COLUMNS), random.int(ROWS), random.int(2))
  const look = (i: number) => peers[i].subscribe({ at: somewhere(), radius: 4 + random.int(9), tools: i % 2 === 0 ? ['rotate'] : [] })
  peers.forEach((_, i) => look(i))
  const runtime = async () => {
    for (let tick = 0; tick < 30; tick++) {
      host.does('stir', () => {
        for (let i = 0; i < 40; i++) props[random.int(props.length)].moveTo(somewhere())
        if (tick % 3 === 0) props.push(host.prop(somewhere()))
        if (tick % 3 === 1) props.splice(random.int(props.length), 1)[0].despawn()
      })
      await frames(3)
    }
  }
  const wander = async () => {
    for (let turn = 0; turn < 6; turn++) {
      await frames(12)
      look(1 + random.int(6))
      peers[1 + random.int(6)].nextTool()
    }
  }
  const lookAround = async () => {
    await frames(30)
    peers[7].unsubscribe()
    await frames(40)
    look(7)
  }
  await Promise.all([runtime(), wander(), lookAround(), frame(110)])
}, {
  mustHappen: {
    counters: { framesCut: 500, rowsSent: 500, rowsFiltered: 5_000, sessionsOpened: 8 },
    confirmed: { ana: 30, hal: 20 },
    marks: { 'an interest came into force by a snapshot': 1 },
  },
})
