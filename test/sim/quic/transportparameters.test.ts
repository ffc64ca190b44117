/** Transport parameters: RFC 9000, section 18. */
import { hexToBytes as hex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VARINT_MAX } from '../../../sim/bytes.ts'
import { concat, varint, wholeVarint } from '../../../sim/octets.ts'
import { decodeParameters, DEFAULT_PARAMETERS, encodeParameters, type TransportParameters } from '../../../sim/quic/transportparameters.ts'

const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength })
const count = (min = 0, max = VARINT_MAX) => fc.integer({ min, max })
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const clientParameters = fc.record({
  maxIdleTimeoutMs: count(), maxUdpPayloadSize: count(1200), initialMaxData: count(), initialMaxStreamDataBidiLocal: count(),
  initialMaxStreamDataBidiRemote: count(), initialMaxStreamDataUni: count(), initialMaxStreamsBidi: count(), initialMaxStreamsUni: count(),
  ackDelayExponent: count(0, 20), maxAckDelayMs: count(0, 2 ** 14 - 1), disableActiveMigration: fc.boolean(),
  activeConnectionIdLimit: count(2), initialSourceConnectionId: bytes(0, 20), maxDatagramFrameSize: count(),
})
const serverParameters: fc.Arbitrary<TransportParameters> = fc.record({
  common: clientParameters, originalDestinationConnectionId: bytes(0, 20), statelessResetToken: optional(bytes(16)),
  retrySourceConnectionId: optional(bytes(0, 20)), initialSourceConnectionId: bytes(1, 20),
  preferredAddress: optional(fc.record({
    address: count(0, 2 ** 32 - 1), port: count(0, 65_535), connectionId: bytes(1, 20), statelessResetToken: bytes(16),
  })),
}).map(({ common, ...more }) => Object.assign({ ...common }, ...Object.entries(more).map(([name, value]) => value && { [name]: value })))

const required = concat(hex('0f00'), hex('0000'))
const why = (more: Uint8Array, by: 'client' | 'server' = 'server'): string | undefined => {
  const decoded = decodeParameters(concat(by === 'server' ? required : hex('0f00'), more), by)
  return decoded.kind === 'bad' ? decoded.why : undefined
}
const parameter = (id: number, value: Uint8Array): Uint8Array => concat(varint(id), varint(value.length), value)

describe('RFC 9000 section 18', () => {
  it('18: what is encoded is decoded, grease left out', () => {
    fc.assert(fc.property(clientParameters, fc.nat(), (parameters, grease) => {
      expect(decodeParameters(encodeParameters(parameters, grease), 'client')).toEqual({ kind: 'parameters', parameters })
    }))
    fc.assert(fc.property(serverParameters, fc.nat(), (parameters, grease) => {
      expect(decodeParameters(encodeParameters(parameters, grease), 'server')).toEqual({ kind: 'parameters', parameters })
    }))
  })

  it('18.1: every set of parameters has a reserved one, 31 * N + 27, and another one for another connection', () => {
    const reserved = new Set(Array.from({ length: 50 }, (_, grease) => {
      const encoded = encodeParameters(DEFAULT_PARAMETERS, grease)
      const at = encoded.indexOf(0x0f) === 0 ? 2 : 0
      const id = wholeVarint(encoded.subarray(at, at + (1 << (encoded[at] >>> 6))))!
      expect(id % 31).toBe(27)
      return id
    }))
    expect(reserved.size).toBeGreaterThan(40)
  })

  it('18.2: absent parameters have their defaults', () => {
    expect(decodeParameters(hex('0f00'), 'client')).toEqual({ kind: 'parameters', parameters: DEFAULT_PARAMETERS })
    expect(DEFAULT_PARAMETERS).toMatchObject({
      maxUdpPayloadSize: 65_527, ackDelayExponent: 3, maxAckDelayMs: 25, activeConnectionIdLimit: 2,
    })
  })

  it.each([
    ['maxUdpPayloadSize below 1200', parameter(0x03, varint(1199)), parameter(0x03, varint(1200))],
    ['initialMaxStreamsBidi above 2^60', parameter(0x08, hex('d000000000000100')), parameter(0x08, hex('d000000000000000'))],
    ['initialMaxStreamsUni above 2^60', parameter(0x09, hex('ffffffffffffffff')), parameter(0x09, hex('d000000000000000'))],
    ['ackDelayExponent above 20', parameter(0x0a, varint(21)), parameter(0x0a, varint(20))],
    ['maxAckDelay of 2^14', parameter(0x0b, varint(2 ** 14)), parameter(0x0b, varint(2 ** 14 - 1))],
    ['activeConnectionIdLimit below 2', parameter(0x0e, varint(1)), parameter(0x0e, varint(2))],
    ['disableActiveMigration with a value', parameter(0x0c, hex('01')), parameter(0x0c, hex(''))],
    ['a reset token of 15 bytes', parameter(0x02, new Uint8Array(15)), parameter(0x02, new Uint8Array(16))],
    ['a connection id of 21 bytes', parameter(0x10, new Uint8Array(21)), parameter(0x10, new Uint8Array(20))],
    ['an integer with bytes behind it', parameter(0x04, hex('0500')), parameter(0x04, hex('05'))],
    ['an integer cut short', parameter(0x04, hex('40')), parameter(0x04, hex('4000'))],
  ])('18.2: refuses %s, takes its neighbour', (_, refused, taken) => {
    expect(why(refused)).toContain('transport parameters: ')
    expect(why(taken)).toBeUndefined()
  })

  it('18.2: refuses what only a server may send', () => {
    for (const id of [0x00, 0x02, 0x0d, 0x10]) expect(why(parameter(id, new Uint8Array(16)), 'client')).toContain('from a client')
  })

  it('7.4: refuses a parameter that comes twice, known or not', () => {
    expect(why(concat(parameter(0x04, hex('05')), parameter(0x04, hex('05'))))).toContain('twice')
    expect(why(concat(parameter(58, hex('05')), parameter(58, hex(''))))).toContain('twice')
    expect(why(parameter(58, hex('05')))).toBeUndefined()
  })

  it('7.3: refuses sets without the connection ids that authenticate it', () => {
    expect(decodeParameters(hex('0000'), 'server').kind).toBe('bad')
    expect(decodeParameters(hex('0f00'), 'server').kind).toBe('bad')
    expect(decodeParameters(hex(''), 'client').kind).toBe('bad')
  })

  it('18: what is too large to count reads as the largest integer', () => {
    const decoded = decodeParameters(hex('0f000408ffffffffffffffff'), 'client')
    expect(decoded).toMatchObject({ kind: 'parameters', parameters: { initialMaxData: VARINT_MAX } })
  })

  it('18: any bytes are parameters or bad, and never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, client) => {
      expect(['bad', 'parameters']).toContain(decodeParameters(bytes, client ? 'client' : 'server').kind)
    }))
  })
})
