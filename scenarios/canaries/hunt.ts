/**
 * Looks for one canary: seed after seed in its stories until a checker finds it, then shrinks what was found and asks whether the
 * explanation names the right place.
 */
import { wallClockMs } from '../../platform/clock.ts'
import type { FailureKind } from '../../reports/input.ts'
import { CATALOGUE } from '../catalogue.ts'
import { prepare } from '../cluster/prepare.ts'
import { failureOf } from '../cluster/run.ts'
import type { Scenario } from '../scenario.ts'
import { shrink, type Shrunk } from '../shrink/shrink.ts'
import type { Canary, Showing } from './canary.ts'
import { settingsOf } from '../settings.ts'

export interface HuntOptions {
  /** Seeds 1 to this one are tried, in every story of the canary's. */
  readonly seedsMax: number
  /** Where the plan will stand, for the command that runs it. */
  readonly planSource?: string
}

interface Least extends Shrunk {
  readonly story: string
  readonly seed: number
  readonly seconds: number
  /** Whether the explanation points where the canary is. */
  readonly isNamed: boolean
  /** Whether it is as small as it should be. */
  readonly isSmall: boolean
}

export interface Hunted {
  /** The first that showed it; undefined where no seed did. */
  readonly found: { readonly story: string; readonly seed: number; readonly runs: number; readonly seconds: number } | undefined
  /** The least, of a few seeds where the first one's was not small. */
  readonly shrunk: Least | undefined
}

/** What the least that shows a canary may come to. */
const ITEMS_MAX = 5
/** 1-minimal is not the least of all: where too much is left, other seeds may lead to less. */
const SHRINKS_MAX = 5

export async function hunt(canary: Canary, { seedsMax, planSource = 'plan.json' }: HuntOptions): Promise<Hunted> {
  const { itemsMax = ITEMS_MAX } = canary
  const prepared = await prepare()
  const beganMs = wallClockMs()
  const seconds = (sinceMs: number): number => (wallClockMs() - sinceMs) / 1000
  const stories = canary.stories.map(storyNamed)
  let runs = 0
  let shrinks = 0
  let found: Hunted['found']
  let least: Least | undefined
  for (let seed = 1; seed <= seedsMax; seed++) {
    for (const story of stories) {
      const options = { seed, verifier: 'node', canary: canary.name } as const
      const failure = await failureOf(story, settingsOf(story, options), prepared)
      runs++
      // A story that waits in vain names nothing; another one will.
      if (failure === undefined || failure.exit === 4 || isIdle(canary.shows, failure)) continue
      found ??= { story: story.name, seed, runs, seconds: seconds(beganMs) }
      const shrinkMs = wallClockMs()
      const shrunk = await shrink(story, { ...options, planSource, source: story.name })
      const isSmall = shrunk.items.length <= itemsMax
      if (least === undefined || shrunk.items.length < least.items.length) {
        least = { ...shrunk, story: story.name, seed, seconds: seconds(shrinkMs), isNamed: isShown(canary.shows, shrunk.failure), isSmall }
      }
      if (least.isSmall || ++shrinks === SHRINKS_MAX) return { found, shrunk: least }
    }
  }
  return { found, shrunk: least }
}

/** Whether a run has failed for nothing but that too little happened in it, and no canary of this name makes that so. */
export const isIdle = (shows: Canary['shows'], { check }: FailureKind): boolean =>
  check === 'mustHappen' && !shows.some((showing) => showing.check === check)

/** Whether a failure is one of those that a canary may be found as. */
const isShown = (shows: readonly Showing[], { check, component, field }: FailureKind): boolean =>
  shows.some((showing) => showing.check === check
    && (showing.component === undefined || showing.component === component) && (showing.field === undefined || showing.field === field))

/** @throws {RangeError} */
function storyNamed(name: string): Scenario {
  const found = CATALOGUE.find(({ scenario }) => scenario.name === name)
  if (found === undefined) throw new RangeError(`no story ${name}`)
  return found.scenario
}
