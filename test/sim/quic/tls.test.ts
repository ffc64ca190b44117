/** TLS 1.3 as QUIC uses it: RFC 8446 and RFC 9001, section 4. */
import { bytesToHex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { certificateChain, checkChain } from '../../../sim/quic/certificate.ts'
import { concat, integer, vector } from '../../../sim/octets.ts'
import type { Level, ProtectionKind } from '../../../sim/quic/protection.ts'
import { type Ticket, type TlsConfig, type TlsEvent, TlsSession } from '../../../sim/quic/tls.ts'
import {
  Alert, clientHello, encryptedExtensions, readClientHello, readNewSessionTicket, serverHello,
} from '../../../sim/quic/tlsmessages.ts'
import { exchange } from './exchange.ts'
import { bytesOf, CLIENT, ofKind, SERVER, talk, type Talk } from './handshakes.ts'
import { CLIENT_CRYPTO } from './vectors.ts'

const KINDS: readonly ProtectionKind[] = ['tag', 'aead']

function expectAgreement({ client, server, clientEvents, serverEvents }: Talk): void {
  const own = ofKind(clientEvents, 'secrets')
  const peer = ofKind(serverEvents, 'secrets')
  expect(own.map(({ level, own, peer }) => [level, own, peer])).toEqual(peer.map(({ level, own, peer }) => [level, peer, own]))
  expect(ofKind(clientEvents, 'complete')).toHaveLength(1)
  expect(ofKind(serverEvents, 'complete')).toHaveLength(1)
  expect(client.exporter).toHaveLength(32)
  expect(client.exporter).toEqual(server.exporter)
  expect(client.keyLog()).toEqual(server.keyLog())
  expect(client.resumed).toBe(server.resumed)
}
const ticketOf = (talk: Talk): Ticket => ofKind(talk.clientEvents, 'ticket')[0].ticket
const alertsOf = ({ clientEvents, serverEvents }: Talk) =>
  [ofKind(clientEvents, 'alert').map(({ code }) => code), ofKind(serverEvents, 'alert').map(({ code }) => code)]

describe.each(KINDS)('RFC 8446 section 2: a handshake with %s', (kind) => {
  it('both ends agree on every secret, and are told of each other\'s parameters', () => {
    const full = talk({ kind }, { kind })
    expectAgreement(full)
    expect(full.client.resumed).toBe(false)
    expect(ofKind(full.clientEvents, 'parameters')[0].bytes).toEqual(SERVER.parameters)
    expect(ofKind(full.serverEvents, 'parameters')[0].bytes).toEqual(CLIENT.parameters)
    expect(full.clientEvents.map((event) => event.kind)).toEqual(
      ['crypto', 'secrets', 'parameters', 'crypto', 'secrets', 'complete', 'ticket'])
    expect(full.serverEvents.map((event) => event.kind)).toEqual(
      ['parameters', 'crypto', 'secrets', 'crypto', 'secrets', 'complete', 'crypto'])
    expect(talk({ kind }, { kind }).serverEvents).toEqual(full.serverEvents)
  })

  it('4: flights may be cut anywhere', () => {
    const whole = talk({ kind }, { kind })
    for (const cutBytes of [1, 3, 100]) {
      const cut = talk({ kind }, { kind }, cutBytes)
      expect(cut.clientEvents).toEqual(whole.clientEvents)
      expect(cut.serverEvents).toEqual(whole.serverEvents)
    }
  })

  it('7.1: every secret depends on both randoms and on the transcript', () => {
    const secrets = (one: Talk) => ofKind(one.clientEvents, 'secrets').flatMap(({ own, peer }) => [bytesToHex(own!), bytesToHex(peer!)])
    const all = [
      talk({ kind }, { kind }), talk({ kind, random: bytesOf(32, 9) }, { kind }), talk({ kind }, { kind, random: bytesOf(32, 9) }),
      talk({ kind, parameters: bytesOf(41, 3) }, { kind }),
    ].flatMap(secrets)
    expect(new Set(all).size).toBe(16)
  })

  it('2.2: a ticket resumes, without certificates, and the channel binding is another one', () => {
    const first = talk({ kind }, { kind })
    const second = talk({ kind, ticket: ticketOf(first), random: bytesOf(32, 7) }, { kind, random: bytesOf(32, 8) })
    expectAgreement(second)
    expect(second.client.resumed).toBe(true)
    expect(second.client.exporter).not.toEqual(first.client.exporter)
    const flight = (one: Talk) => ofKind(one.serverEvents, 'crypto')[1].bytes.length
    expect(flight(first) - flight(second)).toBeGreaterThan(2400)
    expectAgreement(talk({ kind, ticket: ticketOf(second) }, { kind }))
  })

  it('2.3: 0-RTT is accepted, refused by the server, or not asked for', () => {
    const ticket = ticketOf(talk({ kind }, { kind }))
    const accepted = talk({ kind, ticket, requestZeroRtt: true }, { kind })
    expectAgreement(accepted)
    expect(ofKind(accepted.clientEvents, 'secrets')[0]).toMatchObject({ level: 'zeroRtt', peer: undefined })
    expect(ofKind(accepted.clientEvents, 'zeroRtt')).toEqual([{ kind: 'zeroRtt', accepted: true }])
    expect(ofKind(accepted.serverEvents, 'zeroRtt')).toEqual([{ kind: 'zeroRtt', accepted: true }])
    expect(accepted.clientEvents[1].kind).toBe('secrets')
    expect(ticket.parameters).toEqual(SERVER.parameters)

    const refusals = [{ kind, acceptZeroRtt: false }, { kind, ticketKey: bytesOf(32, 6) }]
    for (const [index, server] of refusals.entries()) {
      const refused = talk({ kind, ticket, requestZeroRtt: true }, server)
      expect(ofKind(refused.clientEvents, 'zeroRtt')).toEqual([{ kind: 'zeroRtt', accepted: false }])
      expect(ofKind(refused.serverEvents, 'zeroRtt')).toEqual([{ kind: 'zeroRtt', accepted: false }])
      expect(refused.client.resumed).toBe(index === 0)
      expect(ofKind(refused.clientEvents, 'complete')).toHaveLength(1)
      expect(refused.client.exporter).toEqual(refused.server.exporter)
      const withoutEarly = ofKind(refused.clientEvents, 'secrets').slice(1)
      expect(withoutEarly.map(({ own }) => own)).toEqual(ofKind(refused.serverEvents, 'secrets').map(({ peer }) => peer))
    }
    expect(ofKind(talk({ kind, ticket }, { kind }).clientEvents, 'zeroRtt')).toEqual([])
    const { ticket: late } = ofKind(talk({ kind }, { kind, acceptZeroRtt: false }).clientEvents, 'ticket')[0]
    expect(ofKind(talk({ kind, ticket: late, requestZeroRtt: true }, { kind }).clientEvents, 'zeroRtt')).toEqual([])
  })

  it('4.6.1: without a key a server gives no tickets; a ticket for another server or protocol is not shown', () => {
    const without = talk({ kind }, { kind, ticketKey: undefined })
    expectAgreement(without)
    expect(ofKind(without.clientEvents, 'ticket')).toEqual([])
    const ticket = ticketOf(talk({ kind }, { kind }))
    expect(talk({ kind, ticket, serverName: 'other.example' }, { kind, serverName: 'other.example' }).client.resumed).toBe(false)
    expect(talk({ kind, ticket, alpn: 'other' }, { kind, alpn: 'other' }).client.resumed).toBe(false)
  })

  it.each([
    ['expired', Alert.certificateExpired], ['untrusted', Alert.unknownCa], ['wrongName', Alert.badCertificate],
  ] as const)('6.2: a certificate that is %s is answered by alert %i', (certificate, code) => {
    const failed = talk({ kind }, { kind, certificate })
    expect(alertsOf(failed)).toEqual([[code], []])
    expect(ofKind(failed.clientEvents, 'complete')).toEqual([])
    expectAgreement(talk({ kind }, { kind, certificate: 'good' }))
  })

  it('6.2: no protocol in common, and a binder of another key', () => {
    expect(alertsOf(talk({ kind, alpn: 'other' }, { kind }))).toEqual([[], [Alert.noApplicationProtocol]])
    const ticket = ticketOf(talk({ kind }, { kind }))
    const forged = { ...ticket, psk: bytesOf(32, 99) }
    expect(alertsOf(talk({ kind, ticket: forged }, { kind }))).toEqual([[], [Alert.decryptError]])
  })

  it('4.4: a handshake in which one byte was changed never completes at both ends', () => {
    const { clientEvents, serverEvents } = talk({ kind }, { kind })
    const flights = [...ofKind(clientEvents, 'crypto').map((one) => ({ ...one, byClient: true })),
      ...ofKind(serverEvents, 'crypto').slice(0, 2).map((one) => ({ ...one, byClient: false }))]
    fc.assert(fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, where, bits) => {
      const flight = flights[which % flights.length]
      const changed = talk({ kind }, { kind }, Infinity, (level, bytes, byClient) => {
        if (level !== flight.level || byClient !== flight.byClient) return bytes
        const copy = bytes.slice()
        copy[where % copy.length] ^= bits
        return copy
      })
      const completed = [changed.clientEvents, changed.serverEvents].map((events) => ofKind(events, 'complete').length)
      expect(completed).not.toEqual([1, 1])
      for (const codes of alertsOf(changed)) expect(codes.length).toBeLessThanOrEqual(1)
    }), { numRuns: 300 })
  })

  it('6: any bytes at any level give an alert or are waited for, and never throw', () => {
    const levels = fc.constantFrom('initial', 'zeroRtt', 'handshake', 'oneRtt') as fc.Arbitrary<'initial'>
    const header = fc.tuple(fc.constantFrom(1, 2, 4, 8, 11, 15, 20), fc.nat(80))
      .map(([type, length]) => new Uint8Array([type, 0, 0, length]))
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.tuple(header, fc.uint8Array({ minLength: 80, maxLength: 80 }))
      .map(([head, body]) => new Uint8Array([...head, ...body.subarray(0, head[3])])))
    fc.assert(fc.property(fc.boolean(), fc.array(fc.tuple(levels, bytes), { maxLength: 6 }), (isClient, pieces) => {
      const session = new TlsSession({ ...(isClient ? CLIENT : SERVER), kind })
      session.start()
      for (const [level, piece] of pieces) session.receive(level, piece)
      const seen: string[] = []
      for (let event = session.poll(); event !== undefined; event = session.poll()) seen.push(event.kind)
      expect(seen).not.toContain('complete')
      expect(seen.indexOf('alert')).toBe(seen.includes('alert') ? seen.length - 1 : -1)
    }), { numRuns: 500 })
  })
})

