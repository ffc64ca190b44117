/**
 * What is to be run: a story of the catalogue, in this thread, or a user's file, in a watched one.
 */
import { ThreadEnd, WatchedThread } from '../platform/watchdog.ts'
import { OptionError, type RunResult } from '../scenarios/index.ts'
import { type CatalogueEntry, type Engine, EXIT, Misuse, type Tasks, type Terminal } from './engine.ts'
import { suggestion } from './nearest.ts'
import { isFile, openUserFile } from './userfile.ts'

/** How long a user's scenario may compute without reaching the next frame before it counts as looping. */
const SILENCE_MS_MAX = 5000

export type TaskName = keyof Tasks
/** What is asked for: everything but what the subject itself knows. */
export type TaskOptions<T extends TaskName> = Omit<Parameters<Tasks[T]>[1], 'onProgress' | 'source' | 'sourceDigest'>
type Answer<T extends TaskName> = Awaited<ReturnType<Tasks[T]>>
export type RunOptions = TaskOptions<'simulate'>
type OnProgress = (frame: number, frames: number) => void

export interface Outcome {
  /** The scenario's own name. */
  readonly name: string
  readonly result: RunResult
}

export interface Performed<T extends TaskName> {
  readonly name: string
  readonly answer: Answer<T>
}

export interface Subject {
  /** A name or a path: what stands after `theta-sim run`. */
  readonly source: string
  /** SHA-256 of all the code that decides what a run does. */
  readonly digest: string
  /** @throws {Misuse} when the scenario or its arguments are at fault: such a run has no result worth keeping. */
  run(options: RunOptions, onProgress: OnProgress): Promise<Outcome>
  /** Anything else than a run. Throws as `run` does. */
  perform<T extends TaskName>(task: T, options: TaskOptions<T>, onProgress: OnProgress): Promise<Performed<T>>
  close(): Promise<void>
}

/** What the thread is asked, and what it answers. */
export interface ThreadQuestion {
  readonly module: string
  readonly source: string
  readonly task: TaskName
  readonly options: object
}
export type ThreadAnswer =
  | { readonly kind: 'performed' } & Performed<TaskName>
  | { readonly kind: 'unusable'; readonly why: string; readonly stack: string }

/** @throws {Misuse} when there is no such scenario. */
export async function openSubject(source: string, engine: Engine, terminal: Terminal): Promise<Subject> {
  return isFile(source) ? openFile(source, engine, terminal) : openStory(source, engine)
}

/** @throws {Misuse} when the catalogue has no such story. */
export function storyNamed(name: string, engine: Engine): CatalogueEntry {
  const names = engine.catalogue.map(({ scenario }) => scenario.name)
  const entry = engine.catalogue.find(({ scenario }) => scenario.name === name)
  if (entry === undefined) throw new Misuse(`there is no scenario '${name}'; ${suggestion(name, names)}see theta-sim list`)
  return entry
}

function openStory(source: string, engine: Engine): Subject {
  const entry = storyNamed(source, engine)
  const digest = engine.digest()
  const perform: Subject['perform'] = async (task, options, onProgress) => {
    const act: (...parameters: never[]) => Promise<Answer<TaskName>> = engine[task]
    const whole = { ...options, onProgress, source, sourceDigest: digest }
    const answer = await act(entry.scenario as never, whole as never).catch((error: unknown) => {
      throw error instanceof OptionError ? new Misuse(error.message) : error
    })
    const result = resultIn(answer)
    if (result?.exit === EXIT.misuse) throw new Misuse(result.verdict, result.stack)
    return { name: source, answer: answer as never }
  }
  return { source, digest, run: (options, onProgress) => outcomeOf(perform('simulate', options, onProgress)), perform, async close() {} }
}

const outcomeOf = async (performed: Promise<Performed<'simulate'>>): Promise<Outcome> => {
  const { name, answer: result } = await performed
  return { name, result }
}

/** The run that an answer tells of. */
function resultIn(answer: Answer<TaskName>): RunResult | undefined {
  if ('result' in answer) return answer.result
  return 'exit' in answer ? answer : undefined
}

async function openFile(source: string, engine: Engine, terminal: Terminal): Promise<Subject> {
  const file = await openUserFile(source, engine, terminal)
  const thread = new WatchedThread<ThreadQuestion, ThreadAnswer>(engine.threadEntry, {
    silenceMsMax: SILENCE_MS_MAX,
    onOutput: (text) => { terminal.stderr(text) },
  })
  const perform: Subject['perform'] = async (task, options, onProgress) => {
    const whole = { ...options, source, sourceDigest: file.digest, folder: terminal.folder }
    const question = { module: file.module, source, task, options: whole }
    const answer = await thread.ask(question, onProgress).catch((error: unknown) => {
      throw error instanceof ThreadEnd ? explain(error, source, file.shorten(error.place ?? file.placeOf(error.stack) ?? '')) : error
    })
    if (answer.kind === 'unusable') throw file.unusable(answer.why, answer.stack)
    const result = resultIn(answer.answer)
    if (result?.exit === EXIT.misuse) throw file.wrong(result.verdict, result.stack)
    return { name: answer.name, answer: answer.answer as never }
  }
  return {
    source,
    digest: file.digest,
    run: (options, onProgress) => outcomeOf(perform('simulate', options, onProgress)),
    perform,
    async close() {
      await thread.stop()
      file.remove()
    },
  }
}

/** A thread that ended is the file's fault where its place, or the way it ended, says so; else ours. */
function explain(end: ThreadEnd, source: string, place: string): Error {
  switch (end.kind) {
    case 'silent': return place === ''
      ? new Misuse(`${source} ${end.message}: it waits for something outside virtual time; await frame(...) or another verb`)
      : new Misuse(`${place}: loops without awaiting virtual time (${end.message}); await frame(...) or another verb`)
    case 'exited': return new Misuse(`${source} ended its own process (${end.message}); let the script return`)
    case 'failed':
      if (place !== '') return new Misuse(`${place}: ${end.message}`, end.stack)
      return end.message.includes('out of memory') ? new Misuse(`${source} ran out of memory`, end.stack) : end
    default: return end.kind satisfies never
  }
}
