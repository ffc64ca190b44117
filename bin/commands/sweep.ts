/** `theta-sim sweep`: many seeds of many scenarios on many threads, which can be broken off and gone on with. */
import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { wallClockMs } from '../../platform/clock.ts'
import { type EndSignal, exitCodeOf, onEndSignal } from '../../platform/signals.ts'
import { runsOf } from '../../reports/sweep-plan.ts'
import { sweepJson } from '../../reports/sweep-text.ts'
import { type SeedRecord, SweepTally } from '../../reports/sweep.ts'
import type { Engine, Terminal } from '../engine.ts'
import type { Command } from '../grammar.ts'
import { checkOut, Progress, printLines, unwritable } from '../output.ts'
import { Conductor, redLine } from '../sweep/conduct.ts'
import { openJournal } from '../sweep/journal.ts'
import { type SweepOptions, SWEEP_FLAGS, sweepOptionsOf } from '../sweep/options.ts'
import { journalHeader, openingLines, printSummary, sweepFolder, writeSummary } from '../sweep/outputs.ts'
import { openTargets, type Targets } from '../sweep/targets.ts'

const MS_PER_MINUTE = 60_000

export const sweep: Command = {
  name: 'sweep', about: 'run many seeds on all cores, of these scenarios or of all', operands: ['scenario...'], optional: 1,
  flags: SWEEP_FLAGS,
  notes: [
    'exit: 0 all converged, else the smallest that a run ended with; 3 for a run that hung or took its thread down; 1 also where a',
    'sweep over all stories never reached a rare state; 130 or 143 when interrupted. What was done is kept: the same command goes on.',
  ],
  async act(given, engine, terminal) {
    const options = sweepOptionsOf(given, engine, terminal)
    checkOut(options.out, terminal)
    const targets = await openTargets(options.plan.scenarios, engine, terminal)
    const folder = sweepFolder(options)
    try {
      return await perform(options, targets, folder, engine, terminal)
    } catch (error) {
      throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unwritable(folder, error)
    } finally {
      targets.close()
    }
  },
}

async function perform(options: SweepOptions, targets: Targets, folder: string, engine: Engine, terminal: Terminal): Promise<number> {
  const { plan, verifier, jobs, seedSeconds, isFresh, json, quiet } = options
  const code = { version: engine.version, sourceDigest: targets.digest }
  // A canary is planted to go red, and a state may be out of reach of some stories alone.
  const tally = new SweepTally(plan, plan.isWhole && plan.canary === undefined ? engine.marks : {})
  const path = resolve(terminal.folder, folder)
  if (isFresh) rmSync(path, { recursive: true, force: true })
  const { journal, found } = openJournal(`${path}/journal.jsonl`, journalHeader(plan, seedSeconds, code), (record) => {
    tally.add(record as SeedRecord)
  })
  try {
    const doneBefore = tally.done
    const tell = (lines: readonly string[]): void => { if (!json && !quiet) printLines(terminal, lines) }
    tell(openingLines(options, doneBefore, found))
    const startMs = wallClockMs()
    const progress = new Progress(terminal, !json && !quiet)
    const onRed = (record: SeedRecord): void => { tell([redLine(plan, record)]) }
    const parts = { plan, targets, folder, jobs, verifier, seedSeconds, tally, journal, progress, onRed }
    const isDone = doneBefore === runsOf(plan)
    const signal = isDone ? undefined : await conduct(new Conductor(parts, engine, terminal), options.minutes)
    progress.clear()
    const summary = tally.summary()
    const text = sweepJson(summary, code)
    const pace = { seconds: (wallClockMs() - startMs) / 1000, jobs, runs: tally.done - doneBefore }
    writeSummary(summary, text, tally, pace, folder, terminal)
    printSummary(summary, text, tally, pace, folder, options, terminal)
    return signal === undefined ? summary.exit : exitCodeOf(signal)
  } finally {
    journal.close()
  }
}

/** @returns the signal that broke it off, if one did. */
async function conduct(conductor: Conductor, minutes: number | undefined): Promise<EndSignal | undefined> {
  let received: EndSignal | undefined
  const release = onEndSignal((signal) => {
    received = signal
    void conductor.abort()
  })
  const timer = minutes === undefined ? undefined : setTimeout(() => { conductor.end() }, minutes * MS_PER_MINUTE)
  try {
    await conductor.run()
    return received
  } finally {
    clearTimeout(timer)
    release()
  }
}
