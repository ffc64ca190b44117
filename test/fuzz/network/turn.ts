/**
 * One case of TURN: two ICE agents behind translators and the server that relays for them. A mutant comes before what arrives, at
 * whichever of the three it is.
 */
import { mix32 } from '../../../sim/choice.ts'
import type { Datagram } from '../../../sim/net/datagram.ts'
import { iceCredentials } from '../../../sim/webrtc/ice/credentials.ts'
import { StunClass } from '../../../sim/webrtc/stun/constants.ts'
import { type IntegrityKey, longTermKey, shortTermKey } from '../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, isStun } from '../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../sim/webrtc/stun/writer.ts'
import { USER_ALLOCATIONS_MAX } from '../../../sim/webrtc/turn/limits.ts'
import { IceWorld, SERVER } from '../../sim/webrtc/ice/world.ts'
import { Draws } from '../mutation.ts'
import { mutatedOctets } from './octets.ts'
import { Breach, breachOf, type CaseOptions, type Outcome, Pace } from './outcome.ts'
import { mutatedStun } from './stun.ts'

const NATS = ['portRestricted', 'symmetric', 'fullCone'] as const
const MUTANTS_MAX = 3
const MEETING_US = 5_000_000
const MESSAGES = 60
const MESSAGE_US = 20_000
const DATAGRAM_BYTES_MAX = 1_472
/** RFC 8656, section 7.2: nothing is granted for longer than an hour. */
const EXPIRED_US = 4_000_000_000
/** RFC 8445, section 6.1.2.5; and what honest ends would say in the time, many times over. */
const PAIRS_MAX = 100
const SENT_MAX = 20_000

export function runTurn(options: CaseOptions): Outcome {
  const stage = new Stage(options)
  try {
    stage.play()
  } catch (error) {
    stage.breach = breachOf(error)
  }
  return stage
}

class Stage implements Outcome {
  readonly mutants: number[] = []
  readonly states: Record<string, number> = {}
  readonly endings: string[] = []
  readonly discarded: Record<string, number> = {}
  readonly heapGrowthBytes = 0
  breach: string | undefined
  readonly #options: CaseOptions
  readonly #world: IceWorld
  readonly #writer = new StunWriter()
  readonly #longTerm: IntegrityKey
  readonly #shortTerm: readonly IntegrityKey[]
  readonly #pace = new Pace()
  #arrivals = 0
  #ordinal = 0
  #fromMs = 0

  constructor(options: CaseOptions) {
    const { seed } = options
    const draws = new Draws(seed)
    const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
    this.#options = options
    this.#world = new IceWorld({ seed, nats: [draws.pick(NATS), draws.pick(NATS)], turn: true })
    this.#longTerm = longTermKey(utf8('theta'), utf8('example.org'), 'secret')
    this.#shortTerm = [0, 1].map((index) => shortTermKey(iceCredentials(seed * 2 + index, 0).password))
    this.#world.before = (node, datagram) => this.#disturb(node, datagram)
  }
  get slowestMs(): number {
    return this.#pace.slowestMs
  }

  play(): void {
    const world = this.#world
    world.begin()
    this.#run(MEETING_US)
    for (let i = 0; i < MESSAGES; i++) {
      for (const peer of world.peers) world.send(peer, `message ${i}`)
      this.#run(MESSAGE_US)
    }
    for (const { agent } of world.peers) {
      this.endings.push(agent.selected === undefined ? 'without a path' : 'survived')
      agent.close(world.nowUs)
    }
    world.settle()
    world.before = () => {}
    this.#run(EXPIRED_US)
    if (world.server.allocations > 0) throw new Breach(`${world.server.allocations} allocations are kept`)
    if (world.server.nextWakeUs() !== Infinity) throw new Breach('the server keeps a timer')
    for (const { agent } of world.peers) if (agent.nextWakeUs() !== Infinity) throw new Breach('a closed agent keeps a timer')
  }

  #run(forUs: number): void {
    const world = this.#world
    const { nowMs } = this.#options
    this.#fromMs = nowMs()
    world.run(world.nowUs + forUs, () => {
      const atMs = nowMs()
      this.#pace.step(world.nowUs, atMs - this.#fromMs)
      this.#fromMs = atMs
      if (world.sent.length > SENT_MAX) throw new Breach(`more than ${SENT_MAX} datagrams were sent`)
      return false
    })
    for (const { agent } of world.peers) if (agent.pairs.length > PAIRS_MAX) throw new Breach(`${agent.pairs.length} pairs are kept`)
    if (world.server.allocations > USER_ALLOCATIONS_MAX) throw new Breach(`${world.server.allocations} allocations are kept`)
  }

  #disturb(node: number, datagram: Datagram): void {
    const { seed, only } = this.#options
    for (let left = mix32(~seed >>> 0, this.#arrivals++) % (MUTANTS_MAX + 1); left > 0; left--) {
      const ordinal = this.#ordinal++
      if (only !== undefined && !only.has(ordinal)) continue
      this.mutants.push(ordinal)
      this.#mutant(node, datagram, new Draws(mix32(seed, ordinal) >>> 11))
    }
  }

  #mutant(node: number, datagram: Datagram, draws: Draws): void {
    const world = this.#world
    const { bytes } = datagram
    const isServers = datagram.from === SERVER || node === SERVER
    const isAsked = isStun(bytes) && decodeStun(bytes)?.class === StunClass.request
    const key = isServers ? this.#longTerm : this.#shortTerm[isAsked ? node : 1 - node]
    const changed = isStun(bytes)
      ? mutatedStun(bytes, draws, key, this.#writer)
      : mutatedOctets(bytes, draws.pick(world.sent).bytes, DATAGRAM_BYTES_MAX, draws)
    const mutant = { ...datagram, bytes: changed }
    const state = node === SERVER ? 'the server' : `an agent that ${world.peers[node].agent.selected === undefined ? 'looks' : 'has found'}`
    this.states[state] = (this.states[state] ?? 0) + 1
    if (node === SERVER) world.server.receive(mutant, world.nowUs)
    else world.peers[node].agent.receive(mutant, world.nowUs)
  }
}
