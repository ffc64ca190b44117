/**
 * Gathering (RFC 8445, section 5.1.1): host candidates are there at once, a STUN server tells the reflexive ones, a TURN server
 * allocates the relayed one. Each is handed out as soon as it is known (RFC 8838).
 */
import { mix32 } from '../../choice.ts'
import { type Address, type Datagram, Ecn, type SocketAddress } from '../../net/datagram.ts'
import type { OutgoingDatagram } from '../../transport/session.ts'
import { type DatagramIdentity, identityOf, isSameSocket, pathKey } from '../identity.ts'
import { Queue } from '../../queue.ts'
import { StunAttribute, StunClass, StunMethod } from '../stun/constants.ts'
import { decodeStun, isStun, socketOf, type TransactionId } from '../stun/message.ts'
import { retransmission, type Transaction, Transactions } from '../stun/transactions.ts'
import { StunWriter } from '../stun/writer.ts'
import { type TurnAccount, TurnClient } from '../turn/client.ts'
import { type CandidateType, foundationOf, LOCAL_PREFERENCE_MAX, type LocalCandidate, priorityOf } from './candidate.ts'
import { PACING_US } from './limits.ts'

export interface GathererConfig {
  /** Both ends' name for the connection. */
  readonly connection: number
  readonly node: Address
  /** An unsigned 32-bit integer that transaction ids follow from. */
  readonly secret: number
  /** The sockets of this agent, the preferred one first. */
  readonly localAddresses: readonly SocketAddress[]
  readonly stunServer?: SocketAddress
  readonly turnServer?: TurnAccount
}

export type GathererEvent =
  | { readonly kind: 'transmit'; readonly datagram: OutgoingDatagram }
  | { readonly kind: 'candidate'; readonly candidate: LocalCandidate }
  /** There will be no more. */
  | { readonly kind: 'gathered' }
  /** The relay lets an address through, or does not. */
  | { readonly kind: 'permitted' | 'refused'; readonly address: Address }
  /** The relayed candidate is no more. */
  | { readonly kind: 'lost'; readonly candidate: LocalCandidate }
  /** From a peer, by way of the relay. */
  | {
    readonly kind: 'relayed'; readonly candidate: LocalCandidate; readonly peer: SocketAddress; readonly bytes: Uint8Array
    readonly identity: DatagramIdentity
  }

interface Question {
  readonly local: SocketAddress
  readonly localPreference: number
}

export class Gatherer {
  readonly #config: GathererConfig
  #localAddresses: readonly SocketAddress[]
  readonly #writer = new StunWriter()
  readonly #out = new Queue<GathererEvent>()
  readonly #transactions: Transactions<Question>
  /** Questions to the STUN server that have not been put yet, and when the next one is. */
  #questions: Question[] = []
  #questionUs = Infinity
  /** Questions without an answer. */
  #open = 0
  #turn: TurnClient | undefined
  #isTurnOpen = false
  /** Allocations asked for so far. */
  #allocations = 0
  #relayed: LocalCandidate | undefined
  #isGathered = false
  readonly #candidates: LocalCandidate[] = []

  constructor(config: GathererConfig) {
    this.#config = config
    this.#localAddresses = config.localAddresses
    this.#transactions = new Transactions((transaction) => this.#transmit(transaction), () => this.#answered())
  }

  /** Those that are known. */
  get candidates(): readonly LocalCandidate[] {
    return this.#candidates
  }
  get isGathered(): boolean {
    return this.#isGathered
  }
  /** What relays for the relayed candidate. */
  get relay(): TurnClient | undefined {
    return this.#turn
  }

  start(nowUs: number): void {
    const { stunServer } = this.#config
    const questions = this.#localAddresses.map((local, index) => ({ local, localPreference: LOCAL_PREFERENCE_MAX - index }))
    for (const { local, localPreference } of questions) this.#found('host', local, local, localPreference, undefined)
    this.#allocate(nowUs)
    if (stunServer !== undefined) {
      this.#questions = questions
      this.#open = questions.length
      this.#ask(nowUs)
    }
    this.#drainTurn()
    this.#conclude()
  }

  /** What there still is, and asks for what was lost meanwhile; from other sockets, where they are told, everything anew. */
  renew(nowUs: number, localAddresses?: readonly SocketAddress[]): readonly LocalCandidate[] {
    const kept = localAddresses === undefined ? [...this.#candidates] : []
    if (localAddresses !== undefined) {
      this.#forget()
      this.#localAddresses = localAddresses
      this.start(nowUs)
    } else if (!this.#isTurnOpen && this.#relayed === undefined) {
      this.#allocate(nowUs)
      this.#drainTurn()
    }
    return kept
  }

  /** What came of the sockets that there were. The relay's allocation is left to expire. */
  #forget(): void {
    this.#transactions.forget(() => true)
    this.#questions = []
    this.#questionUs = Infinity
    this.#open = 0
    this.#turn = undefined
    this.#isTurnOpen = false
    this.#relayed = undefined
    this.#candidates.length = 0
    this.#isGathered = false
  }

  #allocate(nowUs: number): void {
    const { turnServer, connection, node, secret } = this.#config
    if (turnServer === undefined) return
    const basis = mix32(secret, this.#allocations++)
    const local = this.#localAddresses[0]
    this.#turn = new TurnClient({ ...turnServer, local, connection, node, secret: basis, ordinal: this.#allocations })
    this.#isTurnOpen = true
    this.#isGathered = false
    this.#turn.allocate(nowUs)
  }

