import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frameRuns } from '../../reports/convergence.ts'
import type { ReportedEvent, RunInfo, RunRecord } from '../../reports/input.ts'
import { canonicalJson } from '../../reports/json.ts'
import { reportMarkdown } from '../../reports/markdown.ts'
import { buildReport, type Report } from '../../reports/report.ts'
import { summaryLines } from '../../reports/summary.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import {
  ANA, BEN, commit, folded, frameClosed, frameConfirmed, HOST, INFO, note, opened, sent, signed, SMALL, snapshotApplied,
} from './records.ts'

const report = (records: readonly RunRecord[], info: Partial<RunInfo> = {}): Report => buildReport(records, { ...INFO, ...info })
const joined = (atUs: number, node: number) => note(atUs, node, { event: 'joined', author: node, frame: 1, tookUs: 10 })
const requested = (atUs: number) => note(atUs, ANA, { event: 'commitRequested', commit: 77, changes: 2, lamport: 9 })

/** Fails to compile where an event of the system is not what reports take it for. */
const asReported = (event: Extract<SystemEvent, { event: ReportedEvent['event'] }>): ReportedEvent => event

describe('buildReport', () => {
  it('is_a_pure_function_of_its_input', () => {
    const frozen = JSON.stringify(SMALL, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
    const first = canonicalJson(report(SMALL))
    expect(canonicalJson(report(SMALL))).toBe(first)
    expect(JSON.stringify(SMALL, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).toBe(frozen)
  })

  it('does_not_depend_on_the_order_of_fields', () => {
    const turned = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).reverse()) as T
    const records = SMALL.map((record) => turned(record.kind === 'note' ? { ...record, data: turned(record.data) } : record))
    const again = buildReport(records, { ...turned(INFO), run: turned(INFO.run) })
    expect(canonicalJson(again)).toBe(canonicalJson(report(SMALL)))
    expect(reportMarkdown(again)).toBe(reportMarkdown(report(SMALL)))
  })

  it('tells_the_small_run_to_people', async () => {
    await expect(reportMarkdown(report(SMALL))).toMatchFileSnapshot('golden/small.md')
    await expect(`${summaryLines(report(SMALL)).join('\n')}\n`).toMatchFileSnapshot('golden/small.txt')
  })

  it('reads_events_as_the_system_writes_them', () => {
    expect(asReported(frameClosed(1))).toEqual(frameClosed(1))
  })

  it('needs_a_host', () => {
    expect(() => report([], { nodes: INFO.nodes.slice(1) })).toThrow(RangeError)
  })

  it('makes_a_whole_report_of_nothing', () => {
    const failures = [{ check: 'x', message: 'y', details: { frame: 3 } }]
    const empty = report([], { failures, mustHappen: [{ name: 'z', wanted: 1, got: 0 }] })
    expect(empty.convergence).toMatchObject({ closed: '', peers: [{ count: 0, confirmed: '', missing: '' }, { count: 0 }] })
    expect(reportMarkdown(empty)).toContain('| x     | y       | { "frame": 3 } |')
    expect(reportMarkdown(empty)).toContain('**no**')
    expect(summaryLines(empty)[0]).toBe('verdict      converged (exit 0)')
  })
})

describe('convergence', () => {
  it('writes_sets_of_frames_as_runs', () => {
    fc.assert(fc.property(fc.array(fc.nat({ max: 40 })), (frames) => {
      const told = frameRuns(frames).split(', ').filter((run) => run !== '').flatMap((run) => {
        const [from, to = from] = run.split('-').map(Number)
        return Array.from({ length: to - from + 1 }, (_, index) => from + index)
      })
      expect(told).toEqual([...new Set(frames)].sort((a, b) => a - b))
    }), { seed: 20261121, numRuns: 100 })
    expect(frameRuns([3, 1, 2, 7, 9, 10])).toBe('1-3, 7, 9-10')
  })

  it('names_frames_that_nobody_accounts_for', () => {
    const frames = [1, 2, 3, 4, 5, 6].map((frame) => note(0, HOST, frameClosed(frame)))
    const confirmed = [2, 4, 5].map((frame) => note(1, ANA, frameConfirmed(frame)))
    const of = (records: readonly RunRecord[]) => report([...frames, ...records]).convergence.peers[0]
    expect(of([joined(0, ANA), ...confirmed])).toMatchObject({ count: 3, confirmed: '2, 4-5', missing: '3, 6' })
    const left = note(2, ANA, { event: 'sessionClosed', author: 1, code: 'normal', by: 'local' })
    expect(of([joined(0, ANA), ...confirmed, left])).toMatchObject({ missing: '3' })
  })

  it('names_frames_that_were_confirmed_with_another_digest', () => {
    const closed = [note(0, HOST, frameClosed(1)), note(0, HOST, frameClosed(2))]
    const records = [...closed, note(1, ANA, frameConfirmed(1)), note(1, ANA, frameConfirmed(2, 'else'))]
    expect(report(records).convergence.peers[0]).toMatchObject({ confirmed: '1-2', differing: '2' })
  })
})

