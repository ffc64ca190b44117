/** Every tidy check goes red on a planted fault, and stays green on its nearest lawful neighbour. */
import { describe, expect, it } from 'vitest'
import { checkDeadExports } from './dead.ts'
import { checkCycles, checkJoin, checkLayers } from './imports.ts'
import { checkLock, checkVersions } from './package.ts'
import { checkRules } from './rules.ts'
import { parseSource } from './source.ts'
import { FILE_LINES_MAX, LINE_CHARACTERS_MAX, checkLeftovers, checkOpenings, checkPowers, checkSizes, checkState } from './style.ts'
import { checkWords } from './words.ts'

const files = (texts: Record<string, string>) => Object.entries(texts).map(([path, text]) => parseSource(path, text))
const one = (path: string, text: string) => files({ [path]: text })

describe('checkLayers', () => {
  it.each([
    ['sim/a.ts', "import { store } from '../system/ecs/store.ts'"],
    ['sim/a.ts', "import type { Store } from '../system/ecs/store.ts'"],
    ['sim/a.ts', "export { store } from '../system/ecs/store.ts'"],
    ['sim/a.ts', "export * from '../system/ecs/store.ts'"],
    ['sim/a.ts', "export type * from '../system/ecs/store.ts'"],
    ['sim/a.ts', "const store = await import('../system/ecs/store.ts')"],
    ['sim/a.ts', 'const store = await import(`../system/ecs/store.ts`)'],
    ['sim/a.ts', 'const load = (path: string) => import(path)'],
    ['sim/a.ts', "type Store = import('../system/ecs/store.ts').Store"],
    ['sim/a.ts', "import '../system/ecs/store.ts'"],
    ['sim/a.ts', "import store = require('../system/ecs/store.ts')"],
    ['sim/a.ts', "import { ed25519 } from '@noble/curves/ed25519.js'"],
    ['system/a.ts', "import { readFileSync } from 'node:fs'"],
    ['system/a.ts', "import { readFileSync } from 'fs'"],
    ['system/a.ts', "import seedrandom from 'seedrandom'"],
    ['system/a.ts', "import { clock } from '../sim/clock.ts'"],
    ['system/a.ts', "import rapier from '@dimforge/rapier3d-compat'"],
    ['system/a.ts', "import { type World } from '@dimforge/rapier3d-compat'"],
    ['system/a.ts', "import { x } from 'three-mesh-bvh'"],
    ['reports/a.ts', "import { trace } from '../sim/trace.ts'"],
    ['reports/a.ts', "import type { Clock } from '../sim/clock.ts'"],
    ['reports/a.ts', "import type { Store } from '../system/ecs/store.ts'"],
    ['platform/a.ts', "import { NO_METER } from '../system/ports.ts'"],
    ['platform/a.ts', "import type { Scenario } from '../scenarios/index.ts'"],
    ['schemas/generated/a.ts', "import { store } from '../../system/ecs/store.ts'"],
    ['scenarios/a.ts', "import { main } from '../bin/main.ts'"],
    ['scenarios/a.ts', "import { ROOT } from '../test/tidy/source.ts'"],
    ['bin/a.ts', "import { clock } from '../sim/clock.ts'"],
    ['bin/a.ts', 'await import(module)'],
    ['bin/module.ts', "await import('../sim/clock.ts')"],
    ['bin/a.ts', "import type { Store } from '../system/ecs/store.ts'"],
  ])('%s: %s', (path, text) => {
    const complaints = checkLayers(one(path, `// A file.\n${text}`))
    expect(complaints).toHaveLength(1)
    expect(complaints[0]).toContain(`${path}:2:`)
  })

  it('lets lawful imports pass', () => {
    expect(checkLayers(files({
      'sim/b.ts': "import { sha256 } from '@noble/hashes/sha2.js'",
      'sim/net/a.ts': "import seedrandom from 'seedrandom'\nimport { clock } from '../clock.ts'\nconst text = \"from '../system/x.ts'\"",
      'system/a.ts': "import { sha256 } from '@noble/hashes/sha2.js'\nimport type { World } from '@dimforge/rapier3d-compat'\n"
        + "import { Vector3 } from 'three'\nimport { Frame } from '../schemas/generated/frame.ts'\n// import '../sim/clock.ts'",
      'reports/a.ts': "import type { Trace } from '../sim/trace.ts'",
      'platform/a.ts': "import { readFileSync } from 'node:fs'\nimport type { Verifier } from '../system/ports.ts'",
      'scenarios/a.ts': "import { world } from '../sim/world.ts'\nimport { verifier } from '../platform/verifier.ts'",
      'bin/a.ts': "import { simulate } from '../scenarios/index.ts'\nimport { parseArgs } from 'node:util'",
      'bin/module.ts': 'await import(module)',
      'test/a.ts': "import { main } from '../bin/main.ts'\nimport { world } from '../sim/world.ts'",
    }))).toEqual([])
  })
})

