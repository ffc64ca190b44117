/** Why a run is red, from traces made by hand. */
import { describe, expect, it } from 'vitest'
import { type Why, whyOf } from '../../reports/chain.ts'
import type { Parting, RowWrite, RunDivergence, RunInfo, RunRecord } from '../../reports/input.ts'
import { LOSSES, type LossReason } from '../../reports/losses.ts'
import { reportMarkdown } from '../../reports/markdown.ts'
import { buildReport } from '../../reports/report.ts'
import { summaryLines } from '../../reports/summary.ts'
import { Traffic } from '../../reports/traffic.ts'
import { firstDifference } from '../../reports/worlddiff.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import {
  ANA, BEN, folded, frameClosed, frameConfirmed, HOST, INFO, note, opened, refused, sent, signed, snapshotApplied,
} from './records.ts'

/** Ana's translate is lost once, comes, and is folded in frame 3; ben confirms that frame. */
const admitted = { event: 'commandAdmitted', command: 'entity.translate', entry: { author: 1, lamport: 8 } } as unknown as SystemEvent
const entries = (peer: number): SystemEvent => ({ event: 'messageSent', message: 'CommandLogEntry', channel: 'control', bytes: 200, peer })
const operation = (atUs: number, label: string): RunRecord =>
  ({ kind: 'note', name: 'operation', data: { event: 'operation', label, verb: label.replace(/.*\.(\w+)#.*/, '$1') }, atUs, node: -1 })
const lost = (atUs: number, datagram: number, why: LossReason = 'drop'): RunRecord =>
  ({ kind: 'lost', datagram, from: ANA, to: HOST, why, atUs, node: -1 })
const delivered = (atUs: number, datagram: number, from: number, to: number): RunRecord =>
  ({ kind: 'delivered', datagram, from, to, bytes: 100, atUs, node: -1 })
const RECORDS: readonly RunRecord[] = [
  sent(1_000, 1, ANA, HOST, { contents: 'client hello' }),
  note(1_000, ANA, opened(1, 'ana')),
  note(1_000, BEN, opened(2, 'ben')),
  operation(2_000, 'ana.drag#1'),
  operation(2_100, 'ana.placements.open#1'),
  note(3_000, ANA, signed(1, 8)),
  note(3_000, ANA, entries(0)),
  // 2 bytes of length before 200.
  sent(3_000, 2, ANA, HOST, { end: 202 }),
  lost(3_000, 2),
  sent(9_000, 3, ANA, HOST, { end: 202, attempt: 1 }),
  delivered(14_000, 3, ANA, HOST),
  note(14_000, HOST, admitted),
  note(33_333, HOST, folded(1, 8, 3)),
  note(33_333, HOST, frameClosed(3)),
  sent(33_333, 4, HOST, BEN, { connection: 9, protocol: 'webrtc', contents: 'message', channel: 1, start: 0, end: 1 }),
  delivered(40_000, 4, HOST, BEN),
  note(40_000, BEN, folded(1, 8, 3)),
  note(40_000, BEN, frameConfirmed(3, 'other')),
]
const byCommand: RowWrite = { cause: { by: 'command', author: 1, lamport: 8 }, removed: false, frame: 3, atUs: 33_333, record: 12 }
const at = (write: RowWrite, more: Partial<RowWrite>): RowWrite => ({ ...write, ...more })

const row = (x: number) => Uint8Array.of(5, 0, 0, 0, 0, 0, x, 0, 0, 0, 0, 0)
const DIVERGENCE: RunDivergence = { frame: 3, peer: 'ben', hostBytes: row(7), peerBytes: row(1) }
const RED: RunInfo = { ...INFO, exit: 1, verdict: 'red' }
const why = (info: Partial<RunInfo>, records = RECORDS): Why => {
  const { divergence } = info
  const place = divergence && firstDifference(divergence.hostBytes, divergence.peerBytes, INFO.manifest)
  return whyOf(records, { ...RED, ...info }, new Traffic(records, INFO.nodes), place)!
}
const parted = (parting: Parting) => why({ divergence: { ...DIVERGENCE, parting } })
const texts = ({ chain }: Why) => chain.map(({ text }) => text)

describe('where a byte differs', () => {
  it('goes from the byte by its write, command and datagrams to the operation and the fault', () => {
    const theirs = at(byCommand, { atUs: 40_000, record: 16, datagrams: [4] })
    const found = parted({ kind: 'bytes', host: at(byCommand, { datagrams: [3] }), peer: theirs })
    expect(texts(found)).toEqual([
      'ben diverged in frame 3: entity 5, theta.Transform.x, byte offset 6: the host has 7, ben has 1',
      "ana's entity.translate at lamport 8 in frame 3 left other bytes at ben than at the host",
      "the host's row was written by ana's entity.translate at lamport 8 in frame 3",
      "ben folded ana's entity.translate at lamport 8 in frame 3 as applied",
      "the host folded ana's entity.translate at lamport 8 in frame 3 as applied",
      "ana's entity.translate at lamport 8 reached ben in the host's datagram 4 to ben, sent at 33.333 ms, delivered at 40.000 ms",
      "ana signed ana's entity.translate at lamport 8; the host admitted it at 14.000 ms",
      "ana's entity.translate at lamport 8 came to the host in ana's datagram 3 to the host, sent at 9.000 ms, delivered at 14.000 ms",
      "one attempt was lost, ana's datagram 2 to the host (ana's entity.translate at lamport 8): dropped on the way at 3.000 ms",
      'before that the story had ana.drag#1 done',
    ])
    expect(found).toMatchObject({ frame: 3, event: { what: 'write', node: 'ben', atUs: 40_000, record: 16 } })
    expect(found.chain.at(-1)).toMatchObject({ what: 'operation', node: 'ana', atUs: 2_000, record: 3 })
    // A record that is named is the one that is meant.
    for (const { record, atUs } of found.chain.slice(3)) expect(RECORDS[record].atUs).toBe(atUs)
  })

  it('says so where no write explains it, and goes no further', () => {
    const found = parted({ kind: 'unwritten', side: 'peer', change: 'changed', atUs: 39_000, record: 15, last: byCommand })
    expect(found.chain).toHaveLength(3)
    expect(found.event).toMatchObject({ what: 'event', node: 'ben', atUs: 39_000, record: 15 })
    expect(found.event.text)
      .toMatch(/^ben's row has other bytes, and no write explains it: .*; the bytes changed behind the system's back$/)
    expect(texts(found)[2])
      .toBe("the last that wrote ben's row was ana's entity.translate at lamport 8 in frame 3, and that was as it should be")
  })

  it('says so where both histories are the same, or only the digests differ', () => {
    expect(why({ divergence: DIVERGENCE }).event.text)
      .toBe('both sides wrote this row alike up to frame 3: no write explains the difference')
    expect(why({ divergence: { ...DIVERGENCE, peerBytes: row(7) } }).event.text)
      .toBe('the bytes are the same on both sides: it is the digest of frame 3 that is wrong')
  })

  it('tells why a peer lacks a write: it took the delta and did not write', () => {
    const write: RowWrite = { ...byCommand, cause: { by: 'runtime', frame: 3 } }
    const found = parted({ kind: 'missing', side: 'peer', write, message: 'ComponentDelta', datagrams: [4] })
    expect(texts(found).slice(1)).toEqual([
      "the host's row was written by the host's runtime in frame 3; ben's was not",
      'ben took the delta of frame 3 and confirmed it, and did not write this row',
      "the delta of frame 3 arrived in the host's datagram 4 to ben, sent at 33.333 ms, delivered at 40.000 ms",
    ])
  })

  /** What is told of a delta that was lost, after something had been done to the network. */
  function toldOfLoss(reason: LossReason, label: string): readonly string[] {
    const delta: SystemEvent = { event: 'messageSent', message: 'ComponentDelta', channel: 'replication', bytes: 80, peer: 2 }
    const records = [
      ...RECORDS.slice(0, 3), sent(2_000, 5, BEN, HOST, { connection: 9 }), operation(20_000, label),
      note(22_222, HOST, delta), note(22_222, HOST, frameClosed(2)),
      sent(22_222, 6, HOST, BEN, { connection: 9, contents: 'message', channel: 1, start: 0, end: 1 }), lost(22_222, 6, reason),
      note(30_000, BEN, { event: 'resyncStarted', reason: 'gap', frame: 2 }),
      note(33_333, HOST, frameClosed(3)),
      note(34_000, HOST, { event: 'snapshotSent', snapshotId: 4, reason: 'resync', chunks: 2, bytes: 900, peer: 2 }),
      note(39_000, BEN, snapshotApplied(4, 3)),
      note(39_000, BEN, { event: 'framesSkipped', fromFrame: 2, toFrame: 3, snapshotId: 4 }),
      note(40_000, BEN, frameConfirmed(3, 'other')),
    ]
    const write: RowWrite = { ...byCommand, cause: { by: 'runtime', frame: 2 }, frame: 2, record: 6 }
    return texts(why({ divergence: { ...DIVERGENCE, parting: { kind: 'missing', side: 'peer', write } } }, records))
  }

  it('tells why a peer lacks a write: a snapshot stood for the frame, because a delta was lost in a cut', () => {
    expect(toldOfLoss('down', 'net.link.cut#1').slice(2)).toEqual([
      'ben skipped frames 2 to 3: snapshot 4 stood for them',
      'the host sent snapshot 4 in 2 chunks for a resync',
      'ben had asked for it, wanting frame 2: gap',
      'no datagram that is known to have carried the delta of frame 2 to ben arrived',
      "one attempt was lost, the host's datagram 6 to ben (the delta of frame 2): "
        + 'sent while the link, an interface or its receiver was down at 22.222 ms',
      'the network had been changed by net.link.cut#1',
    ])
  })

  it('tells what the story had done that leads to a loss of that kind, and nothing else', () => {
    const led: readonly (readonly [LossReason, string])[] = [
      ['queue', 'net.all.set#1'], ['codel', 'net.all.set#1'], ['mtu', 'net.link.set#2'], ['down', 'net.link.cut#1'],
      ['nat', 'net.rebind#1'],
    ]
    for (const [reason, label] of led) expect(toldOfLoss(reason, label)).toContain(`the network had been changed by ${label}`)
    for (const [reason, label] of [['drop', 'net.all.set#1'], ['nat', 'net.all.set#1'], ['mtu', 'net.rebind#1']] as const) {
      expect(toldOfLoss(reason, label).join()).not.toContain('had been changed')
    }
  })

  it('says in words why each kind of datagram was lost', () => {
    const words = (Object.keys(LOSSES) as LossReason[]).map((reason) => toldOfLoss(reason, 'net.all.heal#1').at(-1)!)
    expect(new Set(words).size).toBe(words.length)
    for (const text of words) expect(text).toMatch(/\): [a-z]+ (?:\w|[ ,()])+ at 22\.222 ms$/)
  })

  it('tells what the host folded where it is the oracle that says otherwise', () => {
    const found = why({ divergence: { ...DIVERGENCE, peer: 'the oracle', parting: { kind: 'judged' } } })
    expect(found.event).toMatchObject({
      node: 'host', record: 12,
      text: "the host folded ana's entity.translate at lamport 8 in frame 3 as applied, and did not write this row",
    })
    expect(texts(found)[0]).toMatch(/^the host went wrong in frame 3/)
    const wrote = why({ divergence: { ...DIVERGENCE, peer: 'the oracle', parting: { kind: 'judged', write: byCommand } } })
    expect(wrote.event.text).toBe("ana's entity.translate at lamport 8 in frame 3 left the host's row other than the oracle says")
    expect(texts(wrote).at(-1)).toBe('before that the story had ana.drag#1 done')
  })

  it('names the first signature of an entry that came too late, and its refusal', () => {
    const records = [...RECORDS.slice(0, 5), note(2_500, ANA, signed(1, 4)), note(2_900, HOST, refused(1, 4, 'late', 'host')),
      note(3_000, ANA, signed(1, 8, 4)), ...RECORDS.slice(6)]
    const found = why({ divergence: { ...DIVERGENCE, parting: { kind: 'bytes', host: byCommand, peer: byCommand } } }, records)
    expect(texts(found)).toContain("ana signed ana's entity.translate at lamport 8, anew after it came too late (2 signatures in all); "
      + 'the host admitted it at 14.000 ms')
    expect(found.chain.find(({ text }) => text.startsWith('ana signed'))).toMatchObject({ atUs: 2_500, record: 5 })
  })

  it('names nodes that stood still meanwhile, and stays short', () => {
    const paused = Array.from({ length: 40 }, (_, i): RunRecord =>
      ({ kind: 'node', change: i % 2 === 0 ? 'paused' : 'resumed', atUs: 3_500, node: ANA }))
    const losses = Array.from({ length: 30 }, (_, i) =>
      [sent(4_000 + i, 100 + i, ANA, HOST, { end: 202, attempt: 1 + i }), lost(4_000 + i, 100 + i)]).flat()
    const records = [...RECORDS.slice(0, 9), ...paused, ...losses, ...RECORDS.slice(9)]
    const found = why({ divergence: { ...DIVERGENCE, parting: { kind: 'bytes', host: byCommand, peer: byCommand } } }, records)
    expect(found.chain.length).toBeLessThanOrEqual(15)
    expect(texts(found).some((text) => /^31 attempts were lost, .* and 27 more$/.test(text))).toBe(true)
  })
})

describe('where no row differs', () => {
  const failed = (check: string, message: string, details: object, records?: readonly RunRecord[], info: Partial<RunInfo> = {}) =>
    why({ failures: check === '' ? [] : [{ check, message, details }], ...info }, records)

  it('a fold that is not the host\'s is the event, and the entry its chain', () => {
    const found = failed('logOrder', 'ben folded (8, 1) late', { node: BEN, lamport: 8, author: 1, frame: 3 })
    expect(found.event).toMatchObject({ node: 'ben', atUs: 40_000, record: 16, text: 'ben folded (8, 1) late' })
    expect(texts(found)).toContain('before that the story had ana.drag#1 done')
  })

  it('an entry that should not have been let in is the admission', () => {
    const found = failed('oracle', 'admitted with a nonce that is not new: author 1, lamport 8', { frame: 3 })
    expect(found.event).toMatchObject({
      node: 'host', record: 11, text: "the host admitted ana's entity.translate at lamport 8: admitted with a nonce that is not new",
    })
  })

  it('a delta that could not be taken is the refusal, with what stood before', () => {
    const records = [...RECORDS, note(50_000, BEN, { event: 'resyncStarted', reason: 'update on revision 3', frame: 4 })]
    const found = failed('refusals', 'ben could not take frame 4', { node: BEN, frame: 4 }, records)
    expect(found.event).toMatchObject({ record: RECORDS.length, text: 'ben could not take frame 4' })
    expect(texts(found)).toContain('ben had confirmed frame 3')
  })

  it('a snapshot too many is the first that nobody asked for', () => {
    const snapshot = note(50_000, HOST, { event: 'snapshotSent', snapshotId: 1, reason: 'join', chunks: 1, bytes: 9, peer: 1 })
    const records = [note(1, HOST, opened(1, 'ana')), snapshot, snapshot, snapshot]
    expect(failed('boundedBytes', '3 snapshots', { snapshots: 3, due: 1 }, records).event).toMatchObject({ record: 2 })
  })

  it('what had to happen is the first too many, or the last that there was', () => {
    const records = [note(1, HOST, opened(1, 'ana')), note(2, HOST, opened(2, 'ben')), note(3, HOST, frameClosed(1))]
    const expected = (wanted: number | readonly [number, number]) => failed('', '', {}, records, {
      verdict: 'did not happen', failure: { exit: 1, check: 'mustHappen', component: 'sessionsOpened', field: '' },
      mustHappen: [{ name: 'sessionsOpened', wanted, got: 2 }],
    }).event
    expect(expected([0, 0])).toMatchObject({ record: 0, text: 'did not happen; this is the first too many' })
    expect(expected([0, 1])).toMatchObject({ record: 1 })
    expect(expected(5)).toMatchObject({ record: 1, text: 'did not happen; this is the last of 2 records' })
  })

  it('a peer that does not settle is its last progress, and that it stood still', () => {
    const paused: RunRecord = { kind: 'node', change: 'paused', atUs: 41_000, node: BEN }
    const records = [...RECORDS, paused, note(50_000, HOST, frameClosed(4))]
    const found = failed('', '', {}, records, {
      exit: 2, verdict: 'did not settle: ben is live at frame 3', failure: { exit: 2, check: 'settle', component: 'live', field: '' },
    })
    expect(found.event).toMatchObject({ record: 17, text: "ben confirmed nothing after frame 3; the host's last was 6" })
    expect(texts(found)).toContain('ben was paused and never went on')
  })

  it('final bytes and crashes name the last that there was', () => {
    expect(failed('finalBytes', "ben's final bytes differ from the host's at offset 9", { offset: 9 }).event).toMatchObject({ record: 17 })
    const failure = { exit: 3, check: 'crash', component: 'boom', field: '' } as const
    const crash = failed('', '', {}, undefined, { exit: 3, verdict: 'crashed: boom', failure })
    expect(crash.event).toMatchObject({ record: 17, text: 'crashed: boom; this is the last record before' })
    expect(texts(crash)[1]).toContain('ana.placements.open#1')
  })
})

describe('the report', () => {
  it('tells it in a numbered list, and the terminal in three lines', () => {
    const parting: Parting = { kind: 'unwritten', side: 'peer', change: 'vanished', atUs: 39_000, record: 15 }
    const history = { host: [byCommand], peer: [at(byCommand, { atUs: 40_000, record: 16 })] }
    const report = buildReport(RECORDS, { ...RED, divergence: { ...DIVERGENCE, parting, history } })
    const markdown = reportMarkdown(report)
    expect(markdown).toMatch(/## Why\n\n1\. ben diverged .*\. \(ben, 40\.000 ms, record 17\)\n2\. ben's row is gone, and no write /)
    expect(markdown).toMatch(/\| ben +\| written by ana's entity\.translate at lamport 8 \| +3 \| +40\.000 \| +16 \|/)
    expect(summaryLines(report).slice(2, 5)).toEqual([
      'first frame  3 differs between the host and ben',
      expect.stringMatching(/^first event  ben's row is gone.*\(ben, 39\.000 ms, record 15\)$/) as string,
      'place        entity 5, theta.Transform.x, byte 6',
    ])
  })

  it('is silent where the run is not red', () => {
    expect(buildReport(RECORDS, INFO)).toMatchObject({ why: null, divergence: null })
    expect(whyOf([], RED, new Traffic([], INFO.nodes), undefined)).toBeUndefined()
  })
})
