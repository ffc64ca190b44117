/**
 * What follows every test when the unit tests judge: it runs again for every suspect that it has reached, with that mutant
 * switched on. Where it fails then, or does not end, it has killed it.
 */
import { runInThisContext } from 'node:vm'
import { afterEach, beforeEach, inject, TestRunner } from 'vitest'
import { board, HITS_FACTOR, HITS_MIN, switchOff, switchOn } from './switch.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Ids of mutants. */
    readonly suspects: readonly string[]
    /** Tests that take less than the first, or as long as the second, are not asked. */
    readonly work: readonly [msMin: number, msMax: number]
    /** When there is no more time, milliseconds since 1970. */
    readonly untilMs: number
    /** Id of a mutant that is on from before the modules are loaded; empty for none. */
    readonly always: string
  }
  interface TaskMeta {
    /** Ids of suspects that this test has killed, and of those that it reaches and was not asked about for want of time. */
    kills?: string[]
    unasked?: string[]
    /** Ids of all mutants that it reaches, and of those passed while its module and the ones before were loaded. */
    reached?: string[]
    loaded?: string[]
    /** What it takes, milliseconds. */
    ms?: number
  }
}

type Body = () => unknown

const alive = new Set(inject('suspects'))
const untilMs = inject('untilMs')
const [msMin, msMax] = inject('work')
const always = inject('always')
/** How often a mutant is passed while modules load, or in one test after that, before it counts as going round and round. */
const LOADED_HITS_MAX = 10_000_000
if (always !== '') switchOn(always, LOADED_HITS_MAX)

/** A test that takes so many times as long with a mutant goes round and round where no mutant counts the passes. */
const MS_FACTOR = 20
const MS_MIN = 2_000

let beganMs = 0

beforeEach(({ task }) => {
  board.currentTestId = task.id
  if (always !== '') board.hitCount = 0
  beganMs = performance.now()
})

afterEach(async ({ task }) => {
  const ms = performance.now() - beganMs
  board.currentTestId = undefined
  const hits = board.mutantCoverage?.perTest[task.id] ?? {}
  Object.assign(task.meta, { reached: Object.keys(hits), loaded: Object.keys(board.mutantCoverage?.static ?? {}), ms })
  if (alive.size === 0 || task.result?.state === 'fail' || ms < msMin || ms >= msMax) return
  const body: Body = TestRunner.getTestFn(task)
  const kills: string[] = []
  const unasked: string[] = []
  for (const [id, count] of Object.entries(hits)) {
    if (!alive.has(id)) continue
    if (Date.now() > untilMs) unasked.push(id)
    else if (!await passes(body, ms, id, HITS_MIN + HITS_FACTOR * count)) {
      // A test that cannot be run again has shown nothing.
      if (!await passes(body, ms)) break
      alive.delete(id)
      kills.push(id)
    }
  }
  Object.assign(task.meta, { kills, unasked })
}, Infinity)

/** @param ms what it takes without a mutant. */
async function passes(body: Body, ms: number, mutant?: string, passesMax = 0): Promise<boolean> {
  if (mutant !== undefined) switchOn(mutant, passesMax)
  board.body = body
  try {
    // The limit ends what loops before it first awaits something, which is nearly everything.
    await runInThisContext('__stryker__.body()', { timeout: Math.ceil(MS_MIN + MS_FACTOR * ms) })
    return true
  } catch {
    return false
  } finally {
    switchOff()
  }
}
