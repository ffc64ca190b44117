/**
 * What the network costs: datagrams through a link and through whole paths of either protocol, what a host with many peers pays for each
 * of them, handshakes, and the protection of a packet.
 */
import { SeededChooser } from '../../sim/choice.ts'
import { type Datagram, Ecn } from '../../sim/net/datagram.ts'
import { Fabric } from '../../sim/net/fabric.ts'
import type { LinkSettings } from '../../sim/net/settings.ts'
import { packetKeys, TAG_BYTES } from '../../sim/quic/protection.ts'
import { aligned, type Cell } from '../../reports/table.ts'
import { atMost, figure } from './aims.ts'
import { MESSAGES_HZ, Peering, type PeeringSettings } from './peering.ts'
import { type Contender, interleaved, median, type Samples } from './rounds.ts'

const ROUNDS = { rounds: 9, warmUpRounds: 3 }
const SMALL_BYTES = 200
const LARGE_BYTES = 16_384
/** What a message has, and frames of a turn: as many as make about a thousand datagrams. */
const LOADS = [{ messageBytes: SMALL_BYTES, frames: 540 }, { messageBytes: LARGE_BYTES, frames: 36 }]
const PEERS = [2, 8, 32, 64] as const
/** Datagrams of a turn are about as many, however many peers share them. */
const PEER_FRAMES = 512
const HANDSHAKES = 8
const PACKET_BYTES = 1_200
const PACKETS = 100
const LINK_DATAGRAMS = 5_000
const MS_PER_SECOND = 1_000
const US_PER_MS = 1_000
const GROWTH_AIM = 1.5

const PLAIN: Partial<LinkSettings> = { latencyUsMin: 5_000, latencyUsMax: 5_000 }
const EVERY_MODEL: Partial<LinkSettings> = {
  latencyUsMin: 5_000, latencyUsMax: 40_000, jitter: { kind: 'pareto', meanUs: 12_000, deviationUs: 4_000, correlationPpm: 250_000 },
  dropPpm: 1_000, loss: { kind: 'gilbertElliott', pPpm: 5_000, rPpm: 500_000, goodLossPpm: 0, badLossPpm: 500_000 },
  duplicatePpm: 1_000, reorderPpm: 10_000, corruptPpm: 1_000, bandwidthBytesPerSecond: 125_000_000, burstBytes: 16_384,
  queue: { kind: 'codel', targetUs: 5_000, intervalUs: 100_000 }, queuePacketsMax: 1_000,
  flapping: { upUs: 60_000_000, downUs: 1_000, offsetUs: 0 },
}

const PATHS = {
  'QUIC, tag': { protocol: 'quic', protection: 'tag' },
  'QUIC, aead': { protocol: 'quic', protection: 'aead' },
  'WebRTC': { protocol: 'webrtc' },
} as const satisfies Record<string, Pick<PeeringSettings, 'protocol' | 'protection'>>
type PathName = keyof typeof PATHS
const PATH_NAMES = Object.keys(PATHS) as readonly PathName[]

/** Work that is counted while it is measured: the median time of a turn, and what one turn did on the average. */
interface Counted {
  readonly name: string
  turn(): void
  readonly datagrams: number
  readonly messages: number
}

/** Datagrams as large as a message is cut into, over a link, from sending to arrival. */
class LinkWork implements Counted {
  readonly name: string
  datagrams = 0
  messages = 0
  readonly #fabric: Fabric
  readonly #messageBytes: number
  readonly #bytes: Uint8Array
  #nowUs = 0

  constructor(name: string, messageBytes: number, defaults: Partial<LinkSettings>) {
    this.name = name
    this.#messageBytes = messageBytes
    this.#bytes = new Uint8Array(Math.min(messageBytes, PACKET_BYTES))
    this.#fabric = new Fabric({
      chooser: new SeededChooser('bench'), defaults, sink() {}, deliver: (_atUs, datagram) => this.#fabric.arrived(datagram),
    })
  }

  turn(): void {
    for (let i = 0; i < LINK_DATAGRAMS; i++) {
      const id = this.datagrams++
      const datagram: Datagram = {
        id, from: 0, to: 1, fromPort: 443, toPort: 443, ecn: Ecn.ect0, keyHi: 1, keyLo: id, bytes: this.#bytes,
        label: { protocol: 'bench', contents: 'message', connection: 0, channel: 0, start: id, end: id + 1, attempt: 0 },
      }
      this.#fabric.send(datagram, (this.#nowUs += 10))
    }
    this.messages += LINK_DATAGRAMS / Math.ceil(this.#messageBytes / PACKET_BYTES)
  }
}

class PathWork implements Counted {
  readonly name: string
  readonly #peering: Peering
  readonly #frames: number
  readonly #before: { readonly datagrams: number; readonly messages: number }