/** Of one that waits for a ServerHello, what comes of these bytes. */
function clientHears(config: Partial<TlsConfig>, ...flight: readonly (readonly [Level, Uint8Array])[]): readonly number[] {
  const client = new TlsSession({ ...CLIENT, ...config })
  client.start()
  for (const [level, bytes] of flight) client.receive(level, bytes)
  const events: TlsEvent[] = []
  for (let event = client.poll(); event !== undefined; event = client.poll()) events.push(event)
  return ofKind(events, 'alert').map(({ code }) => code)
}

describe('RFC 8446 section 4: what an honest server never sends', () => {
  const { serverEvents } = talk({}, {})
  const [hello, flight] = ofKind(serverEvents, 'crypto').map(({ bytes }) => bytes)

  it('4.4.3, 4.4.4: a changed signature is refused before Finished comes, and a changed Finished', () => {
    const finishedBytes = 4 + 32
    const signed = flight.subarray(0, -finishedBytes)
    expect(clientHears({}, ['initial', hello], ['handshake', signed])).toEqual([])
    const [forged, unfinished] = [signed.slice(), flight.slice()]
    forged[forged.length - 1] ^= 1
    unfinished[unfinished.length - 1] ^= 1
    expect(clientHears({}, ['initial', hello], ['handshake', forged])).toEqual([Alert.decryptError])
    expect(clientHears({}, ['initial', hello], ['handshake', unfinished])).toEqual([Alert.decryptError])
    expect(clientHears({}, ['initial', hello], ['handshake', flight])).toEqual([])
  })

  it('4.1.3, 4.2.10: resumption, early data and protocols that were not asked for', () => {
    const random = bytesOf(32, 2)
    const resuming = serverHello({ random, keyShare: random, resumed: true })
    expect(clientHears({}, ['initial', resuming])).toEqual([Alert.illegalParameter])
    const extensions = (alpn: string, earlyData: boolean) => encryptedExtensions({ alpn, parameters: bytesOf(4, 1), earlyData })
    expect(clientHears({}, ['initial', hello], ['handshake', extensions('sim', false)])).toEqual([])
    expect(clientHears({}, ['initial', hello], ['handshake', extensions('sim', true)])).toEqual([Alert.illegalParameter])
    expect(clientHears({}, ['initial', hello], ['handshake', extensions('other', false)])).toEqual([Alert.illegalParameter])
  })

  it('4.6.1: tickets that are empty or hold for longer than a week', () => {
    const body = (lifetimeS: number, ...identity: readonly number[]): Uint8Array =>
      concat(integer(4, lifetimeS), integer(4, 7), vector(1), vector(2, new Uint8Array(identity)), vector(2))
    expect(readNewSessionTicket(body(604_800, 1))).toMatchObject({ ageAdd: 7, earlyData: false })
    expect(readNewSessionTicket(body(604_801, 1))).toBe('illegalParameter')
    expect(readNewSessionTicket(body(604_800))).toBe('illegalParameter')
  })
})

