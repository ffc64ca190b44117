/** Compression in whole runs: everybody converges with it, it saves what it should, and a compressor that lies is found. */
import { describe, expect, it } from 'vitest'
import { compression as baseline } from '../../scenarios/bench/compression.ts'
import { Wiretap } from '../../scenarios/cluster/wiretap.ts'
import { CANARIES } from '../../scenarios/canaries/index.ts'
import { prepare } from '../../scenarios/cluster/prepare.ts'
import { train } from '../../scenarios/training.ts'
import { countRecords } from '../../reports/counters.ts'
import { reportMarkdown } from '../../reports/markdown.ts'
import { zstdCompressor } from '../../platform/zstd.ts'
import { NO_DICTIONARY } from '../../system/ports.ts'
import { run, runInside, storyOf } from '../support/runs.ts'

describe('a run', () => {
  it('R-COMP-2 comes out the same with peers that all compress, in far fewer bytes', async () => {
    const story = storyOf('late-join')
    const [none, dictionary] = await Promise.all((['none', 'dictionary'] as const).map((compression) => runInside(story, { compression })))
    expect([none.exit, dictionary.exit]).toEqual([0, 0])
    const counters = countRecords(dictionary.records, 0)
    expect(countRecords(none.records, 0).messagesCompressed).toBe(0)
    expect(counters.messagesCompressed).toBeGreaterThan(200)
    const bytes = dictionary.records.reduce((sum, record) => (record.kind === 'note' && record.name === 'messageSent'
      ? sum + (record.data as { bytes: number }).bytes : sum), 0)
    expect(counters.compressionBytesSaved).toBeGreaterThan(0.4 * bytes)
  })

  it('reports what was saved, by message and size', async () => {
    const { report } = await run(storyOf('mixed-compression'))
    expect(report.result.exit).toBe(0)
    expect(report.compression.length).toBeGreaterThan(5)
    const saved = report.compression.reduce((sum, { plainBytes, bytes }) => sum + plainBytes - bytes, 0)
    expect(report.counters.compressionBytesSaved).toBe(saved)
    expect(reportMarkdown(report)).toContain('## Compression')
  })

  it('R-COMP-3 finds a compressor that changes a byte', async () => {
    const canary = CANARIES.find(({ name }) => name === 'frame-miscompressed')!
    const { info: { failure } } = await runInside(storyOf('mixed-compression'), { canary })
    expect(failure).toMatchObject({ check: 'refusals', component: 'compression', field: 'checksum' })
  })
})

describe('training', () => {
  it('gives a dictionary that depends on its stories and seeds alone, and that helps with other seeds', async () => {
    const options = { firstSeed: 1, lastSeed: 1, bytesMax: 4096 }
    const [one, again] = [await train([storyOf('viewer-edits')], options), await train([storyOf('viewer-edits')], options)]
    expect(again).toEqual(one)
    expect(one.content.length).toBeLessThanOrEqual(4096)
    expect(one.samples).toBeGreaterThan(50)
    const compressor = await zstdCompressor(new Map([[1, one.content]]))
    const tap = new Wiretap((await prepare()).compressor)
    let [plain, trained] = [0, 0]
    await runInside(storyOf('viewer-edits'), {
      seed: 2, watchers: [{
        sent: (_from, _to, _connection, _channel, bytes) => {
          const { body } = tap.bodyOf(bytes)!
          plain += compressor.compress(body, NO_DICTIONARY).length
          trained += compressor.compress(body, 1).length
        },
      }],
    })
    expect(trained).toBeLessThan(0.7 * plain)
  })
})

describe('the baseline', () => {
  it('tells every message type and how the whole stands to its aim', async () => {
    let ms = 0
    const lines = await baseline(() => ms++, [storyOf('late-join'), storyOf('placement-race')])
    for (const message of ['CommandLogEntry', 'ComponentDelta', 'InputPredictiveState', 'WorldSnapshot']) {
      expect(lines.some((line) => line.startsWith(message))).toBe(true)
    }
    expect(lines.find((line) => line.startsWith('saved: at least 50%'))).toMatch(/met|missed by \d+%/)
  })
})
