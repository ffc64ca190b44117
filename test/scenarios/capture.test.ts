/** Captures of whole runs: they are the runs that they show, other tools read them, and what is left out is said. */
import { describe, expect, it } from 'vitest'
import { capture, type Captured, parsePlan, type RunResult, type SimulateOptions, scenario, type Scenario } from '../../scenarios/index.ts'
import { readPacket } from '../../sim/webrtc/sctp/packet.ts'
import { blocksOf, commentsOf, hasReader, optionsOf, packetOf, PROBLEMS, readCapture, READER } from '../support/captures.ts'
import { validateQlog } from '../support/qlogschema.ts'
import { run, storyOf } from '../support/runs.ts'

const damaged = scenario('damaged', { frames: 60, hz: 90, peersMax: 2 }, async ({ net, join, frames }) => {
  net.all.set({ latencyMs: [10, 30], corrupt: 0.05, duplicate: 0.05 })
  await join('ana', { over: 'quic', role: 'editor' })
  await join('ben', { over: 'webrtc', role: 'editor' })
  await frames(20)
})
// Few losses, a loss of everything for a while, many connections; from network to network; and damage.
const STORIES: readonly Scenario[] = [
  storyOf('loopback-120'), storyOf('late-join'), storyOf('partition-heals'), storyOf('roams'), damaged,
]

const captureOf = (story: Scenario, seed = 1): Promise<Captured> => capture(story, { seed, verifier: 'node', pcap: true, qlog: true })

interface Qlog {
  readonly description: string
  readonly traces: readonly {
    readonly vantage_point: { readonly name: string; readonly type: string }
    readonly common_fields: { readonly ODCID: string }
    readonly events: readonly { readonly time: number; readonly name: string }[]
  }[]
}
interface Packet {
  readonly atUs: number
  /** By name. */
  readonly interface: string
  readonly comments: readonly string[]
  readonly bytes: Buffer
}
function packetsOf(file: Uint8Array): readonly Packet[] {
  const blocks = blocksOf(file)
  const names = blocks.filter(({ type }) => type === 1).map((block) => optionsOf(block, 8).find(([code]) => code === 2)![1].toString())
  return blocks.filter(({ type }) => type === 6).map((block) => ({
    atUs: block.body.getUint32(4, true) * 2 ** 32 + block.body.getUint32(8, true), interface: names[block.body.getUint32(0, true)],
    comments: commentsOf(block), bytes: packetOf(block),
  }))
}
const qlogOf = ({ qlog }: Captured): Qlog => JSON.parse(qlog!.file)

describe.each(STORIES.map((story) => [story.name, story] as const))('a capture of %s', (_, story) => {
  const both: Promise<readonly [RunResult, Captured]> = (async () => [await run(story, { seed: 1 }), await captureOf(story)])()

  it('is of the same run: its trace has the same digest, though its packets are protected in another way', async () => {
    const [result, { traceDigest, pcap }] = await both
    expect(traceDigest).toBe(result.traceDigest)
    expect(pcap).toMatchObject({ packets: result.report.counters.packetsSent, leftOut: 0 })
  })

  it('shows what travels inside: each SCTP packet and each word to the relay right behind the datagram that brings it', async () => {
    const [, { pcap }] = await both
    const packets = packetsOf(pcap!.file)
    const inner = packets.flatMap((packet, index) => (packet.interface.includes(' inside ') ? [{ ...packet, index }] : []))
    expect(inner).toHaveLength(pcap!.inside)
    expect(packets).toHaveLength(pcap!.packets + pcap!.inside)
    for (const { index, atUs, interface: name, comments, bytes } of inner) {
      const [first, ...became] = comments
      const [, number, what] = /^inside packet (\d+): (.+)$/.exec(first)!
      const outer = packets[Number(number) - 1]
      expect(outer).toMatchObject({ atUs, interface: name.split(' ')[0] })
      expect(outer.comments.map((comment) => comment.replace(/^datagram \d+: /, ''))).toEqual([what, ...became])
      expect(packets.slice(Number(number), index).every((packet) => packet.interface.includes(' inside '))).toBe(true)
      if (name.endsWith('DTLS')) expect(readPacket(bytes)).toBeDefined()
      else expect(JSON.parse(bytes.subarray(bytes.indexOf('{')).toString('latin1'))).toHaveProperty('type')
    }
    const names = new Set(inner.map(({ interface: name }) => name))
    expect([...names].filter((name) => name.startsWith('host')).sort()).toEqual(['host inside DTLS', 'host inside signalling'])
  })

  it('has both ends of every QUIC connection in a qlog that validates', async () => {
    const [, captured] = await both
    const file = qlogOf(captured)
    validateQlog(file)
    expect(validateQlog.errors).toBeNull()
    const ends = file.traces.map(({ vantage_point: { name, type }, common_fields: { ODCID } }) => `${ODCID} ${type} ${name}`).sort()
    const idsOf = (about: string): string[] => ends.filter((end) => end.includes(about)).map((end) => end.split(' ')[0])
    const clients = idsOf(' client ')
    expect(clients.length).toBeGreaterThan(0)
    expect(idsOf(' server host')).toEqual(clients)
    expect(captured.qlog).toMatchObject({ ends: file.traces.length, leftOut: 0 })
    const names = new Set(file.traces.flatMap(({ events }) => events.map(({ name }) => name)))
    expect([...names]).toEqual(expect.arrayContaining(['transport:packet_sent', 'transport:packet_received', 'recovery:metrics_updated']))
  })

  it.skipIf(!hasReader())(`is read by ${READER} without a complaint, and decrypted`, async () => {
    const [result, { pcap }] = await both
    expect(readCapture(pcap!.file, PROBLEMS, 'frame.number', 'frame.protocols', '_ws.expert.message')).toEqual([])
    const fields = ['tls.handshake.type', 'quic.stream.stream_id', 'dtls.record.content_type', 'stun.type', 'frame.comment']
    const rows = readCapture(pcap!.file, 'udp', 'frame.number', ...fields).map((row) => row.split('\t'))
    expect(rows).toHaveLength(result.report.counters.packetsSent)
    const [, messages, streams, dtls, stun, comments] = ['', ...fields].map((__, index) => rows.map((row) => row[index] ?? ''))
    // EncryptedExtensions and Finished are of the handshake that nobody reads without its secrets.
    for (const type of ['1', '2', '8', '20']) expect(messages.some((types) => types.split(',').includes(type))).toBe(true)
    for (const column of [streams, dtls, stun]) expect(column.filter((text) => text !== '').length).toBeGreaterThan(2)
    expect(comments.filter((text) => text.includes('lost: '))).toHaveLength(result.report.counters.packetsLost)
    for (const comment of comments) expect(comment).toMatch(/^datagram \d+: .+ of connection \d+/)
    const inside = (filter: string, field: string): string[] => readCapture(pcap!.file, filter, field).flatMap((row) => row.split(','))
    expect(inside('sctp', 'sctp.checksum.status').length).toBeGreaterThan(50)
    expect([...new Set(inside('sctp', 'sctp.chunk_type'))]).toEqual(expect.arrayContaining(['0', '1', '2', '3', '10', '11']))
    expect(new Set(inside('rtcdc', 'rtcdc.label'))).toEqual(new Set(['control', 'replication', 'assets', 'input']))
    expect(inside('json', 'json.value.string')).toEqual(expect.arrayContaining(['hello', 'welcome', 'offer', 'answer']))
  }, 120_000)
})

