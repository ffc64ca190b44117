/** The same run twice, event by event: what only a machine knows must not matter, and where it does it is found. */
import { describe, expect, it, vi } from 'vitest'
import { recordDifferenceLines } from '../../reports/recorddifference.ts'
import { checkDeterminism, scenario } from '../../scenarios/index.ts'
import { RoundTrip } from '../../sim/quic/rtt.ts'
import { storyOf } from '../support/runs.ts'

const options = { seed: 11, verifier: 'node' } as const
const SHORT = storyOf('late-join')

describe('checkDeterminism', () => {
  it.each(['loopback-120', 'late-join', 'placement-race'])('finds %s the same, with its machine provoked', async (name) => {
    const story = storyOf(name)
    const { difference, otherReportJson, records, provoked, result, chain } = await checkDeterminism(story, { ...options, chaos: true })
    expect([difference, otherReportJson]).toEqual([undefined, undefined])
    expect(provoked!.collections).toBeGreaterThan(0)
    expect(provoked!.delays).toBeGreaterThan(0)
    expect(records).toBe(result.report.result.events)
    expect(chain.trimEnd().split('\n')).toHaveLength(records)
    expect(chain.trimEnd().split('\n').at(-1)).toBe(result.traceDigest)
  })

  it('stops at the first record that a story’s own dice wrote', async () => {
    let ends = 0
    const story = scenario('dice', { frames: 60, hz: 90 }, async ({ host, frame }) => {
      host.spawn({ at: [0, 0, 0] })
      await frame(20)
      host.spawn({ at: [Math.random() * 100, 0, 0] })
      await frame(55)
      ends++
    })
    const { difference, records, result } = await checkDeterminism(story, options)
    const { record, first, second } = difference!
    expect([difference!.with, ends]).toEqual(['again', 1])
    expect(record).toBeLessThan(records)
    const lines = recordDifferenceLines(first, second, result.report.nodes)
    expect(lines.slice(0, 2)).toEqual(['first:  222.222 ms, host: commandAdmitted', 'second: 222.222 ms, host: commandAdmitted'])
    expect(lines.slice(3).map((line) => line.split(' ')[0])).toEqual(['data.entry.payload', 'data.entry.signature'])
  })

  it('finds a method that answers by the machine’s clock', async () => {
    const honest = vi.spyOn(RoundTrip.prototype, 'lossDelayUs', 'get')
    honest.mockImplementation(() => Math.floor(performance.now() * 1000) % 90_000)
    // It takes a story that loses packets: others never ask.
    const { difference } = await checkDeterminism(storyOf('loopback-120'), options)
    honest.mockRestore()
    expect(difference).toMatchObject({ with: 'again' })
  })

  it('finds by provocation what depends on the garbage collector', async () => {
    // An interruption comes every 32 of the 800 events, and every second one collects: that none does has odds of 2^-25.
    const story = scenario('weak', { frames: 800, hz: 90 }, async ({ host, frame }) => {
      const weak = new WeakRef({ alive: true })
      for (let k = 1; k < 800; k++) {
        await frame(k)
        if (weak.deref() === undefined) host.spawn({ at: [0, 0, 0] })
      }
    })
    expect((await checkDeterminism(story, { ...options, chaos: true })).difference).toMatchObject({ with: 'again' })
  })

  it('finds a report that differs over the same records', async () => {
    const story = scenario('excuse', { frames: 9, hz: 90 }, async () => { throw new RangeError(String(Math.random())) })
    const { difference, otherReportJson } = await checkDeterminism(story, options)
    expect(difference).toBeUndefined()
    expect(otherReportJson).toContain('RangeError: 0.')
  })

  it('holds a run against the chain of another machine', async () => {
    const { chain } = await checkDeterminism(SHORT, { ...options, twice: false })
    const against = async (text: string) => (await checkDeterminism(SHORT, { ...options, twice: false, against: text })).difference
    expect(await against(chain)).toBeUndefined()
    const digests = chain.trimEnd().split('\n')
    const altered = digests.map((digest, record) => (record < 40 ? digest : 'f'.repeat(16)))
    expect(await against(`${altered.join('\n')}\n`)).toMatchObject({ record: 40, with: 'chain', first: { kind: 'note' } })
    expect(await against(`${digests.slice(0, 30).join('\n')}\n`)).toMatchObject({ record: 30 })
    expect(await against(`${chain}${'0'.repeat(16)}\n`)).toMatchObject({ record: digests.length, first: undefined })
  })
})
