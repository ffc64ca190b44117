/** Rewinding a run: what stands at the end of a frame is what stood there, and another future has the same past. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type InspectedNode, type Inspection, narrowed } from '../../reports/inspection.ts'
import { inspectionLines } from '../../reports/inspectiontext.ts'
import type { RunOutcome } from '../../scenarios/cluster/run.ts'
import { branch, inspect, OptionError, parsePlan, scenario } from '../../scenarios/index.ts'
import { frameUs } from '../../sim/world.ts'
import { run, runInside, STORIES, storyOf, wholeRuns } from '../support/runs.ts'

const SEED = 11
const options = { seed: SEED, verifier: 'node' } as const
const STORY = storyOf('loopback-120')

interface Told {
  readonly frame: number
  readonly digest: string
  readonly entries?: readonly object[]
}
/** What a node told by a name, before a record. */
const told = ({ records }: RunOutcome, name: string, node: number, before: number): Told[] => records.slice(0, before).flatMap((record) =>
  record.kind === 'note' && record.name === name && record.node === node ? [record.data as unknown as Told] : [])
const nodeNamed = ({ nodes }: Inspection, name: string): InspectedNode => nodes.find((node) => node.name === name)!

const original = wholeRuns(SEED)

describe.each(STORIES)('%s', (_name, story) => {
  it('is shown as its trace tells it, frame by frame', async () => {
    const { outcome: whole } = await original(story)
    const { finalFrame } = whole.info
    for (const frame of [7, 64, story.settings.frames + 3].filter((one) => one < finalFrame)) {
      const inspection = await inspect(story, { ...options, frame })
      const { records, nodes, nextFrameUs, links } = inspection
      // All that happened before the next frame, nothing of it, and nothing else.
      expect(inspection.traceDigest).toBe(whole.trace.digestAt(records - 1))
      expect(nextFrameUs).toBe(frameUs(frame + 1, story.settings.hz))
      expect(whole.records[records - 1].atUs).toBeLessThan(nextFrameUs)
      expect(whole.records[records].atUs).toBeGreaterThanOrEqual(nextFrameUs)

      const [host, ...clients] = nodes
      expect(told(whole, 'frameClosed', 0, records).at(-1)).toMatchObject({ frame, digest: host.digest })
      for (const [index, client] of clients.entries()) {
        const confirmed = told(whole, 'frameConfirmed', index + 1, records).at(-1)
        if (confirmed?.frame === client.frame) expect(client.digest).toBe(confirmed.digest)
        expect(client.rowsWrong).toBe(0)
      }
      // The host has in its log what it admitted and has not folded.
      const admitted = told(whole, 'commandAdmitted', 0, records).length - told(whole, 'commandFolded', 0, records).length
      // Once more than once, where it began anew.
      const isAnew = told(whole, 'recovered', 0, records).some(({ entries = [] }) => entries.length > 0)
      if (!isAnew) expect(host.log!.pending.length).toBe(admitted)
      // A link carries what was sent or made twice, and has neither arrived nor been lost.
      const carried = whole.records.slice(0, records).reduce((sum, { kind }) =>
        sum + (kind === 'sent' || kind === 'duplicated' ? 1 : kind === 'delivered' || kind === 'lost' ? -1 : 0), 0)
      expect(links.reduce((sum, { datagrams }) => sum + datagrams.length, 0)).toBe(carried)
      for (const { datagrams } of links) for (const { atUs } of datagrams) expect(atUs).toBeGreaterThanOrEqual(nextFrameUs)
    }
  })

  it('branches into its own future under its own seed', async () => {
    const { result: whole } = await original(story)
    const { result, parting, originalDigest } = await branch(story, { ...options, branch: { frame: 30, seed: SEED } })
    expect([parting, originalDigest, result.traceDigest]).toEqual([undefined, whole.traceDigest, whole.traceDigest])
    expect({ ...result.report, run: whole.report.run }).toEqual(whole.report)
  })
})

describe('inspect', () => {
  it('shows the end of a run where no frame is named', async () => {
    const { traceDigest, report } = await run(STORY, { seed: SEED })
    const inspection = await inspect(STORY, options)
    expect(inspection).toMatchObject({ isEnd: true, traceDigest, frame: report.result.finalFrame })
    expect(inspection.nodes.map(({ digest }) => digest)).toEqual(inspection.nodes.map(() => report.result.finalDigest))
  })

  it('leaves out what the story does when the next frame begins, and has what it did within the frame', async () => {
    const story = scenario('instants', { frames: 30, hz: 90 }, async ({ host, frame, sleep }) => {
      await frame(10)
      host.spawn({ at: [0, 0, 0] })
      await frame(20)
      await sleep(5)
      host.spawn({ at: [1, 0, 0] })
    })
    const clockAt = async (frame: number) => (await inspect(story, { ...options, frame })).nodes[0].log!.clock
    const [before, after] = [await clockAt(9), await clockAt(10)]
    expect(after).toBe(before + 1)
    expect([await clockAt(19), await clockAt(20)]).toEqual([after, after + 1])
  })

  it('tells a client that is behind from one that is wrong', async () => {
    // One bit of ben's is flipped within frame 60; he is some frames behind.
    const { tampered } = await run(STORY, { ...options, tamper: { peer: 'ben', frame: 60 } })
    const inspection = await inspect(STORY, { ...options, tamper: { peer: 'ben', frame: 60 }, frame: 60 })
    expect(inspection.nodes.map(({ name, rowsWrong }) => [name, rowsWrong])).toEqual([['host', 0], ['ana', 0], ['ben', 1]])
    const others = inspection.entities.flatMap(({ entity, rows }) =>
      rows.flatMap(({ component, others: found }) => found.map(({ peer, how }) => ({ entity, component, peer, how }))))
    expect(others.filter(({ how }) => how === 'differs')).toEqual([
      { entity: tampered!.entity, component: tampered!.component, peer: 'ben', how: 'differs' }])
    expect(others.filter(({ how }) => how === 'behind').length).toBeGreaterThan(0)
    expect(inspectionLines(inspection).filter((line) => line.endsWith('(WRONG)')).length).toBeGreaterThan(0)
  })

  it('says which frames there are', async () => {
    await expect(inspect(STORY, { ...options, frame: 5_000 })).rejects.toThrow(/^there is no frame 5000: the run has frames 0 to \d+$/)
    await expect(inspect(STORY, { ...options, frame: 5_000 })).rejects.toBeInstanceOf(OptionError)
  })
})

