/** What a peer knows of its own health, what its host hears of it, and who is alarmed. */
import { beforeAll, describe, expect, it } from 'vitest'
import { COUNT_MAX } from '../../../schemas/generated/layout.ts'
import {
  ALARM_INTERVAL_US, COMMAND_BURST, COMMAND_TIMES_MAX, MIRROR_BYTES_MAX, MIRROR_PACKETS_PER_SECOND,
  REFUSALS_PER_SECOND_MAX, SLOW_FRAME_US, TELEMETRY_INTERVAL_US,
} from '../../../system/limits.ts'
import type { TelemetryReport } from '../../../system/protocol/messages.ts'
import { Board } from '../../../system/telemetry/board.ts'
import { type Alarm, Diagnostics } from '../../../system/telemetry/diagnostics.ts'
import type { SystemEvent } from '../../../system/telemetry/events.ts'
import { COUNTERS, GAUGES, HISTOGRAMS } from '../../../system/telemetry/metrics.ts'
import { PacketMirror } from '../../../system/telemetry/mirror.ts'
import { Loopback, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const watched = () => {
  const alarms: Alarm[] = []
  const diagnostics = new Diagnostics((alarm) => alarms.push(alarm))
  return { alarms, diagnostics }
}
const signed = (lamport: number, resignedFrom = 0): SystemEvent =>
  ({ event: 'commandSigned', author: 1, lamport, trace: lamport, nonce: 1n, command: 'entity.spawn', scope: 1, resignedFrom })
const folded = (lamport: number, author = 1): SystemEvent =>
  ({ event: 'commandFolded', author, lamport, trace: lamport, frame: 1, command: 'entity.spawn', outcome: 'applied', why: '' })
const refused = (reason: 'nonce' | 'rate' | 'epoch'): SystemEvent =>
  ({ event: 'commandRefused', author: 1, lamport: 1, trace: 1, reason, at: 'host' })

describe('diagnostics', () => {
  it('R-TELE-1 the time of a command is from its first signing to its own fold, however often it was signed anew', () => {
    const { diagnostics } = watched()
    diagnostics.note(signed(5), 1000)
    diagnostics.note(signed(9, 5), 4000)
    // Somebody else's of the same Lamport time is not it.
    diagnostics.note(folded(9, 2), 5000)
    diagnostics.note(folded(9), 9000)
    const { counters, histograms } = diagnostics.telemetry
    expect(counters).toMatchObject({ 'commands.signed': 1, 'commands.signedAnew': 1, 'commands.applied': 2 })
    expect(histograms['command.latencyUs']).toMatchObject({ count: 1, max: 8000 })
  })

  it('R-TELE-1 forgets the oldest commands that are never folded', () => {
    const { diagnostics } = watched()
    for (let lamport = 1; lamport <= COMMAND_TIMES_MAX + 1; lamport++) diagnostics.note(signed(lamport), lamport)
    diagnostics.note(folded(1), 1_000_000)
    expect(diagnostics.telemetry.histograms['command.latencyUs'].count).toBe(0)
    diagnostics.note(folded(2), 1_000_000)
    expect(diagnostics.telemetry.histograms['command.latencyUs'].count).toBe(1)
  })

  it('R-TELE-3 a frame that begins too late is counted and told once a second', () => {
    const { alarms, diagnostics } = watched()
    diagnostics.frame(0, 0)
    diagnostics.frame(0, SLOW_FRAME_US)
    expect(alarms).toEqual([])
    for (let late = 1; late <= 3; late++) diagnostics.frame(0, SLOW_FRAME_US + late * (SLOW_FRAME_US + 1))
    expect(diagnostics.telemetry.counters['frames.slow']).toBe(3)
    expect(alarms).toEqual([{ alarm: 'slow frame', value: SLOW_FRAME_US + 1, limit: SLOW_FRAME_US }])
  })

  it('R-TELE-3 a backlog, replays, a limiter and many refusals are told, each once a second', () => {
    const { alarms, diagnostics } = watched()
    const queue = { event: 'commandBacklog', queue: 'pending', depth: 70, bound: 100 } as const
    diagnostics.note({ ...queue, state: 'relieved' }, 1)
    diagnostics.note({ ...queue, state: 'long' }, 2)
    for (let i = 0; i < 4; i++) {
      diagnostics.note(refused('nonce'), 3)
      diagnostics.note(refused('rate'), 3)
      diagnostics.note(refused('epoch'), 3)
    }
    diagnostics.note(refused('nonce'), 3 + ALARM_INTERVAL_US)
    expect(alarms.map(({ alarm, value }) => `${alarm} ${value}`)).toEqual([
      'queue depth 70', 'replay 1', 'limiter 1', 'replay 5',
    ])
    expect(diagnostics.telemetry.counters).toMatchObject({ 'refused.nonce': 5, 'refused.rate': 4, 'refused.other': 4 })
    for (let i = 0; i < 2 * REFUSALS_PER_SECOND_MAX; i++) {
      diagnostics.note({ event: 'messageRefused', cause: 'unreadable', reason: 'crc', bytes: 9, peer: 1 }, 5)
    }
    diagnostics.frame(0, 1_000_000)
    expect(alarms.at(-1)).toEqual({ alarm: 'refusals', value: 2 * REFUSALS_PER_SECOND_MAX + 13, limit: REFUSALS_PER_SECOND_MAX })
  })

  it('R-TELE-1 rates are of the last whole second', () => {
    const { diagnostics } = watched()
    for (let lamport = 1; lamport <= 10; lamport++) diagnostics.note(signed(lamport), 1)
    const bytes = { channel: 'control', bytes: 500, peer: 0 } as const
    diagnostics.note({ event: 'messageSent', message: 'CommandLogEntry', ...bytes }, 2)
    diagnostics.note({ event: 'messageSent', message: 'Heartbeat', ...bytes }, 2)
    diagnostics.frame(0, 2_000_000)
    expect(diagnostics.telemetry.gauges).toMatchObject({ 'commands.perSecond': 5, 'bytes.perSecond': 500, 'commandBytes.perSecond': 250 })
    diagnostics.frame(0, 3_000_000)
    expect(diagnostics.telemetry.gauges).toMatchObject({ 'commands.perSecond': 0, 'bytes.perSecond': 0 })
  })

  it('R-TELE-2 a report has what changed since the last one, and fits a message', () => {
    const { diagnostics } = watched()
    diagnostics.note(signed(1), 1)
    expect(diagnostics.takeReport()).toEqual([{ name: 'commands.signed', value: 1 }])
    expect(diagnostics.takeReport()).toEqual([])
    diagnostics.beginReports()
    expect(diagnostics.takeReport()).toEqual([{ name: 'commands.signed', value: 1 }])
    diagnostics.note({ event: 'streamPublished', frame: 1, published: 2, waiting: 3, longestWait: 4, bytes: 5 }, 2)
    expect(diagnostics.telemetry.gauges).toMatchObject({ 'stream.waiting': 3, 'stream.longestWait': 4 })
    expect(diagnostics.takeReport()).toEqual([{ name: 'stream.waiting', value: 3 }, { name: 'stream.longestWait', value: 4 }])
    const most = Object.keys(COUNTERS).length + Object.keys(GAUGES).length + 2 * Object.keys(HISTOGRAMS).length
    expect(most).toBeLessThanOrEqual(COUNT_MAX.TelemetryReport.counters)
  })
})

describe('the host', () => {
  it('R-TELE-2 holds the newest that each member told, and no name that it does not know', () => {
    const board = new Board()
    const report = (counters: TelemetryReport['counters']): TelemetryReport =>
      ({ kind: 'TelemetryReport', frame: 7, confirmedFrame: -1, rttUs: 0, jitterUs: 0, counters })
    expect(board.take(3, report([{ name: 'commands.signed', value: 4 }, { name: '__proto__', value: 1 }, { name: 'x', value: 1 }]))).toBe(1)
    expect(board.take(3, report([{ name: 'command.latencyUs.p99', value: 5 }, { name: 'commands.signed', value: 6 }]))).toBe(2)
    expect([...board.members.get(3)!.metrics]).toEqual([['commands.signed', 6], ['command.latencyUs.p99', 5]])
  })

  it('R-TELE-2 is told once a second how its members do', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana', 'ben')
    ana.intend({ kind: 'toolActivate', tool: 1 })
    loopback.run(2 * Math.ceil((TELEMETRY_INTERVAL_US * 90) / 1e6))
    const { board } = loopback.host.peer
    expect([...board.members.keys()]).toEqual([1, 2])
    const [of1, of2] = [board.members.get(1)!, board.members.get(2)!]
    expect(of1.metrics.get('commands.signed')).toBe(1)
    expect(of1.metrics.get('command.latencyUs.p50')).toBeGreaterThan(150_000)
    expect(of2.metrics.get('commands.signed')).toBeUndefined()
    expect(of1.metrics.get('frames.done')).toBe(of1.confirmedFrame - ana.heard('joined')[0].frame)
    expect(loopback.host.heard('telemetry').length).toBeGreaterThanOrEqual(2)
  })

  it('R-TELE-2 is told everything again on another connection', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    const seconds = (count: number) => loopback.run(count * Math.ceil((TELEMETRY_INTERVAL_US * 90) / 1e6))
    ana.intend({ kind: 'toolActivate', tool: 1 })
    seconds(3)
    const before = loopback.all('TelemetryReport').length
    loopback.sever(ana)
    seconds(3)
    const [first] = loopback.all('TelemetryReport').slice(before)
    expect(first.message.counters).toContainEqual({ name: 'commands.signed', value: 1 })
  })

  it('R-TELE-3 raises an alarm where a member sends more than it may', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    for (let i = 0; i <= COMMAND_BURST + 10; i++) ana.intend({ kind: 'toolActivate', tool: i % 9 })
    loopback.run(5)
    expect(loopback.host.heard('alarm').map(({ alarm }) => alarm)).toEqual(['limiter'])
  })
})

