/** `theta-sim replay`: runs a report's run again and says whether every byte of the report is the same. */
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import { type Command, type Given, QUIET, VERBOSE } from '../grammar.ts'
import { Progress, printLines } from '../output.ts'
import { firstDifference, readRecorded } from '../recorded.ts'
import { openSubject } from '../subject.ts'

export const replay: Command = {
  name: 'replay', about: 'run a report’s run again and compare every byte', operands: ['report.json', 'scenario.ts'], optional: 1,
  flags: { ...QUIET, ...VERBOSE },
  act,
}

async function act(given: Given, engine: Engine, terminal: Terminal): Promise<number> {
  // The scenario's file may have moved since.
  const [report, scenario] = given.operands
  const { text, run } = readRecorded(report, engine, terminal)
  const subject = await openSubject(scenario ?? run.source, engine, terminal)
  const progress = new Progress(terminal, !given.on('quiet'))
  try {
    if (subject.digest !== run.sourceDigest) {
      throw new Misuse(`${subject.source}, or theta-sim itself, has changed since ${report} was written; run it anew`)
    }
    const { version, source: _, sourceDigest: __, ...settings } = run
    const { result } = await subject.run({ ...settings, version, measure: false }, (frame, frames) => {
      progress.show(`${subject.source}: frame ${frame}/${frames}`)
    })
    progress.clear()
    if (result.reportJson === text) {
      printLines(terminal, [`identical: ${Buffer.byteLength(text)} bytes`])
      return EXIT.converged
    }
    const key = firstDifference(withoutSeal(text), withoutSeal(result.reportJson))
    printLines(terminal, [`not deterministic: the reports differ ${key === undefined ? 'in their spacing or order' : `first at ${key}`}`])
    return EXIT.undetermined
  } finally {
    progress.clear()
    await subject.close()
  }
}

/** The seal differs whenever anything does, and says nothing. */
function withoutSeal(text: string): object {
  return { ...JSON.parse(text) as object, seal: undefined }
}
