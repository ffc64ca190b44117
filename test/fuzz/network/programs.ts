/**
 * One case of QUIC with programs of their own above it, which do all that a connection can: they resume with 0-RTT data, behind a Retry
 * or not, open, finish, stop and reset streams of both directions, send datagrams, update keys, move to another address, fall silent,
 * and one forgets the other. Mutants stand among what both send, from the first flight on or once the connection is open.
 */
import type { Datagram } from '../../../sim/net/datagram.ts'
import type { QuicEvent } from '../../../sim/quic/events.ts'
import { readHeader } from '../../../sim/quic/packet.ts'
import { CLIENT, pattern, type Program, SECOND_US, SERVER, World } from '../../sim/quic/world.ts'
import { Draws } from '../mutation.ts'
import { Coverage, type Counts } from './coverage.ts'
import { Disturbance } from './disturbance.ts'
import { Breach, type CaseOptions, type Outcome, Pace, type Played, played } from './outcome.ts'
import { QuicTap } from './quic.ts'

const ROUND_US = 5_000
const ROUNDS = [10, 40, 80, 200] as const
const CLOSING_ROUNDS = 4
const ACTIONS_A_ROUND = 4
const WRITE_BYTES = [0, 1, 40, 400, 1_400, 9_000] as const
const DATAGRAM_BYTES = [0, 1, 100, 1_000] as const
/** Of those that are written to again, reset or stopped, whether they are there or not. */
const STREAM_IDS = 64
/** Addresses that a client moves to, and ports. */
const FIRST_OTHER = 2
const OTHERS = 3
const CLIENT_PORT = 5_000
const PORT_MIN = 1_024
const PORTS = 60_000
const DROP_PPM = [0, 0, 20_000] as const
const SILENCE_US = [50_000, 1_000_000, 11_000_000] as const
/** One key for all tickets of a server, and another one: what it can open no more. */
const TICKET_KEYS = [3, 5].map((byte) => new Uint8Array(32).fill(byte))
/** Idle and handshake timeouts are 10 s; an end that is not heard keeps to its own. */
const FORGOTTEN_US_MAX = 60_000_000
const SENDS_A_STEP_MAX = 1_024
const MUTANT_ID = 2 ** 40
/** RFC 9000, section 8.1: to an address that is not proven, times what came from it. */
const AMPLIFICATION_MAX = 3
const CODES = 1_000
const REFUSED_ONE_IN = 20
const SILENT_FROM_THE_FIRST_ONE_IN = 16
const CODE_MAX = 2 ** 62

const ACTIONS = [
  'write', 'write', 'write', 'write', 'datagram', 'reset', 'stop', 'ping', 'update keys', 'move', 'rebind', 'fall silent', 'forget',
] as const
/** The rarer ones happen in one of so many attempts. */
const RARELY = { move: 8, rebind: 16, 'fall silent': 64, forget: 256 } as const

export const runPrograms = (options: CaseOptions): Outcome => played(new Stage(options))

class Stage implements Played {
  readonly states: Record<string, number> = {}
  readonly endings: string[] = []
  readonly discarded: Record<string, number> = {}
  heapGrowthBytes = 0
  breach: string | undefined
  readonly #world: World
  readonly #options: CaseOptions
  readonly #draws: Draws
  readonly #disturbance: Disturbance<Datagram>
  readonly #coverage = new Coverage()
  readonly #tap: QuicTap
  readonly #pace = new Pace()
  readonly #serverTls = { acceptZeroRtt: true, ticketKey: TICKET_KEYS[0] }
  readonly #ended = new Set<Program>()
  #sends = 0
  #places = 0
  /** What a translator makes of the client's port, once it has forgotten it. */
  #reboundPort: number | undefined

