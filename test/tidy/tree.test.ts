/** The repository as it stands passes every tidy check. The checks themselves are tried in checks.test.ts. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkDeadExports } from './dead.ts'
import { checkCycles, checkJoin, checkLayers } from './imports.ts'
import { checkLock, checkVersions } from './package.ts'
import { checkRules } from './rules.ts'
import { ROOT, readTree } from './source.ts'
import { checkLeftovers, checkOpenings, checkPowers, checkSizes, checkState } from './style.ts'
import { checkWords } from './words.ts'

const NONE: string[] = []

describe('the tree', () => {
  const tree = readTree()
  const text = (path: string) => (existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : undefined)

  it('was read: a check over nothing proves nothing', () => {
    expect(tree.length).toBeGreaterThan(10)
    expect(tree.flatMap((file) => file.imports).length).toBeGreaterThan(10)
  })

  it('imports along the layers only', () => expect(checkLayers(tree)).toEqual(NONE))
  it('joins the two halves in scenarios/cluster alone', () => expect(checkJoin(tree)).toEqual(NONE))
  it('has no import cycle', () => expect(checkCycles(tree)).toEqual(NONE))
  it('keeps each half ignorant of the other half’s words', () => expect(checkWords(tree)).toEqual(NONE))
  it('keeps files and lines short', () => expect(checkSizes(tree)).toEqual(NONE))
  it('opens every file with a map of itself', () => expect(checkOpenings(tree)).toEqual(NONE))
  it('leaves no notes and prints nothing', () => expect(checkLeftovers(tree)).toEqual(NONE))
  it('holds no state in modules', () => expect(checkState(tree)).toEqual(NONE))
  it('raises nothing to a power', () => expect(checkPowers(tree)).toEqual(NONE))
  it('exports nothing that nobody imports', () => expect(checkDeadExports(tree)).toEqual(NONE))
  it('shows every rule of the specification in a test', () => expect(checkRules(text('system/SPEC.md'), tree)).toEqual(NONE))
  it('locks dependencies without download addresses', () => expect(checkLock(text('package-lock.json')!)).toEqual(NONE))
  it('names exact versions', () => expect(checkVersions(text('package.json')!)).toEqual(NONE))
})
