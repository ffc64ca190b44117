/** Captures: what is in the bytes, and that a capture reader agrees, where there is one on this machine. */
import { describe, expect, it } from 'vitest'
import { keyLogText } from '../../reports/keylog.ts'
import { ipv4Packet, type UdpDatagram } from '../../reports/ipv4packet.ts'
import { type Capture, type CapturedPacket, LinkType, pcapng as build } from '../../reports/pcapng.ts'
import { upperPdu } from '../../reports/upperpdu.ts'
import type { SocketAddress } from '../../sim/net/datagram.ts'
import { type Block, blocksOf, commentsOf, hasReader, optionsOf, packetOf, PROBLEMS, readCapture, READER } from '../support/captures.ts'
import { type Exchange, exchange } from '../sim/quic/exchange.ts'
import { pattern, SECOND_US, World } from '../sim/quic/world.ts'

const INTERFACES = [
  { name: 'ana', linkType: LinkType.ip, ipv4: [0x0a00_0001], leftOut: 0 },
  { name: 'hôst', linkType: LinkType.ip, ipv4: [0x0a00_0000, 0x0a00_0102], leftOut: 0 },
]
const CLIENT = { ipv4: 0x0a00_0001, port: 50_000 }
const SERVER = { ipv4: 0x0a00_0102, port: 443 }

/** With what most captures here have in common. */
type Given = Pick<Capture, 'interfaces' | 'packets'> & Partial<Capture>
const pcapng = (given: Given): Uint8Array => build({ keyLog: '', ...given })

const datagram = (more: Partial<UdpDatagram> = {}): Uint8Array =>
  ipv4Packet({ from: CLIENT, to: SERVER, ecn: 2, payload: new Uint8Array([1, 2, 3, 4, 5]), ...more })
const captured = (more: Partial<CapturedPacket> = {}): CapturedPacket =>
  ({ atUs: 1_000, interface: 0, bytes: datagram(), comments: [], ...more })

const socket = ({ address, port }: SocketAddress): UdpDatagram['from'] => ({ ipv4: 0x0a00_0000 + address, port })

function captureOf({ datagrams, keyLog }: Exchange): Given {
  const packets = datagrams.map(({ byClient, bytes }, index): CapturedPacket => ({
    atUs: 10_000 * index + 7, interface: byClient ? 0 : 1, comments: [`datagram ${index}`],
    bytes: datagram({ payload: bytes, ...(!byClient && { from: SERVER, to: CLIENT }) }),
  }))
  return { interfaces: INTERFACES, packets, keyLog: keyLogText([...keyLog, ...keyLog]) }
}

/** Their blocks. */
const packetsOf = (given: Partial<Given>): readonly Block[] =>
  blocksOf(pcapng({ interfaces: INTERFACES, packets: [], ...given })).filter(({ type }) => type === 6)
/** 0xffff where the checksum over these words is right (RFC 1071). */
const checked = (...parts: readonly Uint8Array[]): number => {
  const bytes = Buffer.concat([...parts, Buffer.alloc(1)])
  let sum = 0
  for (let at = 0; at + 2 <= bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}
const pseudoHeader = (packet: Buffer): Buffer => Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 17]), packet.subarray(24, 26)])

