/** What reports tell of links and connections, from traces made by hand. */
import { describe, expect, it } from 'vitest'
import { Connections, type ConnectionRow } from '../../reports/connections.ts'
import type { RunNode, RunRecord } from '../../reports/input.ts'
import { Links } from '../../reports/links.ts'
import { reportMarkdown } from '../../reports/markdown.ts'
import { Names } from '../../reports/names.ts'
import { buildReport } from '../../reports/report.ts'
import { ANA, BEN, HOST, INFO, sent } from './records.ts'

const [SERVER, AWAY, ANAS, AWAYS] = [2_048, 2_049, 3_841, 3_842]
const NODES: readonly RunNode[] = INFO.nodes.map((node): RunNode => {
  if (node.id === HOST) return { ...node, interfaces: [{ address: SERVER, name: 'the public server' }] }
  return node.id === ANA ? { ...node, networks: [{ address: ANA, translator: { address: ANAS, kind: 'symmetric' } }] } : node
})
const ROAMED: readonly RunNode[] = NODES.map((node) => (node.id !== ANA ? node : {
  ...node, networks: [...node.networks!, { address: AWAY, translator: { address: AWAYS, kind: 'fullCone' } }, { address: AWAY + 1 }],
}))
type Fate = Extract<RunRecord, { readonly kind: 'marked' | 'duplicated' | 'reordered' }>['kind']
const fate = (kind: Fate, datagram: number): RunRecord => ({ kind, datagram, from: HOST, to: ANA, atUs: 5_000, node: -1 })
const lost = (datagram: number, why: Extract<RunRecord, { readonly kind: 'lost' }>['why']): RunRecord =>
  ({ kind: 'lost', datagram, from: HOST, to: ANA, why, atUs: 5_000, node: -1 })
const delivered = (atUs: number, datagram: number): RunRecord =>
  ({ kind: 'delivered', datagram, from: HOST, to: ANA, bytes: 100, atUs, node: -1 })

