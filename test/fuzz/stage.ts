/**
 * Where mutated messages are put to the peers: a host with an honest member, and the attacker's own end of a connection to either of
 * them. After every message and every frame it is asked whether anything has happened that nobody signed for.
 */
import { createHash } from 'node:crypto'
import { memberEntity, toolActivate } from '../../system/commands/registry.ts'
import { signingBytes } from '../../system/commands/signing.ts'
import { manifestHash } from '../../system/ecs/manifest.ts'
import type { World } from '../../system/ecs/world.ts'
import { bytesEqual } from '../../system/protocol/bytes.ts'
import { categoryOf, CATEGORIES } from '../../system/protocol/channels.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { openEnvelope, sealEnvelope } from '../../system/protocol/envelope.ts'
import { type CommandEntry, type Message, MessageType, type SessionHello } from '../../system/protocol/messages.ts'
import { PROTOCOL_VERSION, SCHEMA_HASH } from '../../system/protocol/version.ts'
import { Host } from '../../system/session/host.ts'
import { helloBytes } from '../../system/session/handshake.ts'
import {
  type Actor, EPOCH, Loopback, NEVER, ONCE, publicKeyOf, SESSION_ID, sealed, type Stranger, tagSigner,
} from '../support/loopback.ts'
import { entryOf, newLog } from '../system/commands/entries.ts'
import { SAMPLES } from '../system/protocol/samples.ts'
import type { Body } from './mutation.ts'

export const HOST_STATES = ['stranger', 'joining', 'member'] as const
export const CLIENT_STATES = ['greeting', 'joining', 'live'] as const
type HostState = (typeof HOST_STATES)[number]
type ClientState = (typeof CLIENT_STATES)[number]

/** What one message may make a peer send: every frame of the ring, a receipt for every entry, a snapshot, and a few more. */
const REPLIES_MAX = 1024
const MESSAGES_A_FRAME = 40
/** Patience without end: what is looked for lies behind the limits. */
const WITHOUT_END = 1_000_000
const LIMITS = {
  commandBurst: WITHOUT_END, trafficBytesBurst: 2 ** 32, assetBytesBurst: 2 ** 32, requestBurst: WITHOUT_END, offenceBurst: WITHOUT_END,
}
/** Blocked on their way to the client, so that it stays in a state. */
const AWAITED = { greeting: 'SessionAcknowledge', joining: 'WorldSnapshot', live: undefined } as const
const FRESH_ENTRIES = 24
const SPAWN = { kind: 'spawn', x: 0, y: 900, z: 0, hx: 9, hy: 9, hz: 9 } as const

/** Something that must never happen. */
export class Breach extends Error {}

export class Stage {
  readonly loopback: Loopback
  /** Valid bodies to mutate. */
  readonly corpus: Body[] = []
  readonly told = new Map<string, number>()
  readonly #codec = new Codec()
  readonly #client: Actor<Loopback['clients'][number]['peer']>
  readonly #state: HostState | ClientState
  #stranger: Stranger | undefined
  /** Entries that a holder of a key has signed, by their signature. */
  readonly #signed = new Map<string, CommandEntry>()
  readonly #sequences = CATEGORIES.map(() => 0)
  readonly #streamRows: string
  #admitted: CommandEntry[] = []
  #given = 0