describe('a capture', () => {
  it('of the same seed is the same, byte for byte', async () => {
    const [first, second] = [await captureOf(storyOf('late-join')), await captureOf(storyOf('late-join'))]
    expect(Buffer.compare(first.pcap!.file, second.pcap!.file)).toBe(0)
    expect(first.qlog!.file).toBe(second.qlog!.file)
  })

  it('is of a run with a planted fault, with a flipped bit, and by a plan, too', async () => {
    const story = storyOf('loopback-120')
    const parsed = parsePlan((await run(story, { seed: 4 })).planJson)
    if (parsed.kind !== 'plan') throw new Error(parsed.why)
    const plan = { ...parsed.plan, choices: parsed.plan.choices.slice(0, 20) }
    const asked: SimulateOptions[] = [{ canary: 'cut-cuts-nothing' }, { tamper: { peer: 'ben', frame: 60 } }, { plan }]
    for (const options of asked) {
      const { traceDigest } = await run(story, options)
      expect((await capture(story, { verifier: 'node', ...options, pcap: true, qlog: false })).traceDigest).toBe(traceDigest)
    }
  })

  it('shows nodes behind translators as others see them, and the public server by its own address', async () => {
    const story = storyOf('behind-nats')
    const { pcap, traceDigest } = await captureOf(story)
    const result = await run(story, { seed: 1 })
    expect(traceDigest).toBe(result.traceDigest)
    // The report calls them by what they are, and says which way connections went.
    const { links, connections } = result.report
    expect(new Set(links.flatMap(({ from, to }) => [from, to])))
      .toEqual(new Set(['host', 'ana', 'ben', 'the public server', "ana's translator"]))
    expect(connections.map(({ from, paths: [{ way }] }) => `${from} ${way}`))
      .toEqual(['ana direct', 'ben through the public server', 'ana direct'])
    if (!hasReader()) return
    expect(readCapture(pcap!.file, PROBLEMS, 'frame.number', 'frame.protocols', '_ws.expert.message')).toEqual([])
    const sources = new Set(readCapture(pcap!.file, 'udp', 'frame.interface_name', 'ip.src'))
    expect(sources).toEqual(new Set(['host\t203.0.113.0', 'host\t10.0.8.0', 'ana\t203.0.113.1', 'ben\t203.0.113.2']))
    expect(readCapture(pcap!.file, 'stun and ip.dst == 203.0.113.0/24', 'frame.number').length).toBeGreaterThan(0)
  }, 120_000)

  it('holds what it was asked for, and no more than its bounds', async () => {
    const story = storyOf('late-join')
    const whole = await captureOf(story)
    const less = await capture(story, { seed: 1, verifier: 'node', pcap: true, qlog: true, packetsMax: 100, eventsMax: 200 })
    expect(less.traceDigest).toBe(whole.traceDigest)
    expect(less.pcap).toMatchObject({ packets: 100, leftOut: whole.pcap!.packets - 100 })
    expect(less.qlog!.leftOut).toBeGreaterThan(500)
    const eventsOf = (captured: Captured): number => qlogOf(captured).traces.reduce((count, { events }) => count + events.length, 0)
    expect(eventsOf(less)).toBeLessThanOrEqual(200)
    expect(eventsOf(whole)).toBeGreaterThan(700)
    expect(Buffer.from(less.pcap!.file).toString('latin1')).toMatch(/\d+ packets after these are left out/)
    expect(qlogOf(less).description).toContain(`; ${less.qlog!.leftOut} events after these are left out`)
    const qlogAlone = await capture(story, { seed: 1, verifier: 'node', pcap: false, qlog: true })
    expect(qlogAlone).toEqual({ traceDigest: whole.traceDigest, qlog: whole.qlog })
  })
})