describe('RFC 8446 section 4: what an honest client never sends', () => {
  const psk = { identity: bytesOf(80, 1), obfuscatedAge: 5 }
  const whole = clientHello(
    { random: bytesOf(32, 1), keyShare: bytesOf(32, 2), serverName: 'a', alpn: ['sim'], parameters: bytesOf(9, 9), psk, earlyData: true },
    () => bytesOf(32, 3),
  ).subarray(4)
  /** Version, random, session id, cipher suites and compressions. */
  const [head, extensions] = [whole.subarray(0, 2 + 32 + 1 + 4 + 2), whole.subarray(2 + 32 + 1 + 4 + 2 + 2)]
  const greased = concat(integer(2, 0x0a0a), vector(2))

  it('4.1.2: a session id, or a compression', () => {
    expect(readClientHello(whole)).toMatchObject({ serverName: 'a', psk, earlyData: true })
    const rest = whole.subarray(35)
    expect(readClientHello(concat(head.subarray(0, 34), vector(1, bytesOf(4, 4)), rest))).toBe('illegalParameter')
    const compressed = whole.slice()
    compressed[head.length - 1] = 1
    expect(readClientHello(compressed)).toBe('illegalParameter')
  })

  it('4.2: an extension twice, one behind the pre-shared key, or bytes behind them all', () => {
    expect(readClientHello(concat(head, vector(2, greased, extensions)))).toMatchObject({ psk })
    expect(readClientHello(concat(head, vector(2, greased, greased, extensions)))).toBe('illegalParameter')
    expect(readClientHello(concat(head, vector(2, extensions, greased)))).toBe('illegalParameter')
    expect(readClientHello(concat(whole, integer(1, 0)))).toBe('decodeError')
  })
})

