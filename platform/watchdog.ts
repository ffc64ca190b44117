/**
 * Foreign code in a thread of its own, with a heartbeat. Code that loops for ever cannot be asked to stop, only ended:
 * the thread counts in shared memory, and when the count stands still for too long while an answer is due, the
 * debugger says at which line it loops and the thread is terminated.
 *
 *     WatchedThread   the near side: ask a question, get the answer or a ThreadEnd
 *     serve           the far side, called once by the thread's module
 */
import { Session } from 'node:inspector'
import { SourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'

/** How often the near side looks at the count. */
const LOOK_INTERVAL_MS = 100
/** How long the debugger may take to stop a looping thread. */
const PAUSE_MS_MAX = 1000

/** Cells of the shared memory. */
const BEATS = 0, DONE = 1, TOTAL = 2, CELLS = 3

export type Beat = (done: number, total: number) => void

/** Why a thread ended without an answer. */
export class ThreadEnd extends Error {
  override readonly name = 'ThreadEnd'
  /** `silent`: the count stood still; `failed`: an error nobody caught; `exited`: it left by itself. */
  readonly kind: 'silent' | 'failed' | 'exited'
  /** For `silent`: where it loops, `file:line:column`; `undefined` when it does not loop but wait, or no one can say. */
  readonly place: string | undefined

  constructor(kind: ThreadEnd['kind'], message: string, details: { place?: string | undefined; stack?: string | undefined } = {}) {
    super(message)
    this.kind = kind
    this.place = details.place
    if (details.stack !== undefined) this.stack = details.stack
  }
}

type Reply<Answer> = { readonly answer: Answer } | { readonly failure: { readonly message: string; readonly stack: string } }

export class WatchedThread<Question, Answer> {
  readonly #worker: Worker
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT))
  readonly #silenceMsMax: number

  /**
   * @param entry the thread's module, which calls `serve`.
   * @param onOutput gets what the thread prints.
   */
  constructor(entry: URL, options: { readonly silenceMsMax: number; onOutput(text: string): void }) {
    this.#silenceMsMax = options.silenceMsMax
    this.#worker = new Worker(entry, { workerData: this.#cells, stdout: true, stderr: true })
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) stream.on('data', (data) => { options.onOutput(String(data)) })
  }

  /** One question at a time. Rejects with a {@link ThreadEnd}, after which the thread is gone. */
  ask(question: Question, onProgress: Beat): Promise<Answer> {
    const worker = this.#worker
    return new Promise<Answer>((settle, reject) => {
      const watch = this.#watch(onProgress, (end) => { leave(); reject(end) })
      const onMessage = (reply: Reply<Answer>): void => {
        leave()
        if ('answer' in reply) settle(reply.answer)
        else reject(new ThreadEnd('failed', reply.failure.message, reply.failure))
      }
      const onError = (error: Error): void => { leave(); reject(new ThreadEnd('failed', String(error), error)) }
      const onExit = (code: number): void => { leave(); reject(new ThreadEnd('exited', `left with code ${code}`)) }
      const leave = (): void => {
        clearInterval(watch)
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      }
      worker.on('message', onMessage).on('error', onError).on('exit', onExit)
      worker.postMessage(question)
    })
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #watch(onProgress: Beat, onSilence: (end: ThreadEnd) => void): NodeJS.Timeout {
    let beats = -1
    let silentMs = 0
    const timer = setInterval(() => {
      const now = Atomics.load(this.#cells, BEATS)
      silentMs = now === beats ? silentMs + LOOK_INTERVAL_MS : 0
      if (now !== beats && now > 0) onProgress(this.#cells[DONE], this.#cells[TOTAL])
      beats = now
      if (silentMs < this.#silenceMsMax) return
      clearInterval(timer)
      void this.#endSilence(onSilence)
    }, LOOK_INTERVAL_MS)
    return timer
  }

  async #endSilence(onSilence: (end: ThreadEnd) => void): Promise<void> {
    const place = isMainThread ? await placeOfLoop(this.#worker.threadId) : undefined
    onSilence(new ThreadEnd('silent', `gave no sign for ${this.#silenceMsMax} ms`, { place }))
    await this.stop()
  }
}

/** Answers every question of the near side; a rejection is told, and ends nothing. Call it once, in the thread's module. */
export function serve(answer: (question: unknown, beat: Beat) => Promise<unknown>): void {
  const port = parentPort
  if (port === null) throw new TypeError('expected to run in a thread, got the main one')
  const cells = workerData as Int32Array
  const beat: Beat = (done, total) => {
    cells[DONE] = done
    cells[TOTAL] = total
    Atomics.add(cells, BEATS, 1)
  }
  port.on('message', (question: unknown) => {
    beat(0, 0)
    answer(question, beat).then(
      (value) => { port.postMessage({ answer: value } satisfies Reply<unknown>) },
      (error: unknown) => { port.postMessage({ failure: describeError(error) } satisfies Reply<unknown>) },
    )
  })
}

function describeError(error: unknown): { message: string; stack: string } {
  return { message: String(error), stack: error instanceof Error ? error.stack ?? '' : '' }
}

interface CallFrame { readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number } }
interface DebuggerEvent {
  readonly method?: string
  readonly params: {
    readonly scriptId: string
    readonly url: string
    readonly sourceMapURL?: string
    readonly callFrames: readonly CallFrame[]
  }
}

/**
 * Stops a thread with the debugger (the inspector's NodeWorker and Debugger domains) and reads from its stack the
 * innermost line of a module that carries its source map inside: the user's, as load.ts makes them. A thread that
 * merely waits does not stop, and has no place.
 */
function placeOfLoop(threadId: number): Promise<string | undefined> {
  const session = new Session()
  const scripts = new Map<string, { url: string; map: string }>()
  return new Promise((settle) => {
    const finish = (place: string | undefined): void => {
      clearTimeout(timeout)
      session.disconnect()
      settle(place)
    }
    const timeout = setTimeout(() => { finish(undefined) }, PAUSE_MS_MAX)
    session.connect()
    session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
      const event = JSON.parse(message) as DebuggerEvent
      if (event.method === 'Debugger.scriptParsed') {
        scripts.set(event.params.scriptId, { url: event.params.url, map: event.params.sourceMapURL ?? '' })
      } else if (event.method === 'Debugger.paused') {
        const places = event.params.callFrames.map((frame) => originalPlace(frame, scripts.get(frame.location.scriptId)))
        // A paused thread cannot be terminated; without a debugger it goes on looping and can.
        tell(session, sessionId, 'Debugger.disable')
        finish(places.find((place) => place !== undefined))
      }
    })
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      if (workerInfo.workerId !== String(threadId)) return
      tell(session, sessionId, 'Debugger.enable')
      tell(session, sessionId, 'Debugger.pause')
    })
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  })
}

function tell(session: Session, sessionId: string, method: string): void {
  session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id: 1, method }) })
}

function originalPlace({ location }: CallFrame, script: { url: string; map: string } | undefined): string | undefined {
  const inline = /^data:application\/json[^,]*;base64,(.*)$/.exec(script?.map ?? '')
  if (script === undefined || inline === null) return undefined
  const map = new SourceMap(JSON.parse(Buffer.from(inline[1], 'base64').toString('utf8')))
  const entry = map.findEntry(location.lineNumber, location.columnNumber)
  if (!('originalSource' in entry)) return undefined
  // What a map names are addresses, relative to the module's own.
  return `${fileURLToPath(new URL(entry.originalSource, script.url))}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
}
