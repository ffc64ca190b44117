/**
 * The thread in which a user's scenario runs (see subject.ts): imports the bundled module once, then runs it as often
 * as it is asked.
 */
import { serve } from '../platform/watchdog.ts'
import { type Scenario, simulate } from '../scenarios/index.ts'
import type { ThreadAnswer, ThreadQuestion } from './subject.ts'

process.setSourceMapsEnabled(true)

serve(async (question, beat): Promise<ThreadAnswer> => {
  const { module, source, options } = question as ThreadQuestion
  let scenario: unknown
  try {
    scenario = (await import(module) as { default?: unknown }).default
  } catch (error) {
    return error instanceof Error
      ? { kind: 'unusable', why: String(error), stack: error.stack ?? '' }
      : { kind: 'unusable', why: `${source} threw ${String(error)}, which is no Error`, stack: '' }
  }
  if (!isScenario(scenario)) return { kind: 'unusable', why: `${source} must end in 'export default scenario(...)'`, stack: '' }
  beat(0, 0)
  return { kind: 'outcome', name: scenario.name, result: await simulate(scenario, { ...options, onProgress: beat }) }
})

function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
    && 'script' in value && typeof value.script === 'function'
}