describe('the mirror', () => {
  it('R-TELE-4 is shown every packet of its peer, both ways, as it travels', () => {
    const mirror = new PacketMirror()
    const loopback = new Loopback({ mirrorOf: (name) => (name === 'ana' ? mirror : undefined) })
    loopback.joined('ana')
    const sent = mirror.packets.filter(({ way }) => way === 'sent').map(({ bytes }) => Buffer.from(bytes).toString('hex'))
    expect(sent).toEqual(loopback.sent.filter(({ from }) => from === 'ana').map(({ bytes }) => Buffer.from(bytes).toString('hex')))
    const received = mirror.packets.filter(({ way }) => way === 'received')
    expect(received.length).toBeGreaterThan(10)
    expect(received.map(({ atUs }) => atUs)).toEqual(received.map(({ atUs }) => atUs).sort((a, b) => a - b))
  })

  const packet = (atUs: number, bytes: Uint8Array) => ({ atUs, way: 'sent', peer: 1, channel: 0, bytes }) as const

  it('R-TELE-4 keeps the newest packets within its bytes, as copies', () => {
    const mirror = new PacketMirror()
    const large = new Uint8Array(MIRROR_BYTES_MAX / 4)
    for (let i = 0; i < 6; i++) mirror.take(packet(i, large.fill(i)))
    expect(mirror.packets.map(({ atUs, bytes }) => `${atUs} ${bytes[0]}`)).toEqual(['2 2', '3 3', '4 4', '5 5'])
    mirror.take(packet(7, new Uint8Array(MIRROR_BYTES_MAX + 1)))
    expect({ kept: mirror.packets.length, passedOver: mirror.passedOver }).toEqual({ kept: 4, passedOver: 1 })
  })

  it('R-TELE-4 takes no more than its rate in a second', () => {
    const mirror = new PacketMirror()
    for (let i = 0; i < MIRROR_PACKETS_PER_SECOND + 5; i++) mirror.take(packet(i, Uint8Array.of(1)))
    expect({ kept: mirror.packets.length, passedOver: mirror.passedOver }).toEqual({ kept: MIRROR_PACKETS_PER_SECOND, passedOver: 5 })
    mirror.take(packet(1_000_000, Uint8Array.of(1)))
    expect(mirror.packets).toHaveLength(MIRROR_PACKETS_PER_SECOND + 1)
  })
})
