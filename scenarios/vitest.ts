/**
 * A matcher for vitest. Import this module once, in a test or in a setup file:
 *
 *     import 'theta-sim/vitest'
 *     expect(await simulate(scenario, { seed })).toConverge()
 *
 * A failure shows the verdict, where the bytes part and what wrote them, and one command or call that runs the same again.
 */
import { expect } from 'vitest'
import type { Report } from '../reports/report.ts'
import type { RunResult } from './result.ts'

declare module 'vitest' {
  // The names of the type parameters are vitest's.
  interface Matchers<T> {
    /** That a run of `simulate` ended with exit 0: all converged, every check held, and what must happen did. */
    toConverge(): void
  }
}

expect.extend({
  toConverge(received: unknown) {
    if (!isResult(received)) throw new TypeError('toConverge: expected what simulate() resolves to; is an await missing?')
    const pass = received.exit === 0
    return { pass, message: () => (pass ? `expected a run that does not converge\nagain: ${received.reproduce}` : complaint(received)) }
  },
})

const isResult = (received: unknown): received is RunResult =>
  typeof received === 'object' && received !== null && 'exit' in received && 'reproduce' in received && 'report' in received

function complaint({ exit, verdict, report, stack, reproduce }: RunResult): string {
  const { scenario, seed } = report.run
  return [
    `${scenario}, seed ${seed}, did not converge (exit ${exit}):`,
    verdict,
    ...divergenceLines(report),
    ...(stack === undefined ? [] : [stack]),
    `again: ${reproduce}`,
  ].join('\n')
}

function divergenceLines({ divergence }: Report): string[] {
  if (divergence === null) return []
  const { peer, hostWrite, peerWrite, hexdump } = divergence
  const writes = [['the host', hostWrite], [peer, peerWrite]] as const
  return [...writes.flatMap(([side, write]) => (write === null ? [] : [`${side}: ${write.cause}`])), ...hexdump]
}
