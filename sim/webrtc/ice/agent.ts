/**
 * An ICE agent (RFC 8445, full implementation; one data stream of one component; trickled candidates, RFC 8838; consent, RFC 7675).
 * Sans-I/O: after every call, `poll` until it has nothing more, and ask `nextWakeUs` anew.
 *
 *     gathering ──> candidates ──(signalling)──> pairs ──> checks ──> valid ──> nomination ──> selected ──> consent
 *
 * Nomination is regular. Beyond the RFC, as libwebrtc does: an agent whose path falls silent checks all pairs once more, and the
 * controlling one may then nominate another; a restart is for when that does not help.
 */
import { mix32 } from '../../choice.ts'
import { type Datagram, Ecn, type SocketAddress } from '../../net/datagram.ts'
import { type DatagramIdentity, following, identityOf, isSameSocket, pathKey, socketKey } from '../identity.ts'
import { Queue } from '../../queue.ts'
import { StunAttribute, StunClass, StunError, StunMethod } from '../stun/constants.ts'
import { checkIntegrity } from '../stun/integrity.ts'
import { decodeStun, errorCodeOf, isStun, socketOf, type StunMessage, type TransactionId, unknownAttributes } from '../stun/message.ts'
import { type RetransmissionSchedule, type Transaction, Transactions } from '../stun/transactions.ts'
import { StunWriter } from '../stun/writer.ts'
import { type Candidate, foundationOf, type LocalCandidate, priorityOf } from './candidate.ts'
import { type CheckRequest, readCheck, writeCheck, writeCheckError, writeCheckSuccess } from './checkmessages.ts'
import { Consent } from './consent.ts'
import type { IceCredentials } from './credentials.ts'
import type { IceConfig, IceEvent } from './events.ts'
import { Gatherer, type GathererEvent } from './gathering.ts'
import { Generation } from './generation.ts'
import {
  CANDIDATES_MAX, checkSchedule, CONSENT_SCHEDULE, PACING_US, PATIENCE_US, PATIENCE_US_MAX,
} from './limits.ts'
import { nominationOf } from './nomination.ts'
import type { CandidatePair, SelectedPair } from './pair.ts'

type CheckKind = 'check' | 'nomination' | 'consent'
interface Check {
  readonly kind: CheckKind
  readonly generation: Generation
  readonly pair: CandidatePair
  /** The how-manieth transaction of its pair. */
  readonly ordinal: number
  readonly isControlling: boolean
  readonly priority: number
}
interface Selection {
  readonly generation: Generation
  readonly pair: CandidatePair
  readonly view: SelectedPair
  readonly consent: Consent
}

const RESPONSE_KNOWN: ReadonlySet<number> = new Set(Object.values(StunAttribute))

export class IceAgent {
  readonly #config: IceConfig
  readonly #writer = new StunWriter()
  readonly #out = new Queue<IceEvent>()
  readonly #gatherer: Gatherer
  readonly #transactions: Transactions<Check>
  #generation: Generation
  /** Whose path is in use until the present generation has one. */
  #previous: Generation | undefined
  #selection: Selection | undefined
  #isControlling: boolean
  /** Before it no check may leave (RFC 8445, section 14.2). */
  #nextCheckUs = 0
  /** When the controlling side nominates what it has by then. */
  #nominateUs = Infinity
  #checksSent = 0
  #selections = 0
  #isClosed = false

  constructor(config: IceConfig) {
    this.#config = config
    this.#isControlling = config.isControlling
    this.#generation = new Generation(0, config, config.isControlling)
    this.#gatherer = new Gatherer(config)
    this.#transactions = new Transactions((check, nowUs) => this.#transmitCheck(check, nowUs), (check) => this.#checkFailed(check))
  }

