/** Red runs of every kind of fault: that the explanation ends at what was really planted. */
import { describe, expect, it } from 'vitest'
import type { Why } from '../../reports/chain.ts'
import type { RunRecord } from '../../reports/input.ts'
import { buildReport, type Report } from '../../reports/report.ts'
import { Traffic } from '../../reports/traffic.ts'
import type { Bed, Canary } from '../../scenarios/canaries/canary.ts'
import type { RunOutcome, RunSettings } from '../../scenarios/cluster/run.ts'
import { CommandLog } from '../../system/commands/log.ts'
import { Motion, Placement, Transform } from '../../system/ecs/components.ts'
import { World } from '../../system/ecs/world.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { openEnvelope } from '../../system/protocol/envelope.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'
import { Replica } from '../../system/replication/replica.ts'
import { runInside, storyOf } from '../support/runs.ts'

const RUN = { version: '', scenario: '', source: '', sourceDigest: '', seed: 1, frames: 1, verifier: 'node' }
const reportOf = ({ records, info }: RunOutcome): Report => buildReport(records, { ...info, run: RUN, planDigest: '' })
const texts = ({ chain }: Why): string[] => chain.map(({ text }) => text)
const planted = (plant: (bed: Bed) => void): Canary => ({ name: 'planted', area: 'replication', about: '', stories: [], shows: [], plant })

/** The run, red, with its report and its chain, whose links all name a record that there is at its instant. */
async function red(story: string, settings: Partial<RunSettings>): Promise<{ outcome: RunOutcome; report: Report; why: Why }> {
  const outcome = await runInside(storyOf(story), settings)
  expect(outcome.exit, outcome.verdict).toBe(1)
  const report = reportOf(outcome)
  const why = report.why!
  expect(why.chain.length).toBeLessThanOrEqual(15)
  for (const { record, atUs, what } of why.chain) {
    const { atUs: told } = outcome.records[record]
    // A write and a look have no record of their own, and stand before the next one.
    if (what === 'write' || what === 'event') expect(told).toBeGreaterThanOrEqual(atUs)
    else expect(told).toBe(atUs)
  }
  return { outcome, report, why }
}

const eventsOf = (records: readonly RunRecord[], name: string, node: number) =>
  records.flatMap((record) => (record.kind === 'note' && record.name === name && record.node === node ? [record] : []))

