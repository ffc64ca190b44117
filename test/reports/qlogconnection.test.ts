/** What real connections tell makes qlog files that validate, and that tell the same as the connections know. */
import { expect, it } from 'vitest'
import { qlogText } from '../../reports/qlog.ts'
import { pattern, type Program, SECOND_US, World, type WorldOptions } from '../sim/quic/world.ts'
import { validateQlog } from '../support/qlogschema.ts'

interface Packet {
  header: { packet_type: string; packet_number: number }
  is_coalesced?: true
  trigger?: string
  frames: { frame_type: string }[]
  datagram_id: number
}
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
    'connectivity:connection_started', 'connectivity:connection_id_updated', 'connectivity:connection_closed',
    'connectivity:connection_state_updated',
    'transport:parameters_set', 'transport:packet_sent', 'transport:packet_received', 'recovery:metrics_updated', 'security:key_updated',
    'security:key_discarded',
  ]
  for (const name of expected) expect(told).toContain(name)
})

it('what one end sent and nothing lost is what the other received: headers, frames and datagrams', () => {
  const { text } = transfer({ links: LINKS })
  const [client, server] = JSON.parse(text).traces.map(({ events }: { events: Written[] }) => events) as [Written[], Written[]]
  const packets = (events: Written[], name: string) => new Map(events.filter((one) => one.name === `transport:${name}`)
    .map(({ data }) => [`${data.header.packet_type} ${data.header.packet_number}`, { ...data, trigger: undefined }]))
  for (const [from, to] of [[client, server], [server, client]]) {
    const sent = packets(from, 'packet_sent')
    const received = packets(to, 'packet_received')
    expect(received.size).toBeGreaterThan(50)
    for (const [name, packet] of received) expect(packet).toEqual(sent.get(name))
    expect([...sent.values()].some(({ is_coalesced: isCoalesced }) => isCoalesced === true)).toBe(true)
  }
  const last = server.findLast(({ name }) => name === 'transport:packet_received')!
  expect(last.data.frames.at(-1)).toEqual({ frame_type: 'connection_close', error_space: 'application', error_code: 3, reason: 'done' })
})

it('what one end says of itself is what the other hears', () => {
  const { text } = transfer({ links: LINKS })
  const [client, server] = JSON.parse(text).traces.map(({ events }: { events: { name: string; data: { owner: string } }[] }) =>
    new Map(events.filter(({ name }) => name === 'transport:parameters_set').map(({ data: { owner, ...data } }) => [owner, data])))
  expect([client.size, server.size]).toEqual([2, 2])
  expect(client.get('local')).toEqual(server.get('remote'))
  expect(server.get('local')).toEqual(client.get('remote'))
})

it('each end tells by which ids the two are addressed, as they change with the path', () => {
  const world = new World({ isQlogged: true, links: LINKS })
  const { client, server } = world.open()
  world.run(SECOND_US)
  world.alsoAt(3, client)
  expect(client.act((connection, nowUs) => connection.migrate({ address: 3, port: 7_000 }, nowUs))).toBe(true)
  world.run(2 * SECOND_US)
  const file = JSON.parse(fileOf(client, server))
  expect(validateQlog(file)).toBe(true)
  const [ofClient, ofServer] = file.traces.map(({ events }: { events: { name: string; data: Record<string, string> }[] }) =>
    events.filter(({ name }) => name === 'connectivity:connection_id_updated').map(({ data }) => data))
  const idsOf = (updates: Record<string, string>[], owner: string) =>
    updates.filter((update) => update.owner === owner).map(({ old, new: id }) => [old, id])
  // Away from the id that the client drew, and with the move.
  expect(idsOf(ofClient, 'remote').length).toBe(2)
  expect(idsOf(ofClient, 'remote')[0][1]).toBe(idsOf(ofClient, 'remote')[1][0])
  expect(idsOf(ofServer, 'local')).toEqual([idsOf(ofClient, 'remote')[1]])
  expect(idsOf(ofServer, 'remote')).toEqual(idsOf(ofClient, 'local'))
  // To an id with a token of the client's, and with the move.
  expect(idsOf(ofServer, 'remote').length).toBe(2)
})

it.each<[string, string, WorldOptions]>([
  ['pto_probe', 'sent', { links: { ...LINKS, dropPpm: 300_000 } }],
  ['keys_available', 'received', { seed: 7, links: { ...LINKS, dropPpm: 300_000 } }],
])('%s is why some packets were %s', (trigger, done, options) => {
  const { text } = transfer(options)
  const events = JSON.parse(text).traces.flatMap((trace: { events: Written[] }) => trace.events) as Written[]
  const packets = events.filter(({ data }) => data.trigger === trigger)
  expect(packets.length).toBeGreaterThan(0)
  expect(new Set(packets.map(({ name }) => name))).toEqual(new Set([`transport:packet_${done}`]))
})

it('a Retry is told as a packet', () => {
  const { text } = transfer({ links: LINKS, isRetryWanted: true })
  const retries = (JSON.parse(text).traces[0].events as Written[]).filter(({ data }) => data.header?.packet_type === 'retry')
  expect(retries).toMatchObject([{ name: 'transport:packet_received', data: { retry_token: { type: 'retry' } } }])
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
