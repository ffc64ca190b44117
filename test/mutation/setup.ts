/**
 * What follows every test when the unit tests judge: it runs again for every suspect that it has reached, with that mutant
 * switched on. Where it fails then, it has killed it.
 */
import { afterEach, beforeEach, inject, TestRunner } from 'vitest'
import { board, HITS_FACTOR, HITS_MIN, switchOff, switchOn } from './switch.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Ids of mutants. */
    readonly suspects: readonly string[]
    /** Tests that pass mutated code less often than the first, or as often as the second, are not asked. */
    readonly work: readonly [hitsMin: number, hitsMax: number]
    /** When there is no more time, milliseconds since 1970. */
    readonly untilMs: number
    /** Id of a mutant that is on from before the modules are loaded; empty for none. */
    readonly always: string
  }
  interface TaskMeta {
    /** Ids of suspects that this test has killed, and of those that it reaches and was not asked about for want of time. */
    kills?: string[]
    unasked?: string[]
  }
}

type Body = () => unknown

const alive = new Set(inject('suspects'))
const untilMs = inject('untilMs')
const [hitsMin, hitsMax] = inject('work')
const always = inject('always')
if (always !== '') board.activeMutant = always

beforeEach(({ task }) => {
  board.currentTestId = task.id
})

afterEach(async ({ task }) => {
  board.currentTestId = undefined
  const hits = board.mutantCoverage?.perTest[task.id] ?? {}
  if (alive.size === 0 || task.result?.state === 'fail') return
  const work = Object.values(hits).reduce((sum, count) => sum + count, 0)
  if (work < hitsMin || work >= hitsMax) return
  const body: Body = TestRunner.getTestFn(task)
  const kills: string[] = []
  const unasked: string[] = []
  for (const [id, count] of Object.entries(hits)) {
    if (!alive.has(id)) continue
    if (Date.now() > untilMs) unasked.push(id)
    else if (!await passes(body, id, HITS_MIN + HITS_FACTOR * count)) {
      // A test that cannot be run again has shown nothing.
      if (!await passes(body)) break
      alive.delete(id)
      kills.push(id)
    }
  }
  Object.assign(task.meta, { kills, unasked })
}, Infinity)

async function passes(body: Body, mutant?: string, passesMax = 0): Promise<boolean> {
  if (mutant !== undefined) switchOn(mutant, passesMax)
  try {
    await body()
    return true
  } catch {
    return false
  } finally {
    switchOff()
  }
}
