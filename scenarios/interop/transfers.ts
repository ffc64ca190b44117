/** Interop cases of data: large and many files, far away, over bad paths, through key updates, beside other traffic; and datagrams. */
import { Ecn } from '../../sim/net/datagram.ts'
import { blackhole, lossy } from './conditions.ts'
import { CLIENT, type PathSettings, SERVER } from './lab.ts'
import { Demands, fetched, hosts, type InteropCase, KB, MB, PATH, seconds, SECOND_US, transfer } from './play.ts'

const LONG_PATH: PathSettings = { ...PATH, delayUs: 750_000 }
/** Of the link, for one who has it alone. */
const GOODPUT_MIN = 0.9
/** Of the link, for each of two who share it. A queue that loses what comes last is not fair, even to two who do the same. */
const SHARE_MIN = 0.2
const HOLE_US = 2 * SECOND_US
const BETWEEN_HOLES_US = 5 * SECOND_US
/** What a connection may lose besides each hole: until it looks again, by then seldom (RFC 9002, 6.2.1), and until it is at full speed. */
const RESUMED_US_MAX = 2 * SECOND_US

/** The part of the path's rate that so many bytes in that time are. */
const shareOf = (bytes: number, us: number): number => (bytes * 8 * SECOND_US) / us / PATH.bitsPerSecond
const percent = (share: number): string => `${(share * 100).toFixed(1)}%`

export const TRANSFER = transfer('transfer', 'files of 2, 3 and 5 MB at once, through flow control', [2 * MB, 3 * MB, 5 * MB], {
  client: { settings: { streamWindowBytes: 131_072, connectionWindowBytes: 262_144 } },
  shown: (lab, demands, session) => {
    const raised = session.sent('max_data').length
    // Each time by a window at the most.
    demands.expect(raised >= (10 * MB) / 262_144 - 1, `the connection's limit was raised ${raised} times`)
    return `${10 * MB} bytes in ${seconds(lab.nowUs)}, the connection's limit raised ${raised} times`
  },
})

export const LONG_RTT = transfer('longrtt', 'a round trip of 1.5 s', [KB], { path: LONG_PATH })

export const MULTIPLEXING = transfer(
  'multiplexing', '1,999 files of 32 bytes, 100 streams at once', Array.from({ length: 1_999 }, () => 32), {
    server: { settings: { streamsBidiMax: 100 } },
    shown: (lab, demands, session) => {
      const raised = session.heard.filter((event) => event.kind === 'streamsAvailable' && event.direction === 'bidi').length
      demands.expect(raised >= 19, `the limit was raised ${raised} times`)
      return `1999 files in ${seconds(lab.nowUs)}, the limit on streams raised ${raised} times`
    },
  },
)

export const KEY_UPDATE = transfer('keyupdate', 'the client changes the keys in the middle of 3 MB', [3 * MB], {
  before: (lab, { client }) => lab.at(SECOND_US, () => client.sessions[0].connection.updateKeys()),
  shown: (_lab, demands, session, { server }) => {
    const phases = [session, server.sessions[0]].map((side) => side.event('keyUpdated')?.keyPhase)
    demands.expect(phases.every((phase) => phase === 1), `key phases ${phases.join(' and ')}`)
    return 'both ends in key phase 1'
  },
})

export const ECN = transfer('ecn', 'both ends mark their packets and report what they see', [MB], {
  shown: (lab, demands, session, { server }) => {
    const marked = [CLIENT, SERVER].map((node) => lab.sent.filter((datagram) => datagram.node === node && datagram.ecn === Ecn.ect0).length)
    const counts = [session, server.sessions[0]].map((side) => side.sent('ack', '1RTT').filter(({ ect0 }) => ect0 !== undefined).length)
    demands.expect(marked.every((count) => count > 0), `marked: ${marked.join(' and ')}`)
    demands.expect(counts.every((count) => count > 0), `acknowledgements with counts: ${counts.join(' and ')}`)
    return `${marked.join(' and ')} datagrams marked, ${counts.join(' and ')} acknowledgements with counts`
  },
})

export const BLACKHOLE = transfer('blackhole', '10 MB over a path that is gone for 2 s after every 5', [10 * MB], {
  before: (lab) => {
    const hole = blackhole(BETWEEN_HOLES_US, HOLE_US)
    lab.conditions = { toServer: hole, toClient: hole }
  },
  shown: (lab, demands) => {
    const undisturbedUs = (10 * MB * 8 * SECOND_US) / PATH.bitsPerSecond
    demands.expect(lab.nowUs > undisturbedUs + HOLE_US, 'nothing fell into the hole')
    const holes = Math.floor((lab.nowUs + HOLE_US) / (BETWEEN_HOLES_US + HOLE_US))
    demands.expect(lab.nowUs <= undisturbedUs / GOODPUT_MIN + holes * (HOLE_US + RESUMED_US_MAX), `it took ${seconds(lab.nowUs)}`)
    return `${10 * MB} bytes in ${seconds(lab.nowUs)}, ${(holes * HOLE_US) / SECOND_US} s of them in holes`
  },
})

