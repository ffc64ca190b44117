/**
 * One case: two endpoints, a connection between them, traffic on all channels, some while of silence, a close; and mutants of what they
 * send, put among the rest from the handshake on, once it is open, or once it is closing.
 */
import type { Datagram } from '../../../sim/net/datagram.ts'
import type { ConnectionId, TransportInput } from '../../../sim/port.ts'
import { MESSAGE_BYTES_MAX } from '../../../sim/transport/channel.ts'
import { APPLICATION_CODES_MAX, TransportCode } from '../../../sim/transport/codes.ts'
import { KEPT_BYTES_MAX } from '../../../sim/webrtc/sctp/limits.ts'
import { CHANNEL_COUNT, type Node, numbered, World } from '../../sim/transport/world.ts'
import { Draws } from '../mutation.ts'
import { Coverage, type Counts } from './coverage.ts'
import { Disturbance } from './disturbance.ts'
import { Breach, type CaseOptions, type Outcome, Pace, type Played, played } from './outcome.ts'
import { QuicTap } from './quic.ts'
import { WebRtcMutator } from './webrtc.ts'

/** When mutants begin to come: at once, when both ends have met and shake hands, ... */
const BEGINNINGS = ['first datagram', 'handshake', 'open', 'open', 'open', 'closing'] as const

const NAMES = new Map<number, string>(Object.entries(TransportCode).map(([name, code]) => [code, name]))
const DROP_PPM = [0, 0, 20_000] as const
const LATENCY_US_MIN = 2_000
const LATENCY_US_RANGE = 8_000
/** Meeting and handshake are over by then where nobody disturbs them. */
const MEETING_US = 400_000
const ROUND_US = 5_000
const ROUNDS = [10, 40, 80, 200] as const
const HANDSHAKE_ROUNDS = 60
const CLOSING_ROUNDS = 4
/** Of one case in so many; nothing at all arrives for so long: probes, a restart of ICE (12 s), an idle timeout (10 s of QUIC). */
const SILENT_ONE_IN = 4
const SILENCE_US = [300_000, 3_000_000, 13_000_000] as const
/** Ids of mutants, which no endpoint gives. */
const MUTANT_ID = 2 ** 40
const MESSAGES_A_ROUND = 3
const MESSAGE_BYTES = [0, 1, 40, 40, 400, 1_400, 9_000] as const
/** Every timeout of a connection passes within that time: the longest is the handshake's of WebRTC, 30 s. */
const FORGOTTEN_US_MAX = 60_000_000
/** One step sends no more datagrams than that. */
const SENDS_A_STEP_MAX = 1_024
const LOOK_EVERY = 64
/** Bytes kept of what the peer said. Of QUIC: 4 MiB in parts, and 1 MiB out of turn for each channel (quic/incoming.ts). */
const KEPT_MAX = { quic: 4_194_304 + CHANNEL_COUNT * 1_048_576, webrtc: KEPT_BYTES_MAX }

export const runConnection = (options: CaseOptions): Outcome => played(new Stage(options))

class Stage implements Played {
  readonly states: Record<string, number> = {}
  readonly endings: string[] = []
  readonly discarded: Record<string, number> = {}
  heapGrowthBytes = 0
  breach: string | undefined
  readonly #options: CaseOptions
  readonly #draws: Draws
  readonly #beginning: (typeof BEGINNINGS)[number]
  readonly #disturbance: Disturbance<Datagram>
  readonly #coverage = new Coverage()
  readonly #world: World
  readonly #toInternet: (datagram: Datagram, nowUs: number) => void
  readonly #tap: QuicTap | undefined
  readonly #webrtc: WebRtcMutator | undefined
  readonly #pace = new Pace()
  readonly #ports: Map<ConnectionId, 'open' | 'closed'>[] = [new Map(), new Map()]
  #sends = 0
  #heapAtFirst = 0

