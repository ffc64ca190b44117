/**
 * The thread in which a user's scenario runs (see subject.ts): imports the bundled module once, then runs it as often
 * as it is asked.
 */
import { serve } from '../platform/watchdog.ts'
import { branch, capture, checkDeterminism, inspect, observe, OptionError, shrink, simulate } from '../scenarios/index.ts'
import type { Tasks } from './engine.ts'
import { loadScenario, nameUsersLines } from './module.ts'
import type { ThreadAnswer, ThreadQuestion } from './subject.ts'

const TASKS: Tasks = { simulate, inspect, branch, checkDeterminism, shrink, observe, capture }

nameUsersLines()

serve(async (question, beat): Promise<ThreadAnswer> => {
  const { module, source, task, options } = question as ThreadQuestion
  const loaded = await loadScenario(module, source)
  if (loaded.kind === 'unusable') return loaded
  const own = loaded.scenario
  beat(0, 0)
  try {
    const act: (...parameters: never[]) => ReturnType<Tasks[keyof Tasks]> = TASKS[task]
    return { kind: 'performed', name: own.name, answer: await act(own as never, { ...options, onProgress: beat } as never) }
  } catch (error) {
    if (error instanceof OptionError) return { kind: 'unusable', why: error.message, stack: '' }
    throw error
  }
})