  /** Whether the datagram was for the gatherer or its relay. */
  receive(datagram: Datagram, nowUs: number): boolean {
    const { stunServer } = this.#config
    if (this.#turn?.receive(datagram, nowUs) === true) {
      this.#drainTurn()
      return true
    }
    if (stunServer === undefined || datagram.from !== stunServer.address || datagram.fromPort !== stunServer.port) return false
    const message = isStun(datagram.bytes) ? decodeStun(datagram.bytes) : undefined
    if (message === undefined || message.method !== StunMethod.binding || message.class === StunClass.request) return false
    const transaction = this.#transactions.answered(message.id)
    if (transaction === undefined) return false
    const mapped = socketOf(message, StunAttribute.xorMappedAddress)
    const { local, localPreference } = transaction.context
    if (message.class === StunClass.success && mapped !== undefined) this.#found('srflx', mapped, local, localPreference, stunServer)
    this.#answered()
    return true
  }

  /** Has the relay send to a peer. */
  send(peer: SocketAddress, bytes: Uint8Array, identity: DatagramIdentity): void {
    this.#turn?.send(peer, bytes, identity)
    this.#drainTurn()
  }
  permit(address: Address, nowUs: number): void {
    this.#turn?.permit(address, nowUs)
    this.#drainTurn()
  }
  bind(peer: SocketAddress, nowUs: number): void {
    this.#turn?.bind(peer, nowUs)
    this.#drainTurn()
  }

  /** Gives the relay's allocation back, and asks no more. */
  close(nowUs: number): void {
    this.#transactions.forget(() => true)
    this.#questionUs = Infinity
    this.#turn?.close(nowUs)
    this.#drainTurn()
  }

  poll(): GathererEvent | undefined {
    return this.#out.shift()
  }

  wake(nowUs: number): void {
    this.#transactions.wake(nowUs)
    if (this.#questionUs <= nowUs) this.#ask(nowUs)
    this.#turn?.wake(nowUs)
    this.#drainTurn()
  }

  nextWakeUs(): number {
    return Math.min(this.#transactions.nextWakeUs(), this.#questionUs, this.#turn?.nextWakeUs() ?? Infinity)
  }

  /** Section 14.2: gathering keeps the pace, too. */
  #ask(nowUs: number): void {
    const question = this.#questions.shift()
    this.#questionUs = this.#questions.length === 0 ? Infinity : nowUs + PACING_US
    if (question === undefined) return
    const basis = mix32(mix32(this.#config.secret, this.#config.connection >>> 0), pathKey(question.local, question.local))
    const id: TransactionId = [mix32(basis, 0), mix32(basis, 1), mix32(basis, 2)]
    const bytes = this.#writer.begin(StunMethod.binding, StunClass.request, id).finish()
    this.#transactions.begin(id, bytes, question, retransmission(), nowUs)
  }

  #transmit({ bytes, attempt, context: { local } }: Transaction<Question>): void {
    const { connection, node, stunServer: remote } = this.#config
    if (remote === undefined) return
    const { keyHi, keyLo, label } = identityOf('stun binding', connection, node, pathKey(local, remote), 0, attempt)
    this.#out.push({ kind: 'transmit', datagram: { local, remote, ecn: Ecn.notCapable, bytes, keyHi, keyLo, label } })
  }

  #answered(): void {
    this.#open--
    this.#conclude()
  }

  #conclude(): void {
    if (this.#isGathered || this.#open > 0 || this.#isTurnOpen) return
    this.#isGathered = true
    this.#out.push({ kind: 'gathered' })
  }

  /** Section 5.1.3: what is the same socket from the same base is redundant. */
  #found(
    type: CandidateType, address: SocketAddress, base: SocketAddress, localPreference: number, server: SocketAddress | undefined,
    related?: SocketAddress,
  ): LocalCandidate | undefined {
    if (this.#candidates.some((one) => isSameSocket(one.address, address) && isSameSocket(one.base, base))) return undefined
    const candidate: LocalCandidate = {
      type, address, base, localPreference, priority: priorityOf(type, localPreference),
      foundation: foundationOf(type, base, server), ...(type === 'host' ? {} : { related: related ?? base }),
    }
    this.#candidates.push(candidate)
    this.#out.push({ kind: 'candidate', candidate })
    return candidate
  }

  #drainTurn(): void {
    const turn = this.#turn
    const server = this.#config.turnServer?.server
    if (turn === undefined) return
    for (let event = turn.poll(); event !== undefined; event = turn.poll()) {
      if (event.kind === 'transmit') {
        this.#out.push(event)
      } else if (event.kind === 'data') {
        const { peer, bytes, identity } = event
        if (this.#relayed !== undefined) this.#out.push({ kind: 'relayed', candidate: this.#relayed, peer, bytes, identity })
      } else if (event.kind === 'permitted' || event.kind === 'refused') {
        this.#out.push({ kind: event.kind, address: event.address })
      } else if (event.kind === 'allocated') {
        this.#found('srflx', event.mapped, this.#localAddresses[0], LOCAL_PREFERENCE_MAX, server)
        this.#relayed = this.#found('relay', event.relayed, event.relayed, LOCAL_PREFERENCE_MAX, server, event.mapped)
        this.#turnEnded()
      } else {
        const lost = this.#relayed
        this.#relayed = undefined
        if (lost !== undefined) {
          this.#candidates.splice(this.#candidates.indexOf(lost), 1)
          this.#out.push({ kind: 'lost', candidate: lost })
        }
        this.#turnEnded()
      }
    }
  }

  #turnEnded(): void {
    this.#isTurnOpen = false
    this.#conclude()
  }
}