  /** @param goodbyes whether there is anything to mutate that ends a connection as it is. */
  constructor(side: 'host' | 'client', state: HostState | ClientState, goodbyes: boolean) {
    this.#state = state
    this.loopback = new Loopback({ host: { limits: LIMITS } })
    const { loopback } = this
    loopback.host.intend(SPAWN)
    const [ana] = loopback.joined('ana')
    ana.intend({ kind: 'toolActivate', tool: 1 })
    ana.intend(SPAWN)
    loopback.settle()
    this.#collect()
    const { host } = loopback
    if (side === 'host') {
      this.#client = ana
      this.#stranger = this.#enter()
    } else {
      const awaited = AWAITED[state as ClientState]
      loopback.carry = (carried) => (awaited !== undefined && carried.to === 'eve' && carried.as(awaited) !== undefined ? NEVER : ONCE)
      this.#client = loopback.join('eve')
      loopback.run(12)
      if (this.#client.peer.state !== state) throw new Breach(`the client is ${this.#client.peer.state}, and was to be ${state}`)
    }
    this.#collect()
    this.#admitted = host.peer.log.entriesSince(0)
    for (const entry of this.#admitted) this.#know(entry)
    this.#addFresh()
    if (!goodbyes) this.corpus.splice(0, Infinity, ...this.corpus.filter(({ name }) => name !== 'SessionControl'))
    this.#streamRows = streamRows(host.peer.world)
  }

  get isOver(): boolean {
    return this.#client.peer.state === 'closed' || this.#client.peer.state === 'lost'
  }

  /** The attacker's connection to the host, in the state that is wanted. */
  #enter(): Stranger {
    const stranger = this.loopback.stranger()
    if (this.#state !== 'stranger') stranger.say(this.#hello(stranger.binding))
    if (this.#state === 'member') this.loopback.run(4)
    return stranger
  }

  /** Puts a body in a valid envelope to whom it is for. */
  give({ name, bytes: body }: Body): void {
    const { loopback } = this
    const category = categoryOf(name)
    const sequence = this.#sequences[CATEGORIES.indexOf(category)]++
    const bytes = sealEnvelope(MessageType[name], category, sequence, body, SCHEMA_HASH)
    const before = loopback.sent.length
    if (this.#stranger === undefined) loopback.inject(loopback.host, this.#client, bytes)
    else this.#stranger.say(bytes)
    const replies = loopback.sent.length - before
    if (replies > REPLIES_MAX) throw new Breach(`${replies} messages were sent for one`)
    // It was sent away, and comes again.
    const { seats } = loopback.host.peer
    if (this.#stranger !== undefined && !seats.some(({ link }) => link.on === this.#stranger!.on)) this.#stranger = this.#enter()
    if (++this.#given % MESSAGES_A_FRAME === 0) this.frame()
  }

  /** A frame, and what must hold after it. */
  frame(): void {
    const { loopback } = this
    loopback.run(1)
    for (const { event } of loopback.host.events) {
      if (event.event === 'commandAdmitted') this.#isSigned(event.entry)
      if (event.event === 'commandRefused') this.#tell(`refused: ${event.reason}`)
      if (event.event === 'messageRefused') this.#tell(event.cause)
      if (event.event === 'messageReceived') this.#tell('read')
    }
    for (const { event } of this.#client.events) {
      if (event.event !== 'commandIntegrated') continue
      const entry = this.#client.peer.log?.entryAt(event.lamport, event.author)
      if (entry !== undefined) this.#isSigned(entry)
    }
    if (this.#stranger !== undefined && streamRows(loopback.host.peer.world) !== this.#streamRows) throw new Breach('stream rows changed')
    loopback.sent.length = 0
    for (const actor of [loopback.host, ...loopback.clients]) actor.events.length = 0
  }

  /** The host's log is what its admitted entries make, and its honest member has the same. */
  end(): void {
    const { loopback } = this
    this.frame()
    for (const peer of [loopback.host.peer, this.#client.peer]) {
      const library = peer instanceof Host ? peer.assets : peer.assets.library
      if ([...library].some(({ sha256, bytes }) => Buffer.compare(createHash('sha256').update(bytes).digest(), sha256) !== 0)) {
        throw new Breach('an asset is held whose digest is another one')
      }
    }
    if (this.#stranger !== undefined) {
      const { log, world } = loopback.host.peer
      const again = newLog()
      again.take(...log.entriesSince(0))
      again.log.closeUpTo(log.position.closedLamport, 0)
      if (logRows(again.world) !== logRows(world)) throw new Breach('the log\'s rows are not those of its entries')
      loopback.settle()
      if (!bytesEqual(this.#client.peer.world.canonicalBytes(), world.canonicalBytes())) throw new Breach('an honest member differs')
    }
    loopback.free()
  }

  #tell(what: string): void {
    this.told.set(what, (this.told.get(what) ?? 0) + 1)
  }
  #know(entry: CommandEntry): void {
    this.#signed.set(Buffer.from(entry.signature).toString('hex'), entry)
  }
  #isSigned(entry: CommandEntry): void {
    if (entry.author === 0) return
    const known = this.#signed.get(Buffer.from(entry.signature).toString('hex'))
    const isSame = known !== undefined && bytesEqual(signingBytes(SESSION_ID, known), signingBytes(SESSION_ID, entry))
    if (!isSame) throw new Breach(`an entry of author ${entry.author} was let in that nobody signed`)
    this.#tell('admitted')
  }

  /** What has been said so far, each kind from both sides, and a sample of what has not. */
  #collect(): void {
    const seen = new Map<string, number>()
    for (const { bytes } of this.loopback.sent) {
      const opened = openEnvelope(bytes, SCHEMA_HASH)
      if (opened.kind !== 'opened') continue
      const decoded = this.#codec.decode(opened.type, opened.body)
      if (decoded.kind !== 'message') continue
      const name = decoded.message.kind
      const count = (seen.get(name) ?? 0) + 1
      seen.set(name, count)
      if (count <= 8) this.corpus.push({ name, bytes: opened.body.slice() })
    }
    for (const sample of Object.values<Message>(SAMPLES)) {
      this.corpus.push({ name: sample.kind, bytes: this.#codec.encode('epoch' in sample ? { ...sample, epoch: EPOCH } : sample) })
    }
    this.loopback.sent.length = 0
  }
  /** Entries of eve's own, signed and not sent, one bit from being let in; two for each position. */
  #addFresh(): void {
    const eve = 2
    const { clock } = this.loopback.host.peer.log
    const signer = tagSigner(publicKeyOf('eve'))
    for (let i = 1; i <= FRESH_ENTRIES; i++) {
      const unsigned = entryOf(eve, clock + (i >> 1) + 1, toolActivate, { tool: i % 7 }, { nonce: BigInt(i) })
      const entry = { ...unsigned, signature: signer.sign(signingBytes(SESSION_ID, unsigned)) }
      this.#know(entry)
      this.corpus.push({ name: 'CommandLogEntry', bytes: this.#codec.encode({ kind: 'CommandLogEntry', entries: [entry] }) })
    }
  }
  #hello(binding: Uint8Array): Uint8Array {
    const { major, minor, patch } = PROTOCOL_VERSION
    const unsigned: Omit<SessionHello, 'signature'> = {
      ...SAMPLES.SessionHello, protocolMajor: major, protocolMinor: minor, protocolPatch: patch, schemaHash: SCHEMA_HASH,
      manifestHash: manifestHash(), clientPublicKey: publicKeyOf('eve'), requestedRole: 'editor', displayName: 'eve',
      resumeSessionId: new Uint8Array(0),
    }
    return sealed({ ...unsigned, signature: tagSigner(publicKeyOf('eve')).sign(helloBytes(unsigned, binding)) })
  }
}

const text = (world: World, isWanted: (source: string, entity: number) => boolean): string =>
  [...world.rows()].filter(({ entity, component }) => isWanted(component.source, entity))
    .map(({ entity, component, bytes }) => `${component.name} ${entity} ${Buffer.from(bytes).toString('hex')}`).join('\n')
const logRows = (world: World): string => text(world, (source) => source === 'log')
/** But for the poses of eve, which are her own to send. */
const streamRows = (world: World): string => text(world, (source, entity) => source === 'stream' && entity !== memberEntity(2))
