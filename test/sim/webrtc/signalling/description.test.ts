import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { candidateLine, parseCandidate } from '../../../../sim/webrtc/ice/candidate.ts'
import { descriptionText, parseDescription } from '../../../../sim/webrtc/signalling/description.ts'
import { envelopeValue, parseEnvelope, type Envelope } from '../../../../sim/webrtc/signalling/messages.ts'
import { candidate, description } from './world.ts'

const bytesOf = (envelope: Envelope): Uint8Array => new TextEncoder().encode(JSON.stringify(envelopeValue(envelope)))

describe('session descriptions', () => {
  it('RFC 8841, 9: an offer of data channels with three candidates has the size of a browser\'s, and comes back whole', () => {
    const text = descriptionText(description(3))
    expect(text).toContain('m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n')
    expect(text.length).toBeGreaterThan(700)
    expect(text.length).toBeLessThan(1_000)
    expect(parseDescription(text)).toEqual(description(3))
  })

  it('RFC 8839, 5.1: candidate lines come back; what this network does not have is left out', () => {
    const socket = fc.record({ address: fc.nat(4_095), port: fc.nat(65_535) })
    fc.assert(fc.property(fc.record({
      type: fc.constantFrom('host', 'srflx', 'prflx', 'relay'), address: socket, foundation: fc.stringMatching(/^[A-Za-z0-9+/]{1,32}$/),
      priority: fc.integer({ min: 1, max: 2 ** 31 - 1 }), related: socket,
    } as const), (one) => {
      expect(parseCandidate(candidateLine(one))).toEqual(one)
    }))
    for (const line of ['1 1 udp 1 192.0.2.1 5', '1 2 udp 1 10.0.0.1 5', '1 1 tcp 1 10.0.0.1 9', '1 1 udp 0 10.0.0.1 5',
      '1 1 udp 1 10.0.0.1 65536', '1 1 udp 1 10.0.0.999 5']) {
      expect(parseCandidate(`candidate:${line} typ host`)).toBeUndefined()
    }
  })

  it('never throws on text: what is missing or wrong makes it none', () => {
    const lines = descriptionText(description(2)).split('\r\n')
    fc.assert(fc.property(fc.shuffledSubarray(lines), fc.string(), (some, noise) => {
      const parsed = parseDescription([...some, noise].join('\r\n'))
      if (parsed !== undefined) expect(some).toContain(`a=ice-ufrag:${parsed.ufrag}`)
    }))
    for (const needed of ['o=', 'a=ice-ufrag', 'a=ice-pwd', 'a=fingerprint', 'a=setup', 'a=sctp-port', 'a=max-message-size']) {
      expect(parseDescription(lines.filter((line) => !line.startsWith(needed)).join('\r\n'))).toBeUndefined()
    }
  })
})

describe('signalling messages', () => {
  const envelopes: Envelope[] = [
    { type: 'hello', name: 'ana', session: 3, received: 4 }, { type: 'welcome', received: 9 },
    { type: 'message', peer: 'ben', message: { type: 'restart', connection: 5, description: description(1) } },
    { type: 'message', peer: 'ben', message: { type: 'candidate', connection: 5, ufrag: 'abcd', candidate: candidate(2) } },
    { type: 'message', peer: 'ben', message: { type: 'endOfCandidates', connection: 5, ufrag: 'abcd' } },
    { type: 'message', peer: 'ben', message: { type: 'refusal', connection: 5, code: 12 } },
  ]

  it('come back as they went', () => {
    for (const envelope of envelopes) expect(parseEnvelope(bytesOf(envelope))).toEqual(envelope)
  })

  it('never throw when damaged', () => {
    fc.assert(fc.property(fc.constantFrom(...envelopes), fc.nat(), fc.nat(127), fc.boolean(), (envelope, at, value, isCut) => {
      const bytes = bytesOf(envelope)
      bytes[at % bytes.length] = value
      parseEnvelope(isCut ? bytes.subarray(0, at % bytes.length) : bytes)
    }))
    fc.assert(fc.property(fc.json(), (text) => {
      expect(['undefined', 'object']).toContain(typeof parseEnvelope(new TextEncoder().encode(text)))
    }))
  })
})
