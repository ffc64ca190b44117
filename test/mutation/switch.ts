/** The switch that the instrumented code reads: which mutant is on, and how often it may be passed. */

interface Switch {
  activeMutant?: string | undefined
  /** Where passes are counted; while it is undefined they count as passed while modules were loaded. */
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  /** What is run under a time limit (setup.ts). */
  body?: (() => unknown) | undefined
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> } | undefined
}

/** A mutant that is passed so many times as often as without it goes round and round (Stryker has the same factor). */
export const HITS_FACTOR = 100
export const HITS_MIN = 1000

export const board: Switch = ((globalThis as { __stryker__?: Switch }).__stryker__ ??= {})

/** @param hitsMax beyond this the mutated code throws. */
export const switchOn = (mutant: string, hitsMax: number): void => {
  Object.assign(board, { activeMutant: mutant, hitCount: 0, hitLimit: hitsMax })
}
export const switchOff = (): void => {
  Object.assign(board, { activeMutant: undefined, hitCount: undefined, hitLimit: undefined })
}
