import { describe, expect, it } from 'vitest'
import { chancePpm, PlannedChooser, SeededChooser } from '../../sim/choice.ts'
import { BranchedChooser, RecordingChooser } from '../../sim/steer.ts'

const HALF = chancePpm('coin', 500_000)
const keys = Array.from({ length: 200 }, (_, key) => key)

describe('a recording chooser', () => {
  it('chooses as the one inside does, and records each choice other than 0 once, in the order of first appearance, and when', () => {
    const inner = new SeededChooser(5)
    let progress = 0
    const recording = new RecordingChooser(inner, () => progress)
    const chosen = [...keys, ...keys].map((key) => recording.choose(HALF, 0, (progress = key)))
    expect(chosen).toEqual([...keys, ...keys].map((key) => inner.choose(HALF, 0, key)))
    const expected = keys.flatMap((keyLo) => (chosen[keyLo] === 0 ? [] : [{ site: 'coin', keyHi: 0, keyLo, alternative: chosen[keyLo] }]))
    expect(recording.recorded).toEqual(expected)
    expect(recording.made).toEqual(expected.map(({ keyLo }) => keyLo))
  })

  it('tells sites and both halves of the key apart', () => {
    const recording = new RecordingChooser({ choose: () => 1 }, () => 0)
    const places = [['a', 0, 0], ['b', 0, 0], ['a', 1, 0], ['a', 0, 1], ['a', 2 ** 32 - 1, 0]] as const
    for (const [site, keyHi, keyLo] of [...places, ...places]) recording.choose(chancePpm(site, 500_000), keyHi, keyLo)
    expect(recording.recorded).toEqual(places.map(([site, keyHi, keyLo]) => ({ site, keyHi, keyLo, alternative: 1 })))
  })

  it('remembers the first time of what is chosen again', () => {
    let progress = 1
    const recording = new RecordingChooser(new PlannedChooser([{ site: 'coin', keyHi: 0, keyLo: 3, alternative: 1 }]), () => progress)
    recording.choose(HALF, 0, 3)
    progress = 9
    recording.choose(HALF, 0, 3)
    recording.choose(HALF, 0, 4)
    expect(recording.made).toEqual([1])
  })
})

describe('a branched chooser', () => {
  it('is the past before the branch and the future after it, and the record of both replays it', () => {
    for (const branch of [0, 77, 200]) {
      let now = 0
      const branched = new BranchedChooser(new SeededChooser(1), new SeededChooser(2), () => now >= branch)
      const recording = new RecordingChooser(branched, () => now)
      const chosen = keys.map((key) => recording.choose(HALF, 0, (now = key)))
      const [past, future] = [new SeededChooser(1), new SeededChooser(2)]
      expect(chosen).toEqual(keys.map((key) => (key < branch ? past : future).choose(HALF, 0, key)))
      const replayed = new PlannedChooser(recording.recorded)
      expect(keys.map((key) => replayed.choose(HALF, 0, key))).toEqual(chosen)
    }
  })
})