  constructor(options: CaseOptions) {
    const { seed } = options
    const draws = new Draws(seed)
    const protection = draws.pick(['tag', 'tag', 'aead'] as const)
    const latencyUs = 2_000 + draws.below(8_000)
    this.#options = options
    this.#draws = draws
    this.#tap = new QuicTap(protection)
    this.#coverage.quic(protection)
    this.#world = new World({
      seed, links: { latencyUsMin: latencyUs, latencyUsMax: latencyUs, dropPpm: draws.pick(DROP_PPM) }, settings: { protection },
      isRetryWanted: draws.below(3) === 0, serverTls: this.#serverTls, accepts: () => draws.below(REFUSED_ONE_IN) > 0,
      began: (program) => {
        program.onEvent = (event) => this.#heard(program, event)
      },
    })
    const world = this.#world
    const { fabric } = world
    const toFabric = fabric.send.bind(fabric)
    this.#disturbance = new Disturbance(options, draws, {
      deliver: (sent, mutantDraws) => {
        const datagram = mutantDraws === undefined ? sent : this.#disguised(sent, mutantDraws)
        toFabric(datagram, world.nowUs)
      },
      mutated: (sent, other, isPlausible, mutantDraws) => this.#tap.mutated(sent, other, isPlausible, mutantDraws),
    })
    fabric.send = (datagram) => this.#send(datagram)
    const toWorld = world.deliver.bind(world)
    world.deliver = (datagram) => this.#coverage.during(datagram.id >= MUTANT_ID, () => {
      if (datagram.id >= MUTANT_ID) this.#arrives(datagram)
      toWorld(datagram)
      this.#checkAmplification()
    })
  }
  free(): void {
    this.#coverage.free()
    this.#tap.remove()
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

  play(): void {
    const world = this.#world
    const draws = this.#draws
    const heapAtFirst = this.#options.heapBytes?.() ?? 0
    const earlier = this.#earlier()
    const isFromTheFirst = draws.below(2) === 0
    const client = this.#again(earlier, isFromTheFirst)
    if (!isFromTheFirst) world.until(() => client.has('confirmed'), SECOND_US)
    this.#disturbance.isOn = true
    if (isFromTheFirst && draws.below(SILENT_FROM_THE_FIRST_ONE_IN) === 0) this.#silence()
    for (let left = draws.pick(ROUNDS); left > 0 && this.#ended.size === 0; left--) {
      for (const program of world.programs) this.#act(program)
      this.#round()
    }
    this.heapGrowthBytes = Math.max(0, (this.#options.heapBytes?.() ?? 0) - heapAtFirst)
    const survivors = world.programs.filter(({ connection }) => connection.state === 'open')
    this.#close(draws.pick(world.programs))
    for (let left = CLOSING_ROUNDS; left > 0; left--) this.#round()
    this.#disturbance.isOn = false
    for (const program of world.programs) this.#close(program)
    this.#run(FORGOTTEN_US_MAX)
    this.endings.push(...survivors.map(() => 'survived'))
    this.#tally()
  }

  /** A connection that nobody disturbs, for its ticket and token. */
  #earlier(): Program {
    const world = this.#world
    const client = world.connect()
    this.#run(SECOND_US)
    for (const program of world.programs) this.#close(program)
    this.#run(SECOND_US)
    this.#ended.clear()
    this.endings.length = 0
    return client
  }

  /** The connection that is disturbed, of a client that may have been there before. */
  #again(earlier: Program, isFromTheFirst: boolean): Program {
    const world = this.#world
    const draws = this.#draws
    const ticket = earlier.all('ticket').at(0)?.ticket
    const token = earlier.all('token').at(0)?.token
    world.programs.length = 0
    // The server's answer to the early data may be that it knows nothing of it.
    const way = draws.below(8)
    if (way === 0) this.#serverTls.acceptZeroRtt = false
    if (way === 1) this.#serverTls.ticketKey = TICKET_KEYS[1]
    this.#disturbance.isOn = isFromTheFirst
    const client = world.connect({
      ...(ticket !== undefined && draws.below(4) > 0 ? { tls: { ticket, requestZeroRtt: true } } : {}),
      ...(token !== undefined && draws.below(2) === 0 ? { token } : {}),
    })
    for (let left = ACTIONS_A_ROUND; left > 0; left--) this.#write(client)
    return client
  }

  // --- what programs do ----------------------------------------------------------------------------------------------

  #act(program: Program): void {
    const draws = this.#draws
    for (let left = draws.below(ACTIONS_A_ROUND); left > 0; left--) this.#do(draws.pick(ACTIONS), program)
  }

  #do(action: (typeof ACTIONS)[number], program: Program): void {
    const draws = this.#draws
    if (action in RARELY && draws.below(RARELY[action as keyof typeof RARELY]) > 0) return
    switch (action) {
      case 'write': return this.#write(program)
      case 'datagram':
        return void program.act((connection) => {
          connection.datagram(pattern(Math.min(connection.datagramBytesMax, draws.pick(DATAGRAM_BYTES))))
        })
      case 'reset': return program.act((connection) => connection.reset(draws.below(STREAM_IDS), draws.below(CODES)))
      case 'stop': return program.act((connection) => connection.stopSending(draws.below(STREAM_IDS), draws.below(CODES)))
      case 'ping': return program.act((connection) => connection.ping())
      case 'update keys': return void program.act((connection) => connection.updateKeys())
      case 'move': return this.#move(program)
      // A translator on the way gives the client another port.
      case 'rebind': return void (this.#reboundPort = PORT_MIN + draws.below(PORTS))
      case 'fall silent': return this.#silence()
      // The server has crashed, and answers with resets.
      case 'forget': return this.#world.listener.clear()
    }
  }

  /** On a stream that is new, or is written to again. */
  #write(program: Program): void {
    const draws = this.#draws
    const isNew = draws.below(2) === 0
    const id = isNew ? program.act((connection) => connection.openStream(draws.pick(['uni', 'bidi'] as const))) : draws.below(STREAM_IDS)
    if (id !== undefined) program.act((connection) => connection.write(id, pattern(draws.pick(WRITE_BYTES)), draws.below(4) === 0))
  }

  #move(program: Program): void {
    const place = ++this.#places
    const address = FIRST_OTHER + (place % OTHERS)
    this.#world.alsoAt(address, program)
    program.act((connection, nowUs) => connection.migrate({ address, port: CLIENT_PORT + place }, nowUs))
  }

  #silence(): void {
    const { fabric } = this.#world
    const clients = [CLIENT, ...Array.from({ length: OTHERS }, (_, i) => FIRST_OTHER + i)]
    const links = clients.flatMap((address) => [fabric.link(SERVER, address), fabric.link(address, SERVER)])
    for (const link of links) link.set({ down: true })
    this.#run(this.#draws.pick(SILENCE_US))
    for (const link of links) link.set({ down: false })
  }

  #close(program: Program): void {
    program.act((connection, nowUs) => connection.close(this.#draws.below(CODES), 'done', nowUs))
  }

  // --- what is sent --------------------------------------------------------------------------------------------------

  #round(): void {
    this.#disturbance.straggle()
    this.#run(ROUND_US)
  }

  #send(datagram: Datagram): void {
    if (++this.#sends > SENDS_A_STEP_MAX) throw new Breach(`one step sends more than ${SENDS_A_STEP_MAX} datagrams`)
    const isRebound = this.#reboundPort !== undefined && datagram.from !== SERVER
    this.#disturbance.send(isRebound ? { ...datagram, fromPort: this.#reboundPort! } : datagram)
  }

  #disguised(sent: Datagram, draws: Draws): Datagram {
    const datagram = { ...sent, id: MUTANT_ID + sent.id % MUTANT_ID }
    if (draws.below(64) === 0) return { ...datagram, fromPort: PORT_MIN + draws.below(PORTS) }
    // What was for the one side comes to the other.
    if (draws.below(64) === 0) return { ...datagram, from: sent.to, to: sent.from, fromPort: sent.toPort, toPort: sent.fromPort }
    return datagram
  }

  #arrives(datagram: Datagram): void {
    const program = this.#world.programs.findLast(({ address }) => (address === SERVER) === (datagram.to === SERVER))
    const state = program?.connection.state ?? 'nobody'
    this.states[state] = (this.states[state] ?? 0) + 1
    this.#coverage.note(`${readHeader(datagram.bytes, 0)?.kind ?? 'nonsense'} at ${state}`)
  }

  // --- what is watched -----------------------------------------------------------------------------------------------

  #run(forUs: number): void {
    const world = this.#world
    const untilUs = world.nowUs + forUs
    while (this.#step(untilUs));
    world.nowUs = untilUs
  }

  #step(untilUs: number): boolean {
    const world = this.#world
    const { nowMs } = this.#options
    this.#sends = 0
    const fromMs = nowMs()
    if (!world.step(untilUs)) return false
    this.#pace.step(world.nowUs, nowMs() - fromMs)
    this.#letGo()
    return true
  }

  /** What the world keeps of all that happened is of no use here. */
  #letGo(): void {
    const world = this.#world
    world.sent.length = 0
    for (const why of world.discarded.splice(0)) this.discarded[why] = (this.discarded[why] ?? 0) + 1
    if (!this.#disturbance.isOn) return
    for (const { events, streams } of world.programs) {
      streams.clear()
      events.splice(0, events.length, ...events.filter(({ kind }) => kind === 'confirmed'))
    }
  }

  #heard(program: Program, event: QuicEvent): void {
    if (this.#ended.has(program)) throw new Breach(`'${event.kind}' after the end`)
    if (this.#disturbance.isOn || this.#disturbance.mutants.length > 0) this.#coverage.note(nameOf(event))
    if (event.kind !== 'closed') return
    this.#ended.add(program)
    if (!(event.code >= 0 && event.code < CODE_MAX)) throw new Breach(`'closed' with code ${event.code}`)
    this.endings.push(`${event.by} ${event.isApplication ? 'application' : `code ${event.code}`}`)
  }

  #checkAmplification(): void {
    for (const { connection: { path, isClient, state } } of this.#world.programs) {
      if (isClient || path.isValidated || state === 'forgotten') continue
      const { sentBytes, receivedBytes } = path
      if (sentBytes > AMPLIFICATION_MAX * receivedBytes) throw new Breach(`${sentBytes} bytes are sent for ${receivedBytes} that came`)
    }
  }

  #tally(): void {
    for (const { connection } of this.#world.programs) {
      if (!connection.isForgotten) throw new Breach(`a connection is kept that is ${connection.state}`)
      if (connection.nextWakeUs() !== Infinity) throw new Breach('a connection that is forgotten keeps a timer')
    }
    for (const program of this.#world.programs) if (!this.#ended.has(program)) throw new Breach('a program was never told of an end')
  }
}

function nameOf(event: QuicEvent): string {
  switch (event.kind) {
    case 'handshakeComplete': return `${event.kind} ${event.earlyData}`
    case 'pathChanged': return `${event.kind} ${event.isValidated ? 'proven' : 'unproven'}`
    case 'keyUpdated':
    case 'closed': return `${event.kind} ${event.by}`
    default: return event.kind
  }
}