  get isControlling(): boolean {
    return this.#isControlling
  }
  /** The path that data takes; undefined before there is one, and after it was lost. */
  get selected(): SelectedPair | undefined {
    return this.#selection?.view
  }
  /** Connectivity checks that left so far, repetitions included, consent not. */
  get checksSent(): number {
    return this.#checksSent
  }
  /** Of the present generation. */
  get pairs(): readonly CandidatePair[] {
    return this.#generation.checklist.pairs
  }

  /** Begins to gather candidates. */
  start(nowUs: number): void {
    this.#gatherer.start(nowUs)
    this.#advance(nowUs)
  }

  /** What the other side's description says. The same again changes nothing. */
  setRemote(credentials: IceCredentials, nowUs: number): void {
    const { keys } = this.#generation
    if (keys.remoteUfrag === credentials.ufrag) return
    keys.learn(credentials)
    this.#generation.startedUs = nowUs
    this.#generation.patienceUs = nowUs + PATIENCE_US
    this.#advance(nowUs)
  }

  addRemoteCandidate(candidate: Candidate, nowUs: number): void {
    this.#permit(this.#generation.checklist.addRemote(candidate), nowUs)
    this.#advance(nowUs)
  }

  /** The other side has no more candidates. */
  endOfCandidates(nowUs: number): void {
    this.#generation.isRemoteComplete = true
    this.#advance(nowUs)
  }

