/**
 * The thread in which a user's scenario runs (see subject.ts): imports the bundled module once, then runs it as often
 * as it is asked.
 */
import { serve } from '../platform/watchdog.ts'
import { OptionError, type Scenario, scenario, simulate } from '../scenarios/index.ts'
import type { ThreadAnswer, ThreadQuestion } from './subject.ts'

/** A user's line may stand far down. */
const STACK_FRAMES_MAX = 50

process.setSourceMapsEnabled(true)
Error.stackTraceLimit = STACK_FRAMES_MAX

serve(async (question, beat): Promise<ThreadAnswer> => {
  const { module, source, options } = question as ThreadQuestion
  let own: Scenario
  try {
    const { default: found } = await import(module) as { default?: unknown }
    if (!isScenario(found)) return { kind: 'unusable', why: `${source} must end in 'export default scenario(...)'`, stack: '' }
    // Made anew, so that one made by hand is checked as well.
    own = scenario(found.name, found.settings, found.script, { mustHappen: found.mustHappen })
  } catch (error) {
    return error instanceof Error
      ? { kind: 'unusable', why: String(error), stack: error.stack ?? '' }
      : { kind: 'unusable', why: `${source} threw ${String(error)}, which is no Error`, stack: '' }
  }
  beat(0, 0)
  try {
    return { kind: 'outcome', name: own.name, result: await simulate(own, { ...options, onProgress: beat }) }
  } catch (error) {
    if (error instanceof OptionError) return { kind: 'unusable', why: error.message, stack: '' }
    throw error
  }
})

function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
    && 'script' in value && typeof value.script === 'function'
}
