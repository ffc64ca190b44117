import { describe, expect, it } from 'vitest'
import { COUNTERS, countRecords } from '../../reports/counters.ts'
import { isMet, type RunRecord } from '../../reports/input.ts'
import { ANA, BEN, commit, folded, HOST, note, onDatagram, opened, operation, refused, sent, signed, SMALL } from './records.ts'

const count = (...records: readonly RunRecord[]) => countRecords(records, HOST)
const xr = (type: string) => note(0, ANA, { event: 'xrInput', type, hand: 'right', entity: 3 })

describe('countRecords', () => {
  it('counts_nothing_in_nothing', () => {
    const { signedBy, ...counts } = count()
    expect(counts).toEqual(Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])))
    expect(signedBy).toEqual({})
  })

  it('counts_the_small_run', () => {
    const counts = Object.entries(countRecords(SMALL, HOST)).filter(([, value]) => value !== 0)
    expect(Object.fromEntries(counts)).toEqual({
      packetsSent: 3, packetsLost: 2, packetsRetransmitted: 2, packetsDeclaredLost: 1, messagesAbandoned: 1,
      snapshots: 3, snapshotChunks: 3, resyncs: 1, nacks: 1, framesSkipped: 2,
      commandsSigned: 1, resigned: 1, commandsAdmitted: 1, commandsFolded: 1, commandsMerged: 1, refusedLate: 1,
      commitsRequested: 1, commitsRejected: 1, conflictsTransform: 1, sessionsOpened: 2, physicsSteps: 1, contacts: 3, propsSpawned: 1,
      signedBy: { 1: 1 },
    })
  })

  it('takes_the_word_of_the_host_on_what_many_tell', () => {
    expect(count(note(0, ANA, folded(1, 5, 2)), note(0, HOST, folded(1, 5, 2)), note(0, BEN, folded(1, 5, 2))))
      .toMatchObject({ commandsFolded: 1, commandsApplied: 1 })
    expect(count(note(0, ANA, commit(2, 'APPLIED', 1)), note(0, HOST, commit(2, 'APPLIED', 1))))
      .toMatchObject({ commitsApplied: 1, commitsMerged: 1 })
    expect(count(note(0, ANA, opened(1, 'ana', true)), note(0, HOST, opened(1, 'ana', true))))
      .toMatchObject({ sessionsOpened: 1, sessionsResumed: 1 })
  })

  it('an_entry_folded_twice_is_one_entry_with_two_outcomes', () => {
    expect(count(note(0, HOST, folded(1, 5, 2)), note(0, HOST, folded(1, 5, 3, 'void')), note(0, HOST, folded(2, 5, 3))))
      .toMatchObject({ commandsFolded: 2, commandsApplied: 2, commandsVoid: 1 })
  })

  it('a_receipt_of_the_host_is_no_refusal_by_a_peer', () => {
    const told = count(note(0, HOST, refused(1, 4, 'signature', 'host')), note(1, ANA, refused(1, 4, 'signature', 'peer')))
    expect(told).toMatchObject({ refusedSignature: 1, refusedByPeer: 0 })
    expect(count(note(1, ANA, refused(2, 4, 'signature', 'peer')), note(1, BEN, refused(2, 4, 'signature', 'peer'))))
      .toMatchObject({ refusedSignature: 0, refusedByPeer: 2 })
  })

  it('a_command_signed_anew_is_the_same_command', () => {
    expect(count(note(0, ANA, signed(1, 4)), note(1, ANA, signed(1, 9, 4)), note(2, BEN, signed(2, 10))))
      .toMatchObject({ commandsSigned: 2, resigned: 1, signedBy: { 1: 1, 2: 1 } })
  })

  it('a_probe_retransmits_nothing', () => {
    expect(count(sent(0, 1, ANA, HOST, { contents: 'ping', start: 17, end: 0, attempt: 2 })))
      .toMatchObject({ packetsSent: 1, packetsRetransmitted: 0 })
  })

  it('counts_frames_where_a_record_tells_of_several', () => {
    expect(count(note(0, HOST, { event: 'framesResent', fromFrame: 4, toFrame: 6, peer: 1 }))).toMatchObject({ framesResent: 3 })
  })

  it('counts_select_and_squeeze_but_not_their_beginnings', () => {
    expect(count(xr('selectstart'), xr('select'), xr('selectend'), xr('squeeze'))).toMatchObject({ xrSelects: 1, xrSqueezes: 1 })
  })

  it('passes_by_what_it_does_not_know', () => {
    const unknown: RunRecord = { kind: 'note', name: 'else', data: {}, atUs: 0, node: HOST }
    const probe: RunRecord = { kind: 'probe', at: ANA, connection: 7, backoff: 1, atUs: 0, node: ANA }
    expect(count(unknown, operation(0, 'click'), probe)).toEqual(count())
    expect(count(onDatagram(0, 'duplicated', 1), onDatagram(0, 'reordered', 1)))
      .toMatchObject({ packetsDuplicated: 1, packetsReordered: 1 })
  })
})

describe('isMet', () => {
  it('takes_a_least_value_or_both_ends_of_a_range', () => {
    const met = (wanted: number | readonly [number, number], got: number) => isMet({ name: 'x', wanted, got })
    expect([met(2, 1), met(2, 2), met(2, 9)]).toEqual([false, true, true])
    expect([1, 2, 3, 4].map((got) => met([2, 3], got))).toEqual([false, true, true, false])
  })
})
