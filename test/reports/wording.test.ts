/** Choices and operations in words, from a trace made by hand. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { RunRecord } from '../../reports/input.ts'
import { Wording } from '../../reports/wording.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { ANA, BEN, frameClosed, HOST, INFO, note, onDatagram, opened, sent } from './records.ts'

const delta: SystemEvent = { event: 'messageSent', message: 'ComponentDelta', channel: 'replication', bytes: 300, peer: 2 }
const handshake = [sent(1_000, 1, BEN, HOST, { connection: 8, contents: 'client hello' }), note(1_000, HOST, opened(2, 'ben'))]
const made = (site: string, record: number, alternative = 1, keyHi = 0, keyLo = 0) => ({ site, keyHi, keyLo, alternative, record })
const words = (records: readonly RunRecord[]) => new Wording(records, INFO.nodes)
const lost = (datagram: number): RunRecord => ({ kind: 'lost', datagram, from: HOST, to: BEN, why: 'drop', atUs: 5_000, node: -1 })

describe('a choice in words', () => {
  it('names a datagram by its label where no message is known to ride in it', () => {
    const records = [...handshake, sent(5_000, 41, BEN, HOST, { contents: 'ack', connection: 4096, start: 77, end: 0 }), lost(41)]
    expect(words(records).choice(made('net.drop', 3))).toBe("ben's datagram 41 to the host (quic ack of connection 4096) was lost")
  })

  it('names the message that rode in it, over a stream and over messages, where the channel adds up', () => {
    // A stream has the length of each message in front of it: 2 bytes for 300.
    const stream = sent(5_000, 42, HOST, BEN, { connection: 8, channel: 1, start: 0, end: 302 })
    const message = sent(5_000, 42, HOST, BEN, { connection: 8, channel: 1, contents: 'message', start: 0, end: 1 })
    for (const carrier of [stream, message]) {
      const records = [...handshake, note(5_000, HOST, delta), note(5_000, HOST, frameClosed(57)), carrier, lost(42)]
      expect(words(records).choice(made('net.drop', 5))).toBe("the host's datagram 42 to ben (the delta of frame 57) was lost")
    }
  })

  it('names none where more was sent than anybody told of', () => {
    const carrier = sent(5_000, 42, HOST, BEN, { connection: 8, channel: 1, start: 0, end: 304 })
    const records = [...handshake, note(5_000, HOST, delta), note(5_000, HOST, frameClosed(57)), carrier]
    expect(words(records).choice(made('net.drop', 5)))
      .toBe("the host's datagram 42 to ben (quic stream 1 [0, 304) attempt 0 of connection 8) was lost")
  })

  it('finds what shares a datagram with the message that the label names', () => {
    const heartbeat = { ...delta, message: 'Heartbeat', channel: 'control', bytes: 40 } as const
    // 400 bytes have room for the heartbeat and the delta, and not for this one too.
    const poses = { ...delta, message: 'InputPredictiveState', channel: 'input', bytes: 90 } as const
    const records = [
      ...handshake, note(5_000, HOST, delta), note(5_000, HOST, frameClosed(57)), note(5_000, HOST, heartbeat), note(5_000, HOST, poses),
      sent(5_000, 42, HOST, BEN, { connection: 8, channel: 0, start: 0, end: 41, bytes: 400 }),
      sent(5_000, 43, HOST, BEN, { connection: 8, channel: 0, start: 41, end: 80, bytes: 90 }),
    ]
    expect(words(records).choice(made('net.drop', 7)))
      .toBe("the host's datagram 42 to ben (a heartbeat and the delta of frame 57) was lost")
  })

  it('says what every fault of the network did', () => {
    const records: RunRecord[] = [
      ...handshake, sent(5_000, 1, ANA, HOST), { kind: 'corrupted', datagram: 1, from: ANA, to: HOST, offset: 9, atUs: 5_000, node: -1 },
      { ...onDatagram(12_500, 'delivered', 1), from: ANA, to: HOST } as RunRecord,
    ]
    const told = ['net.corrupt', 'net.duplicate', 'net.reorder', 'net.delay'].map((site) => words(records).choice(made(site, 3)))
    const name = "ana's datagram 1 to the host (quic stream 0 [0, 10) attempt 0 of connection 7) was"
    expect(told).toEqual([
      `${name} damaged at byte 9`, `${name.replace(/was$/, 'came')} twice`, `${name} held back, so that later ones overtook it`,
      `${name} 7.500 ms under way`,
    ])
  })

  it('tells losses apart: singly, of a block, in a burst and between two', () => {
    const records = [...handshake, sent(5_000, 1, ANA, HOST), lost(1)]
    const of = (site: string): string => words(records).choice(made(site, 3)).replace(/ana's datagram 1 to the host \(.*\)/, 'it')
    expect(['net.drop', 'net.lossBlock', 'net.lossBad', 'net.lossGood', 'net.burstBegin', 'net.burstStay'].map(of)).toEqual([
      'it was lost', 'it was lost, one of those that its link loses of every block', 'it was lost in a burst of losses',
      'it was lost between two bursts of losses', 'a burst of losses began behind it', 'a burst of losses went on behind it',
    ])
  })

  it('says what became of writes that a crash met', () => {
    const data = { event: 'unconfirmed', file: 'log.3', offset: 1200, bytes: 340, kept: 17 }
    const met: RunRecord = { kind: 'note', name: 'unconfirmed', data, atUs: 900, node: HOST }
    const of = (site: string, records = [met]): string => words(records).choice(made(site, 0, 5, 77, 1200))
    expect(of('disk.crash'))
      .toBe('the crash of the host, at 0.900 ms, left 17 of the 340 bytes that were being written to log.3 at byte 1200')
    expect(of('disk.crash.removal')).toBe('the crash of the host, at 0.900 ms, found log.3 removed')
    expect(of('disk.crash', [])).toBe('a crash left something of a write, at byte 1200 of its file')
    expect(of('disk.latency')).toBe('a write to a disk, at byte 1200 of its file, took long')
  })

  it('has a sentence for every site at which the simulator chooses', () => {
    const files = readdirSync('sim', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    const code = files.map((file) => readFileSync(`sim/${file}`, 'utf8')).join('\n')
    const sites = [...code.matchAll(/\b(?:odds|chancePpm|possible)\('([^']+)'/g)].map(([, site]) => site)
    expect(sites.length).toBeGreaterThan(12)
    const records = [...handshake, sent(5_000, 1, ANA, HOST)]
    for (const site of sites) expect(words(records).choice(made(site, 3))).not.toContain('took alternative')
  })

  it('says where a tie was broken, by node and instant', () => {
    // An instant beyond 2^32 microseconds, whose upper half shares its word with the node.
    expect(words([]).choice(made('tie', 0, 2, 2 ** 16 + ANA, 12_345))).toBe('the tie at 4294979.641 ms: node ana fell back 2 places')
    expect(words([]).choice(made('tie', 0, 1, BEN, 12_345))).toBe('the tie at 12.345 ms: node ben fell back 1 place')
  })

  it('says where a fault point struck', () => {
    const data = { event: 'faultPoint', name: 'snapshot.chunk' }
    const struck: RunRecord = { kind: 'note', name: 'faultPoint', data, atUs: 900, node: HOST }
    expect(words([struck]).choice(made('point.snapshot.chunk', 0)))
      .toBe('the fault point snapshot.chunk struck at host, at 0.900 ms')
  })

  it('says what it knows of any other site', () => {
    expect(words([]).choice(made('moon.phase', 0, 3))).toBe('moon.phase took alternative 3')
    expect(words([]).choice(made('net.drop', 0))).toBe('net.drop took alternative 1')
  })
})

describe('an operation in words', () => {
  it('is its actor and verb, with its number from the second on', () => {
    const labels = ['ana.join#1', 'ana.right.pointAt#2', 'net.link.cut#13', 'host.propMove#61', 'host.propMove#111']
    const told = labels.map((label) => words([]).done(label))
    expect(told).toEqual([
      "ana's join happened", "ana's 2nd right.pointAt happened", "net's 13th link.cut happened", "host's 61st propMove happened",
      "host's 111th propMove happened",
    ])
  })
})
