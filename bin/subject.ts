/**
 * What is to be run: a story of the catalogue, in this thread, or a user's file, in a watched one.
 */
import { resolve } from 'node:path'
import { ScenarioFileError, bundleScenario } from '../platform/load.ts'
import { ThreadEnd, WatchedThread } from '../platform/watchdog.ts'
import { OptionError, type RunResult, type SimulateOptions } from '../scenarios/index.ts'
import { type Engine, EXIT, Misuse, type Terminal } from './engine.ts'
import { suggestion } from './nearest.ts'

/** How long a user's scenario may compute without reaching the next frame before it counts as looping. */
const SILENCE_MS_MAX = 5000

/** One run asked for: everything but what the subject itself knows. */
export type RunOptions = Omit<SimulateOptions, 'onProgress' | 'source' | 'sourceDigest'>
type OnProgress = (frame: number, frames: number) => void

export interface Outcome {
  /** The scenario's own name. */
  readonly name: string
  readonly result: RunResult
}

export interface Subject {
  /** A name or a path: what stands after `theta-sim run`. */
  readonly source: string
  /** SHA-256 of all the code that decides what a run does. */
  readonly digest: string
  /** @throws {Misuse} when the scenario or its arguments are at fault: such a run has no result worth keeping. */
  run(options: RunOptions, onProgress: OnProgress): Promise<Outcome>
  close(): Promise<void>
}

/** What the thread is asked, and what it answers. */
export interface ThreadQuestion {
  readonly module: string
  readonly source: string
  readonly options: SimulateOptions
}
export type ThreadAnswer =
  | { readonly kind: 'outcome' } & Outcome
  | { readonly kind: 'unusable'; readonly why: string; readonly stack: string }

/** @throws {Misuse} when there is no such scenario. */
export async function openSubject(source: string, engine: Engine, terminal: Terminal): Promise<Subject> {
  return /[/\\]|\.[cm]?[jt]s$/.test(source) ? openFile(source, engine, terminal) : openStory(source, engine)
}

function openStory(source: string, engine: Engine): Subject {
  const names = engine.catalogue.map(({ scenario }) => scenario.name)
  const entry = engine.catalogue.find(({ scenario }) => scenario.name === source)
  if (entry === undefined) throw new Misuse(`there is no scenario '${source}'; ${suggestion(source, names)}see theta-sim list`)
  const digest = engine.digest()
  return {
    source,
    digest,
    async run(options, onProgress) {
      const whole = { ...options, onProgress, source, sourceDigest: digest }
      const result = await engine.simulate(entry.scenario, whole).catch((error: unknown) => {
        throw error instanceof OptionError ? new Misuse(error.message) : error
      })
      if (result.exit === EXIT.misuse) throw new Misuse(result.verdict, result.stack)
      return { name: source, result }
    },
    async close() {},
  }
}

async function openFile(source: string, engine: Engine, terminal: Terminal): Promise<Subject> {
  const shorten = (text: string): string => text.replaceAll(`${terminal.folder}/`, '')
  const bundle = await bundleScenario(resolve(terminal.folder, source), engine.packageIndex, engine.digest()).catch((error: unknown) => {
    throw error instanceof ScenarioFileError ? new Misuse(shorten(error.message)) : error
  })
  const thread = new WatchedThread<ThreadQuestion, ThreadAnswer>(engine.threadEntry, {
    silenceMsMax: SILENCE_MS_MAX,
    onOutput: (text) => { terminal.stderr(text) },
  })
  const place = (stack: string | undefined): string | undefined => {
    const found = bundle.placeOfError(stack ?? '')
    return found === undefined ? undefined : shorten(found)
  }
  return {
    source,
    digest: bundle.digest,
    async run(options, onProgress) {
      const question = { module: bundle.module, source, options: { ...options, source, sourceDigest: bundle.digest } }
      const answer = await thread.ask(question, onProgress).catch((error: unknown) => {
        throw error instanceof ThreadEnd ? explain(error, source, shorten(error.place ?? place(error.stack) ?? '')) : error
      })
      if (answer.kind === 'unusable') {
        // What a file imports of us by a wrong name is told by our address.
        const why = answer.why.replaceAll(engine.packageIndex.href, 'theta-sim')
        throw new Misuse(prefixed(place(answer.stack) ?? source, why), answer.stack)
      }
      const { name, result } = answer
      if (result.exit === EXIT.misuse) throw new Misuse(prefixed(place(result.stack), shorten(result.verdict)), result.stack)
      return { name, result }
    },
    async close() {
      await thread.stop()
      bundle.remove()
    },
  }
}

/** `place: text`, unless the text says so itself or there is no place. A line that it begins with gets its column. */
function prefixed(place: string | undefined, text: string): string {
  if (place === undefined || text.includes(place)) return text
  const line = place.replace(/:\d+$/, '')
  return text.startsWith(`${line}: `) ? `${place}${text.slice(line.length)}` : `${place}: ${text}`
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
