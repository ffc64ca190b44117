/** The host's side of a sealed log: it makes the group key, wraps it for each member, and makes another one when somebody leaves. */
import type { AuthorId } from '../ids.ts'
import { KEY_GENERATIONS_MAX } from '../limits.ts'
import { exchangeKeyOf, GroupKeys, KEY_BYTES, KeyChain, sharedSecret, wrapKey } from '../security/groupkeys.ts'

export interface SealingPorts {
  readonly sessionId: Uint8Array
  readonly epoch: number
  entropy(bytes: number): Uint8Array
}

export class Sealing {
  /** The host is a member, too. */
  readonly keys: GroupKeys
  readonly exchangeKey: Uint8Array
  readonly #ports: SealingPorts
  readonly #chain: KeyChain
  readonly #secret: Uint8Array

  constructor(ports: SealingPorts) {
    this.#ports = ports
    this.#secret = ports.entropy(KEY_BYTES)
    this.exchangeKey = exchangeKeyOf(this.#secret)
    this.#chain = new KeyChain(ports.entropy(KEY_BYTES))
    this.keys = new GroupKeys(ports.sessionId)
    this.rotate()
  }

  /** Whether every generation is used up: whoever leaves from here on could still read, so that nobody comes in any more. */
  get isSpent(): boolean {
    return this.keys.generation === KEY_GENERATIONS_MAX
  }

  /** What the host shares with a member of this exchange key; undefined where it is none. */
  meet(exchangeKey: Uint8Array): Uint8Array | undefined {
    return sharedSecret(this.#secret, exchangeKey)
  }

  /** Somebody has left. */
  rotate(): void {
    const next = this.keys.generation + 1
    if (next <= KEY_GENERATIONS_MAX) this.keys.adopt(next, this.#chain.at(next))
  }

  /** The newest key for one member. */
  wrapped(author: AuthorId, shared: Uint8Array): Uint8Array {
    const { sessionId, epoch } = this.#ports
    const { generation } = this.keys
    return wrapKey(shared, this.#chain.at(generation), { sessionId, epoch, generation, author })
  }
}