describe('pcapng', () => {
  it('begins with its section, its interfaces and the secrets', () => {
    const blocks = blocksOf(pcapng({ interfaces: INTERFACES, packets: [captured()], keyLog: 'A b c\n' }))
    expect(blocks.map(({ type }) => type)).toEqual([0x0a0d0d0a, 1, 1, 10, 6, 5, 5])
    expect(blocks[0].body.getUint32(0, true)).toBe(0x1a2b3c4d)
    expect(blocks[2].body.getUint16(0, true)).toBe(101)
    const options = optionsOf(blocks[2], 8)
    expect(options.map(([code]) => code)).toEqual([2, 4, 4, 9])
    expect(options[0][1].toString()).toBe('hôst')
    expect([...options[2][1]]).toEqual([10, 0, 1, 2, 255, 255, 0, 0])
    expect([...options[3][1]]).toEqual([6])
    expect(blocks[3].body.getUint32(0, true)).toBe(0x544c534b)
    expect(blocksOf(pcapng({ interfaces: [], packets: [] }))).toHaveLength(1)
  })

  it('puts IPv4 and UDP around the bytes, with right checksums whatever their length', () => {
    for (let length = 0; length < 20; length++) {
      const bytes = new Uint8Array(length).map((_, index) => index * 77 + length)
      const packet = packetOf(packetsOf({ packets: [captured({ bytes: datagram({ payload: bytes }) })] })[0])
      expect(packet.length).toBe(28 + length)
      expect([packet[0], packet[1], packet.readUInt16BE(2), packet[8], packet[9]]).toEqual([0x45, 2, 28 + length, 64, 17])
      expect([...packet.subarray(12, 20)]).toEqual([10, 0, 0, 1, 10, 0, 1, 2])
      expect([packet.readUInt16BE(20), packet.readUInt16BE(22), packet.readUInt16BE(24)]).toEqual([50_000, 443, 8 + length])
      expect(checked(packet.subarray(0, 20))).toBe(0xffff)
      expect(checked(pseudoHeader(packet), packet.subarray(20))).toBe(0xffff)
      expect([...packet.subarray(28)]).toEqual([...bytes])
    }
  })

  it('never says that there is no checksum: 0 is sent as 0xffff (RFC 768)', () => {
    const checksum = (word: number): number =>
      Buffer.from(datagram({ payload: new Uint8Array([word >>> 8, word]) })).readUInt16BE(26)
    // A word more is a checksum less.
    const most = checksum(0)
    expect(checksum(most - 1)).toBe(1)
    expect(checksum(most)).toBe(0xffff)
  })

  it('has times of more than 32 bits, and tells what became of a packet', () => {
    const atUs = 2 ** 40 + 12_345
    const [lost] = packetsOf({ packets: [captured({ atUs, comments: ['quic stream 3', 'lost: queue'] })] })
    expect(lost.body.getUint32(4, true) * 2 ** 32 + lost.body.getUint32(8, true)).toBe(atUs)
    expect(commentsOf(lost)).toEqual(['quic stream 3', 'lost: queue'])
  })

  it('ends with how many packets each interface had, and how many of them are left out', () => {
    const blocks = blocksOf(pcapng({
      interfaces: [INTERFACES[0], { ...INTERFACES[1], leftOut: 300 }, { name: 'inside', linkType: LinkType.sctp, ipv4: [] }],
      packets: [captured(), captured({ atUs: 7 })],
    }))
    const statistics = blocks.filter(({ type }) => type === 5).map((block) => ({
      interface: block.body.getUint32(0, true), atUs: block.body.getUint32(8, true),
      options: optionsOf(block, 12).map(([code, value]) => [code, code === 1 ? value.toString() : Number(value.readBigUInt64LE())]),
    }))
    expect(statistics).toEqual([
      { interface: 0, atUs: 7, options: [[4, 2], [5, 0]] },
      { interface: 1, atUs: 7, options: [[1, '300 packets after these are left out'], [4, 300], [5, 300]] },
    ])
    expect(blocks.slice(-2).map(({ type }) => type)).toEqual([5, 5])
  })

  it('refuses what no UDP datagram carries', () => {
    expect(() => datagram({ payload: new Uint8Array(65_508) })).toThrow(RangeError)
    expect(datagram({ payload: new Uint8Array(65_507) }).length).toBe(65_535)
  })

  it('has interfaces of other link types, whose packets stand as they are', () => {
    const interfaces = [...INTERFACES, { name: 'inside', linkType: LinkType.sctp, ipv4: [] }]
    const blocks = blocksOf(pcapng({ interfaces, packets: [captured({ interface: 2, bytes: new Uint8Array([9, 8, 7]) })] }))
    expect(blocks[3].body.getUint16(0, true)).toBe(248)
    expect(optionsOf(blocks[3], 8).map(([code]) => code)).toEqual([2, 9])
    expect([...packetOf(blocks[4])]).toEqual([9, 8, 7])
  })

  it('names the dissector of an exported PDU, and its addresses', () => {
    const pdu = [...upperPdu('json', CLIENT.ipv4, SERVER.ipv4, new Uint8Array([0x7b, 0x7d]))]
    expect(pdu).toEqual([
      0, 12, 0, 4, ...Buffer.from('json'), 0, 20, 0, 4, 10, 0, 0, 1, 0, 21, 0, 4, 10, 0, 1, 2, 0, 0, 0, 0, 0x7b, 0x7d,
    ])
    expect([...upperPdu('sctp2', 0, 0, new Uint8Array(0))].slice(0, 12)).toEqual([0, 12, 0, 5, ...Buffer.from('sctp2'), 0, 0, 0])
  })
})

describe('keyLogText', () => {
  it('has a line for each secret, once', () => {
    expect(keyLogText(['a 1 2', 'b 1 3', 'a 1 2'])).toBe('a 1 2\nb 1 3\n')
    expect(keyLogText([])).toBe('')
  })
})

