/**
 * The host's door: it judges hellos, gives seats and takes them back, keeps the roster, and has the log say who is there.
 */
import type { CommandSigner } from '../commands/signer.ts'
import { memberEntity, memberJoined, memberLeft, ROLES } from '../commands/registry.ts'
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { Member } from '../ecs/components.ts'
import { manifestHash } from '../ecs/manifest.ts'
import type { World } from '../ecs/world.ts'
import { type AuthorId, hash64Equal, hash64Hex, HOST_AUTHOR, type Lamport } from '../ids.ts'
import { MEMBERS_MAX } from '../limits.ts'
import type { ClosedBy } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import { granted } from '../protocol/capabilities.ts'
import type { Codec } from '../protocol/codec.ts'
import { agreementOn } from '../protocol/compression.ts'
import { CBOR_BODIES, SEALED_LOG, settleFeatures } from '../protocol/features.ts'
import type { DisconnectCode, Role, SessionHello } from '../protocol/messages.ts'
import { compatible, PROTOCOL_VERSION, SCHEMA_HASH } from '../protocol/version.ts'
import type { NonceMarks } from '../security/nonces.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { DISCONNECT_CODES } from './codes.ts'
import type { Gate } from './gate.ts'
import { acknowledgeBytes, helloBytes } from './handshake.ts'
import { goodbye } from './notices.ts'
import type { PeerPorts } from './peer.ts'
import type { Roster } from './roster.ts'
import type { SavedSession } from './savedsession.ts'
import type { Sealing } from './sealing.ts'
import type { Seat } from './seat.ts'
import type { Seats } from './seats.ts'

/** Those that ever were: author numbers are never used again. */
const ROSTER_MEMBERS_MAX = COUNT_MAX.KeyRoster.members

export interface ReceptionPorts {
  /** 16 bytes, new for every session. */
  readonly sessionId: Uint8Array
  readonly epoch: number
  /** The role that this token is good for, at most the one asked; undefined refuses. */
  readonly authorise: (token: Uint8Array, requestedRole: Role, displayName: string) => Role | undefined
  /** What this host grants of what is offered. */
  readonly features: number
  readonly peer: PeerPorts
  readonly world: World
  readonly codec: Codec
  readonly seats: Seats
  readonly roster: Roster
  readonly nonces: NonceMarks
  /** Where the log is sealed. */
  readonly sealing: Sealing | undefined
  readonly signer: CommandSigner
  readonly gate: Gate
  readonly report: (event: SystemEvent) => void
  /** Hears of every roster before anybody is told; `body` as it goes over the wire. */
  readonly record: (body: Uint8Array) => void
}

export class Reception {
  readonly #ports: ReceptionPorts
  #nextAuthor = 1
  /** Authors who left since the last take. */
  #departed: AuthorId[] = []

  constructor(ports: ReceptionPorts) {
    this.#ports = ports
  }

  get nextAuthor(): AuthorId {
    return this.#nextAuthor
  }
  /** Goes on from a saved session: its members may come back as who they were; in the log, none of them is there. */
  restore({ members, nextAuthor }: SavedSession): void {
    const { roster, nonces, world, signer, gate } = this.#ports
    this.#nextAuthor = nextAuthor
    for (const { author, publicKey, displayName, banned, nonceHighWater } of members) {
      if (author === HOST_AUTHOR) continue
      nonces.raise(author, nonceHighWater)
      roster.set({ author, publicKey, displayName, present: false, banned })
      if (world.get(memberEntity(author), Member)?.present === 1) gate.append(signer.sign(memberLeft, { author }))
    }
  }

