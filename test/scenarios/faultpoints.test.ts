/** Fault points and marks in whole runs: what they do is choices of the run, told in its trace, and harmless. */
import { describe, expect, it } from 'vitest'
import { countHits } from '../../reports/marks.ts'
import { CATALOGUE, MARKS, type MustHappen, type Scenario, scenario, type Story } from '../../scenarios/index.ts'
import type { RunOutcome } from '../../scenarios/cluster/run.ts'
import { planOf } from '../../sim/plan.ts'
import { FAULT_POINTS } from '../../system/telemetry/faultpoints.ts'
import { run, runInside, storyOf } from '../support/runs.ts'

/** Each story, with fault points. What must happen in it need not happen then: a snapshot more is a frame less to be confirmed. */
const faulty = (story: Scenario): Scenario => ({ ...story, settings: { ...story.settings, faultPoints: true }, mustHappen: {} })
const SIX = ['loopback-120', 'late-join', 'partition-heals', 'forged-command', 'placement-race', 'viewer-edits']
/** In 1 and 4 all of them can happen, often; in 2 some. */
const SEEDS = [1, 2, 4]

const notes = ({ records }: RunOutcome, name: string) => records.filter((record) => record.kind === 'note' && record.name === name)

describe('with fault points', () => {
  it('R-PROBE-3 all stories converge, and each point happens in one of them', async () => {
    const seen = new Set<string>()
    for (const name of SIX) {
      for (const seed of SEEDS) {
        const { verdict, records } = await runInside(faulty(storyOf(name)), { seed })
        expect(`${name} ${seed}: ${verdict}`).toBe(`${name} ${seed}: converged`)
        for (const point of Object.keys(countHits(records, 'faultPoint'))) seen.add(point)
      }
    }
    expect([...seen].sort()).toEqual(Object.keys(FAULT_POINTS).sort())
  })

  it('each is a choice, and the record right behind it says which', async () => {
    const outcome = await runInside(faulty(storyOf('loopback-120')), { seed: 3 })
    const points = outcome.choices.flatMap(({ site }, index) => (site.startsWith('point.') ? [{ site, index }] : []))
    expect(points.length).toBeGreaterThan(5)
    for (const { site, index } of points) {
      const record = outcome.records[outcome.choiceRecords[index]]
      expect(record).toMatchObject({ kind: 'note', name: 'faultPoint', data: { event: 'faultPoint', name: site.slice('point.'.length) } })
    }
    const told = countHits(outcome.records, 'faultPoint')
    expect(Object.values(told).reduce((sum, times) => sum + times, 0)).toBe(points.length)
  })

  it('a plan takes them again, and one that leaves them out has none', async () => {
    const story = faulty(storyOf('late-join'))
    const first = await runInside(story, { seed: 3 })
    const again = await runInside(story, { seed: 3, plan: planOf(story.name, 3, first.choices) })
    expect(again.trace.digest).toBe(first.trace.digest)
    const without = first.choices.filter(({ site }) => !site.startsWith('point.'))
    expect(without.length).toBeLessThan(first.choices.length)
    const calmer = await runInside(story, { seed: 3, plan: planOf(story.name, 3, without) })
    expect(notes(calmer, 'faultPoint')).toEqual([])
    expect(calmer.verdict).toBe('converged')
  })

  it('none happens once the network has healed for good, and none where the scenario does not ask for them', async () => {
    const { info, ...outcome } = await runInside(faulty(storyOf('loopback-120')), { seed: 1 })
    const times = outcome.records.filter((record) => record.kind === 'note' && record.name === 'faultPoint').map(({ atUs }) => atUs)
    expect(times.length).toBeGreaterThan(5)
    expect(Math.max(...times)).toBeLessThanOrEqual(info.calmAtUs)
    expect(notes(await runInside(storyOf('placement-race'), { seed: 3 }), 'faultPoint')).toEqual([])
  })
})

describe('marks', () => {
  const SETTINGS = { frames: 20, hz: 90 } as const
  const idle = async ({ frame, join }: Story): Promise<void> => {
    await join('ana', { over: 'quic', role: 'editor' })
    await frame(15)
  }
  const judged = (mustHappen: MustHappen) => run(scenario('marked', SETTINGS, idle, { mustHappen }))

  it('stand in the report, by name', async () => {
    const { report, reportMarkdown } = await run(storyOf('partition-heals'), { seed: 1, measure: true })
    expect(report.marks['a gap beyond the ring']).toBeGreaterThan(0)
    expect(Object.keys(report.marks).filter((name) => !(name in MARKS))).toEqual([])
    expect(report.faultPoints).toEqual({})
    expect(reportMarkdown).toContain('## Rare states')
    expect(reportMarkdown).not.toContain('## Fault points')
  })

  it('can be demanded, by a name of the catalogue', async () => {
    expect((await judged({ marks: { 'the log was closed at once with nobody there': 1 } })).verdict).toBe('converged')
    const { exit, verdict } = await judged({ marks: { 'a gap beyond the ring': 1 } })
    expect([exit, verdict]).toEqual([1, "did not happen: mark 'a gap beyond the ring' was 0, and must be at least 1"])
    expect(() => scenario('marked', SETTINGS, idle, { mustHappen: { marks: { 'a gap': 1 } as never } }))
      .toThrow("mustHappen.marks: there is no mark 'a gap'; MARKS names them all")
    expect(() => scenario('marked', SETTINGS, idle, { mustHappen: { marks: { 'a gap beyond the ring': 0.5 } } })).toThrow('whole number')
  })

  it('that the built-in stories reach by themselves are reached within a few seeds', async () => {
    const reached = new Set<string>()
    const names = [...SIX, 'host-restarts', 'thin-pipe', 'swarm']
    const stories = CATALOGUE.map(({ scenario: story }) => story).filter(({ name }) => names.includes(name))
    const quick = Object.entries(MARKS).filter(([, { seedsMax }]) => seedsMax === 50).map(([name]) => name)
    const missing = (): string[] => quick.filter((name) => !reached.has(name))
    for (let seed = 1; seed <= 6; seed++) {
      for (const story of stories) {
        if (missing().length > 0) for (const name of Object.keys((await run(story, { seed })).report.marks)) reached.add(name)
      }
    }
    expect(missing()).toEqual([])
    expect(quick.length).toBeGreaterThanOrEqual(10)
  })
})
