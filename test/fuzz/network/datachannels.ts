/**
 * One case of data channels with nothing below them: an association that begins from one end or from both, channels that are closed one
 * by one, packets late and in disorder, and every way to its end. Mutants come among the packets of both.
 */
import type { PacketIdentity } from '../../../sim/webrtc/packetidentity.ts'
import { KEPT_BYTES_MAX } from '../../../sim/webrtc/sctp/limits.ts'
import { lifetime, numbered, Pair, RELIABLE, retransmits, UNORDERED } from '../../sim/webrtc/pair.ts'
import { Draws } from '../mutation.ts'
import { Coverage, type Counts } from './coverage.ts'
import { Disturbance } from './disturbance.ts'
import { Breach, type CaseOptions, type Outcome, Pace, type Played, played } from './outcome.ts'
import { SctpMutator } from './sctp.ts'

const SPECS = [RELIABLE, UNORDERED, retransmits(0), retransmits(1), retransmits(1, true), lifetime(100_000, true), retransmits(0, true)]
const BEGINNINGS = ['first packet', 'open', 'open', 'end'] as const
const OPEN_US = 1_000_000
const ROUND_US = 5_000
const ROUNDS = [10, 40, 80, 200] as const
const MESSAGES_A_ROUND = 3
const MESSAGE_BYTES = [0, 1, 40, 400, 1_400, 9_000] as const
const LATE_US_MAX = 30_000
const LATE_ONE_IN = 8
const LOST_ONE_IN = 50
const CLOSE_ONE_IN = 40
const SILENT_ONE_IN = 100
const SILENCE_US = 3_000_000
const ENDS = ['shutdown', 'shutdown', 'both shut down', 'close'] as const
const ENDING_ROUNDS = 10
/** Retransmissions double up to ten seconds and are given up after ten, heartbeats come every thirty. */
const FORGOTTEN_US_MAX = 600_000_000
const CODES = 1_000

interface Sent {
  readonly from: 0 | 1
  readonly bytes: Uint8Array
  readonly identity: PacketIdentity
}

export const runDataChannels = (options: CaseOptions): Outcome => played(new Stage(options))

class Stage implements Played {
  readonly states: Record<string, number> = {}
  readonly endings: string[] = []
  readonly discarded: Record<string, number> = {}
  heapGrowthBytes = 0
  breach: string | undefined
  readonly #options: CaseOptions
  readonly #draws: Draws
  readonly #pair: Pair
  readonly #disturbance: Disturbance<Sent>
  readonly #coverage = new Coverage().sctp()
  readonly #mutator = new SctpMutator()
  readonly #pace = new Pace()
  /** Ids of mutants under way. */
  readonly #mutantIds = new Set<number>()
  readonly #closings = [0, 0]
  #isEnding = false
  #isSilent = false
  #lastId = 0