  constructor(options: CaseOptions) {
    const { kind, seed } = options
    const draws = new Draws(seed)
    this.#options = options
    this.#draws = draws
    this.#beginning = draws.pick(BEGINNINGS)
    this.#disturbance = new Disturbance(options, draws, {
      deliver: (datagram, mutantDraws) => this.#deliver(datagram, mutantDraws),
      mutated: (original, other, isPlausible, mutantDraws) =>
        this.#tap?.mutated(original, other, isPlausible, mutantDraws) ??
          this.#webrtc?.mutated(original, other, isPlausible, mutantDraws),
    })
    const protection = kind === 'quic aead' ? 'aead' : 'tag'
    const latencyUs = LATENCY_US_MIN + draws.below(LATENCY_US_RANGE)
    const links = { latencyUsMin: latencyUs, latencyUsMax: latencyUs, dropPpm: draws.pick(DROP_PPM) }
    const world = new World({ seed, protocol: kind === 'webrtc' ? 'webrtc' : 'quic', links, quic: { protection } })
    this.#world = world
    if (kind === 'webrtc') this.#webrtc = new WebRtcMutator(1, 0)
    else this.#tap = new QuicTap(protection)
    if (kind === 'webrtc') this.#coverage.webrtc()
    else this.#coverage.quic(protection)
    this.#toInternet = world.internet.send.bind(world.internet)
    world.internet.send = (datagram) => this.#send(datagram)
    for (const [index, node] of world.nodes.entries()) {
      const { endpoint } = node
      const receive = endpoint.receive.bind(endpoint)
      endpoint.receive = (datagram, nowUs) => this.#coverage.during(datagram.id >= MUTANT_ID, () => receive(datagram, nowUs))
      node.onInput = (input) => this.#look(index, input)
    }
  }
  free(): void {
    this.#coverage.free()
    this.#tap?.remove()
  }

  play(): void {
    const draws = this.#draws
    const { client, nodes } = this.#world
    this.#heapAtFirst = this.#options.heapBytes?.() ?? 0
    const isEarly = this.#beginning === 'first datagram' || this.#beginning === 'handshake'
    this.#disturbance.isOn = this.#beginning === 'first datagram'
    client.send({ kind: 'open', ticket: 7, endpoint: '0' })
    if (!this.#disturbance.isOn) this.#run(MEETING_US, () => isEarly && this.#isMet)
    this.#disturbance.isOn = isEarly
    const rounds = isEarly ? HANDSHAKE_ROUNDS : draws.pick(ROUNDS)
    const silentRound = draws.below(SILENT_ONE_IN) === 0 ? draws.below(rounds) : rounds
    for (let left = rounds; left > 0 && !this.#isOver; left--) {
      if (left === rounds - silentRound) this.#silence(draws.pick(SILENCE_US))
      if (this.#beginning === 'open') this.#disturbance.isOn ||= this.#isOpen
      for (const node of nodes) this.#say(node)
      this.#round()
    }
    this.#measure()
    const hasSurvived = nodes.map((_, index) => [...this.#ports[index].values()].includes('open'))
    const closer = nodes[draws.below(nodes.length)]
    this.#disturbance.isOn = true
    this.#close(closer)
    for (let left = CLOSING_ROUNDS; left > 0; left--) this.#round()
    this.#disturbance.isOn = false
    for (const node of nodes) this.#close(node)
    this.#run(FORGOTTEN_US_MAX)
    this.#tally(hasSurvived)
  }

  get mutants(): readonly number[] {
    return this.#disturbance.mutants
  }
  get reached(): Counts {
    return this.#coverage.reached
  }
  get slowestMs(): number {
    return this.#pace.slowestMs
  }

  get #isOpen(): boolean {
    return this.#ports.every((port) => port.size > 0)
  }
  get #isMet(): boolean {
    return this.#world.nodes.some(({ endpoint }) => endpoint.connections.some(({ state }) => state === 'handshake'))
  }
  get #isOver(): boolean {
    return this.#ports.some((port) => [...port.values()].includes('closed'))
  }

  #say(node: Node): void {
    const draws = this.#draws
    for (const { id, state } of node.endpoint.connections) {
      if (state !== 'open') continue
      for (let left = MESSAGES_A_ROUND; left > 0; left--) {
        const [channel, length] = [draws.below(CHANNEL_COUNT), draws.pick(MESSAGE_BYTES)]
        node.send({ kind: 'message', on: id, channel, bytes: numbered(this.#pace.steps, length).subarray(0, length) })
      }
    }
  }
  #close(node: Node): void {
    for (const { id } of node.endpoint.connections) node.send({ kind: 'close', on: id, code: this.#draws.below(1_000) })
  }

  #silence(forUs: number): void {
    const { fabric } = this.#world
    const links = [fabric.link(0, 1), fabric.link(1, 0)]
    for (const link of links) link.set({ down: true })
    this.#run(forUs)
    for (const link of links) link.set({ down: false })
  }

  /** A while of virtual time, with mutants of what was sent earlier in it. */
  #round(): void {
    this.#disturbance.straggle()
    this.#run(ROUND_US)
  }

  // --- what is sent --------------------------------------------------------------------------------------------------

  #send(datagram: Datagram): void {
    if (++this.#sends > SENDS_A_STEP_MAX) throw new Breach(`one step sends more than ${SENDS_A_STEP_MAX} datagrams`)
    this.#disturbance.send(datagram)
  }

  #deliver(sent: Datagram, draws: Draws | undefined): void {
    const world = this.#world
    if (draws === undefined) return this.#toInternet(sent, world.nowUs)
    let datagram = { ...sent, id: MUTANT_ID + sent.id % MUTANT_ID }
    // From another port, as behind a translator that forgot.
    if (draws.below(64) === 0) datagram = { ...datagram, fromPort: 1_024 + draws.below(60_000) }
    if (draws.below(64) === 0) datagram = { ...datagram, ecn: draws.pick([0, 1, 2, 3] as const) }
    const state = world.nodes[datagram.to]?.endpoint.connections.at(-1)?.state ?? 'before'
    this.states[state] = (this.states[state] ?? 0) + 1
    this.#toInternet(datagram, world.nowUs)
  }

  // --- what is watched -----------------------------------------------------------------------------------------------

  #run(forUs: number, isEnough: () => boolean = () => false): void {
    const world = this.#world
    const untilUs = world.nowUs + forUs
    while (!isEnough()) {
      if (this.#step(untilUs)) continue
      world.nowUs = untilUs
      return
    }
  }

  #step(untilUs: number): boolean {
    const world = this.#world
    const { nowMs } = this.#options
    this.#sends = 0
    const fromMs = nowMs()
    if (!world.step(untilUs)) return false
    this.#pace.step(world.nowUs, nowMs() - fromMs)
    if (this.#pace.steps % LOOK_EVERY === 0) this.#checkKept()
    return true
  }

  #checkKept(): void {
    const world = this.#world
    for (const { endpoint, seen } of world.nodes) {
      seen.length = 0
      for (const { protocol, channels } of endpoint.connections) {
        const kept = channels.reduce((sum, { keptBytes }) => sum + keptBytes, 0)
        if (kept > KEPT_MAX[protocol]) throw new Breach(`${kept} bytes are kept of one ${protocol} connection`)
      }
    }
    for (const record of world.records) {
      if (record.kind === 'discarded') this.discarded[record.why] = (this.discarded[record.why] ?? 0) + 1
    }
    world.records.length = 0
  }

  #measure(): void {
    this.heapGrowthBytes = Math.max(this.heapGrowthBytes, (this.#options.heapBytes?.() ?? 0) - this.#heapAtFirst)
  }

  /** Whatever the port says makes sense. */
  #look(index: number, input: TransportInput): void {
    const port = this.#ports[index]
    const state = port.get(input.on)
    const fail = (why: string): never => {
      throw new Breach(`'${input.kind}' ${why}, at node ${index}`)
    }
    switch (input.kind) {
      case 'opened':
        if (state !== undefined) fail(`on a connection that is ${state} already`)
        port.set(input.on, 'open')
        break
      case 'closed':
        if (state === 'closed') fail('twice')
        if (state === undefined && index === 0) fail('on a connection that came in and never opened')
        if (!(input.code >= 0 && input.code < APPLICATION_CODES_MAX) && !NAMES.has(input.code)) fail(`with code ${input.code}`)
        port.set(input.on, 'closed')
        this.endings.push(`${input.by} ${NAMES.get(input.code) ?? 'application'}`)
        break
      default:
        if (state !== 'open') fail(`on a connection that is ${state ?? 'not open'}`)
        if (input.kind === 'message' && (input.channel >= CHANNEL_COUNT || input.bytes.length > MESSAGE_BYTES_MAX)) fail('is out of range')
    }
  }

  /** Nothing is left; who was open when the mutants ended has survived. */
  #tally(hasSurvived: readonly boolean[]): void {
    this.#checkKept()
    for (const [index, { endpoint }] of this.#world.nodes.entries()) {
      if (endpoint.connections.length > 0) throw new Breach(`node ${index} keeps a connection that is ${endpoint.connections[0].state}`)
      if (this.#webrtc === undefined && endpoint.nextWakeUs() !== Infinity) throw new Breach(`node ${index} keeps a timer`)
      if ([...this.#ports[index].values()].includes('open')) throw new Breach(`node ${index} was never told of an end`)
      if (hasSurvived[index]) this.endings.push('survived')
    }
  }
}