describe('a flipped bit', () => {
  it.each([
    ['loopback-120', 3, 'ana', 60], ['loopback-120', 3, 'host', 70], ['loopback-120', 4, 'ben', 50], ['placement-race', 5, 'ben', 80],
    ['late-join', 2, 'host', 50], ['viewer-edits', 4, 'vic', 60], ['partition-heals', 8, 'host', 60], ['partition-heals', 9, 'ben', 110],
  ])('is named by its row, and nothing wrote it: %s, seed %i, %s@%i', async (story, seed, peer, frame) => {
    const { outcome, report, why } = await red(story, { seed, tamper: { peer, frame } })
    const { entity, component, kind, atUs } = outcome.tampered!
    expect(report.divergence!.place).toMatchObject({ entity, component })
    expect(why.chain[0].text).toContain(`entity ${entity}, ${component}`)
    expect(why.frame).toBe(report.divergence!.frame)
    const how = { value: 'has other bytes', vanished: 'is gone', appeared: 'is there' }[kind]
    expect(why.event).toMatchObject({ node: peer })
    expect(why.event.text).toContain(`row ${how}, and no write explains it`)
    expect(why.event.text).toMatch(/the bytes changed behind the system's back$/)
    // It is seen before the frame is over, and not before it was done.
    expect(why.event.atUs).toBeGreaterThanOrEqual(atUs)
    expect(why.event.atUs).toBeLessThanOrEqual(why.chain[0].atUs)
    expect(why.chain.slice(2).every(({ what }) => what === 'write' || what === 'fault')).toBe(true)
  })

  it('is named itself, not the rows that an entry wrote which had met it', async () => {
    const met = /^the host folded (ana|ben)'s placement\.commit .*: it may have met the changed row$/
    // Where the bit falls is the seed's: one in so many falls on a row of a commit that is being folded.
    for (let seed = 1; seed <= 100; seed++) {
      const { records } = await runInside(storyOf('placement-race'), { seed })
      const frame = Number(eventsOf(records, 'commitFolded', 0)[1].data.frame)
      const outcome = await runInside(storyOf('placement-race'), { seed, tamper: { peer: 'host', frame: frame - 1 } })
      const report = reportOf(outcome)
      if (outcome.exit !== 1 || !texts(report.why!).some((text) => met.test(text))) continue
      const { entity, component, field, before, after } = outcome.tampered!
      expect(report.divergence).toMatchObject({ within: 'host', place: { entity, component, field, host: after, peer: before } })
      expect(outcome.verdict).toMatch(new RegExp(`^the host went wrong in frame ${frame}: .*: it had ${after}, and ${before} was written$`))
      return
    }
    expect.unreachable('no flipped bit was met by an entry')
  })
})

describe('a fault of ours', () => {
  it('a write of a delta that a peer skips: the delta, and the datagram that brought it', async () => {
    let skipped = { frame: 0, entity: 0, component: '' }
    const { outcome, report, why } = await red('loopback-120', {
      seed: 5, canary: planted((bed) => {
        let writes = 0
        bed.wrap(World.prototype, 'setBytes', (honest) => function (this: World, entity, component, bytes, revision, track) {
          if (component !== Motion || revision !== 4 || ++writes !== 1) return honest.call(this, entity, component, bytes, revision, track)
          const { confirmedFrame } = bed.cluster.clients.find(({ peer }) => peer.world === this)!.peer
          skipped = { frame: confirmedFrame + 1, entity, component: component.name }
        })
      }),
    })
    expect(report.divergence).toMatchObject({ frame: skipped.frame, place: { entity: skipped.entity, component: skipped.component } })
    const words = `the delta of frame ${skipped.frame}`
    expect(why.event.text).toBe(`the host's row was written by the host's runtime in frame ${skipped.frame}; ana's was not`)
    expect(why.event.node).toBe('host')
    expect(texts(why)).toContain(`ana took ${words} and confirmed it, and did not write this row`)
    const [datagram] = why.chain.filter(({ what }) => what === 'datagram')
    expect(datagram.text).toMatch(new RegExp(`^${words} arrived in the host's datagram \\d+ to ana, sent at .* ms, delivered at .* ms`))
    const { text, record } = datagram
    expect(outcome.records[record]).toMatchObject({ kind: 'sent', datagram: Number(/datagram (\d+)/.exec(text)![1]) })
  })

  it('a byte that a peer writes wrong: the delta left other bytes', async () => {
    const { report, why } = await red('loopback-120', {
      seed: 5, canary: planted((bed) => {
        let writes = 0
        bed.wrap(World.prototype, 'setBytes', (honest) => function (this: World, entity, component, bytes, revision, track) {
          const isWrong = component === Motion && revision === 4 && ++writes === 1
          honest.call(this, entity, component, isWrong ? bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) : bytes, revision, track)
        })
      }),
    })
    const { frame } = report.divergence!
    expect(why.event).toMatchObject({ node: 'ana', text: `the delta of frame ${frame} left other bytes at ana than at the host` })
    expect(report.divergence!.peerWrite).toMatchObject({ cause: `written by the delta of frame ${frame}`, message: 'ComponentDelta' })
  })

  it('a delta that is applied twice: the frame that could not be taken', async () => {
    const { outcome, why } = await red('loopback-120', {
      seed: 9, canary: planted((bed) => {
        let frames = 0
        bed.wrap(Replica.prototype, 'takeFrame', (honest) => function (this: Replica, delta, nowUs) {
          honest.call(this, delta, nowUs)
          if (this.confirmedFrame === delta.frame && ++frames === 20) honest.call(this, { ...delta, frame: delta.frame + 1 }, nowUs)
        })
      }),
    })
    const [refusal] = eventsOf(outcome.records, 'resyncStarted', 1)
    const frame = Number(refusal.data.frame)
    expect(outcome.records[why.event.record]).toEqual(refusal)
    const base = String.raw`a delta from frame \d+ on frame \d+$`
    expect(why.event.text).toMatch(new RegExp(`^ana could not take frame ${frame}: ${base}`))
    expect(texts(why)).toContain(`ana had confirmed frame ${frame - 1}`)
  })

  it('a fold that one peer leaves undone: the entry, how it came there, and the gesture that it began with', async () => {
    const { report, why } = await red('partition-heals', {
      seed: 2, canary: planted((bed) => {
        let isClients = false
        let writes = 0
        bed.wrap(CommandLog.prototype, 'closeUpTo', (honest) => function (this: CommandLog, lamport, frame) {
          isClients = this !== bed.cluster.host.peer.log
          honest.call(this, lamport, frame)
          isClients = false
        })
        bed.wrap(World.prototype, 'set', (honest) => function (this: World, entity, component, row) {
          if (!isClients || component !== Transform || ++writes !== 3) honest.call(this, entity, component, row)
        })
      }),
    })
    const { peer, frame, place } = report.divergence!
    expect(place!.component).toBe('theta.Transform')
    const command = /^the host's row was written by (\w+'s entity\.translate at lamport \d+) /.exec(why.event.text)![1]
    expect(why.event.text).toContain(` in frame ${frame}; ${peer}'s was not`)
    for (const who of [peer, 'the host']) expect(texts(why)).toContain(`${who} folded ${command} in frame ${frame} as applied`)
    expect(texts(why).some((text) => text.startsWith(`${command} reached ${peer} in the host's datagram `))).toBe(true)
    expect(texts(why).some((text) => / signed .* the host admitted it at /.test(text))).toBe(true)
    expect(why.chain.find(({ what }) => what === 'operation')!.text).toMatch(/^before that the story had \w+\.drag#\d done$/)
  })

  it('a fold that all leave undone: what the host did with the entry, and the attempt that was lost', async () => {
    const folded = /^the host folded ana's placement\.commit at lamport \d+ in frame \d+ as applied, and did not write this row$/
    const lost = /^one attempt was lost, ana's datagram \d+ to the host \(ana's placement\.commit .*\): dropped on the way at /
    const canary = planted((bed) => {
      let isFolding = false
      bed.wrap(CommandLog.prototype, 'closeUpTo', (honest) => function (this: CommandLog, lamport, frame) {
        isFolding = true
        honest.call(this, lamport, frame)
        isFolding = false
      })
      bed.wrap(World.prototype, 'set', (honest) => function (this: World, entity, component, row) {
        if (!isFolding || component !== Placement || entity % 2 === 0) honest.call(this, entity, component, row)
      })
    })
    // Which datagram is lost is the seed's.
    for (let seed = 1; seed <= 200; seed++) {
      const { why } = await red('placement-race', { seed, canary })
      expect(why.event).toMatchObject({ node: 'host' })
      if (!folded.test(why.event.text) || !texts(why).some((text) => lost.test(text))) continue
      expect(texts(why).at(-1)).toBe('before that the story had ana.placements.commit#1 done')
      return
    }
    expect.unreachable('no attempt was lost')
  })
})

