/**
 * A plan: everything that made one run what it was, as a file: the choices that did not go the benign way, and the operations
 * of the script. Replaying, shrinking and branching are re-execution with a plan: what is not in it does not happen.
 */
import { ALTERNATIVES_MAX } from './choice.ts'
import type { Choice, Seed } from './choice.ts'
import { hex64 } from './digest.ts'
import { PLAN_CHOICES_MAX } from './limits.ts'

const PLAN_VERSION = 2

export interface PlannedChoice {
  readonly site: string
  /** Sixteen lower-case hexadecimal digits. */
  readonly key: string
  /** In [1, ALTERNATIVES_MAX). */
  readonly alternative: number
}

export interface Plan {
  readonly version: typeof PLAN_VERSION
  readonly scenario: string
  /** Still seeds what is drawn sequentially (random.ts). */
  readonly seed: Seed
  /** In the order of first appearance in the run that was recorded; no two share a site and key. */
  readonly choices: readonly PlannedChoice[]
  /** Labels of the script's operations, in the order in which they were done; undefined for all that it has. */
  readonly operations: readonly string[] | undefined
}

export type ParsedPlan = { readonly kind: 'plan'; readonly plan: Plan } | { readonly kind: 'invalid'; readonly why: string }

const PLAN_FIELDS: ReadonlySet<string> = new Set(['version', 'scenario', 'seed', 'choices', 'operations'])
const CHOICE_FIELDS: ReadonlySet<string> = new Set(['site', 'key', 'alternative'])
const KEY_FORM = /^[0-9a-f]{16}$/

/** The plan of a run, from what its chooser recorded. */
export function planOf(scenario: string, seed: Seed, recorded: Iterable<Choice>, operations?: readonly string[]): Plan {
  const choices = Array.from(recorded, ({ site, keyHi, keyLo, alternative }) => ({ site, key: hex64(keyHi, keyLo), alternative }))
  return { version: PLAN_VERSION, scenario, seed, choices, operations }
}

/** The choices of a plan in the form a chooser takes. */
export function planChoices(plan: Plan): Choice[] {
  return plan.choices.map(({ site, key, alternative }) => ({
    site, keyHi: Number.parseInt(key.slice(0, 8), 16), keyLo: Number.parseInt(key.slice(8), 16), alternative,
  }))
}

/** The one text of a plan: fields in a fixed order, one choice or operation a line, so that any diff compares two plans. */
export function stringifyPlan(plan: Plan): string {
  const choices = plan.choices.map(({ site, key, alternative }) => `    ${JSON.stringify({ site, key, alternative })}`)
  const list = (items: readonly string[]): string => (items.length === 0 ? '[]' : `[\n${items.join(',\n')}\n  ]`)
  const { operations } = plan
  const lines = [
    `  "version": ${plan.version}`,
    `  "scenario": ${JSON.stringify(plan.scenario)}`,
    `  "seed": ${JSON.stringify(plan.seed)}`,
    `  "choices": ${list(choices)}`,
    ...(operations === undefined ? [] : [`  "operations": ${list(operations.map((label) => `    ${JSON.stringify(label)}`))}`]),
  ]
  return `{\n${lines.join(',\n')}\n}\n`
}

/** Reads a plan from text that anybody may have edited; `why` is one line. */
export function parsePlan(text: string): ParsedPlan {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return invalid('not valid JSON')
  }
  if (!isObject(value)) return invalid('expected an object')
  const stranger = Object.keys(value).find((field) => !PLAN_FIELDS.has(field))
  if (stranger !== undefined) return invalid(`unknown field ${JSON.stringify(stranger)}`)
  const { version, scenario, seed, choices, operations } = value
  if (version !== PLAN_VERSION) return invalid(`expected version ${PLAN_VERSION}, got ${JSON.stringify(version)}`)
  if (typeof scenario !== 'string') return invalid('expected "scenario" to be a string')
  if (typeof seed !== 'string' && !(typeof seed === 'number' && Number.isSafeInteger(seed))) {
    return invalid('expected "seed" to be a string or a safe integer')
  }
  if (!Array.isArray(choices)) return invalid('expected "choices" to be an array')
  if (choices.length > PLAN_CHOICES_MAX) return invalid(`expected at most ${PLAN_CHOICES_MAX} choices, got ${choices.length}`)
  const seen = new Set<string>()
  for (const [index, choice] of choices.entries()) {
    const why = choiceFault(choice, seen)
    if (why !== undefined) return invalid(`choice ${index}: ${why}`)
  }
  if (operations !== undefined && (!Array.isArray(operations) || !operations.every((label) => typeof label === 'string'))) {
    return invalid('expected "operations" to be an array of strings')
  }
  return { kind: 'plan', plan: { version, scenario, seed, choices, operations } }
}

const invalid = (why: string): ParsedPlan => ({ kind: 'invalid', why })

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function choiceFault(choice: unknown, seen: Set<string>): string | undefined {
  if (!isObject(choice)) return 'expected an object'
  const stranger = Object.keys(choice).find((field) => !CHOICE_FIELDS.has(field))
  if (stranger !== undefined) return `unknown field ${JSON.stringify(stranger)}`
  const { site, key, alternative } = choice
  if (typeof site !== 'string') return 'expected "site" to be a string'
  if (typeof key !== 'string' || !KEY_FORM.test(key)) return 'expected "key" to be 16 lower-case hexadecimal digits'
  if (!Number.isSafeInteger(alternative) || (alternative as number) < 1 || (alternative as number) >= ALTERNATIVES_MAX) {
    return `expected "alternative" to be an integer of [1, ${ALTERNATIVES_MAX - 1}]`
  }
  const identity = `${key} ${site}`
  if (seen.has(identity)) return `a second choice for ${JSON.stringify(site)} and key ${key}`
  seen.add(identity)
  return undefined
}
