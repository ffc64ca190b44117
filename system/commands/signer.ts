/**
 * One author's pen: it numbers, signs and remembers. Lamport time, nonce and entity ids come from here, so that no two of
 * an author's entries can share one. Nonces and entity counters are drawn from ONE counter: an author that comes back after
 * a crash is told its highest nonce by the host, and with it every entity id that it can have used.
 */
import { assert } from '../assert.ts'
import { type AuthorId, ENTITIES_PER_AUTHOR_MAX, entityId, type EntityId, HOST_AUTHOR } from '../ids.ts'
import { HOST_RESERVED_COUNTERS } from '../limits.ts'
import type { Meter, Signer } from '../ports.ts'
import type { CommandEntry } from '../protocol/messages.ts'
import type { GroupKeys } from '../security/groupkeys.ts'
import type { CommandLog } from './log.ts'
import { encodePayload } from './payload.ts'
import { BodyShape, type CommandDefinition, EntityKind, entitySpawn, placementCommit } from './registry.ts'
import { signingBytes, type UnsignedEntry } from './signing.ts'
import { traceOf } from './trace.ts'

export interface CommandSignerPorts {
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly author: AuthorId
  readonly log: CommandLog
  readonly signer: Signer
  readonly meter: Meter
  /** Where the log is sealed. */
  readonly keys?: GroupKeys | undefined
}

/** An entity to be created, with a rigid body where one is wanted. Units as in the registry. */
export interface SpawnSpec {
  readonly x: number
  readonly y: number
  readonly z: number
  readonly hx: number
  readonly hy: number
  readonly hz: number
  readonly body?: { readonly shape: 'box' | 'ball'; readonly massGrams: number; readonly restitution: number }
}

export class CommandSigner {
  readonly #ports: CommandSignerPorts
  #counter: number
  /** The nonce of the last entry that stands or is on its way. */
  #previous: bigint

  /** @param nonceHighWater the highest nonce of this author's that the host has accepted. */
  constructor(ports: CommandSignerPorts, nonceHighWater: bigint) {
    this.#ports = ports
    this.#counter = Math.max(Number(nonceHighWater), ports.author === HOST_AUTHOR ? HOST_RESERVED_COUNTERS - 1 : 0)
    this.#previous = nonceHighWater
  }

  /** The next entry comes after the one of this nonce: what was signed beyond it does not stand. */
  follow(nonce: bigint): void {
    this.#previous = nonce
  }

  /** The highest that it has given away. */
  get nonce(): bigint {
    return BigInt(this.#counter)
  }

  /** The highest number that it has used. */
  get highWater(): bigint {
    return BigInt(this.#counter)
  }

  allocateEntity(): EntityId {
    return entityId('log', this.#ports.author, this.#next())
  }

  sign<F extends string>(command: CommandDefinition<F>, payload: { readonly [K in F]: number }): CommandEntry {
    assert(command.layout !== undefined, 'a flat payload')
    return this.#sign(command, command.scope(payload), encodePayload(command.layout, payload))
  }

  signCommit(payload: Uint8Array): CommandEntry {
    return this.#sign(placementCommit, 0, payload)
  }

  spawn({ x, y, z, hx, hy, hz, body }: SpawnSpec): CommandEntry {
    const shape = body === undefined ? BodyShape.none : body.shape === 'ball' ? BodyShape.ball : BodyShape.box
    return this.sign(entitySpawn, {
      entity: this.allocateEntity(), kind: body === undefined ? EntityKind.prop : EntityKind.body, x, y, z, hx, hy, hz, shape,
      massGrams: body?.massGrams ?? 0, restitution: body?.restitution ?? 0,
    })
  }

  /** The same command again, later: a new place in the log, a new nonce, the base it was meant on, the trace that it had. */
  signAnew(entry: CommandEntry): CommandEntry {
    // What does not open was not sealed by this pen.
    const opened = this.#ports.keys === undefined ? entry : this.#ports.keys.open(entry)
    assert(opened !== undefined, 'an author can open what it has sealed')
    return this.#finish({ ...opened, trace: traceOf(opened) })
  }

  #sign(command: CommandDefinition<never> | CommandDefinition, scope: number, payload: Uint8Array): CommandEntry {
    const { epoch, author, log } = this.#ports
    const base = log.scopeBase(command.scopeKind, scope)
    return this.#finish({
      epoch, author, command: command.code, policy: command.policy, scopeKind: command.scopeKind, scope, baseLamport: base.lamport,
      baseAuthor: base.author, payload, trace: 0,
    })
  }

  /** Gives it its place: after all that its author has seen, and after its author's last one. */
  #finish(command: Omit<UnsignedEntry, 'lamport' | 'nonce' | 'previousNonce'>): CommandEntry {
    const { meter, signer, sessionId, keys, log } = this.#ports
    const entry = { ...command, lamport: log.clock + 1, nonce: BigInt(this.#next()), previousNonce: this.#previous }
    this.#previous = entry.nonce
    meter.begin('crypto')
    const sealed = keys === undefined ? entry : keys.seal(entry)
    const signature = signer.sign(signingBytes(sessionId, sealed))
    meter.end('crypto')
    return { ...sealed, signature }
  }

  #next(): number {
    assert(this.#counter + 1 < ENTITIES_PER_AUTHOR_MAX, 'an author has counters left')
    return ++this.#counter
  }
}