  constructor(name: string, settings: PeeringSettings, frames: number) {
    this.name = name
    this.#frames = frames
    this.#peering = new Peering(settings).connect()
    const { datagrams, messages } = this.#peering
    this.#before = { datagrams, messages }
  }
  get datagrams(): number {
    return this.#peering.datagrams - this.#before.datagrams
  }
  get messages(): number {
    return this.#peering.messages - this.#before.messages
  }
  turn(): void {
    this.#peering.run(this.#frames)
  }
}

const TURNS = ROUNDS.rounds + ROUNDS.warmUpRounds
const turns = (work: readonly Counted[]): Contender[] => work.map((one) => ({ name: one.name, run: () => one.turn() }))
const perSecond = (count: number, name: string, samples: Samples): number => (count / TURNS) * (MS_PER_SECOND / median(samples.get(name)!))

async function throughput(): Promise<string[]> {
  const rows = new Map<string, Cell[]>()
  for (const { messageBytes, frames } of LOADS) {
    const work: readonly Counted[] = [
      new LinkWork('a link, plain', messageBytes, PLAIN),
      new LinkWork('a link with every model', messageBytes, EVERY_MODEL),
      ...PATH_NAMES.map((name) => new PathWork(name, { ...PATHS[name], peers: 1, messageBytes }, frames)),
    ]
    const samples = await interleaved(turns(work), ROUNDS)
    for (const { name, datagrams, messages } of work) {
      const row = rows.get(name) ?? [name]
      row.push(figure(perSecond(datagrams, name, samples)), figure(perSecond(messages, name, samples)))
      rows.set(name, row)
    }
  }
  const heads = LOADS.flatMap(({ messageBytes }) => [`messages of ${messageBytes} B: datagrams/s#`, 'messages/s#'])
  return aligned(['through', ...heads], [...rows.values()])
}

async function growth(): Promise<string[]> {
  const rows: Cell[][] = []
  for (const name of ['QUIC, tag', 'WebRTC'] as const) {
    const work = PEERS.map((peers) => new PathWork(
      String(peers), { ...PATHS[name], peers, messageBytes: SMALL_BYTES }, PEER_FRAMES / peers))
    const samples = await interleaved(turns(work), ROUNDS)
    // The least of the rounds: what else the machine does meanwhile strikes long turns and short ones unlike.
    const costsUs = work.map((one) => (Math.min(...samples.get(one.name)!) * US_PER_MS * TURNS) / one.datagrams)
    const ratio = costsUs[PEERS.length - 1] / costsUs[0]
    rows.push([name, ...costsUs.map(figure), figure(ratio), `at most ${GROWTH_AIM}`, atMost(ratio, GROWTH_AIM)])
  }
  const heads = PEERS.map((peers) => `${peers} peers, us#`)
  return aligned([`a datagram, ${MESSAGES_HZ} messages/s each way`, ...heads, 'ratio#', 'aim', ''], rows)
}

async function handshakes(): Promise<string[]> {
  const contenders = PATH_NAMES.map((name) => ({
    name,
    run: () => {
      new Peering({ ...PATHS[name], peers: HANDSHAKES, messageBytes: SMALL_BYTES }).connect()
    },
  }))
  const samples = await interleaved(contenders, ROUNDS)
  return aligned(['handshake, both ends', 'a second#', 'us#'], PATH_NAMES.map((name) => {
    const us = (median(samples.get(name)!) * US_PER_MS) / HANDSHAKES
    return [name, figure((US_PER_MS * MS_PER_SECOND) / us), figure(us)]
  }))
}

/** Microseconds that it takes to protect a packet, and to open it. */
async function protection(): Promise<string> {
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i)
  const keys = packetKeys('aead', secret)
  const header = Uint8Array.of(0x41, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0)
  const [payload, end] = [header.length, PACKET_BYTES - TAG_BYTES]
  const numberOffset = payload - 2
  const packets = Array.from({ length: PACKETS }, () => new Uint8Array(PACKET_BYTES))
  const samples = await interleaved([
    { name: 'seal', run: () => {
      for (const [number, packet] of packets.entries()) {
        packet.set(header)
        packet[numberOffset + 1] = number
        keys.seal(packet, 0, 2, payload, end, number)
      }
    } },
    { name: 'open', run: () => {
      for (const [number, packet] of packets.entries()) {
        keys.unmask(packet, 0, numberOffset, PACKET_BYTES)
        keys.open(packet, 0, payload, PACKET_BYTES, number)
      }
    } },
  ], ROUNDS)
  const usOf = (name: string): string => figure((median(samples.get(name)!) * US_PER_MS) / PACKETS)
  return `QUIC packet of ${PACKET_BYTES} B, aead: ${usOf('seal')} us to seal, ${usOf('open')} us to open`
}

export async function network(): Promise<string[]> {
  return [...(await throughput()), '', ...(await growth()), '', ...(await handshakes()), '', await protection()]
}