describe('checkJoin', () => {
  const both = "import { world } from '../sim/world.ts'\nimport type { Host } from '../system/session/host.ts'"

  it('finds a second place that knows both halves', () => {
    expect(checkJoin(one('scenarios/story.ts', both))).toEqual([
      "scenarios/story.ts:2: imports both '../sim/world.ts' and '../system/session/host.ts': the halves meet in scenarios/cluster/ alone",
    ])
    expect(checkJoin(one('scenarios/clusters.ts', both))).toHaveLength(1)
  })

  it('lets the join itself be', () => {
    const deeper = both.replaceAll('../', '../../')
    expect(checkJoin(files({ 'scenarios/cluster/peer.ts': deeper, 'scenarios/canaries/log.ts': deeper }))).toEqual([])
  })
})

describe('checkCycles', () => {
  it('names a cycle once, types included', () => {
    expect(checkCycles(files({
      'sim/a.ts': "import { b } from './b.ts'",
      'sim/b.ts': "import type { C } from './net/c.ts'",
      'sim/net/c.ts': "export { a } from '../a.ts'",
      'sim/outside.ts': "import { a } from './a.ts'",
    }))).toEqual([
      'sim/a.ts:1: import cycle sim/a.ts -> sim/b.ts -> sim/net/c.ts -> sim/a.ts; move what they share into a file of its own',
    ])
  })

  it('lets a diamond pass', () => {
    expect(checkCycles(files({
      'sim/a.ts': "import './b.ts'\nimport './c.ts'", 'sim/b.ts': "import './d.ts'", 'sim/c.ts': "import './d.ts'", 'sim/d.ts': '',
    }))).toEqual([])
  })
})

describe('checkWords', () => {
  it.each([
    ['sim/a.ts', 'const thetaPort = 1'],
    ['sim/a.ts', 'const x = { WORLD_SNAPSHOT: 1, worldSnapshotBytes: 2 }'],
    ['sim/a.ts', 'type T = ComponentDelta'],
    ['sim/a.ts', 'class A { #lamport = 0 }'],
    ['system/a.ts', 'const scenarioName = 1'],
    ['system/a.ts', 'peer.tamper()'],
  ])('%s: %s', (path, text) => expect(checkWords(one(path, text))).toHaveLength(1))

  it('leaves comments, texts and other layers alone', () => {
    expect(checkWords(files({
      'sim/a.ts': "// theta's lamport\nconst name = 'theta-sim'", 'system/a.ts': '/* a scenario */',
      'scenarios/a.ts': 'const theta = lamport',
    }))).toEqual([])
  })
})

describe('checkSizes', () => {
  it('counts lines and characters at their bounds', () => {
    expect(checkSizes(one('sim/a.ts', '\n'.repeat(FILE_LINES_MAX)))).toEqual([])
    expect(checkSizes(one('sim/a.ts', '\n'.repeat(FILE_LINES_MAX + 1)))).toHaveLength(1)
    expect(checkSizes(one('sim/a.ts', `//${'-'.repeat(LINE_CHARACTERS_MAX - 2)}\n`))).toEqual([])
    expect(checkSizes(one('sim/a.ts', `//${'-'.repeat(LINE_CHARACTERS_MAX - 1)}\n`))).toHaveLength(1)
  })

  it.each(['let a \n', '\tlet a\n', 'let a'])('finds %j', (text) => expect(checkSizes(one('test/a.ts', text))).toHaveLength(1))

  it('leaves generated code alone', () => expect(checkSizes(one('schemas/generated/a.ts', 'let a \n'))).toEqual([]))
})

describe('checkOpenings', () => {
  it('wants a comment first', () => {
    expect(checkOpenings(one('sim/a.ts', 'export {}\n// late'))).toHaveLength(1)
    expect(checkOpenings(files({
      'sim/a.ts': '/** Map. */\nexport {}', 'bin/a.ts': '#!/usr/bin/env node\n// Map.\n', 'test/a.ts': '',
    }))).toEqual([])
  })
})

describe('checkLeftovers', () => {
  it.each(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'])('finds %s', (word) => {
    expect(checkLeftovers(one('sim/a.ts', `// ${word}: later`))).toHaveLength(1)
    expect(checkLeftovers(one('sim/a.ts', `// ${word}S and MAS${word}`))).toEqual([])
  })

  it('finds printing outside the command line', () => {
    expect(checkLeftovers(one('sim/a.ts', 'function f() { console.log(1) }'))).toHaveLength(1)
    expect(checkLeftovers(files({ 'bin/a.ts': 'console.log(1)', 'sim/a.ts': "const text = 'console.log(1)'" }))).toEqual([])
  })
})

