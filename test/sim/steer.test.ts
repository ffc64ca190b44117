import { describe, expect, it } from 'vitest'
import { chancePpm, PlannedChooser, SeededChooser } from '../../sim/choice.ts'
import { BranchedChooser, WitnessedChooser } from '../../sim/steer.ts'

const HALF = chancePpm('coin', 500_000)
const keys = Array.from({ length: 200 }, (_, key) => key)

describe('a witnessed chooser', () => {
  it('chooses as the one inside does, and remembers when', () => {
    const inner = new SeededChooser(5)
    let progress = 0
    const witnessed = new WitnessedChooser(inner, () => progress)
    const chosen = keys.map((key) => witnessed.choose(HALF, 0, (progress = key)))
    const plain = new SeededChooser(5)
    expect(chosen).toEqual(keys.map((key) => plain.choose(HALF, 0, key)))
    expect(witnessed.recorded).toEqual(plain.recorded)
    expect(witnessed.made).toEqual(witnessed.recorded.map(({ keyLo }) => keyLo))
  })

  it('remembers the first time of what is chosen again', () => {
    let progress = 1
    const witnessed = new WitnessedChooser(new PlannedChooser([{ site: 'coin', keyHi: 0, keyLo: 3, alternative: 1 }]), () => progress)
    witnessed.choose(HALF, 0, 3)
    progress = 9
    witnessed.choose(HALF, 0, 3)
    witnessed.choose(HALF, 0, 4)
    expect(witnessed.made).toEqual([1])
  })
})

describe('a branched chooser', () => {
  it('is the past before the branch and the future after it, and records both', () => {
    for (const branch of [0, 77, 200]) {
      let now = 0
      const branched = new BranchedChooser(new SeededChooser(1), new SeededChooser(2), () => now >= branch)
      const chosen = keys.map((key) => branched.choose(HALF, 0, (now = key)))
      const [past, future] = [new SeededChooser(1), new SeededChooser(2)]
      expect(chosen).toEqual(keys.map((key) => (key < branch ? past : future).choose(HALF, 0, key)))
      const replayed = new PlannedChooser(branched.recorded)
      expect(keys.map((key) => replayed.choose(HALF, 0, key))).toEqual(chosen)
    }
  })
})
