/**
 * What the host puts up with from one member: so many commands, bytes and requests, and so much patience with what it may
 * not send. A member keeps its budgets over all of its connections; a stranger has those of its connection.
 */
import type { AuthorId } from '../ids.ts'
import {
  ASSET_TRAFFIC_BYTES_BURST, ASSET_TRAFFIC_BYTES_PER_SECOND, COMMAND_BURST, COMMANDS_PER_SECOND, MESSAGE_OVERHEAD_BYTES, OFFENCE_BURST,
  OFFENCES_PER_SECOND, REQUEST_BURST, REQUESTS_PER_SECOND, TRAFFIC_BYTES_BURST, TRAFFIC_BYTES_PER_SECOND,
} from '../limits.ts'
import { MessageType } from '../protocol/messages.ts'
import { TokenBucket } from '../security/tokenbucket.ts'

/** Each is so much at once, and so much a second sustained. Whole numbers of at least 1. */
export interface RateLimits {
  readonly commandBurst: number
  readonly commandsPerSecond: number
  /** Of chunks of assets, with {@link MESSAGE_OVERHEAD_BYTES} for each. */
  readonly assetBytesBurst: number
  readonly assetBytesPerSecond: number
  /** Of all messages but commands and chunks of assets, with {@link MESSAGE_OVERHEAD_BYTES} for each. */
  readonly trafficBytesBurst: number
  readonly trafficBytesPerSecond: number
  /** Messages whose answer is larger than they are. */
  readonly requestBurst: number
  readonly requestsPerSecond: number
  /** Messages and commands that were refused, before the member is disconnected. */
  readonly offenceBurst: number
  readonly offencesPerSecond: number
}
const RATE_LIMITS: RateLimits = {
  commandBurst: COMMAND_BURST, commandsPerSecond: COMMANDS_PER_SECOND,
  assetBytesBurst: ASSET_TRAFFIC_BYTES_BURST, assetBytesPerSecond: ASSET_TRAFFIC_BYTES_PER_SECOND,
  trafficBytesBurst: TRAFFIC_BYTES_BURST, trafficBytesPerSecond: TRAFFIC_BYTES_PER_SECOND,
  requestBurst: REQUEST_BURST, requestsPerSecond: REQUESTS_PER_SECOND,
  offenceBurst: OFFENCE_BURST, offencesPerSecond: OFFENCES_PER_SECOND,
}

/** What is left of each budget, in whole tokens, as it was when it was last drawn on. */
export interface Allowance {
  readonly commands: number
  readonly trafficBytes: number
  readonly requests: number
  readonly offences: number
}

export class Conduct {
  readonly #commands: TokenBucket
  readonly #traffic: TokenBucket
  readonly #assets: TokenBucket
  readonly #requests: TokenBucket
  readonly #offences: TokenBucket
  #isOver = false

  constructor(limits: RateLimits) {
    this.#commands = new TokenBucket(limits.commandBurst, limits.commandsPerSecond)
    this.#traffic = new TokenBucket(limits.trafficBytesBurst, limits.trafficBytesPerSecond)
    this.#assets = new TokenBucket(limits.assetBytesBurst, limits.assetBytesPerSecond)
    this.#requests = new TokenBucket(limits.requestBurst, limits.requestsPerSecond)
    this.#offences = new TokenBucket(limits.offenceBurst, limits.offencesPerSecond)
  }

  get allowance(): Allowance {
    const [commands, trafficBytes] = [this.#commands.tokens, this.#traffic.tokens]
    return { commands, trafficBytes, requests: this.#requests.tokens, offences: this.#offences.tokens }
  }
  mayCommand(nowUs: number): boolean {
    return this.#commands.take(nowUs)
  }
  /** Whether a message of this type (undefined: none that can be told) may be looked at; commands have a budget by the entry. */
  mayCarry(type: number | undefined, bytes: number, nowUs: number): boolean {
    if (type === MessageType.CommandLogEntry) return true
    return (type === MessageType.AssetTransfer ? this.#assets : this.#traffic).take(nowUs, bytes + MESSAGE_OVERHEAD_BYTES)
  }
  mayRequest(nowUs: number): boolean {
    return this.#requests.take(nowUs)
  }

  /** It has sent what it may not. */
  offend(nowUs: number): void {
    if (!this.#offences.take(nowUs)) this.#isOver = true
  }
  /** Whether the patience with it is over: told once. */
  takeOver(): boolean {
    const isOver = this.#isOver
    this.#isOver = false
    return isOver
  }
}

/** Everybody's who ever was a member; there are as many as the roster has names. */
export class Conducts {
  readonly #limits: RateLimits
  readonly #byAuthor = new Map<AuthorId, Conduct>()

  constructor(limits: Partial<RateLimits> = {}) {
    this.#limits = { ...RATE_LIMITS, ...limits }
  }

  get size(): number {
    return this.#byAuthor.size
  }
  stranger(): Conduct {
    return new Conduct(this.#limits)
  }
  of(author: AuthorId): Conduct {
    let conduct = this.#byAuthor.get(author)
    if (conduct === undefined) this.#byAuthor.set(author, (conduct = new Conduct(this.#limits)))
    return conduct
  }
}
