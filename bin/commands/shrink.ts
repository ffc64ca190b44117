/** `theta-sim shrink`: from a red run to the least that fails the same way, its story, and a test that keeps it. */
import { dirname, join, resolve } from 'node:path'
import { wallClockMs } from '../../platform/clock.ts'
import { checkFolder } from '../../platform/files.ts'
import { storyLines } from '../../reports/minimal.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import { type Command, type Given, integer, QUIET, VERBOSE } from '../grammar.ts'
import { minimalRun, writeMinimal } from '../minimal.ts'
import { Progress, printJson, printLines, unwritable } from '../output.ts'
import { readRecorded } from '../recorded.ts'
import { openSubject } from '../subject.ts'

const SECONDS_MAX = 86_400

export const shrink: Command = {
  name: 'shrink', about: 'find the least that makes a report’s run fail the same way',
  operands: ['report.json', 'scenario.ts'], optional: 1,
  flags: {
    out: { value: 'DIR', about: 'write there (default: minimal/ beside the report)' },
    seconds: { value: 'N', about: 'end the search after so long with the least so far' },
    json: { about: 'print what was found as JSON, and nothing else' },
    ...QUIET, ...VERBOSE,
  },
  act,
}

async function act(given: Given, engine: Engine, terminal: Terminal): Promise<number> {
  const [report, scenario] = given.operands
  const seconds = given.text('seconds')
  const out = given.text('out') ?? join(dirname(report), 'minimal')
  const secondsMax = seconds === undefined ? undefined : integer('--seconds', seconds, 1, SECONDS_MAX)
  const { run } = readRecorded(report, engine, terminal)
  // Before the work, not after it.
  try {
    checkFolder(resolve(terminal.folder, out))
  } catch (error) {
    throw unwritable(out, error)
  }
  const subject = await openSubject(scenario ?? run.source, engine, terminal)
  const progress = new Progress(terminal, !given.on('quiet') && !given.on('json'))
  const beganMs = wallClockMs()
  try {
    if (subject.digest !== run.sourceDigest) {
      throw new Misuse(`${subject.source}, or theta-sim itself, has changed since ${report} was written; run it anew`)
    }
    const { version, source: _, sourceDigest: __, ...settings } = run
    const options = { ...settings, version, planSource: join(out, 'plan.json'), ...(secondsMax !== undefined && { secondsMax }) }
    const { name, answer } = await subject.perform('shrink', options, (tries, items) => {
      progress.show(`${subject.source}: ${items} items after ${tries} tries`)
    })
    progress.clear()
    const took = (wallClockMs() - beganMs) / 1000
    const minimal = minimalRun(name, subject.source, answer)
    writeMinimal(minimal, answer.result, out, terminal)
    if (given.on('json')) printJson(terminal, { ...minimal, tries: answer.tries, folder: out })
    else if (given.on('quiet')) printLines(terminal, [minimal.verdict])
    else {
      printLines(terminal, [
        ...storyLines(minimal), '', `${answer.tries} tries in ${took.toFixed(1)} s`, `story: ${join(out, 'story.md')}`,
        `test:  ${join(out, 'regression.test.ts')}`, `again: ${minimal.command}`,
      ])
    }
    return EXIT.converged
  } finally {
    progress.clear()
    await subject.close()
  }
}