describe('RFC 9001 section 4', () => {
  it('both kinds of protection send datagrams of the same sizes, so that a run may be repeated with the other', () => {
    for (const again of [false, true]) {
      const sizes = (kind: ProtectionKind) => exchange(kind, again).datagrams.map(({ byClient, bytes }) => [byClient, bytes.length])
      expect(sizes('tag')).toEqual(sizes('aead'))
    }
  })

  it('A.2: the ClientHello of the sample is read', () => {
    // Behind type, offset and length of the CRYPTO frame, and the header of the message.
    const hello = readClientHello(CLIENT_CRYPTO.subarray(4 + 4))
    expect(hello).toMatchObject({ serverName: 'example.com', alpn: ['alpn'], earlyData: false })
    expect(typeof hello === 'object' && bytesToHex(hello.keyShare)).toBe('9370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748')
  })

  it('4.4: the certificates take as many bytes as are asked for', () => {
    for (const bytes of [2400, 5000, 40_000]) {
      const chain = certificateChain('aead', 'host.example', undefined, bytes)
      expect(Math.abs(chain[0].length + chain[1].length - bytes)).toBeLessThanOrEqual(16)
      expect(checkChain('aead', chain, 'host.example')).toBeUndefined()
      // A sequence whose length takes two bytes, and so does that of what is signed: no longer than it need be (X.690, section 10.1).
      expect([...chain[0].subarray(0, 2), ...chain[0].subarray(4, 6)]).toEqual([0x30, 0x82, 0x30, 0x82])
    }
    expect(alertsOf(talk({}, { certificateBytes: 40_000 }))).toEqual([[], []])
  })

  it('4.4: a chain is refused without its issuer, in another order, or with a changed byte in what is signed', () => {
    const chain = certificateChain('aead', 'host.example', undefined)
    expect(checkChain('aead', [], 'host.example')).toBe('badCertificate')
    expect(checkChain('aead', [chain[0]], 'host.example')).toBe('unknownCa')
    expect(checkChain('aead', [chain[1], chain[0]], 'host.example')).toBe('badCertificate')
    for (let at = 4; at < chain[0].length - 100; at += 37) {
      const leaf = chain[0].slice()
      leaf[at] ^= 0x04
      expect(checkChain('aead', [leaf, chain[1]], 'host.example'), `byte ${at}`).toBeDefined()
    }
  })

  it('4.3: a message longer than 65,536 bytes is refused at once', () => {
    const server = new TlsSession(SERVER)
    server.receive('initial', new Uint8Array([1, 1, 0, 0]))
    expect(server.poll()).toEqual({ kind: 'alert', code: Alert.decodeError })
    server.receive('initial', ofKind(talk({}, {}).clientEvents, 'crypto')[0].bytes)
    expect(server.poll()).toBeUndefined()
  })

  it('8446 5.1: bytes behind the last message of a level, and messages at another one, are unexpected', () => {
    const more = (level: string) => (at: string, bytes: Uint8Array, byClient: boolean): Uint8Array =>
      at === level && byClient ? new Uint8Array([...bytes, 0]) : bytes
    expect(alertsOf(talk({}, {}, Infinity, more('initial')))).toEqual([[], [Alert.unexpectedMessage]])
    expect(alertsOf(talk({}, {}, Infinity, more('handshake')))).toEqual([[], [Alert.unexpectedMessage]])
    const server = new TlsSession(SERVER)
    server.receive('handshake', new Uint8Array([1]))
    expect(server.poll()).toEqual({ kind: 'alert', code: Alert.unexpectedMessage })
  })

  it('an NSS key log names every secret by the client\'s random', () => {
    const ticket = ticketOf(talk({}, {}))
    const lines = talk({ ticket, requestZeroRtt: true }, {}).client.keyLog()
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'CLIENT_EARLY_TRAFFIC_SECRET', 'CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_TRAFFIC_SECRET_0',
      'SERVER_TRAFFIC_SECRET_0', 'EXPORTER_SECRET',
    ])
    for (const line of lines) expect(line).toMatch(new RegExp(`^[A-Z_0-9]+ ${bytesToHex(CLIENT.random)} [0-9a-f]{64}$`))
  })
})
