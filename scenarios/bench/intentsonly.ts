/** The story of loopback-120 without what headsets and physics add to it: props, spawns, placements, the same network. */
import { type Scenario, scenario } from '../scenario.ts'

export const intentsOnly: Scenario = scenario('intents-only', { frames: 120, hz: 90 }, async (story) => {
  const { host, net, random } = story
  net.all.set({ latencyMs: [10, 40], drop: 0.05, duplicate: 0.01, reorder: 0.05 })
  for (let i = 0; i < 20; i++) host.spawn({ at: [(i % 6) - 2.5, 1, -2 - Math.floor(i / 6)] })
  const props = Array.from({ length: 60 }, (_, i) => host.prop([i / 10, 3, -6]))
  const [ana, ben] = await Promise.all([
    story.join('ana', { over: 'quic', role: 'editor' }),
    story.join('ben', { over: 'webrtc', role: 'editor' }),
  ])
  const runtime = async () => {
    for (let tick = 0; tick < 44; tick++) {
      for (let i = 0; i < 12; i++) props[random.int(props.length)].moveTo([random.int(80) / 10, 2 + random.int(20) / 10, -6])
      props.push(host.prop([tick / 10, 4, -6]))
      props.shift()!.despawn()
      await story.frames(2)
    }
  }
  const edits = async () => {
    for (const [editor, z] of [[ana, -8], [ben, -10]] as const) {
      editor.placements.open()
      for (let i = 0; i < 3; i++) editor.placements.add({ asset: 100 + i, at: [i, 0.5, z], tags: ['structure'] })
      editor.placements.commit()
    }
    for (let i = 0; i < 10; i++) {
      ana.spawn({ at: [i, 2, -5] })
      ben.spawn({ at: [i, 2, -6] })
      await story.frames(6)
    }
  }
  const partition = async () => {
    await story.frame(70)
    net.link(ben, host).cut(500)
  }
  await Promise.all([runtime(), edits(), partition()])
})
