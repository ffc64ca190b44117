/** `theta-sim replay`: runs a report's run again and says whether every byte of the report is the same. */
import type { ReplayArguments } from '../arguments.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import { Progress, printLines } from '../output.ts'
import { firstDifference, readRecorded } from '../recorded.ts'
import { openSubject } from '../subject.ts'

export async function replay(options: ReplayArguments, engine: Engine, terminal: Terminal): Promise<number> {
  const { text, run } = readRecorded(options.report, engine, terminal)
  const subject = await openSubject(options.scenario ?? run.source, engine, terminal)
  const progress = new Progress(terminal, !options.quiet)
  try {
    if (subject.digest !== run.sourceDigest) {
      throw new Misuse(`${subject.source}, or theta-sim itself, has changed since ${options.report} was written; run it anew`)
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