describe('links', () => {
  const RECORDS: readonly RunRecord[] = [
    sent(1_000, 4096, HOST, ANA), sent(1_000, 8192, HOST, ANA), sent(1_000, 4097, ANA, SERVER, { bytes: 70 }),
    sent(2_000, 12_288, HOST, ANAS), sent(2_000, 16_384, HOST, ANA), sent(2_000, 20_480, HOST, HOST),
    fate('marked', 4096), fate('duplicated', 4096), fate('reordered', 8192), lost(16_384, 'codel'), lost(12_288, 'nat'),
    { kind: 'corrupted', datagram: 8192, from: HOST, to: ANA, offset: 3, atUs: 5_000, node: -1 },
    delivered(8_000, 4096), delivered(9_000, 4096), delivered(31_000, 8192), delivered(31_000, 20_480),
  ]

  it('have each their losses by reason, marks, damage and delays, under the names of both ends', () => {
    const links = new Links()
    for (const record of RECORDS) links.add(record)
    const none = { marked: 0, duplicated: 0, reordered: 0, corrupted: 0 }
    expect(links.rows(NODES)).toEqual([
      {
        from: 'host', to: 'ana', sent: 3, bytes: 300, delivered: 3, lost: { codel: 1 },
        marked: 1, duplicated: 1, reordered: 1, corrupted: 1,
        delay: { count: 3, p50Us: 8_000, p90Us: 30_000, p99Us: 30_000, maxUs: 30_000 },
      },
      { from: 'host', to: "ana's translator", sent: 1, bytes: 100, delivered: 0, lost: { nat: 1 }, ...none, delay: null },
      { from: 'ana', to: 'the public server', sent: 1, bytes: 70, delivered: 0, lost: {}, ...none, delay: null },
    ])
  })

  it('stand in the report, with what its words for losses mean', () => {
    const text = reportMarkdown(buildReport(RECORDS, { ...INFO, nodes: NODES }))
    expect(text).toMatch(/\| host +\| ana's translator +\| +1 \| +100 \| +0 \| nat 1 /)
    expect(text).toContain('codel: thrown away by a queue that had kept everybody waiting (CoDel); '
      + 'nat: not let through by a translator (NAT).')
    expect(text).toMatch(/\| ana +\| editor +\| quic +\| symmetric \| +\|/)
    expect(text).toMatch(/\| packetsMarked +\| +1 \|/)
  })

  it('are called by what has their address wherever sentences name them', () => {
    const names = new Names([], NODES)
    expect([SERVER, ANAS, ANA, HOST, 77].map((address) => names.who(address)))
      .toEqual(['the public server', "ana's translator", 'ana', 'the host', 'node 77'])
  })

  it('of a peer that roamed say in which of its networks it was', () => {
    const names = new Names([], ROAMED)
    expect([ANA, ANAS, AWAY, AWAYS, AWAY + 1].map((address) => names.node(address)))
      .toEqual(['ana', "ana's translator", 'ana in network 2', "ana's translator in network 2", 'ana in network 3'])
    const text = reportMarkdown(buildReport([], { ...INFO, nodes: ROAMED }))
    expect(text).toMatch(/\| ana +\| editor +\| quic +\| symmetric, then fullCone, then none \|/)
  })
})

describe('connections', () => {
  const rowsOf = (...records: readonly RunRecord[]): readonly ConnectionRow[] => rowsAmong(NODES, ...records)
  const rowsAmong = (nodes: readonly RunNode[], ...records: readonly RunRecord[]): readonly ConnectionRow[] => {
    const connections = new Connections(nodes)
    for (const record of records) if (record.kind === 'sent') connections.sent(record)
    return connections.rows()
  }
  const webrtc = (atUs: number, from: number, to: number, contents: string): RunRecord =>
    sent(atUs, atUs, from, to, { protocol: 'webrtc', connection: 4097, contents })

  it('tell how long a path, a handshake and a first message took, and where messages went', () => {
    expect(rowsOf(
      webrtc(1_000, ANA, SERVER, 'signalling offer'), webrtc(2_000, ANA, HOST, 'ice check'), webrtc(9_000, HOST, ANA, 'dtls client hello'),
      webrtc(12_000, ANA, HOST, 'dtls server hello'), webrtc(20_000, HOST, ANA, 'init'), webrtc(30_000, HOST, ANA, 'message'),
      webrtc(31_000, ANA, HOST, 'message'), webrtc(32_000, ANA, SERVER, 'sack'), webrtc(40_000, HOST, SERVER, 'message'),
      webrtc(50_000, ANA, ANAS, 'message'), webrtc(60_000, ANA, SERVER, 'fragment'), webrtc(70_000, SERVER, HOST, 'message'),
      webrtc(80_000, ANA, HOST, 'message'),
    )).toEqual([{
      connection: 4097, over: 'webrtc', from: 'ana', to: 'host', beganAtUs: 1_000, pathUs: 8_000, handshakeUs: 19_000, messageUs: 29_000,
      paths: [{ way: 'direct', atUs: 31_000 }, { way: 'through the public server', atUs: 60_000 }, { way: 'direct', atUs: 80_000 }],
    }])
  })

  it('that go along with a peer that roams are one, with another path in each network', () => {
    const [row, ...others] = rowsAmong(ROAMED,
      webrtc(1_000, ANA, HOST, 'message'), webrtc(2_000, AWAY, HOST, 'message'), webrtc(3_000, HOST, AWAYS, 'message'),
      webrtc(4_000, AWAY + 1, SERVER, 'message'))
    expect(others).toEqual([])
    expect(row).toMatchObject({ from: 'ana', to: 'host' })
    expect(row.paths.map(({ way }) => way)).toEqual(['direct', 'direct in network 2', 'through the public server in network 3'])
  })

  it('stand in the report in the order of their beginnings; one that came to nothing says so', () => {
    const records = [
      sent(3_000, 3, BEN, HOST, { connection: 8194, contents: 'crypto' }),
      sent(4_000, 4, ANA, HOST, { connection: 4097, contents: 'crypto' }),
      sent(5_000, 5, ANA, HOST, { connection: 0, contents: 'signalling connect' }), sent(9_000, 6, ANA, HOST, { connection: 4097 }),
    ]
    const text = reportMarkdown(buildReport(records, { ...INFO, nodes: NODES }))
    const [, ben, ana] = text.slice(text.indexOf('## Connections')).split('\n').filter((line) => line.startsWith('| ')).slice(1)
    expect(ben).toMatch(/\| +8194 \| quic \| ben +\| host \| +3\.000 \| +\| +\| +never \| +\|/)
    expect(ana).toMatch(/\| +4097 \| quic \| ana +\| host \| +4\.000 \| +\| +\| +5\.000 \| direct +\|/)
    expect(text).not.toMatch(/\| +0 \| quic/)
  })
})
