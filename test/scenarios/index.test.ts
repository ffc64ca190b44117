/** What the package exports: a story in a language of types can name whatever it is given and gives. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type DirectionOptions, type LinkOptions, PRESET_NAMES, scenario, TRANSLATORS, type Translator } from '../../scenarios/index.ts'
import { simulate } from '../../scenarios/simulate.ts'

const vocabulary = readFileSync('scenarios/cluster/vocabulary.ts', 'utf8')
const index = readFileSync('scenarios/index.ts', 'utf8')
const named = (code: string, pattern: RegExp): readonly string[] =>
  [...code.matchAll(pattern)].flatMap(([, names]) => names.split(',').map((name) => name.trim().replace(/^type /, '')))

it('exports every type of the vocabulary, and every one that it is made of', () => {
  const own = named(vocabulary, /^export (?:interface|type) (\w+)/gm)
  const others = named(vocabulary, /^import type \{([^}]+)\}/gm)
  expect([own.length, others.length].every((count) => count > 5)).toBe(true)
  const exported = new Set(named(index, /^export (?:type )?\{([^}]+)\}/gm))
  expect([...own, ...others].filter((name) => !exported.has(name))).toEqual([])
})

it('has names enough for a story that walks through links and translators', async () => {
  const worse = (drop: number): DirectionOptions => ({ drop, queue: { kind: 'codel' } })
  const behind: Translator = TRANSLATORS.at(-1)!
  const walk = scenario('walk', { frames: 40, hz: 90, peersMax: 1, hostBehind: 'fullCone' }, async ({ join, net, host, frames }) => {
    const ana = await join('ana', { over: 'webrtc', role: 'editor', behind })
    for (const preset of PRESET_NAMES.slice(0, 2)) {
      const options: LinkOptions = { preset, up: worse(0.01) }
      net.link(ana, host).set(options)
      await frames(5)
    }
  })
  expect(await simulate(walk, { seed: 1, verifier: 'node' })).toMatchObject({ exit: 0 })
})
