/**
 * The promise side of a run. A script is an async function that awaits nothing but virtual time; several branches of it
 * may wait at once. The kernel stays synchronous: it runs up to the next instant a script waits for, that one wait is
 * settled, and one macrotask later the script must have ended or wait again.
 */
import { INSTANT_WAITS_MAX, SCRIPT_WAITS_MAX } from './limits.ts'
import type { LimitEnd, RunEnd } from './world.ts'

/** Frames kept of a stack: enough to leave the story's own vocabulary. */
const STACK_FRAMES_MAX = 12

/** What drives time: a {@link Kernel}, or a stand-in. */
export interface TimeSource {
  readonly nowUs: number
  run(untilUs: number): RunEnd
}

/** `line` is 'file:line' of the script, where one is known. */
export type ScriptEnd =
  | { readonly kind: 'done' }
  /** It awaits something that is not virtual time: nothing that the kernel does can settle that. */
  | { readonly kind: 'stalled'; readonly line: string | undefined }
  /** It waited {@link INSTANT_WAITS_MAX} times for the present instant: time cannot pass. */
  | { readonly kind: 'spinning'; readonly line: string | undefined }
  /** It waits for an instant after the last one that it was given. */
  | { readonly kind: 'overran'; readonly line: string | undefined }
  | { readonly kind: 'threw'; readonly error: unknown; readonly line: string | undefined }
  /** Who drives time wanted no more of it. */
  | { readonly kind: 'stopped' }
  | LimitEnd

interface Wait {
  readonly atUs: number
  readonly settle: () => void
}

/** The virtual time that a script awaits. */
export class ScriptClock {
  readonly #time: TimeSource
  readonly #marks: boolean
  /** By instant, then by age. */
  readonly #waits: Wait[] = []
  #lastMark: Error | undefined

  /** @param marks whether to remember where the script runs, 5 microseconds a verb; without, {@link lastLine} knows nothing. */
  constructor(time: TimeSource, marks = true) {
    this.#time = time
    this.#marks = marks
  }

  get nowUs(): number {
    return this.#time.nowUs
  }

  /** The earliest instant that is waited for; Infinity when none is. */
  get nextUs(): number {
    return this.#waits[0]?.atUs ?? Infinity
  }

  /**
   * Resolves at an instant before the events of that instant; an instant of the past counts as now. Waits for one instant
   * resolve one after the other, the oldest first. Throws a RangeError unless `atUs` is an integer.
   */
  sleepUntil(atUs: number): Promise<void> {
    this.mark()
    if (!Number.isSafeInteger(atUs)) throw new RangeError(`sleepUntil: expected an integer number of microseconds, got ${atUs}`)
    if (this.#waits.length === SCRIPT_WAITS_MAX) throw new RangeError(`sleepUntil: expected at most ${SCRIPT_WAITS_MAX} waits at once`)
    const dueUs = Math.max(atUs, this.nowUs)
    return new Promise((settle) => {
      let place = this.#waits.length
      while (place > 0 && this.#waits[place - 1].atUs > dueUs) place--
      this.#waits.splice(place, 0, { atUs: dueUs, settle })
    })
  }

  /** Remembers the place in the script that is running. Every verb calls it, so that a stall can be told by its line. */
  mark(): void {
    if (this.#marks) this.#lastMark = shallowError()
  }

  /** Where the script was last seen: 'file:line' of the first frame outside `isOurs`. */
  lastLine(isOurs: (file: string) => boolean): string | undefined {
    return this.#lastMark?.stack === undefined ? undefined : callSite(this.#lastMark.stack, isOurs)
  }

  /** Settles the earliest wait. For {@link drive}. */
  settleNext(): void {
    this.#waits.shift()?.settle()
  }
}

export interface Drive {
  readonly time: TimeSource
  readonly clock: ScriptClock
  readonly script: () => Promise<void>
  /** The last instant that the script may wait for; left out, the kernel's own bound ends it. */
  readonly lastUs?: number
  /** Resolves after every promise that can settle by itself has done so: one real macrotask, given by the platform. */
  readonly yieldMacrotask: () => Promise<void>
  /** Whether a file is the harness's own, not the script's. */
  readonly isOurs: (file: string) => boolean
}

/** Runs a script to its end, or to what keeps it from ending. Rejects with what a simulated node throws: no fault of the script. */
export async function drive({ time, clock, script, lastUs = Infinity, yieldMacrotask, isOurs }: Drive): Promise<ScriptEnd> {
  const outcome: { end?: ScriptEnd } = {}
  const started = async (): Promise<void> => script()
  void started().then(
    () => { outcome.end = { kind: 'done' } },
    (error: unknown) => { outcome.end = { kind: 'threw', error, line: lineOf(error, isOurs) ?? clock.lastLine(isOurs) } },
  )
  let instantWaits = 0
  for (;;) {
    await yieldMacrotask()
    if (outcome.end !== undefined) return outcome.end
    if (clock.nextUs === Infinity) return { kind: 'stalled', line: clock.lastLine(isOurs) }
    if (clock.nextUs > lastUs) return { kind: 'overran', line: clock.lastLine(isOurs) }
    instantWaits = clock.nextUs > time.nowUs ? 0 : instantWaits + 1
    if (instantWaits > INSTANT_WAITS_MAX) return { kind: 'spinning', line: clock.lastLine(isOurs) }
    const end = time.run(clock.nextUs)
    if (end.kind === 'limit') return end
    if (end.kind === 'satisfied') return { kind: 'stopped' }
    clock.settleNext()
  }
}

const lineOf = (error: unknown, isOurs: (file: string) => boolean): string | undefined =>
  error instanceof Error && error.stack !== undefined ? callSite(error.stack, isOurs) : undefined

/** A frame of V8's stack format (https://v8.dev/docs/stack-trace-api): '    at name (file:line:column)' or '    at file:line:column'. */
const FRAME = /^\s*at (?:async )?(?:[^/\\]* \()?(?:file:\/\/)?(.+):(\d+):\d+\)?$/

/** The first place of a stack that is neither ours nor the engine's, as 'file:line'. */
export function callSite(stack: string, isOurs: (file: string) => boolean): string | undefined {
  for (const line of stack.split('\n')) {
    const frame = FRAME.exec(line)
    if (frame === null) continue
    const [, file, row] = frame
    if (!file.startsWith('node:') && !isOurs(file)) return `${file}:${row}`
  }
  return undefined
}

/** An error for its stack alone. V8 makes the text of a stack only when it is read, so that one more frame costs little. */
function shallowError(): Error {
  const limited = Error as unknown as { stackTraceLimit: number }
  const limit = limited.stackTraceLimit
  limited.stackTraceLimit = STACK_FRAMES_MAX
  const error = new Error('mark')
  limited.stackTraceLimit = limit
  return error
}
