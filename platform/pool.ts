/**
 * A pool of threads for many short tasks, on Piscina. A task that does not end in time, or that takes its thread down, costs
 * itself alone: the thread is replaced, and the next task runs.
 */
import { Piscina } from 'piscina'

/** What became of a task. */
export type TaskEnd<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** It did not end in time, and its thread was ended. */
  | { readonly kind: 'hung' }
  /** It threw, or its thread ended: it left, ran out of memory, or nobody caught an error. The message is one line. */
  | { readonly kind: 'died'; readonly message: string }
  /** The pool was stopped before it ended. */
  | { readonly kind: 'stopped' }

export interface PoolOptions {
  /** At least 1. Give it no more tasks at once: those that wait for a thread are on the clock, too. */
  readonly threads: number
  /** Wall time for one task; where its thread is new, the thread's start is part of it. */
  readonly taskMsMax: number
  /** JavaScript objects of one thread. */
  readonly heapMegabytesMax: number
}

export class ThreadPool<Task, Answer> {
  readonly #piscina: Piscina
  readonly #taskMsMax: number
  #isStopped = false

  /** @param entry the threads' module, which exports `performTask`, the function from a task to its answer. */
  constructor(entry: URL, { threads, taskMsMax, heapMegabytesMax }: PoolOptions) {
    this.#taskMsMax = taskMsMax
    this.#piscina = new Piscina({
      filename: entry.href, name: 'performTask', minThreads: threads, maxThreads: threads, concurrentTasksPerWorker: 1, recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
    })
    // An error in a thread that has no task costs none: a fresh thread takes the next.
    this.#piscina.on('error', () => {})
  }

  /** Never rejects. */
  async run(task: Task): Promise<TaskEnd<Answer>> {
    const watch = new AbortController()
    const timeout = setTimeout(() => { watch.abort() }, this.#taskMsMax)
    try {
      return { kind: 'answered', answer: await this.#piscina.run(task, { signal: watch.signal }) as Answer }
    } catch (error) {
      if (this.#isStopped) return { kind: 'stopped' }
      if (watch.signal.aborted) return { kind: 'hung' }
      return { kind: 'died', message: String(error).replace(/\s*\n[^]*$/, '') }
    } finally {
      clearTimeout(timeout)
    }
  }

  /** Ends all threads at once, whatever they do. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#piscina.destroy()
  }
}