describe('narrowed', () => {
  it('keeps a peer beside the host, and an entity by id, name or component', async () => {
    const inspection = await inspect(STORY, { ...options, frame: 60 })
    const only = (narrowing: Parameters<typeof narrowed>[1]): Inspection => {
      const found = narrowed(inspection, narrowing)
      if (found.kind === 'unknown') throw new RangeError(found.why)
      return found.inspection
    }
    const ben = only({ peer: 'ben' })
    expect(ben.nodes.map(({ name }) => name)).toEqual(['host', 'ben'])
    expect(ben.nodes[0].connections.map(({ peer }) => peer)).toEqual(['ben'])
    expect(ben.links.every(({ from, to }) => from === 'ben' || to === 'ben')).toBe(true)
    expect(nodeNamed(ben, 'ben')).toEqual(nodeNamed(inspection, 'ben'))
    expect(ben.entities.flatMap(({ rows }) => rows.flatMap(({ others }) => others.map(({ peer }) => peer)))).not.toContain('ana')

    const [second] = only({ entity: 'host#2' }).entities
    expect(only({ entity: String(second.entity) }).entities).toEqual([second])
    const transforms = only({ entity: 'Transform' }).entities
    expect(transforms.length).toBeGreaterThan(5)
    expect(only({ entity: 'theta.Transform' }).entities).toEqual(transforms)
    expect(new Set(transforms.flatMap(({ rows }) => rows.map(({ component }) => component)))).toEqual(new Set(['theta.Transform']))
    // The n-th that somebody made is the n-th that the story is told of.
    expect(second.rows.find(({ component }) => component === 'theta.Entity')?.fields).toMatchObject({ creator: 0 })

    expect(narrowed(inspection, { peer: 'bob' })).toEqual({ kind: 'unknown', why: "there is no 'bob' in frame 60, only host, ana, ben" })
    const none = narrowed(inspection, { entity: 'crate' })
    expect(none.kind === 'unknown' && none.why).toMatch(/^there is no 'crate' in frame 60; give an id, a component, or one of host, host#1/)
  })

  it('calls the ends of links by what they are', async () => {
    const { links } = await inspect(storyOf('behind-nats'), { seed: 1, verifier: 'node' })
    expect(new Set(links.flatMap(({ from, to }) => [from, to])))
      .toEqual(new Set(['host', 'ana', 'ben', 'the public server', "ana's translator"]))
  })

  it('fits a screen: long lists are cut and say so', async () => {
    const lines = inspectionLines(await inspect(STORY, { ...options, frame: 60 }))
    expect(lines.length).toBeLessThan(300)
    expect(lines.at(-1)).toMatch(/^ {2}and \d+ more; --json has all$/)
  })
})

describe('branch', () => {
  it('has the past of the original, to the byte, and parts in the frame named or later', async () => {
    const { outcome: whole } = await original(STORY)
    await fc.assert(fc.asyncProperty(fc.nat(119), fc.integer({ min: 100, max: 999 }), async (frame, seed) => {
      const { result, parting, beginsUs } = await branch(STORY, { ...options, branch: { frame, seed } })
      const future = await runInside(STORY, { seed: SEED, branch: { frame, seed } })
      expect(future.trace.digest).toBe(result.traceDigest)
      expect(beginsUs).toBe(frameUs(frame, STORY.settings.hz))
      expect(parting!.atUs).toBeGreaterThanOrEqual(beginsUs)
      expect(future.trace.digestAt(parting!.record - 1)).toBe(whole.trace.digestAt(parting!.record - 1))
      expect(future.records.slice(0, parting!.record)).toEqual(whole.records.slice(0, parting!.record))
    }), { numRuns: 4, seed: 4 })
  })

  it('is in its report, and runs again from it and from its plan', async () => {
    const { result } = await branch(STORY, { ...options, branch: { frame: 57, seed: 9 } })
    expect(result.report.run).toMatchObject({ seed: SEED, branch: { frame: 57, seed: 9 } })
    expect((await run(STORY, result.report.run as never)).reportJson).toBe(result.reportJson)
    const parsed = parsePlan(result.planJson)
    if (parsed.kind !== 'plan') throw new RangeError(parsed.why)
    expect((await run(STORY, { plan: parsed.plan })).traceDigest).toBe(result.traceDigest)
  })
})
