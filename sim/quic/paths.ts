/**
 * The paths of a connection: which addresses it runs over, how much may be sent to an address before it answers (RFC 9000, section 8),
 * and moving from one to another (section 9).
 */
import { mix32 } from '../choice.ts'
import type { SocketAddress } from '../net/datagram.ts'
import type { RemoteId } from './connectionids.ts'
import { integer, concat, isSame } from '../octets.ts'
import { RecoveryPath } from './recovery.ts'

/** Section 8.1: what may be sent to an address that has not proven itself, times what came from it. */
const AMPLIFICATION_MAX = 3
/** Paths known at once; of those that never became the active one the oldest is forgotten. */
const PATHS_MAX = 4
/** Section 8.2.4: the wait for a response, in probe timeouts, and so the challenges sent. */
const VALIDATION_PROBE_TIMEOUTS = 3
/** Responses that wait to be sent on one path (section 8.2.2 wants one each; an honest peer has no more under way). */
const RESPONSES_MAX = 4

export class Path {
  readonly ordinal: number
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly recovery: RecoveryPath
  remoteId: RemoteId
  /** The peer has proven to receive there. */
  isValidated: boolean
  receivedBytes = 0
  sentBytes = 0
  /** The id that the peer sent to last; another one asks for another of ours for it (section 9.5). */
  localId: Uint8Array | undefined
  /** Challenges sent that have no response yet. */
  challenges: Uint8Array[] = []
  isChallengeDue = false
  challengeAttempt = 0
  nextChallengeUs = Infinity
  failsUs = Infinity
  #challengeIntervalUs = 0
  responses: Uint8Array[] = []
  responseCount = 0

  constructor(
    ordinal: number, local: SocketAddress, remote: SocketAddress, recovery: RecoveryPath, remoteId: RemoteId, isValidated: boolean,
  ) {
    this.ordinal = ordinal
    this.local = local
    this.remote = remote
    this.recovery = recovery
    this.remoteId = remoteId
    this.isValidated = isValidated
  }

  /** Bytes that may be sent now. */
  get allowanceBytes(): number {
    return this.isValidated ? Infinity : AMPLIFICATION_MAX * this.receivedBytes - this.sentBytes
  }
  get isProbing(): boolean {
    return this.isChallengeDue || this.responses.length > 0
  }

  /**
   * Begins to find out whether the peer is there. Sections 8.2.1 and 8.2.4: by the probe timeout of the path that is in use, or by this
   * one's, of which nothing may be known yet, where that is longer.
   */
  challenge(nowUs: number, probeTimeoutUs: number): void {
    this.isChallengeDue = true
    this.challenges = []
    this.#challengeIntervalUs = Math.max(probeTimeoutUs, this.recovery.roundTrip.probeTimeoutUs)
    this.failsUs = nowUs + VALIDATION_PROBE_TIMEOUTS * this.#challengeIntervalUs
  }

  /** The data of the challenge that leaves now. */
  nextChallenge(connection: number, nowUs: number): Uint8Array {
    const seed = mix32(mix32(connection >>> 0, Math.floor(connection / 2 ** 32)), this.ordinal)
    const data = concat(integer(4, mix32(seed, this.challengeAttempt)), integer(4, mix32(seed, ~this.challengeAttempt)))
    this.isChallengeDue = false
    this.challengeAttempt++
    this.challenges.push(data)
    this.nextChallengeUs = nowUs + this.#challengeIntervalUs
    return data
  }

  answer(data: Uint8Array): void {
    if (this.responses.length < RESPONSES_MAX) this.responses.push(data.slice())
  }

  validated(): void {
    this.isValidated = true
    this.#settle()
  }
  #settle(): void {
    this.challenges = []
    this.isChallengeDue = false
    this.nextChallengeUs = Infinity
    this.failsUs = Infinity
  }

  /** Does what time brings: another challenge, or the end of the attempt. True where it failed. */
  wake(nowUs: number): boolean {
    if (nowUs >= this.failsUs) {
      this.#settle()
      return true
    }
    if (nowUs >= this.nextChallengeUs) {
      this.nextChallengeUs = Infinity
      this.isChallengeDue = true
    }
    return false
  }
  deadlineUs(): number {
    return Math.min(this.nextChallengeUs, this.failsUs)
  }
}

const isSamePlace = (a: SocketAddress, b: SocketAddress): boolean => a.address === b.address && a.port === b.port

export interface PathSettings {
  readonly initialRttUs: number
  readonly isEcnWanted: boolean
}

export class Paths {
  active: Path
  readonly #settings: PathSettings
  readonly #forgotten: (path: Path) => void
  /** The last one that was validated: where the connection goes back to. */
  #fallback: Path | undefined
  #paths: Path[]
  #count = 1

  /** @param forgotten hears of paths that had to make room. */
  constructor(
    settings: PathSettings, local: SocketAddress, remote: SocketAddress, remoteId: RemoteId, isValidated: boolean,
    forgotten: (path: Path) => void = () => {},
  ) {
    this.#settings = settings
    this.#forgotten = forgotten
    this.active = new Path(0, local, remote, new RecoveryPath(settings.initialRttUs, settings.isEcnWanted), remoteId, isValidated)
    this.#paths = [this.active]
  }

  get all(): readonly Path[] {
    return this.#paths
  }

  find(local: SocketAddress, remote: SocketAddress): Path | undefined {
    // Nearly always the active one.
    if (isSamePlace(this.active.local, local) && isSamePlace(this.active.remote, remote)) return this.active
    return this.#paths.find((path) => isSamePlace(path.local, local) && isSamePlace(path.remote, remote))
  }

  /** A path that was not known. What was measured is kept where only the port differs (section 9.4): a NAT that forgot. */
  add(local: SocketAddress, remote: SocketAddress, remoteId: RemoteId, isValidated: boolean): Path {
    const { active } = this
    const isRebound = active.remote.address === remote.address && isSamePlace(active.local, local)
    const recovery = isRebound ? active.recovery : new RecoveryPath(this.#settings.initialRttUs, this.#settings.isEcnWanted)
    const path = new Path(this.#count++, local, remote, recovery, remoteId, isValidated)
    this.#paths.push(path)
    if (this.#paths.length > PATHS_MAX) {
      const oldest = this.#paths.findIndex((one) => one !== active && one !== this.#fallback && one !== path)
      for (const forgotten of this.#paths.splice(oldest, 1)) this.#forgotten(forgotten)
    }
    return path
  }

  /** The connection goes on over `path`. */
  activate(path: Path): void {
    if (this.active.isValidated) this.#fallback = this.active
    this.active = path
  }

  /** Nobody is where the peer was before. */
  forgetFallback(): void {
    this.#fallback = undefined
  }

  /** A response came, on whatever path: the path whose challenge it answers. */
  answered(data: Uint8Array): Path | undefined {
    return this.#paths.find(({ challenges }) => challenges.some((challenge) => isSame(challenge, data)))
  }

  /** Where to go back to when `path` has proven useless; undefined where that is nowhere. */
  failed(path: Path): Path | undefined {
    if (path !== this.active) {
      this.#paths = this.#paths.filter((one) => one !== path)
      return undefined
    }
    return this.#fallback
  }
}