describe('latencies', () => {
  it('of_a_command_run_from_its_first_signature_to_every_world', () => {
    const records = [
      note(100, ANA, signed(1, 4)), note(200, ANA, signed(1, 6, 4)), note(300, ANA, signed(1, 9, 6)), note(400, HOST, folded(1, 9, 2)),
      note(500, ANA, folded(1, 9, 2)), note(700, BEN, folded(1, 9, 2)),
    ]
    expect(report(records).latencies.commandApply.map(({ transport, count, maxUs }) => [transport, count, maxUs]))
      .toEqual([['all', 3, 600], ['host', 1, 300], ['quic', 1, 400], ['webrtc', 1, 600]])
  })

  it('of_a_command_end_once_in_a_world', () => {
    const records = [
      note(50, BEN, snapshotApplied(1, 1)), note(100, ANA, signed(1, 4)), note(200, HOST, folded(1, 4, 2)), note(300, BEN, folded(1, 4, 2)),
      note(900, BEN, snapshotApplied(2, 2)),
    ]
    expect(report(records).latencies.commandApply[0]).toMatchObject({ count: 2, maxUs: 200 })
  })

  it('of_a_command_end_at_the_snapshot_that_brings_it_to_a_member', () => {
    const records = [
      note(100, ANA, signed(1, 4)), note(400, HOST, folded(1, 4, 2)), note(450, BEN, snapshotApplied(1, 3)),
      note(500, ANA, signed(1, 5)), note(600, HOST, folded(1, 5, 4)), note(700, ANA, signed(1, 6)), note(800, HOST, folded(1, 6, 9)),
      note(900, BEN, snapshotApplied(2, 8)), note(950, BEN, folded(1, 6, 9)),
    ]
    // The first came to ben as history, the second by a snapshot after 400, the third by itself after 250.
    expect(report(records).latencies.commandApply.filter(({ transport }) => transport === 'webrtc'))
      .toEqual([{ transport: 'webrtc', count: 2, p50Us: 250, p90Us: 400, p99Us: 400, maxUs: 400 }])
  })

  it('of_a_commit_end_when_the_last_member_has_it', () => {
    const atHostAndAna = [note(300, HOST, commit(4, 'APPLIED')), note(400, ANA, commit(4, 'APPLIED'))]
    const everywhere = (...records: readonly RunRecord[]) => report(records).commits[0].appliedEverywhereUs
    const members = [joined(10, ANA), joined(20, BEN), requested(100)]
    expect(everywhere(...members, ...atHostAndAna)).toBeNull()
    expect(everywhere(...members, ...atHostAndAna, note(900, BEN, commit(4, 'APPLIED')))).toBe(800)
    expect(everywhere(...members, ...atHostAndAna, note(950, BEN, snapshotApplied(1, 3)))).toBeNull()
    expect(everywhere(...members, ...atHostAndAna, note(950, BEN, snapshotApplied(1, 4)))).toBe(850)
    const left = note(950, BEN, { event: 'sessionClosed', author: 2, code: 'normal', by: 'local' })
    expect(everywhere(...members, ...atHostAndAna, left)).toBe(300)
    const late = [joined(500, BEN), note(950, BEN, snapshotApplied(1, 4))]
    expect(everywhere(joined(10, ANA), requested(100), ...atHostAndAna, ...late)).toBe(300)
    expect(everywhere(requested(100))).toBeNull()
  })
})

