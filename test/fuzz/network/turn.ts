/**
 * One case of TURN: two ICE agents behind translators and the server that relays for them. Both may think that they control, ICE begins
 * anew, and an hour may pass in which permissions, channels and allocations are kept alive. A mutant comes before what arrives, at
 * whichever of the three it is.
 */
import { mix32 } from '../../../sim/choice.ts'
import type { Datagram } from '../../../sim/net/datagram.ts'
import { StunClass } from '../../../sim/webrtc/stun/constants.ts'
import { type IntegrityKey, longTermKey, shortTermKey } from '../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, isStun } from '../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../sim/webrtc/stun/writer.ts'
import { USER_ALLOCATIONS_MAX } from '../../../sim/webrtc/turn/limits.ts'
import { IceWorld, SERVER } from '../../sim/webrtc/ice/world.ts'
import { Draws } from '../mutation.ts'
import { Coverage, type Counts } from './coverage.ts'
import { mutatedOctets } from './octets.ts'
import { Breach, type CaseOptions, type Outcome, Pace, type Played, played } from './outcome.ts'
import { mutatedStun } from './stun.ts'

const NATS = ['portRestricted', 'symmetric', 'fullCone'] as const
const MUTANTS_MAX = 3
const MEETING_US = 5_000_000
const MESSAGES = 60
const MESSAGE_US = 20_000
/** An hour of sixty messages: permissions live for five minutes, allocations for ten, a nonce for an hour. */
const HOUR_ONE_IN = 8
const MESSAGE_US_OF_HOUR = 61_000_000
/** Of what arrives in such an hour one in so many has mutants. */
const DISTURBED_ONE_IN_OF_HOUR = 16
const RESTART_ONE_IN = 60
const CONFLICT_ONE_IN = 4
const DATAGRAM_BYTES_MAX = 1_472
/** RFC 8656, section 7.2: nothing is granted for longer than an hour. */
const EXPIRED_US = 4_000_000_000
/** RFC 8445, section 6.1.2.5; and what honest ends would say in the time, many times over. */
const PAIRS_MAX = 100
const SENT_MAX = 20_000

export const runTurn = (options: CaseOptions): Outcome => played(new Stage(options))

class Stage implements Played {
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
  readonly #draws: Draws
  readonly #coverage = new Coverage()
  readonly #hasConflict: boolean
  /** By password: a restart has others. */
  readonly #shortTerm = new Map<string, IntegrityKey>()
  readonly #pace = new Pace()
  #arrivals = 0
  #ordinal = 0
  #fromMs = 0
  #isLong = false

  constructor(options: CaseOptions) {
    const { seed } = options
    const draws = new Draws(seed)
    const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
    this.#options = options
    this.#draws = draws
    const nats = [draws.pick(NATS), draws.pick(NATS)] as const
    this.#hasConflict = draws.below(CONFLICT_ONE_IN) === 0
    const isControlling = draws.below(2) === 0
    this.#world = new IceWorld({ seed, nats, turn: true, config: () => (this.#hasConflict ? { isControlling } : {}) })
    this.#longTerm = longTermKey(utf8('theta'), utf8('example.org'), 'secret')
    this.#world.before = (node, datagram) => this.#disturb(node, datagram)
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
    world.begin()
    this.#run(MEETING_US)
    this.#isLong = draws.below(HOUR_ONE_IN) === 0
    const messageUs = this.#isLong ? MESSAGE_US_OF_HOUR : MESSAGE_US
    if (this.#hasConflict) this.#coverage.note('role conflict')
    if (this.#isLong) this.#coverage.note('an hour')
    for (let i = 0; i < MESSAGES; i++) {
      for (const peer of world.peers) world.send(peer, `message ${i}`)
      if (draws.below(RESTART_ONE_IN) === 0) this.#restart()
      this.#run(messageUs)
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

  #restart(): void {
    this.#coverage.note('restart')
    this.#world.restart()
  }

  /** Of whom a check is for. */
  #keyOf(index: number): IntegrityKey {
    const { password } = this.#world.peers[index].credentials
    const key = this.#shortTerm.get(password) ?? shortTermKey(password)
    this.#shortTerm.set(password, key)
    return key
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
    if (this.#isLong && this.#draws.below(DISTURBED_ONE_IN_OF_HOUR) > 0) return
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
    const key = isServers ? this.#longTerm : this.#keyOf(isAsked ? node : 1 - node)
    const changed = isStun(bytes)
      ? mutatedStun(bytes, draws, key, this.#writer)
      : mutatedOctets(bytes, draws.pick(world.sent).bytes, DATAGRAM_BYTES_MAX, draws)
    const mutant = { ...datagram, bytes: changed }
    const state = node === SERVER ? 'the server' : `an agent that ${world.peers[node].agent.selected === undefined ? 'looks' : 'has found'}`
    this.states[state] = (this.states[state] ?? 0) + 1
    this.#coverage.stun(node === SERVER ? 'the server' : 'an agent', changed)
    if (node === SERVER) world.server.receive(mutant, world.nowUs)
    else world.peers[node].agent.receive(mutant, world.nowUs)
  }
}