  constructor(options: CaseOptions) {
    const { seed } = options
    const draws = new Draws(seed)
    this.#options = options
    this.#draws = draws
    const pair = new Pair({ specs: SPECS, seed, latencyUs: 2_000 + draws.below(8_000), oneSided: draws.below(2) === 0 })
    this.#pair = pair
    const send = pair.send.bind(pair)
    this.#disturbance = new Disturbance(options, draws, {
      deliver: ({ from, bytes, identity }, mutantDraws) => {
        if (mutantDraws === undefined) {
          this.#lastId = send(from, bytes, identity)
          return
        }
        const phase = this.#isEnding ? 'ending' : pair.ends.every(({ channels }) => channels.isOpen) ? 'open' : 'opening'
        this.states[phase] = (this.states[phase] ?? 0) + 1
        this.#mutantIds.add(send(from, bytes, identity))
      },
      mutated: ({ from, bytes }, other, isPlausible, mutantDraws) =>
        this.#mutator.mutated(bytes, from, other.bytes, isPlausible, mutantDraws),
    })
    pair.send = (from, bytes, identity) => {
      this.#disturbance.send({ from, bytes: bytes.slice(), identity })
      return this.#lastId
    }
    pair.fate = () => this.#fate()
    for (const [side, end] of pair.ends.entries()) this.#watch(side, end)
  }
  free(): void {
    this.#coverage.free()
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
    const pair = this.#pair
    const draws = this.#draws
    const heapAtFirst = this.#options.heapBytes?.() ?? 0
    const beginning = draws.pick(BEGINNINGS)
    this.#disturbance.isOn = beginning === 'first packet'
    if (beginning !== 'first packet') this.#run(OPEN_US)
    this.#disturbance.isOn = beginning !== 'end'
    for (let left = draws.pick(ROUNDS); left > 0 && !this.#isOver; left--) {
      for (const side of [0, 1] as const) this.#act(side)
      this.#round()
    }
    this.heapGrowthBytes = Math.max(0, (this.#options.heapBytes?.() ?? 0) - heapAtFirst)
    const survivors = pair.ends.filter(({ channels }, side) => channels.isOpen && this.#closings[side] === 0)
    this.#isEnding = true
    this.#disturbance.isOn = true
    this.#end()
    for (let left = ENDING_ROUNDS; left > 0; left--) this.#round()
    this.#disturbance.isOn = false
    this.#run(SILENCE_US)
    for (const [side, { channels }] of pair.ends.entries()) if (this.#closings[side] === 0) channels.close(draws.below(CODES), pair.nowUs)
    this.#run(FORGOTTEN_US_MAX)
    this.endings.push(...survivors.map(() => 'survived'))
    this.#tally()
  }

  get #isOver(): boolean {
    return this.#closings.some((closings) => closings > 0)
  }

  // --- what both ends do ---------------------------------------------------------------------------------------------

  #act(side: 0 | 1): void {
    const draws = this.#draws
    const pair = this.#pair
    for (let left = draws.below(MESSAGES_A_ROUND + 1); left > 0; left--) {
      const length = draws.pick(MESSAGE_BYTES)
      pair.write(side, draws.below(SPECS.length), numbered(this.#pace.steps, length).subarray(0, length))
    }
    if (draws.below(CLOSE_ONE_IN) === 0) pair.ends[side].channels.closeChannel(draws.below(SPECS.length), pair.nowUs)
    if (draws.below(SILENT_ONE_IN) > 0) return
    this.#isSilent = true
    this.#run(SILENCE_US)
    this.#isSilent = false
  }

  #end(): void {
    const draws = this.#draws
    const { ends, nowUs } = this.#pair
    const way = draws.pick(ENDS)
    const [first, second] = draws.below(2) === 0 ? ends : [ends[1], ends[0]]
    if (way === 'close') return first.channels.close(draws.below(CODES), nowUs)
    first.channels.shutdown(nowUs)
    if (way === 'both shut down') second.channels.shutdown(nowUs)
  }

  #fate(): readonly number[] {
    const draws = this.#draws
    if (this.#isSilent || (this.#disturbance.isOn && draws.below(LOST_ONE_IN) === 0)) return []
    return [draws.below(LATE_ONE_IN) === 0 ? draws.below(LATE_US_MAX) : 0]
  }

  // --- what is watched -----------------------------------------------------------------------------------------------

  #watch(side: number, end: Pair['ends'][number]): void {
    const { channels } = end
    const receive = channels.receive.bind(channels)
    channels.receive = (bytes, cause, nowUs) => {
      const received = end.received.length
      const wasOver = this.#closings[side] > 0
      this.#coverage.during(this.#mutantIds.delete(cause.id), () => receive(bytes, cause, nowUs))
      if (wasOver && end.received.length > received) throw new Breach(`a message after the end, at end ${side}`)
      end.received.length = 0
    }
    Object.defineProperty(end, 'closed', {
      set: ({ by, code }: { by: string; code: number }) => {
        this.#closed(side, by, code)
      },
    })
  }
  #closed(side: number, by: string, code: number): void {
    if (++this.#closings[side] > 1) throw new Breach(`'closed' twice, at end ${side}`)
    this.endings.push(`${by} ${code < CODES ? 'application' : code}`)
  }

  #round(): void {
    this.#disturbance.straggle()
    this.#run(ROUND_US)
  }

  #run(forUs: number): void {
    const pair = this.#pair
    const { nowMs } = this.#options
    const untilUs = pair.nowUs + forUs
    for (;;) {
      const fromMs = nowMs()
      if (!pair.step(untilUs)) break
      this.#pace.step(pair.nowUs, nowMs() - fromMs)
      this.#checkKept()
    }
    pair.nowUs = untilUs
  }

  #checkKept(): void {
    for (const { channels, records } of this.#pair.ends) {
      const kept = channels.channelStandings.reduce((sum, { keptBytes }) => sum + keptBytes, 0)
      if (kept > KEPT_BYTES_MAX) throw new Breach(`${kept} bytes are kept`)
      for (const record of records.splice(0)) {
        if (record.kind === 'discarded') this.discarded[record.why] = (this.discarded[record.why] ?? 0) + 1
      }
    }
  }

  #tally(): void {
    for (const [side, { channels }] of this.#pair.ends.entries()) {
      if (this.#closings[side] === 0) throw new Breach(`end ${side} was never told of an end`)
      if (channels.nextWakeUs() !== Infinity) throw new Breach(`end ${side} keeps a timer`)
    }
  }
}
