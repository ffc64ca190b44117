/** What real connections tell makes qlog files that validate, and that tell the same as the connections know. */
import { expect, it } from 'vitest'
import { qlogText } from '../../reports/qlog.ts'
import { pattern, type Program, SECOND_US, World, type WorldOptions } from '../sim/quic/world.ts'
import { validateQlog } from '../support/qlogschema.ts'

interface Packet { header: { packet_type: string; packet_number: number }; frames: { frame_type: string }[]; datagram_id: number }
interface Written { time: number; name: string; data: Packet }

const fileOf = (client: Program, server: Program): string => qlogText({
  title: 'a transfer', description: '', ipOf: (address) => `10.0.0.${address}`,
  vantagePoints: [
    { name: 'client', type: 'client', originalDestinationId: '00', events: client.qlog },
    { name: 'server', type: 'server', originalDestinationId: '00', events: server.qlog },
  ],
})

/** A stream each way, a key update between them, and the close. */
function transfer(options: WorldOptions): { client: Program; server: Program; text: string } {
  const world = new World({ isQlogged: true, ...options })
  const { client, server } = world.open()
  const id = client.act((connection) => connection.openStream('bidi'))!
  client.act((connection) => connection.write(id, pattern(100_000), true))
  expect(world.until(() => server.finished.has(id), 60 * SECOND_US)).toBe(true)
  client.act((connection) => connection.updateKeys())
  client.act((connection) => connection.datagram(pattern(100)))
  server.act((connection) => connection.write(id, pattern(100_000, 2), true))
  expect(world.until(() => client.finished.has(id), 60 * SECOND_US)).toBe(true)
  client.act((connection, nowUs) => connection.close(3, 'done', nowUs))
  world.run(5 * SECOND_US)
  return { client, server, text: fileOf(client, server) }
}

const LINKS = { latencyUsMin: 10_000, latencyUsMax: 15_000 }
it.each<[string, WorldOptions]>([
  ['nothing is lost', { links: LINKS }],
  ['a tenth is lost', { links: { ...LINKS, dropPpm: 100_000 } }],
  ['datagrams are repeated and damaged', { links: { ...LINKS, duplicatePpm: 200_000, corruptPpm: 50_000 } }],
  ['a Retry comes first', { links: LINKS, isRetryWanted: true }],
])('the file of both ends validates where %s', (_, options) => {
  const { text } = transfer(options)
  const file = JSON.parse(text)
  validateQlog(file)
  expect(validateQlog.errors).toBeNull()
  const told = new Set(file.traces.flatMap(({ events }: { events: Written[] }) => events.map(({ name }) => name)))
  const expected = [
    'connectivity:connection_started', 'connectivity:connection_closed', 'connectivity:connection_state_updated',
    'transport:parameters_set', 'transport:packet_sent', 'transport:packet_received', 'recovery:metrics_updated', 'security:key_updated',
    'security:key_discarded',
  ]
  for (const name of expected) expect(told).toContain(name)
})

it('what one end sent and nothing lost is what the other received: packets, frames and datagrams', () => {
  const { text } = transfer({ links: LINKS })
  const [client, server] = JSON.parse(text).traces.map(({ events }: { events: Written[] }) => events) as [Written[], Written[]]
  const packets = (events: Written[], name: string) => new Map(events.filter((one) => one.name === `transport:${name}`)
    .map(({ data: { header, frames, datagram_id: datagram } }) => [`${header.packet_type} ${header.packet_number}`, { frames, datagram }]))
  for (const [from, to] of [[client, server], [server, client]]) {
    const sent = packets(from, 'packet_sent')
    const received = packets(to, 'packet_received')
    expect(received.size).toBeGreaterThan(50)
    for (const [name, packet] of received) expect(packet).toEqual(sent.get(name))
  }
  const last = server.findLast(({ name }) => name === 'transport:packet_received')!
  expect(last.data.frames.at(-1)).toEqual({ frame_type: 'connection_close', error_space: 'application', error_code: 3, reason: 'done' })
})

it('losses that are told are those that recovery counts', () => {
  const { client, text } = transfer({ links: { ...LINKS, dropPpm: 100_000 } })
  const lost = JSON.parse(text).traces[0].events.filter(({ name }: Written) => name === 'recovery:packet_lost')
  expect(lost.length).toBe(client.lostCount)
  expect(lost.length).toBeGreaterThan(5)
})

it('times never go back, and the same run gives the same bytes', () => {
  const options = { links: { ...LINKS, dropPpm: 50_000 }, seed: 9 }
  const { text } = transfer(options)
  for (const { events } of JSON.parse(text).traces as { events: Written[] }[]) {
    expect(events.map(({ time }) => time)).toEqual(events.map(({ time }) => time).sort((a, b) => a - b))
  }
  expect(transfer(options).text).toBe(text)
})