describe('checkState', () => {
  it.each([
    'let a = 1', 'export let a = 1', 'var a', 'const a = new Map()',
    'export const a: string[] = []', 'const a = {} as T', 'const a = new WeakSet()',
  ])('finds %s', (text) => expect(checkState(one('system/a.ts', text))).toHaveLength(1))

  it('lets constant tables and local state pass', () => {
    expect(checkState(one('system/a.ts', 'const a = [1]\nconst b = new Map([[1, 2]])\nfunction f() { let c = []; return c }'))).toEqual([])
    expect(checkState(one('test/a.ts', 'let a = 1'))).toEqual([])
  })
})

describe('checkPowers', () => {
  it('lets powers of two alone pass', () => {
    expect(checkPowers(one('sim/a.ts', 'const a = x ** 2\nlet b = 3\nb **= 2'))).toHaveLength(2)
    expect(checkPowers(files({ 'sim/a.ts': 'const a = 2 ** 32, b = 2n ** 64n', 'bin/a.ts': 'const a = x ** 2' }))).toEqual([])
  })
})

describe('checkDeadExports', () => {
  it('finds a name that nobody imports', () => {
    expect(checkDeadExports(files({
      'sim/a.ts': 'export const used = 1\nexport function unused() {}\nexport const { x, y: [z] } = f()\nexport class C {}',
      'sim/b.ts': "import { used, x as y } from './a.ts'",
    })).map((text) => text.replace(/;.*/, ''))).toEqual([
      "sim/a.ts:2: nobody imports 'unused'", "sim/a.ts:3: nobody imports 'z'", "sim/a.ts:4: nobody imports 'C'",
    ])
  })

  it('finds a type that not even its own file uses', () => {
    const text = 'export interface A { a: number }\nexport type B = string\nexport const f = (b: B) => b'
    expect(checkDeadExports(files({ 'sim/a.ts': text, 'sim/b.ts': "import { f } from './a.ts'" }))).toHaveLength(1)
  })

  it('counts namespaces, types by path, dynamic imports, defaults and passing on', () => {
    expect(checkDeadExports(files({
      'sim/a.ts': 'export const a = 1', 'sim/b.ts': 'export const b = 1', 'sim/c.ts': 'export interface C { c: 1 }',
      'sim/d.ts': 'export default 1', 'sim/e.ts': 'export const e = 1', 'sim/f.ts': 'export const f = 1',
      'scenarios/index.ts': "import * as a from '../sim/a.ts'\nexport { b } from '../sim/b.ts'\nexport type C = import('../sim/c.ts').C\n"
        + "import d from '../sim/d.ts'\nconst e = await import('../sim/e.ts')\nexport * from '../sim/f.ts'\nexport const api = 1",
    }))).toEqual([])
  })
})

describe('checkRules', () => {
  const spec = '# Spec\n- **R-LOG-1** one\n- **R-LOG-2** two, see R-LOG-1\n'
  const cite = (...titles: string[]) => one('test/log.test.ts', titles.map((title) => `it('${title}', () => {})`).join('\n'))

  it('wants every rule in a title', () => {
    expect(checkRules(spec, cite('R-LOG-1 holds', 'R-LOG-2 holds'))).toEqual([])
    expect(checkRules(spec, cite('R-LOG-1 holds'))).toEqual(['system/SPEC.md:3: no test has R-LOG-2 in its title'])
  })

  it('reads tables and templates, not comments, groups, bodies or helpers', () => {
    const table = one('test/log.test.ts', 'it.each([1])(`R-LOG-1 ${1} and R-LOG-2`, () => {})')
    expect(checkRules(spec, table)).toEqual([])
    const elsewhere = "describe('R-LOG-1', () => { it('holds', () => f('R-LOG-2')) }) // R-LOG-2"
    expect(checkRules(spec, one('test/log.test.ts', elsewhere))).toHaveLength(2)
    expect(checkRules(spec, one('test/log.ts', "it('R-LOG-1 R-LOG-2')"))).toHaveLength(2)
  })

  it('finds unknown and repeated ids, an empty and a missing specification', () => {
    expect(checkRules(spec, cite('R-LOG-1', 'R-LOG-2', 'R-LOG-3'))).toEqual([
      'test/log.test.ts:3: cites R-LOG-3, which system/SPEC.md does not define'])
    expect(checkRules(`${spec}**R-LOG-1**`, cite('R-LOG-1', 'R-LOG-2'))).toEqual(['system/SPEC.md:4: R-LOG-1 is defined on line 2 already'])
    expect(checkRules('', [])).toHaveLength(1)
    expect(checkRules(undefined, [])).toEqual(['system/SPEC.md:1: is missing'])
  })
})

describe('checkLock and checkVersions', () => {
  it('finds a download address', () => {
    expect(checkLock('{\n  "resolved": "https://registry.example/a.tgz"\n}')).toHaveLength(1)
    expect(checkLock('{ "integrity": "resolved" }')).toEqual([])
  })

  it('finds a range', () => {
    expect(checkVersions('{ "dependencies": { "a": "^1.2.3", "b": "1.2.3" }, "devDependencies": { "c": "*" } }')).toHaveLength(2)
  })
})