  /** Judges a stranger's hello. `frame` is the session's, as the acknowledgement tells it. */
  hello(seat: Seat, hello: SessionHello, schemaMatches: boolean, frame: number, nowUs: number): void {
    const { sessionId, epoch, authorise, peer, world, seats, roster, sealing, gate, report } = this.#ports
    if (!compatible(hello)) {
      const { major, minor } = PROTOCOL_VERSION
      return this.#refuse(seat, 'protocolVersion', `this host speaks protocol ${major}.${minor}; install a build of major version ${major}`)
    }
    if (!schemaMatches || !hash64Equal(hello.schemaHash, SCHEMA_HASH) || !hash64Equal(hello.manifestHash, manifestHash())) {
      return this.#refuse(seat, 'schemaHash', `schema ${hash64Hex(hello.schemaHash)} is not this host's ${hash64Hex(SCHEMA_HASH)}: `
        + 'run the build that the host runs, or generate both from the same schemas/network.fbs')
    }
    const { clientPublicKey } = hello
    if (!peer.verifier.verify(hello.signature, helloBytes(hello, seat.link.binding), clientPublicKey)) {
      return this.#refuse(seat, 'authentication', 'the hello is not signed by its key on this connection')
    }
    const authorised = authorise(hello.authToken, hello.requestedRole, hello.displayName)
    if (authorised === undefined) {
      return this.#refuse(seat, 'authentication', 'the token is not good for this session: ask its host for one')
    }
    const shared = (hello.features & SEALED_LOG) === 0 ? undefined : sealing?.meet(hello.exchangeKey)
    if (sealing !== undefined && shared === undefined) {
      return this.#refuse(seat, 'authentication', 'the log of this session is sealed: offer a key to exchange')
    }
    if (sealing?.isSpent === true) return this.#refuse(seat, 'full', 'the keys of this session are used up: open a new one')
    const known = roster.withKey(clientPublicKey)
    if (known?.banned === true) return this.#refuse(seat, 'banned', 'this key was banned from the session by an admin')
    const resumes = bytesEqual(hello.resumeSessionId, sessionId)
    if (known !== undefined && (known.author === HOST_AUTHOR || (known.present && !resumes))) {
      peer.probe.sometimes('a key that is present was refused')
      return this.#refuse(seat, 'duplicateKey', 'this key is a member already: use one key a device, or resume its session')
    }
    const members = [...seats.members()]
    const stale = members.find((other) => other.author === known?.author)
    if (stale !== undefined) {
      peer.probe.sometimes('a former connection made way for a resumed one')
      this.dismiss(stale, 'duplicateKey', 'resumed on another connection')
    } else if (members.length >= MEMBERS_MAX || (known === undefined && this.#nextAuthor >= ROSTER_MEMBERS_MAX)) {
      return this.#refuse(seat, 'full', `at most ${MEMBERS_MAX} members at once and ${ROSTER_MEMBERS_MAX} in all: `
        + 'try again when one has left, or open a new session')
    }
    if (!gate.hasRoom) return this.#refuse(seat, 'full', 'more commands wait than the host takes: try again in a second')
    const author = known?.author ?? this.#nextAuthor++
    // Roles are the log's: who comes back has the one that the log gives, whatever the token is good for.
    const before = world.get(memberEntity(author), Member)
    const role = (before === undefined ? undefined : ROLES[before.role]) ?? authorised
    seat.author = author
    seat.role = role
    seat.shared = shared
    seat.link.peer = author
    seat.wantsSnapshot = 'join'
    const capabilities = granted(hello.requestedCapabilities, role) & (before?.capabilities ?? hello.requestedCapabilities)
    roster.set({ author, publicKey: clientPublicKey, displayName: hello.displayName, present: true, banned: false })
    const { minor } = PROTOCOL_VERSION
    const offer = { features: hello.features, minor: hello.protocolMinor }
    const settled = settleFeatures(offer, { features: this.#ports.features, minor })
    const compression = agreementOn(hello, peer.compressor)
    const unsigned = {
      kind: 'SessionAcknowledge',
      protocolMajor: PROTOCOL_VERSION.major, protocolMinor: PROTOCOL_VERSION.minor, protocolPatch: PROTOCOL_VERSION.patch,
      serverNonce: peer.entropy(16), sessionId, epoch, author, assignedRole: role, capabilityMask: capabilities,
      serverPublicKey: peer.signer.publicKey, frame: Math.max(0, frame), nonceHighWater: gate.nonceHighWater(author),
      ...settled, compression: compression.mode, dictionary: compression.dictionary,
      exchangeKey: sealing?.exchangeKey ?? new Uint8Array(0),
    } as const
    seat.link.send({ ...unsigned, signature: peer.signer.sign(acknowledgeBytes(unsigned, hello.clientNonce, seat.link.binding)) })
    seat.link.form = (settled.features & CBOR_BODIES) === 0 ? 'flatbuffers' : 'cbor'
    seat.link.compression = compression
    report({ event: 'sessionOpened', author, displayName: hello.displayName, role, capabilities, resumed: known !== undefined })
    this.#sendRoster()
    seat.enrolledLamport = this.enrol(author, role, capabilities)
    seat.heartbeat.heard(nowUs)
  }

  /** Has the log say that somebody is a member; where it says so. */
  enrol(author: AuthorId, role: Role, capabilities: number): Lamport {
    const entry = this.#ports.signer.sign(memberJoined, { author, role: ROLES.indexOf(role), capabilities })
    this.#ports.gate.append(entry)
    return entry.lamport
  }

  /** Says goodbye with its reason, then closes. */
  dismiss(seat: Seat, code: DisconnectCode, hint: string): void {
    seat.link.send(goodbye(code, seat.author ?? HOST_AUTHOR, seat.role, hint))
    seat.link.close(DISCONNECT_CODES.indexOf(code))
    this.vacate(seat, code, 'local')
  }

  /** Sends a member away, there or not, and never lets its key in again. */
  ban(author: AuthorId, hint: string): void {
    const { seats, roster } = this.#ports
    const member = roster.get(author)
    if (member === undefined) return
    roster.set({ ...member, banned: true })
    const seat = seats.of(author)
    if (seat === undefined) this.#sendRoster()
    else this.dismiss(seat, 'banned', hint)
  }

  /** The connection is gone. */
  vacate(seat: Seat, code: DisconnectCode, by: ClosedBy): void {
    const { seats, roster, sealing, report, gate, signer } = this.#ports
    if (!seats.remove(seat) || seat.author === undefined) return
    const member = roster.get(seat.author)
    if (member !== undefined) roster.set({ ...member, present: false })
    report({ event: 'sessionClosed', author: seat.author, code, by })
    sealing?.rotate()
    gate.append(signer.sign(memberLeft, { author: seat.author }))
    this.#sendRoster()
    this.#departed.push(seat.author)
  }

  /** After a crash of the host: nobody is connected, and author numbers go on above those that were given. */
  recover(): void {
    const { roster, gate, signer } = this.#ports
    for (const member of roster.members) {
      this.#nextAuthor = Math.max(this.#nextAuthor, member.author + 1)
      if (member.author === HOST_AUTHOR || !member.present) continue
      roster.set({ ...member, present: false })
      gate.append(signer.sign(memberLeft, { author: member.author }))
    }
    this.#sendRoster()
  }

  takeDeparted(): readonly AuthorId[] {
    const departed = this.#departed
    this.#departed = []
    return departed
  }

  #refuse(seat: Seat, code: DisconnectCode, hint: string): void {
    this.#ports.report({ event: 'sessionRefused', code, hint })
    this.dismiss(seat, code, hint)
  }

  #sendRoster(): void {
    const { roster, epoch, sessionId, peer, nonces, sealing, codec, seats, report, record } = this.#ports
    const keys = sealing === undefined ? undefined : {
      generation: sealing.keys.generation,
      of: (author: AuthorId) => {
        const shared = seats.of(author)?.shared
        return shared === undefined ? new Uint8Array(0) : sealing.wrapped(author, shared)
      },
    }
    const message = roster.toMessage(epoch, sessionId, peer.signer, nonces, keys)
    const body = codec.encode(message)
    record(body)
    for (const seat of seats.members()) seat.link.sendBody('KeyRoster', body)
    report({ event: 'rosterUpdated', version: message.version, members: message.members.length })
  }
}
