/** A small share of the mutated datagrams, and what is found where something is wrong. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { TransportError } from '../../sim/quic/errors.ts'
import { Migration } from '../../sim/quic/migration.ts'
import { Path } from '../../sim/quic/paths.ts'
import { ReceiveStream } from '../../sim/quic/receivestream.ts'
import { QuicSession } from '../../sim/quic/session.ts'
import { TransportCode } from '../../sim/transport/codes.ts'
import { DataChannels } from '../../sim/webrtc/datachannels.ts'
import { Inbound } from '../../sim/webrtc/sctp/inbound.ts'
import { StreamReset } from '../../sim/webrtc/sctp/reset.ts'
import { WebRtcSession } from '../../sim/webrtc/session.ts'
import { fuzzNetwork } from './network.ts'
import { EXPECTED } from './network/coverage.ts'
import { KINDS, type Kind } from './network/outcome.ts'

afterEach(() => void vi.restoreAllMocks())

const DATAGRAMS = 6_000
const CONNECTION = ['before', 'handshake', 'open', 'closing', 'draining']
const PHASES: Readonly<Record<Kind, readonly string[]>> = {
  'quic tag': CONNECTION, 'quic aead': CONNECTION, webrtc: [...CONNECTION, 'meeting'],
  'quic programs': ['nobody', 'handshake', 'open', 'closing', 'draining'],
  'data channels': ['opening', 'open', 'ending'], turn: ['the server', 'an agent that looks', 'an agent that has found'],
}
/** How a victim ends that was told nonsense. */
const VIOLATIONS: Readonly<Partial<Record<Kind, string>>> = {
  'quic tag': 'local protocolViolation', 'quic aead': 'local protocolViolation', webrtc: 'local protocolViolation',
  'quic programs': `local code ${TransportError.protocolViolation}`, 'data channels': `local ${TransportCode.protocolViolation}`,
}

describe('mutated datagrams that get past every tag', () => {
  it('make nobody throw, hang, or keep a connection, whichever transport it is and however far it has come', () => {
    const { breach, datagrams, kinds } = fuzzNetwork({ datagrams: DATAGRAMS, seed: 1, nowMs: () => 0 })
    expect(breach).toBeUndefined()
    expect(datagrams).toBeGreaterThanOrEqual(DATAGRAMS)
    for (const kind of KINDS) {
      const { states, endings, discarded, missed } = kinds[kind]
      // Or they would have been noise: they meet every state, few fail for their tag, some connections bear them and some end for them.
      for (const state of PHASES[kind]) expect(states[state], `${kind} ${state}`).toBeGreaterThan(0)
      expect(endings.survived, kind).toBeGreaterThan(0)
      expect(missed.length, `${kind}: ${missed.join(', ')}`).toBeLessThan(EXPECTED[kind].length / 2)
      const violation = VIOLATIONS[kind]
      if (violation === undefined) continue
      expect(discarded.tag ?? 0, kind).toBeLessThan(DATAGRAMS / KINDS.length / 10)
      expect(endings[violation], kind).toBeGreaterThan(2)
    }
  }, 120_000)

  it('are the same for the same seed', () => {
    const run = (): unknown => fuzzNetwork({ datagrams: 600, seed: 5, nowMs: () => 0 })
    expect(run()).toEqual(run())
  }, 60_000)
})

describe('what the mutated datagrams would find', () => {
  const find = (kind: (typeof KINDS)[number], nowMs = (): number => 0): string | undefined =>
    fuzzNetwork({ datagrams: 4_000, seed: 1, nowMs, kinds: [kind] }).breach

  it('a frame or chunk that throws, with the few datagrams that it takes', () => {
    vi.spyOn(ReceiveStream.prototype, 'reset').mockImplementation((finalSize) => {
      if (finalSize > 5_000) throw new RangeError('planted')
      return { isNews: false }
    })
    const breach = find('quic tag')
    expect(breach).toMatch(/planted/)
    expect(/mutants (.*)$/.exec(breach!)![1].split(' ').length).toBeLessThan(4)
  })

  it('a step that hangs', () => {
    let nowMs = 0
    expect(find('quic tag', () => (nowMs += 60))).toMatch(/took 60 ms/)
  })

  it('a connection that is never let go of', () => {
    vi.spyOn(QuicSession.prototype, 'isForgotten', 'get').mockReturnValue(false)
    expect(find('quic tag')).toMatch(/keeps a connection/)
    vi.spyOn(WebRtcSession.prototype, 'isForgotten', 'get').mockReturnValue(false)
    expect(find('webrtc')).toMatch(/keeps a connection/)
  })

  it('memory of what a peer said that has no bound', () => {
    vi.spyOn(Inbound.prototype, 'keptBytesOf').mockReturnValue(2 ** 20)
    expect(find('webrtc')).toMatch(/bytes are kept/)
  })

  it('a server that sends more than three times what came from an address that is not proven', () => {
    vi.spyOn(Path.prototype, 'allowanceBytes', 'get').mockReturnValue(Infinity)
    expect(find('quic programs')).toMatch(/bytes are sent for/)
  })

  it('a fault in moving to another address, and one in the reset of a stream', () => {
    const fail = (): never => {
      throw new RangeError('planted')
    }
    vi.spyOn(Migration.prototype, 'follow').mockImplementation(fail)
    expect(find('quic programs')).toMatch(/planted/)
    vi.spyOn(StreamReset.prototype, 'requested').mockImplementation(fail)
    expect(find('data channels')).toMatch(/planted/)
  })

  it('an association that is never let go of', () => {
    vi.spyOn(DataChannels.prototype, 'nextWakeUs').mockImplementation(function keepsATimer(this: DataChannels) {
      return this.isOpen ? Infinity : 1e12
    })
    expect(find('data channels')).toMatch(/keeps a timer|never told/)
  })

  it('what no mutant has come to', () => {
    const { missed, reached } = fuzzNetwork({ datagrams: 20, seed: 1, nowMs: () => 0, kinds: ['turn'] }).kinds.turn
    expect(missed).toContain('an hour')
    expect(Object.keys(reached).filter((what) => missed.includes(what))).toEqual([])
  })

  it('a timer that is due at once for ever', () => {
    vi.spyOn(QuicSession.prototype, 'deadlineUs').mockReturnValue(0)
    expect(find('quic aead')).toMatch(/steps at/)
  })
})
