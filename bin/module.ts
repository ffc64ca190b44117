/** Imports the module that a user's scenario file became (see platform/load.ts), in a thread of its own. */
import { type Scenario, scenario } from '../scenarios/index.ts'

/** A user's line may stand far down. */
const STACK_FRAMES_MAX = 50

export type LoadedScenario =
  | { readonly kind: 'scenario'; readonly scenario: Scenario }
  | { readonly kind: 'unusable'; readonly why: string; readonly stack: string }

/** Call it before the first import: from then on stacks name the user's own lines. */
export function nameUsersLines(): void {
  process.setSourceMapsEnabled(true)
  Error.stackTraceLimit = STACK_FRAMES_MAX
}

/** @param source the file, as the user named it. */
export async function loadScenario(module: string, source: string): Promise<LoadedScenario> {
  try {
    const { default: found } = await import(module) as { default?: unknown }
    if (!isScenario(found)) return { kind: 'unusable', why: `${source} must end in 'export default scenario(...)'`, stack: '' }
    // Made anew, so that one made by hand is checked as well.
    return { kind: 'scenario', scenario: scenario(found.name, found.settings, found.script, { mustHappen: found.mustHappen }) }
  } catch (error) {
    return error instanceof Error
      ? { kind: 'unusable', why: String(error), stack: error.stack ?? '' }
      : { kind: 'unusable', why: `${source} threw ${String(error)}, which is no Error`, stack: '' }
  }
}

function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
    && 'script' in value && typeof value.script === 'function'
}
