/**
 * What a run leaves: files in its folder, lines for people, JSON for programs, and a line of progress that goes away.
 */
import { join, resolve } from 'node:path'
import { wallClockMs } from '../platform/clock.ts'
import { checkFolder, reasonOf, writeFiles } from '../platform/files.ts'
import { Misuse, type Terminal } from './engine.ts'
import type { RunResult } from '../scenarios/index.ts'
import type { Outcome } from './subject.ts'

const PROGRESS_INTERVAL_MS = 50
const CLEAR_LINE = '\r\u001B[K'

/** Draws over itself, for a person only, and not more often than an eye can follow. */
export class Progress {
  readonly #terminal: Terminal
  readonly #isDrawn: boolean
  #drawnMs = -Infinity

  constructor(terminal: Terminal, isWanted: boolean) {
    this.#terminal = terminal
    this.#isDrawn = isWanted && terminal.isWatched
  }

  show(text: string): void {
    if (!this.#isDrawn || wallClockMs() - this.#drawnMs < PROGRESS_INTERVAL_MS) return
    this.#drawnMs = wallClockMs()
    this.#terminal.stderr(`${CLEAR_LINE}${text}`)
  }

  clear(): void {
    if (this.#isDrawn && this.#drawnMs >= 0) this.#terminal.stderr(CLEAR_LINE)
    this.#drawnMs = -Infinity
  }
}

/** @throws {Misuse} when no run can write there. */
export function checkOut(out: string, terminal: Terminal): void {
  try {
    checkFolder(resolve(terminal.folder, out))
  } catch (error) {
    throw unwritable(out, error)
  }
}

export function unwritable(folder: string, error: unknown): Misuse {
  return new Misuse(`cannot write to ${folder}: ${reasonOf(error)}; choose another folder with --out`)
}

/** What is written of a run that was captured; what is undefined was not asked for. */
export interface CaptureFiles {
  readonly 'capture.pcapng': Uint8Array | undefined
  readonly 'connections.qlog': string | undefined
}
const NO_CAPTURE: CaptureFiles = { 'capture.pcapng': undefined, 'connections.qlog': undefined }

/** What is written of a run. */
interface Written {
  readonly name: string
  readonly result: Pick<RunResult, 'reportJson' | 'reportMarkdown' | 'planJson' | 'perf'>
}

/**
 * Writes the files of a run, and removes what an earlier one left; `report.json` last, so that where it stands the others do.
 * @returns the folder, relative to `terminal.folder` where `out` is.
 */
export function writeOutcome(
  { name, result }: Written, seed: number | string, out: string, terminal: Terminal, captured: CaptureFiles = NO_CAPTURE,
): string {
  // A plan's seed may be any text.
  const folder = join(out, `${name}-${String(seed).replaceAll(/[^\w.-]/g, '_')}`)
  try {
    writeFiles(resolve(terminal.folder, folder), {
      'report.md': result.reportMarkdown,
      'plan.json': result.planJson,
      'perf.json': result.perf === undefined ? undefined : `${JSON.stringify(result.perf, undefined, 2)}\n`,
      ...captured,
      'report.json': result.reportJson,
    })
  } catch (error) {
    throw unwritable(folder, error)
  }
  return folder
}

/** The summary of one run as JSON: what `--json` prints. */
export function summaryJson({ name, result }: Outcome, seed: number | string, folder: string | undefined): object {
  return {
    scenario: name, seed, exit: result.exit, verdict: result.verdict, reproduce: result.reproduce,
    ...(folder === undefined ? {} : { folder }),
    summary: result.summary,
  }
}

export function printJson(terminal: Terminal, value: object): void {
  terminal.stdout(`${JSON.stringify(value, undefined, 2)}\n`)
}

export function printLines(terminal: Terminal, lines: readonly string[]): void {
  terminal.stdout(lines.map((line) => `${line}\n`).join(''))
}
