/** The public API as a test suite meets it: a scenario written in the test, seeds from fast-check, one matcher. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scenario, simulate } from '../../scenarios/index.ts'
import '../../scenarios/vitest.ts'
import { run, storyOf } from '../support/runs.ts'

const twoEditors = scenario('two-editors', { frames: 60, hz: 90 }, async ({ host, join, net, frames }) => {
  net.all.set({ latencyMs: [5, 30], drop: 0.03 })
  const crate = host.spawn({ at: [0, 1, -2] })
  const [ana, ben] = await Promise.all([join('ana', { over: 'quic', role: 'editor' }), join('ben', { over: 'webrtc', role: 'editor' })])
  ana.drag(crate, { by: [0, 0.5, 0], frames: 9 })
  ben.click(crate)
  await frames(30)
}, { mustHappen: { counters: { commandsApplied: 3 } } })

describe('a scenario inside a test', () => {
  it('converges for any seed, number or text', async () => {
    const seeds = fc.oneof(fc.maxSafeInteger(), fc.string())
    await fc.assert(fc.asyncProperty(seeds, async (seed) => {
      expect(await simulate(twoEditors, { seed, verifier: 'node' })).toConverge()
    }), { seed: 20, numRuns: 12 })
  })

  it('has one verdict for a seed, spelt as a number or as text', async () => {
    const [number, text] = await Promise.all([7, '7'].map((seed) => simulate(twoEditors, { seed, verifier: 'node' })))
    expect(number.traceDigest).toBe(text.traceDigest)
  })
})

describe('toConverge', () => {
  const messageOf = (check: () => void): string => {
    try {
      check()
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('expected the check to fail')
  }

  it('shows the verdict, the two sides of a divergence and one call that runs it again', async () => {
    const options = { seed: 3, tamper: { peer: 'ana', frame: 40 } }
    const result = await simulate(twoEditors, { ...options, verifier: 'node' })
    const lines = messageOf(() => { expect(result).toConverge() }).split('\n')
    expect(lines[0]).toBe('two-editors, seed 3, did not converge (exit 1):')
    expect(lines[1]).toMatch(/^ana diverged in frame \d+: entity \d+, theta\.\w+(\.\w+)?, byte offset \d+: the host has .*, ana has /)
    expect(lines).toEqual(expect.arrayContaining(result.report.divergence!.hexdump as string[]))
    expect(lines.at(-1)).toBe('again: simulate(scenario, { seed: 3, verifier: "node", tamper: {"peer":"ana","frame":40} })')
    expect(lines.filter((line) => line.startsWith('again: ')).length).toBe(1)
  })

  it('shows a command where the scenario is a built-in one', async () => {
    const result = await run(storyOf('late-join'), { seed: 3, frames: 100, tamper: { peer: 'ana', frame: 40 } })
    const message = messageOf(() => { expect(result).toConverge() })
    expect(message).toMatch(/\nagain: npx theta-sim run late-join --seed 3 --frames 100 --verifier node --tamper ana@40$/)
  })

  it('fails its negation on a run that converges, and refuses what is no result', async () => {
    const result = await simulate(twoEditors, { seed: 3, verifier: 'node' })
    const message = messageOf(() => { expect(result).not.toConverge() })
    expect(message).toBe('expected a run that does not converge\nagain: simulate(scenario, { seed: 3, verifier: "node" })')
    expect(() => { expect(Promise.resolve(result)).toConverge() }).toThrow(/is an await missing\?/)
  })
})