describe.skipIf(!hasReader())(`captures as ${READER} reads them`, () => {
  const read = (given: Given, filter: string, ...fields: readonly string[]): readonly string[] =>
    readCapture(pcapng(given), filter, ...fields)
  const problems = `${PROBLEMS} or not quic`

  it('a handshake over QUIC is decrypted, message by message, and what follows it', () => {
    const capture = captureOf(exchange('aead'))
    expect(read(capture, problems, 'frame.number', '_ws.expert.message')).toEqual([])
    const messages = read(capture, 'tls.handshake.type', 'tls.handshake.type').flatMap((row) => row.split(','))
    expect(messages).toEqual(['1', '2', '8', '11', '15', '20', '20', '4'])
    expect(read(capture, 'tls.handshake.type == 1', 'tls.handshake.extensions_server_name', 'tls.handshake.extensions_alpn_str'))
      .toEqual(['host.example\tsim'])
    expect(read(capture, 'x509sat.uTF8String', 'x509sat.uTF8String').join(',')).toContain('Simulated Root CA')
    const frames = read(capture, 'quic.stream.stream_id', 'quic.stream.stream_id', 'quic.stream_data', 'quic.key_phase')
    const data = (text: string): string => Buffer.from(text).toString('hex')
    expect(frames).toEqual([`0\t${data('question')}\t0`, `0\t${data('answer')}\t0`, `0\t${data('question')}\t1`])
  }, 60_000)

  it('0-RTT and a resumed handshake are decrypted too', () => {
    const capture = captureOf(exchange('aead', true))
    expect(read(capture, problems, 'frame.number', '_ws.expert.message')).toEqual([])
    expect(read(capture, 'quic.long.packet_type == 1', 'quic.stream_data')).toEqual([Buffer.from('early').toString('hex')])
    const messages = read(capture, 'tls.handshake.type', 'tls.handshake.type').flatMap((row) => row.split(','))
    expect(messages).toEqual(['1', '2', '8', '20', '20', '4'])
  }, 60_000)

  it('whole connections are read without a complaint: Retry, losses, a key update, datagrams, resumption', () => {
    const world = new World({ settings: { protection: 'aead' }, isRetryWanted: true, links: { dropPpm: 50_000 } })
    const first = world.open()
    const id = first.client.act((connection) => connection.openStream('bidi'))!
    first.client.act((connection) => connection.write(id, pattern(20_000), true))
    first.client.act((connection) => connection.datagram(pattern(100)))
    expect(world.until(() => first.server.finished.has(id) && first.client.has('ticket'), 10 * SECOND_US)).toBe(true)
    expect(first.client.act((connection) => connection.updateKeys())).toBe(true)
    first.server.act((connection) => connection.write(id, pattern(20_000), true))
    expect(world.until(() => first.client.finished.has(id), 10 * SECOND_US)).toBe(true)
    const [{ ticket }] = first.client.all('ticket')
    const second = world.open({ tls: { ticket, requestZeroRtt: true } })
    second.client.act((connection, nowUs) => connection.close(0, 'done', nowUs))
    world.run(SECOND_US)

    const capture: Given = {
      interfaces: ['server', 'client'].map((name, index) => ({ name, linkType: LinkType.ip, ipv4: [0x0a00_0000 + index], leftOut: 0 })),
      packets: world.sent.map(({ atUs, local, remote, ecn, bytes: payload }) =>
        ({ atUs, interface: local.address, bytes: ipv4Packet({ from: socket(local), to: socket(remote), ecn, payload }), comments: [] })),
      keyLog: keyLogText(world.programs.flatMap(({ connection }) => connection.keyLog)),
    }
    expect(read(capture, problems, 'frame.number', '_ws.expert.message')).toEqual([])
    const numbers = (filter: string): number => read(capture, filter, 'frame.number').length
    expect(numbers('quic.long.packet_type == 3')).toBeGreaterThan(0)
    expect(numbers('quic.key_phase == 1')).toBeGreaterThan(0)
    expect(numbers('quic.frame_type >= 0x30 and quic.frame_type <= 0x31')).toBeGreaterThan(0)
    expect(numbers('tls.handshake.extensions.psk.identity.identity')).toBeGreaterThan(0)
  }, 60_000)

  it('damage is seen', () => {
    const whole = pcapng({ interfaces: INTERFACES, packets: [captured({ bytes: datagram({ payload: new Uint8Array(40).fill(0x5a) }) })] })
    const damaged = whole.slice()
    damaged[damaged.indexOf(0x5a) + 20] ^= 1
    expect([whole, damaged].map((file) => readCapture(file, PROBLEMS, 'frame.number'))).toEqual([[], ['1']])
  }, 60_000)
})