describe('messages by datagram', () => {
  it('are those that really rode in it', async () => {
    for (const [story, seed] of [['placement-race', 2], ['loopback-120', 1], ['forged-command', 2]] as const) {
      const codec = new Codec()
      const arrived: { readonly words: RegExp; readonly node: number; readonly datagrams: readonly number[] }[] = []
      const outcome = await runInside(storyOf(story), {
        seed, watchers: [{
          message: (node, bytes, datagrams) => {
            const opened = openEnvelope(bytes, SCHEMA_HASH)
            const decoded = opened.kind === 'opened' ? codec.decode(opened.type, opened.body) : undefined
            if (decoded?.kind !== 'message' || decoded.message.kind !== 'ComponentDelta') return
            arrived.push({ words: new RegExp(`^the delta of frame ${decoded.message.frame}\\b`), node, datagrams: [...datagrams] })
          },
        }],
      })
      const traffic = new Traffic(outcome.records, outcome.info.nodes)
      let named = 0
      for (const { words, node, datagrams } of arrived) {
        const firsts = datagrams.map((datagram) => traffic.passage(datagram)!)
        // Named after the delta, a first transmission has it: what comes again may come along with something else, and is not named.
        const riders = traffic.riders.filter((rider) => rider.to === node && words.test(rider.words))
        if (riders.some(({ passages }) => passages.some((passage) => firsts.includes(passage)))) named++
      }
      expect(named / arrived.length, story).toBeGreaterThan(0.6)
      // No datagram that arrived is said to carry a delta that did not arrive in it, unless it brought a part that came before.
      for (const passage of traffic.passages.filter(({ delivered, fates }) => delivered.length > 0 && fates.length === 0)) {
        const deltas = passage.riders.filter((rider) => /^the delta of frame \d+$/.test(rider.words))
        for (const rider of deltas) {
          const came = arrived.filter(({ words, node }) => node === rider.to && words.test(rider.words))
          const isIn = came.some(({ datagrams }) => datagrams.includes(passage.sent.datagram))
          expect(came.length === 0 || isIn || rider.passages.length > 1, rider.words).toBe(true)
        }
      }
    }
  })
})
