/**
 * Two members hold keys of their own and say whatever they like: one an editor, one a viewer. Forged, replayed, mangled,
 * contradictory, from before, too large, too much, and in somebody else's power: all of it is refused by name, and the two who
 * work beside them notice nothing.
 */
import { scenario } from '../scenario.ts'

/** A hundred times what the sustained rate allows in a fifth of a second. */
const FLOOD_ENTRIES = 200
const FLOODS = 5
const CHATTER_BYTES = 400_000
const DEMANDS = 40

export default scenario('attacker', { frames: 300, hz: 90 }, async ({ host, join, net, frames, random }) => {
  net.all.set({ latencyMs: [5, 20], drop: 0.01 })
  const crates = Array.from({ length: 4 }, (_, i) => host.spawn({ at: [i - 1.5, 1, -2] }))
  const decoy = host.spawn({ at: [0, 3, -9] })
  const [ana, ben, eve, mal] = await Promise.all([
    join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' }),
    join('eve', { over: 'quic', role: 'editor', compression: 'dictionary' }), join('mal', { over: 'webrtc', role: 'viewer' }),
  ])
  const work = async () => {
    for (let turn = 0; turn < 8; turn++) {
      ana.click(crates[turn % 2])
      ben.drag(crates[2 + (turn % 2)], { by: [0.1, 0, 0], frames: 12 })
      if (turn % 4 === 0) {
        ana.placements.open()
        ana.placements.add({ asset: 1 + turn, at: [turn, 0.5, -8] })
        ana.placements.commit()
      }
      await frames(24)
    }
  }
  const attack = async () => {
    const { hostile } = eve
    hostile.command(decoy)
    await frames(12)
    for (const again of [1, 2]) {
      hostile.forge(ana, crates[again])
      hostile.replay()
      hostile.spentNonce(crates[0])
      hostile.otherEpoch(crates[0])
      hostile.farFuture(crates[0])
      hostile.equivocate(decoy)
      hostile.oversized()
      // Its next number is known when the last one has come back.
      await frames(14)
      hostile.usurp()
      await frames(14)
      hostile.promote()
      hostile.inflate()
      hostile.bomb()
      hostile.truncate(random.int(400))
      hostile.flip(random.int(4000))
      for (let message = 0; message < 8; message++) hostile.mangle(message, [random.int(4000), random.int(4000)])
      hostile.helloAgain()
      hostile.hostMessage('KeyRoster')
      hostile.hostMessage('ComponentDelta')
      hostile.sendAway(ana, 'kicked')
      hostile.sendAway(ben, 'banned')
      await frames(20)
    }
    for (let demand = 0; demand < DEMANDS; demand++) hostile.demand()
    hostile.chatter(CHATTER_BYTES)
    await frames(10)
    for (let flood = 0; flood < FLOODS; flood++) {
      hostile.flood(decoy, FLOOD_ENTRIES)
      await frames(18)
    }
  }
  const trespass = async () => {
    for (let i = 0; i < 6; i++) {
      mal.hostile.command(crates[i % 4])
      mal.hostile.promote()
      mal.hostile.sendAway(ana, 'banned')
      await frames(15)
    }
  }
  await Promise.all([work(), attack(), trespass()])
}, {
  mustHappen: {
    counters: {
      refusedSignature: 2, refusedNonce: 2, refusedEpoch: 2, refusedMalformed: 2, refusedDuplicate: 2, refusedRate: 20, refusedRole: 12,
      commandsDenied: 2, equivocations: 2, messagesUnreadable: 8, compressionRefused: 6, messagesInflated: 2,
      messagesForbidden: 20, messagesOverBudget: 10, sessionsExpelled: 1,
      commitsApplied: 2, commandsApplied: 20,
    },
    signedBy: { ana: 8, ben: 8 },
    confirmed: { ana: 150, ben: 100 },
  },
})
