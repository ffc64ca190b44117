/** Law 5: chance sees what a datagram carries, so that suppressing one fault leaves the others where they were. */
import { describe, expect, test } from 'vitest'
import { type Choice, type Chooser, type Odds, SeededChooser } from '../../../sim/choice.ts'
import { RecordingChooser } from '../../../sim/steer.ts'
import type { Protocol } from '../../../sim/transport/session.ts'
import { CHANNEL_COUNT, CONTROL, LOSSY, numbered, ORDERED_ONCE_MORE, World } from './world.ts'

const name = ({ site, keyHi, keyLo, alternative }: Choice): string => `${site} ${keyHi} ${keyLo} ${alternative}`

/** The seed's choices, but one of them benign. */
class Suppressing implements Chooser {
  readonly seeded: RecordingChooser
  readonly #without: Choice | undefined
  constructor(seed: number, without: Choice | undefined) {
    this.seeded = new RecordingChooser(new SeededChooser(seed), () => 0)
    this.#without = without
  }
  choose(odds: Odds, keyHi: number, keyLo: number): number {
    const { site, keyHi: hi, keyLo: lo } = this.#without ?? { site: '', keyHi: 0, keyLo: 0 }
    return odds.site === site && keyHi === hi && keyLo === lo ? 0 : this.seeded.choose(odds, keyHi, keyLo)
  }
}

/** A session as Theta's: the host streams a delta a frame, the peers send input and now and then a command. */
function session(seed: number, protocol: Protocol, without?: Choice): readonly Choice[] {
  const chooser = new Suppressing(seed, without)
  const world = new World({
    chooser, protocol,
    links: { latencyUsMin: 10_000, latencyUsMax: 40_000, dropPpm: 50_000, duplicatePpm: 10_000, reorderPpm: 10_000, corruptPpm: 2_000 },
  })
  expect(world.connect()).toBe(true)
  // Frames are instants of the session, whenever the connection came about.
  world.run(2_000_000 - world.nowUs)
  for (let frame = 0; frame < 120; frame++) {
    world.host.send({ kind: 'message', on: world.host.on, channel: ORDERED_ONCE_MORE, bytes: numbered(frame, 300) })
    if (frame % 3 === 0) world.client.send({ kind: 'message', on: world.client.on, channel: LOSSY, bytes: numbered(frame, 80) })
    if (frame % 10 === 0) world.client.send({ kind: 'message', on: world.client.on, channel: CONTROL, bytes: numbered(frame, 200) })
    if (frame % 10 === 2) world.host.send({ kind: 'message', on: world.host.on, channel: CONTROL, bytes: numbered(frame, 200) })
    world.run(11_111)
  }
  world.run(500_000)
  return chooser.seeded.recorded
}

describe.each(['quic', 'webrtc'] as const)('%s', (protocol) => {
  test('a suppressed drop leaves at least 95% of the other choices at their keys', () => {
    let others = 0
    let kept = 0
    for (let seed = 1; seed <= 6; seed++) {
      const choices = session(seed, protocol)
      const drops = choices.filter(({ site }) => site === 'net.drop')
      expect(drops.length).toBeGreaterThan(5)
      for (const dropped of drops.filter((_, index) => index % 3 === 0)) {
        const without = new Set(session(seed, protocol, dropped).map(name))
        expect(without.has(name(dropped))).toBe(false)
        for (const choice of choices) {
          if (choice === dropped) continue
          others++
          if (without.has(name(choice))) kept++
        }
      }
    }
    expect(others).toBeGreaterThan(1_000)
    expect(kept / others).toBeGreaterThan(0.95)
  })

  test('no two datagrams of a run share a key', () => {
    const seen = new Set<string>()
    const world = new World({ seed: 5, protocol, links: { latencyUsMin: 5_000, latencyUsMax: 30_000, dropPpm: 100_000 } })
    const { fabric } = world
    const send = fabric.send.bind(fabric)
    let repeated = 0
    fabric.send = (datagram, nowUs) => {
      const key = `${datagram.from} ${datagram.keyHi} ${datagram.keyLo}`
      if (seen.has(key)) repeated++
      seen.add(key)
      send(datagram, nowUs)
    }
    world.connect()
    for (let i = 0; i < 100; i++) {
      world.host.send({ kind: 'message', on: world.host.on, channel: i % CHANNEL_COUNT, bytes: numbered(i, 100 + i * 40) })
      world.client.send({ kind: 'message', on: world.client.on, channel: (i * 3) % CHANNEL_COUNT, bytes: numbered(i, 100) })
      world.run(7_000)
    }
    world.run(2_000_000)
    expect(seen.size).toBeGreaterThan(200)
    expect(repeated).toBe(0)
  })
})
