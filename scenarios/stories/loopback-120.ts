/** The main story: two editors on a bad network, one of them cut off for 800 ms, end with the same bytes. */
import { scenario } from '../scenario.ts'

export default scenario('loopback-120', { frames: 120, hz: 90 }, async ({ host, join, net, frames, sleep, random }) => {
  net.all.set({ latencyMs: [10, 40], drop: 0.05, duplicate: 0.01, reorder: 0.05 })
  const crates = Array.from({ length: 12 }, (_, i) => host.spawn({ at: [(i % 6) - 2.5, 1, -2 - Math.floor(i / 6)] }))
  // Two stacks of four with gaps: they fall on each other and on the ground.
  for (let i = 0; i < 8; i++) host.body({ at: [i < 4 ? -4 : 4, 0.5 + 0.45 * (i % 4), -3], shape: i % 2 === 0 ? 'box' : 'ball' })
  const props = Array.from({ length: 60 }, (_, i) => host.prop([i / 10, 3, -6]))

  const [ana, ben] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' })])
  // Both hands are busy from here on, at once.
  const runtime = async () => {
    for (let tick = 0; tick < 44; tick++) {
      for (let i = 0; i < 12; i++) props[random.int(props.length)].moveTo([random.int(80) / 10, 2 + random.int(20) / 10, -6])
      if (tick < 40) {
        props.push(host.prop([tick / 10, 4, -6]))
        props.shift()!.despawn()
        if (tick % 2 === 0) props.pop()!.despawn()
        if (tick % 2 === 0) props.push(host.prop([tick / 10, 5, -6]))
      }
      await frames(2)
    }
    for (const prop of props.splice(0)) prop.despawn()
  }
  const anaEdits = async () => {
    ana.placements.open()
    for (let i = 0; i < 3; i++) ana.placements.add({ asset: 100 + i, at: [i, 0.5, -8], tags: ['structure'] })
    ana.placements.commit()
    ana.click(crates[0])
    ana.drag(crates[1], { by: [0.4, 0.2, 0], frames: 45 })
    await frames(50)
    ana.nextTool()
    ana.nextTool()
    ana.click(crates[3])
    ana.spawn({ at: [0, 2, -5] })
  }
  const benEdits = async () => {
    ben.click(crates[4])
    ben.drag(crates[1], { by: [0, 0.3, 0], frames: 36 })
    ben.placements.open()
    for (let i = 0; i < 2; i++) ben.placements.add({ asset: 200 + i, at: [i, 0.5, -10] })
    ben.placements.commit()
    await frames(40)
    ben.nextTool()
    ben.click(crates[5])
    ben.spawn({ at: [1, 2, -5] })
  }
  // Both move the same placement before either can know of the other: one commit must be turned down.
  const race = async () => {
    while (ana.placements.seen().length === 0) await frames(1)
    const contested = ana.placements.seen()[0]
    while (ben.sees(contested) === undefined) await frames(1)
    for (const [editor, x] of [[ana, 0.25], [ben, -0.25]] as const) {
      editor.placements.open()
      editor.placements.move(contested, [x, 0.5, -8])
      editor.placements.commit()
    }
  }
  const partition = async () => {
    await frames(40)
    net.link(ben, host).cut(800)
    await sleep(820)
  }
  await Promise.all([runtime(), anaEdits(), benEdits(), race(), partition()])
}, {
  // Duplicates are left out: of some 500 datagrams at 1%, none is doubled in 1 of 150 seeds (0.99^500).
  mustHappen: {
    counters: {
      propsSpawned: 100, propsMoved: 100, propsDespawned: 100, contacts: 8, physicsSteps: 30, packetsLost: 20, packetsReordered: 5,
      snapshotChunks: 2, commitsApplied: 2, commitsRejected: 1, conflictsTransform: 1, resyncs: 1, xrSelects: 4, xrSqueezes: 2,
    },
    signedBy: { ana: 12, ben: 12 },
    confirmed: { ana: 60, ben: 25 },
  },
})