describe('datagrams', () => {
  it('a_retransmission_recovers_once_and_only_intact', () => {
    const at = { atUs: 0, node: -1, from: ANA, to: HOST }
    const records: RunRecord[] = [
      sent(0, 1, ANA, HOST, { attempt: 1 }), sent(0, 2, ANA, HOST, { attempt: 1 }), sent(0, 3, ANA, HOST),
      { kind: 'corrupted', datagram: 2, offset: 5, ...at },
      ...[1, 1, 2, 3].map((datagram): RunRecord => ({ kind: 'delivered', datagram, bytes: 100, ...at })),
      { kind: 'discarded', at: HOST, datagram: 2, why: 'tag', atUs: 0, node: HOST },
    ]
    expect(report(records).datagrams)
      .toMatchObject([{ protocol: 'quic', sent: 3, delivered: 4, retransmitted: 2, recovered: 1, discarded: { tag: 1 } }])
  })
})

describe('divergence', () => {
  const row = (entity: number, x: number) => [entity, 0, 0, 0, 0, 0, x, 0, 0, 0, 0, 0]
  const of = (hostBytes: readonly number[], peerBytes: readonly number[]) => report(SMALL, {
    exit: 1, verdict: 'diverged',
    divergence: {
      frame: 4, peer: 'ben', hostBytes: Uint8Array.from(hostBytes), peerBytes: Uint8Array.from(peerBytes),
      peerWrite: { cause: "ana's entity.translate at lamport 41", message: 'CommandLogEntry', datagrams: [812, 815] },
    },
  })

  it('names_entity_component_field_offset_values_and_what_wrote_them', () => {
    const found = of([...row(1, 5), ...row(2, 6)], [...row(1, 5), ...row(2, 7)])
    expect(found.divergence).toMatchObject({
      frame: 4, peer: 'ben', hostWrite: null,
      place: { entity: 2, component: 'theta.Transform', field: 'x', offset: 18, host: '6', peer: '7' },
    })
    const text = reportMarkdown(found)
    expect(text).toContain('First at frame 4: entity 2, theta.Transform, field x, byte offset 18.')
    expect(text).toContain("| ben  | 7     | ana's entity.translate at lamport 41 | CommandLogEntry | 812, 815  |")
    expect(text).toContain('00000010  host  00 00 06*00 00 00 00 00\n          peer  00 00 07*00 00 00 00 00')
    expect(canonicalJson(found)).toContain('"hexdump": [')
  })

  it('names_the_side_that_lacks_a_row', () => {
    expect(of([...row(1, 5), ...row(2, 6)], row(1, 5)).divergence!.place)
      .toEqual({ entity: 2, component: 'theta.Transform', field: null, offset: 12, host: 'present', peer: 'no such row' })
    expect(of(row(2, 6), [...row(1, 5), ...row(2, 6)]).divergence!.place).toMatchObject({ entity: 1, host: 'no such row', peer: 'present' })
  })

  it('says_so_where_only_the_digests_differ', () => {
    expect(reportMarkdown(of(row(1, 5), row(1, 5)))).toContain('but their worlds are the same')
  })
})

describe('names', () => {
  it('of_a_peer_are_those_of_its_node_whatever_it_calls_itself', () => {
    const toAuthor = note(9, HOST, { event: 'messageSent', message: 'KeyRoster', channel: 'control', bytes: 9, peer: 1 })
    const [atHost, atAna] = [note(0, HOST, opened(1, 'Ana the Great')), note(1, ANA, opened(1, 'Ana the Great'))]
    expect(report([atHost, atAna, toAuthor]).messages[0].to).toBe('ana')
    expect(report([atAna, atHost, toAuthor]).messages[0].to).toBe('ana')
  })

  it('of_a_peer_that_the_host_alone_has_met_are_those_it_gave', () => {
    const records = [
      note(0, HOST, { event: 'messageSent', message: 'SessionControl', channel: 'control', bytes: 9, peer: 1023 }),
      note(0, HOST, opened(5, 'eve')), note(0, HOST, { event: 'messageSent', message: 'KeyRoster', channel: 'control', bytes: 9, peer: 5 }),
    ]
    expect(report(records).messages.map(({ to }) => to)).toEqual(['eve', 'unknown'])
  })
})
