/** Law 5: chance sees what a packet carries, so that suppressing one loss leaves the others where they were. */
import { expect, test } from 'vitest'
import { mix32 } from '../../../sim/choice.ts'
import { numbered, type Packet, Pair, RELIABLE, retransmits, UNORDERED } from './pair.ts'

const nameOf = ({ from, keyHi, keyLo }: Packet): string => `${from} ${keyHi} ${keyLo}`

/** A host streams a message a frame, the peer sends input and now and then a command. What was lost, by name. */
function session(seed: number, suppressed?: string): readonly string[] {
  const pair = new Pair({ specs: [RELIABLE, retransmits(1, true), retransmits(0), UNORDERED], latencyUs: 20_000 })
  const lost: string[] = []
  pair.fate = (packet) => {
    const name = nameOf(packet)
    if (mix32(mix32(packet.keyHi, packet.keyLo), seed) % 20 > 0 || name === suppressed) return [0]
    lost.push(name)
    return []
  }
  pair.run(2_000_000)
  for (let frame = 0; frame < 120; frame++) {
    pair.write(0, 1, numbered(frame, 300))
    if (frame % 3 === 0) pair.write(1, 2, numbered(frame, 80))
    if (frame % 10 === 0) pair.write(1, 0, numbered(frame, 200))
    if (frame % 10 === 2) pair.write(0, 0, numbered(frame, 3_000))
    pair.run(11_111)
  }
  pair.run(500_000)
  return lost
}

test('a loss that is suppressed leaves at least 95% of the others where they were', () => {
  let others = 0
  let kept = 0
  for (let seed = 1; seed <= 8; seed++) {
    const lost = session(seed)
    expect(lost.length).toBeGreaterThan(5)
    for (const suppressed of lost.filter((_, index) => index % 3 === 0)) {
      const without = new Set(session(seed, suppressed))
      expect(without.has(suppressed)).toBe(false)
      for (const name of lost) {
        if (name === suppressed) continue
        others++
        if (without.has(name)) kept++
      }
    }
  }
  expect(kept / others).toBeGreaterThan(0.95)
})

test('no two packets of a run have the same name, but for answers to a copy', () => {
  const pair = new Pair({ specs: [RELIABLE, UNORDERED, retransmits(2)] })
  pair.fate = ({ keyHi, keyLo }) => (mix32(keyHi, keyLo) % 7 === 0 ? [] : [0])
  for (let i = 0; i < 100; i++) {
    for (let channel = 0; channel < 3; channel++) pair.write(0, channel, numbered(i, 100 + 60 * i))
    pair.run(10_000)
  }
  pair.run(20_000_000)
  const names = pair.sent.map(nameOf)
  expect(new Set(names).size).toBe(names.length)
})