  /** Begins anew (RFC 8445, section 9), from other sockets where they are told; the path that is there stays in use until a new one is. */
  restart(credentials: IceCredentials, nowUs: number, localAddresses?: readonly SocketAddress[]): void {
    const old = this.#generation
    this.#transactions.forget(({ generation, kind }) => generation === old && kind !== 'consent')
    if (this.#selection?.generation === old) this.#previous = old
    this.#generation = new Generation(old.number + 1, credentials, this.#isControlling)
    this.#nominateUs = Infinity
    for (const candidate of this.#gatherer.renew(nowUs, localAddresses)) this.#addLocal(candidate, nowUs)
    if (localAddresses === undefined && this.#gatherer.isGathered) this.#out.push({ kind: 'gathered', ufrag: credentials.ufrag })
    this.#advance(nowUs)
  }

  /** Ends everything. The relay's allocation is given back. */
  close(nowUs: number): void {
    this.#isClosed = true
    this.#selection = undefined
    this.#transactions.forget(() => true)
    this.#gatherer.close(nowUs)
    this.#drainGatherer(nowUs)
  }

  /**
   * Sends to the other side on the selected path; false where there is none. `identity` names what the bytes are: it stands for the
   * datagram, with a relay's wrapping or without.
   */
  send(bytes: Uint8Array, identity: DatagramIdentity, nowUs: number): boolean {
    const pair = this.#selection?.pair
    if (pair === undefined) return false
    this.#transmit(pair.local, pair.remote.address, bytes, identity)
    this.#drainGatherer(nowUs)
    return true
  }

  /** Whether the datagram was STUN or TURN for this agent. What came by way of the relay follows as a 'data' event. */
  receive(datagram: Datagram, nowUs: number): boolean {
    let isOurs = this.#gatherer.receive(datagram, nowUs)
    if (this.#isClosed) {
      this.#drainGatherer(nowUs)
      return isOurs
    }
    if (!isOurs && isStun(datagram.bytes)) {
      const to = { address: datagram.to, port: datagram.toPort }
      const local = this.#generation.checklist.locals.find(({ type, base }) => type === 'host' && isSameSocket(base, to))
      const from = { address: datagram.from, port: datagram.fromPort }
      isOurs = local !== undefined && this.#stun(datagram.bytes, from, local, datagram, nowUs)
    }
    if (isOurs) this.#advance(nowUs)
    return isOurs
  }

  poll(): IceEvent | undefined {
    return this.#out.shift()
  }

  wake(nowUs: number): void {
    if (this.#isClosed) {
      this.#gatherer.wake(nowUs)
      return this.#drainGatherer(nowUs)
    }
    this.#gatherer.wake(nowUs)
    this.#transactions.wake(nowUs)
    this.#advance(nowUs)
  }

  nextWakeUs(): number {
    if (this.#isClosed) return this.#gatherer.nextWakeUs()
    const { patienceUs, hasFailed } = this.#generation
    let nextUs = Math.min(this.#gatherer.nextWakeUs(), this.#transactions.nextWakeUs(), this.#nominateUs)
    if (this.#selection !== undefined) nextUs = Math.min(nextUs, this.#selection.consent.nextWakeUs())
    else if (!hasFailed) nextUs = Math.min(nextUs, patienceUs)
    if (this.#canCheck) nextUs = Math.min(nextUs, this.#nextCheckUs)
    return nextUs
  }

  get #canCheck(): boolean {
    const { keys, checklist, hasFailed } = this.#generation
    return !hasFailed && keys.asking !== undefined && !this.#transactions.isFull && checklist.hasNext
  }

  /** Does what can be done now: takes what the gatherer found, checks, nominates, and sees whether all is lost. */
  #advance(nowUs: number): void {
    this.#drainGatherer(nowUs)
    this.#keepConsent(nowUs)
    this.#nominate(nowUs)
    if (this.#nextCheckUs <= nowUs && this.#canCheck) this.#check(nowUs)
    this.#judge(nowUs)
    this.#drainGatherer(nowUs)
  }

  #drainGatherer(nowUs: number): void {
    for (let event = this.#gatherer.poll(); event !== undefined; event = this.#gatherer.poll()) this.#gathered(event, nowUs)
  }

  #gathered(event: GathererEvent, nowUs: number): void {
    const { checklist, keys } = this.#generation
    if (event.kind === 'transmit') {
      this.#out.push(event)
    } else if (this.#isClosed) {
      return
    } else if (event.kind === 'candidate') {
      this.#addLocal(event.candidate, nowUs)
    } else if (event.kind === 'gathered') {
      this.#out.push({ kind: 'gathered', ufrag: keys.local.ufrag })
    } else if (event.kind === 'relayed') {
      if (!isStun(event.bytes)) this.#out.push({ kind: 'data', bytes: event.bytes })
      else this.#stun(event.bytes, event.peer, event.candidate, event.identity, nowUs)
    } else if (event.kind === 'lost') {
      checklist.removeLocal(event.candidate)
    } else {
      checklist.permitted(event.address, event.kind === 'permitted')
    }
  }

  #addLocal(candidate: LocalCandidate, nowUs: number): void {
    const { type, address, foundation, priority, related } = candidate
    const told: Candidate = { type, address, foundation, priority, ...(related === undefined ? {} : { related }) }
    this.#out.push({ kind: 'candidate', candidate: told, ufrag: this.#generation.keys.local.ufrag })
    this.#permit(this.#generation.checklist.addLocal(candidate), nowUs)
  }

  /** A relay has to let the other side's address through before a check has a chance (RFC 8445, section 7.2.2 of its use of TURN). */
  #permit(pairs: readonly CandidatePair[], nowUs: number): void {
    const { relay } = this.#gatherer
    for (const pair of pairs) {
      if (pair.local.type !== 'relay' || relay === undefined) continue
      pair.isBlocked = !relay.isPermitted(pair.remote.address.address)
      if (pair.isBlocked) this.#gatherer.permit(pair.remote.address.address, nowUs)
    }
  }

  #check(nowUs: number): void {
    const { checklist } = this.#generation
    const pair = checklist.next()
    if (pair === undefined) return
    this.#nextCheckUs = nowUs + PACING_US
    const kind = pair.isNominating && this.#isControlling ? 'nomination' : 'check'
    const busy = checklist.pairs.filter(({ state }) => state === 'waiting' || state === 'inProgress').length
    pair.state = 'inProgress'
    this.#ask(kind, this.#generation, pair, checkSchedule(busy), nowUs)
  }

  #ask(kind: CheckKind, generation: Generation, pair: CandidatePair, schedule: RetransmissionSchedule, nowUs: number): void {
    const key = generation.keys.asking
    if (key === undefined) return
    const { secret, tieBreaker } = this.#config
    const isControlling = this.#isControlling
    const ordinal = pair.checks++
    const priority = priorityOf('prflx', pair.local.localPreference)
    const basis = mix32(mix32(mix32(secret, generation.number), pathKey(pair.local.base, pair.remote.address)), ordinal)
    const id: TransactionId = [mix32(basis, 0), mix32(basis, 1), mix32(basis, 2)]
    const check: CheckRequest = { id, isControlling, tieBreaker, priority, isNominating: kind === 'nomination' }
    const bytes = writeCheck(this.#writer, generation.keys, key, check)
    this.#transactions.begin(id, bytes, { kind, generation, pair, ordinal, isControlling, priority }, schedule, nowUs)
  }

  #transmitCheck({ bytes, attempt, context }: Transaction<Check>, _nowUs: number): void {
    const { kind, generation, pair, ordinal } = context
    const { connection, node } = this.#config
    if (kind !== 'consent') this.#checksSent++
    const subject = mix32(pathKey(pair.local.base, pair.remote.address), generation.number)
    this.#transmit(pair.local, pair.remote.address, bytes, identityOf(`ice ${kind}`, connection, node, subject, ordinal, attempt))
  }

  #transmit(local: LocalCandidate, remote: SocketAddress, bytes: Uint8Array, { keyHi, keyLo, label }: DatagramIdentity): void {
    if (local.type === 'relay') return this.#gatherer.send(remote, bytes, { keyHi, keyLo, label })
    this.#out.push({ kind: 'transmit', datagram: { local: local.base, remote, ecn: Ecn.notCapable, bytes, keyHi, keyLo, label } })
  }