const badPath = (name: string, about: string, fate: 'drop' | 'corrupt'): InteropCase =>
  transfer(name, about, [2 * MB], {
    before: (lab) => {
      lab.conditions = lossy(lab.chooser, fate, 2)
    },
    shown: (lab, demands) => {
      const struck = fate === 'drop' ? lab.lost : lab.corrupted
      // 1,800 datagrams from the server alone.
      demands.expect(struck >= 15, `the path struck ${struck} times`)
      return `${2 * MB} bytes in ${seconds(lab.nowUs)}`
    },
  })
export const TRANSFER_LOSS = badPath('transferloss', '2 MB at 2% loss each way', 'drop')
export const TRANSFER_CORRUPTION = badPath('transfercorruption', '2 MB, 2% of the datagrams damaged each way', 'corrupt')

export const GOODPUT = transfer('goodput', '10 MB as fast as the path carries them', [10 * MB], {
  isGoodput: true,
  shown: (lab, demands) => {
    const share = shareOf(10 * MB, lab.nowUs)
    demands.expect(share >= GOODPUT_MIN, `${percent(share)} of the link`)
    return `${percent(share)} of the link`
  },
})

export const CROSS_TRAFFIC = transfer('crosstraffic', '25 MB beside a TCP transfer', [25 * MB], {
  isGoodput: true,
  before: (_lab, { server }) => server.sendTcp(),
  shown: (lab, demands, _session, { client }) => {
    const [own, other] = [25 * MB, client.tcp.receivedBytes].map((bytes) => shareOf(bytes, lab.nowUs))
    demands.expect(own + other >= GOODPUT_MIN, `together ${percent(own + other)} of the link`)
    // The runner measures, and demands nothing; here nobody may starve.
    demands.expect(own >= SHARE_MIN && other >= SHARE_MIN, `${percent(own)} and ${percent(other)} of the link`)
    return `${percent(own)} of the link, and TCP ${percent(other)}`
  },
})

const DATAGRAMS = 2_000
const DATAGRAM_BYTES = 100
const DATAGRAM_EVERY_US = 2_000

/** A number of 32 bits, then its last byte over and over. */
const payloadOf = (number: number): Uint8Array => {
  const bytes = new Uint8Array(DATAGRAM_BYTES).fill(number)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}
const numberOf = ({ buffer }: Uint8Array): number => new DataView(buffer).getUint32(0)
const isIntact = (bytes: Uint8Array): boolean => payloadOf(numberOf(bytes)).join() === bytes.join()

/** RFC 9221: each is sent once, arrives once or never, and the sender is told once what became of it. */
export const DATAGRAMS_CASE: InteropCase = {
  name: 'datagrams', about: `${DATAGRAMS} unreliable datagrams of ${DATAGRAM_BYTES} bytes at 2% loss each way, beside a file of 256 KB`,
  path: PATH,
  play: (lab) => {
    const demands = new Demands()
    const { client, server } = hosts(lab)
    lab.conditions = lossy(lab.chooser, 'drop', 2)
    const session = client.connect()
    const { connection } = session
    lab.run(10 * SECOND_US, () => session.event('handshakeComplete') !== undefined)
    demands.expect(connection.datagramBytesMax >= DATAGRAM_BYTES, `the server takes datagrams of ${connection.datagramBytesMax} bytes`)
    const numbers = new Map<number, number>()
    const beganUs = lab.nowUs
    for (let i = 0; i < DATAGRAMS; i++) {
      lab.at(beganUs + i * DATAGRAM_EVERY_US, () => numbers.set(connection.datagram(payloadOf(i)), i))
    }
    fetched(lab, demands, session, [256 * KB])
    const told = (kind: 'datagramAcked' | 'datagramLost'): number[] =>
      session.heard.flatMap((event) => (event.kind === kind ? [numbers.get(event.number)!] : []))
    lab.run(60 * SECOND_US, () => numbers.size === DATAGRAMS && told('datagramAcked').length + told('datagramLost').length >= DATAGRAMS)
    const [acked, lost] = [told('datagramAcked'), told('datagramLost')]
    demands.expect(new Set([...acked, ...lost]).size === DATAGRAMS && acked.length + lost.length === DATAGRAMS,
      `told of ${acked.length} and ${lost.length} datagrams`)
    const { datagrams } = server.sessions[0]
    const arrived = new Set(datagrams.map(numberOf))
    demands.expect(datagrams.length === arrived.size, `${datagrams.length - arrived.size} datagrams came twice`)
    demands.expect(datagrams.every(isIntact), 'a datagram came with other bytes')
    demands.expect(acked.every((number) => arrived.has(number)), 'a datagram was acknowledged that had not arrived')
    const frames = session.sent('datagram').length
    demands.expect(frames === DATAGRAMS, `${frames} frames for ${DATAGRAMS} datagrams`)
    demands.expect(arrived.size < DATAGRAMS, 'none was lost')
    demands.expect(arrived.size >= 0.95 * DATAGRAMS, `only ${arrived.size} arrived`)
    return demands.found(`${arrived.size} of ${DATAGRAMS} arrived, the sender was told of ${lost.length} losses`)
  },
}