  #stun(bytes: Uint8Array, from: SocketAddress, local: LocalCandidate, identity: DatagramIdentity, nowUs: number): boolean {
    const message = decodeStun(bytes)
    if (message === undefined || message.method !== StunMethod.binding || !message.hasFingerprint) return false
    if (message.class === StunClass.indication) return false
    if (message.class !== StunClass.request) return this.#response(message, from, local, nowUs)
    const generation = [this.#generation, this.#previous].find((one) => one?.keys.isFor(message))
    if (generation === undefined) return false
    const read = readCheck(message, generation.keys)
    const answer = (answering: Uint8Array, as: string): void =>
      this.#transmit(local, from, answering, following(identity, `${identity.label.contents} ${as}`))
    if (read.kind === 'refused') {
      answer(writeCheckError(this.#writer, generation.keys, message.id, read.error, read.unknown), 'error')
    } else if (!this.#settleRole(read.check)) {
      answer(writeCheckError(this.#writer, generation.keys, message.id, StunError.roleConflict, []), 'error')
    } else {
      answer(writeCheckSuccess(this.#writer, generation.keys, message.id, from), 'response')
      const selection = this.#selection
      if (selection !== undefined && isPath(selection.pair, local.base, from)) selection.consent.heard(nowUs)
      if (generation === this.#generation) this.#checked(read.check, from, local, nowUs)
    }
    return true
  }

  /** Section 7.3.1.1: false where the other side is to give in. */
  #settleRole({ isControlling, tieBreaker }: CheckRequest): boolean {
    if (isControlling !== this.#isControlling) return true
    const [high, low] = this.#config.tieBreaker
    const isStronger = high > tieBreaker[0] || (high === tieBreaker[0] && low >= tieBreaker[1])
    if (isStronger === this.#isControlling) return false
    this.#switchRole()
    return true
  }

  #switchRole(): void {
    this.#isControlling = !this.#isControlling
    this.#nominateUs = Infinity
    const { checklist } = this.#generation
    checklist.isControlling = this.#isControlling
    for (const pair of checklist.pairs) pair.isNominating = false
    checklist.sort()
  }

  /** A good check of the other side has come in (sections 7.3.1.3 to 7.3.1.5). */
  #checked(check: CheckRequest, from: SocketAddress, local: LocalCandidate, nowUs: number): void {
    const { checklist } = this.#generation
    if (checklist.remoteAt(from) === undefined) {
      if (checklist.remotes.length >= CANDIDATES_MAX) return
      const foundation = String(mix32(socketKey(from), this.#generation.number))
      this.#permit(checklist.addRemote({ type: 'prflx', address: from, foundation, priority: check.priority }), nowUs)
    }
    const pair = checklist.pairOf(local.base, from)
    if (pair === undefined) return
    const isNominated = check.isNominating && !this.#isControlling
    if (pair.state === 'succeeded') {
      if (isNominated) this.#select(pair, this.#generation, nowUs)
      return
    }
    if (isNominated) pair.isNominated = true
    // A check that is under way already is sent no more, but its response still counts (section 7.3.1.4).
    if (pair.state === 'inProgress') this.#transactions.silence((one) => one.pair === pair && one.kind === 'check')
    if (pair.state === 'inProgress' && pair.isNominating) return
    checklist.trigger(pair)
  }

  #response(message: StunMessage, from: SocketAddress, local: LocalCandidate, nowUs: number): boolean {
    const waiting = this.#transactions.find(message.id)
    const key = waiting?.context.generation.keys.asking
    if (waiting === undefined || key === undefined) return false
    const { context: check, attempt, sentUs } = waiting
    const error = message.class === StunClass.error ? errorCodeOf(message) : undefined
    const integrity = checkIntegrity(message, key)
    // RFC 8489, section 9.1.4: what is not signed is no response, but for the two errors that cannot be.
    const isUnsignedError = integrity === 'missing' && (error === StunError.badRequest || error === StunError.unauthenticated)
    if ((integrity === 'missing' && !isUnsignedError) || integrity === 'wrong') return true
    this.#transactions.answered(message.id)
    const mapped = socketOf(message, StunAttribute.xorMappedAddress)
    // Section 7.2.5.2.1: a response comes the way that the request went.
    const isSymmetric = isPath(check.pair, local.base, from)
    if (message.class === StunClass.error && error === StunError.roleConflict) {
      this.#roleRefused(check)
    } else if (
      message.class === StunClass.error || !isSymmetric || mapped === undefined || unknownAttributes(message, RESPONSE_KNOWN).length > 0
    ) {
      this.#checkFailed(check)
    } else {
      if (attempt === 0) check.pair.rttUs = nowUs - sentUs
      this.#succeeded(check, mapped, nowUs)
    }
    return true
  }

  /** Section 7.2.5.1. */
  #roleRefused({ kind, generation, pair, isControlling }: Check): void {
    if (isControlling === this.#isControlling) this.#switchRole()
    if (kind !== 'consent' && generation === this.#generation) {
      pair.state = 'waiting'
      generation.checklist.trigger(pair)
    }
  }

  #checkFailed({ kind, generation, pair }: Check): void {
    if (kind === 'consent' || generation !== this.#generation) return
    pair.state = 'failed'
    pair.validLocal = undefined
    pair.isNominating = false
  }

  /** Section 7.2.5.3. */
  #succeeded({ kind, generation, pair, priority }: Check, mapped: SocketAddress, nowUs: number): void {
    const selection = this.#selection
    if (kind === 'consent') {
      if (selection?.pair !== pair) return
      selection.consent.answered(nowUs)
      // The other side sees us elsewhere now: a NAT has forgotten us. It learns so from a nomination (section 8.1.1).
      if (this.#isControlling && generation === this.#generation && !isSameSocket(selection.view.local.address, mapped)) {
        pair.isNominating = true
        generation.checklist.trigger(pair)
      }
      return
    }
    if (generation !== this.#generation) return
    const { checklist } = generation
    pair.validLocal = checklist.locals.find((one) => isSameSocket(one.address, mapped) && isSameSocket(one.base, pair.local.base))
    if (pair.validLocal === undefined) {
      // Section 7.2.5.3.1: no server has told us of this address. It is not signalled, for the other side knows it.
      const { base, localPreference } = pair.local
      const related = pair.local.address
      const foundation = foundationOf('prflx', base, undefined)
      pair.validLocal = { type: 'prflx', address: mapped, base, localPreference, priority, related, foundation }
      checklist.addLocal(pair.validLocal)
    }
    checklist.succeeded(pair)
    generation.validUs = Math.min(generation.validUs, nowUs)
    if (kind === 'nomination' ? this.#isControlling : pair.isNominated) this.#select(pair, generation, nowUs)
  }

  /** The controlling side chooses (section 8.1.1). */
  #nominate(nowUs: number): void {
    this.#nominateUs = Infinity
    const { checklist, isRemoteComplete, validUs } = this.#generation
    if (!this.#isControlling || checklist.isComplete || validUs === Infinity) return
    const nomination = nominationOf(checklist, validUs, isRemoteComplete && this.#gatherer.isGathered)
    if (nomination === undefined) return
    if (nomination.atUs > nowUs) {
      this.#nominateUs = nomination.atUs
      return
    }
    nomination.pair.isNominating = true
    checklist.trigger(nomination.pair)
  }

  #select(pair: CandidatePair, generation: Generation, nowUs: number): void {
    const local = pair.validLocal ?? pair.local
    generation.checklist.isComplete = true
    pair.isNominating = false
    pair.isNominated = false
    this.#transactions.silence((check) => check.generation === generation && check.kind === 'check' && check.pair !== pair)
    const known = this.#selection
    if (known?.pair === pair && isSameSocket(known.view.local.address, local.address)) return
    const { secret } = this.#config
    const consent = new Consent(mix32(secret, ++this.#selections), nowUs)
    this.#selection = { generation, pair, view: { local, remote: pair.remote }, consent }
    this.#previous = undefined
    if (pair.local.type === 'relay') this.#gatherer.bind(pair.remote.address, nowUs)
    this.#out.push({ kind: 'selected', pair: this.#selection.view, atUs: nowUs, rttUs: pair.rttUs })
  }

  #keepConsent(nowUs: number): void {
    const selection = this.#selection
    if (selection === undefined) return
    const { consent, generation, pair } = selection
    const before = consent.state
    if (consent.judge(nowUs)) {
      if (consent.state === 'expired') {
        this.#selection = undefined
        this.#previous = undefined
        // A restart that is under way may still find a path.
        return generation === this.#generation ? this.#fail() : undefined
      }
      this.#out.push({ kind: before === 'given' ? 'disconnected' : 'recovered' })
      if (before === 'given' && generation === this.#generation) {
        generation.checklist.reopen()
        generation.validUs = Infinity
      }
    }
    if (consent.ask(nowUs) && !this.#transactions.isFull) this.#ask('consent', generation, pair, CONSENT_SCHEDULE, nowUs)
  }

  /** Whether the present generation has come to nothing (RFC 8445, section 8.2; RFC 8863). */
  #judge(nowUs: number): void {
    const { startedUs, checklist, hasFailed } = this.#generation
    if (hasFailed || this.#selection !== undefined || nowUs < startedUs + PATIENCE_US) return
    this.#generation.patienceUs = startedUs + PATIENCE_US_MAX
    const goesOn = !this.#gatherer.isGathered || checklist.pairs.some((pair) => pair.isUnfinished || pair.validLocal !== undefined)
    if (!goesOn || nowUs >= startedUs + PATIENCE_US_MAX) this.#fail()
  }

  #fail(): void {
    this.#generation.hasFailed = true
    this.#nominateUs = Infinity
    this.#transactions.forget(() => true)
    this.#out.push({ kind: 'failed' })
  }
}

/** Whether a pair is from here to there. */
const isPath = ({ local, remote }: CandidatePair, base: SocketAddress, address: SocketAddress): boolean =>
  isSameSocket(local.base, base) && isSameSocket(remote.address, address)
