/**
 * The host of a session: it admits members and commands, closes the log, owns the stream (physics, the runtime's props,
 * the members' poses) and sends a replication frame to everyone, every frame.
 *
 * Order within a frame: close the log, follow it with physics, apply the runtime's wishes and the members' poses, step
 * physics, digest, encode the delta once, send it to all, then serve snapshots: so that a snapshot of frame f and the
 * delta of f + 1 fit together without a seam.
 */
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { assert } from '../assert.ts'
import { Admission } from '../commands/admission.ts'
import { CommandLog } from '../commands/log.ts'
import { commandName, entityDespawn, memberEntity, memberJoined, memberLeft, memberRole, ROLES } from '../commands/registry.ts'
import { CommandSigner } from '../commands/signer.ts'
import { HeadPose, LeftHandPose, Member, RightHandPose } from '../ecs/components.ts'
import { World } from '../ecs/world.ts'
import { type AuthorId, hash64Equal, hash64Hex, HOST_AUTHOR, type Lamport } from '../ids.ts'
import { AUDIT_BYTES_PER_FRAME, LATE_WINDOW_FRAMES, MEMBERS_MAX, PHYSICS_EVERY_FRAMES } from '../limits.ts'
import { manifestHash } from '../ecs/manifest.ts'
import { Bodies } from '../physics/bodies.ts'
import type { Physics } from '../physics/physics.ts'
import type { ClosedBy, TransportInput } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import { granted } from '../protocol/capabilities.ts'
import { Codec } from '../protocol/codec.ts'
import type {
  CommandEntry, ComponentDelta, DisconnectCode, EditorEvent, InputPredictiveState, Message, Role, SessionHello,
} from '../protocol/messages.ts'
import { compatible, PROTOCOL_VERSION, SCHEMA_HASH } from '../protocol/version.ts'
import { encodeDelta } from '../replication/delta.ts'
import type { FrameRing } from '../replication/frames.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { commitEvent } from '../telemetry/commits.ts'
import { DISCONNECT_CODES } from './codes.ts'
import { acknowledgeBytes, helloBytes } from './handshake.ts'
import { Link } from './link.ts'
import { type Intent, OutputQueue, type Peer, type PeerInput, type PeerOutput, type PeerPorts } from './peer.ts'
import { Provenance } from './provenance.ts'
import { Roster } from './roster.ts'
import { Runtime } from './runtime.ts'
import { newSeat, type Seat } from './seat.ts'
import { Supply } from './supply.ts'

/** Those that ever were: author numbers are never used again. */
const ROSTER_MEMBERS_MAX = COUNT_MAX.KeyRoster.members

export interface HostConfig {
  /** 16 bytes, new for every session. */
  readonly sessionId: Uint8Array
  /** Rises by one with each change of host. */
  readonly epoch: number
  readonly displayName: string
  /** The role that this token is good for, at most the one asked; undefined refuses. */
  authorise(token: Uint8Array, requestedRole: Role, displayName: string): Role | undefined
}

export class Host implements Peer {
  readonly #config: HostConfig
  readonly #ports: PeerPorts
  readonly #outputs = new OutputQueue()
  readonly #codec = new Codec()
  readonly #world = new World({ tracksChanges: true })
  readonly #log: CommandLog
  readonly #signer: CommandSigner
  readonly #admission: Admission
  readonly #roster = new Roster()
  readonly #bodies: Bodies
  readonly #physics: Physics
  readonly #provenance: Provenance
  readonly #seats = new Map<number, Seat>()
  readonly #supply: Supply
  /** The highest Lamport time known at the last LATE_WINDOW_FRAMES frames. */
  readonly #clockHistory: Lamport[] = Array.from({ length: LATE_WINDOW_FRAMES }, () => 0)
  readonly #runtime: Runtime
  /** Authors whose poses leave the stream with the next frame. */
  readonly #departed: AuthorId[] = []
  #frame = -1
  #nextAuthor = 1

  constructor(config: HostConfig, ports: PeerPorts, physics: Physics) {
    this.#config = config
    this.#ports = ports
    this.#physics = physics
    this.#bodies = new Bodies(physics, ports.probe)
    this.#runtime = new Runtime(ports.probe)
    const { sessionId, epoch } = config
    this.#provenance = new Provenance(this.#world, ports.explain, (event) => this.#report(event))
    this.#log = new CommandLog({
      sessionId, world: this.#world, codec: this.#codec, meter: ports.meter, probe: ports.probe,
      report: (event) => this.#report(event),
      folding: (entry) => this.#provenance.set({ by: 'command', author: entry.author, lamport: entry.lamport }),
      folded: (entry, result) => {
        if (result.commit !== undefined) this.#report(commitEvent(result.commit, entry, this.#frame))
      },
    })
    const { signer, verifier, meter, probe } = ports
    this.#supply = new Supply({ epoch, world: this.#world, log: this.#log, probe, report: (event) => this.#report(event) })
    this.#signer = new CommandSigner({ sessionId, epoch, author: HOST_AUTHOR, log: this.#log, signer, meter }, 0n)
    this.#admission = new Admission({ sessionId, epoch, verifier, publicKey: (author) => this.#roster.get(author)?.publicKey })
    this.#roster.set({ author: HOST_AUTHOR, publicKey: ports.signer.publicKey, displayName: config.displayName, present: true })
    this.#enrol(HOST_AUTHOR, 'admin', granted(~0, 'admin'))
  }

  /** The live world: for the driver's checkers, which must not write. */
  get world(): World {
    return this.#world
  }
  get log(): CommandLog {
    return this.#log
  }
  get frame(): number {
    return this.#frame
  }
  /** Everybody who is connected, members or not yet. */
  get seats(): readonly Readonly<Seat>[] {
    return [...this.#seats.values()]
  }
  get ring(): FrameRing {
    return this.#supply.ring
  }
  /** What the runtime was asked for and has not done. */
  get backlog(): number {
    return this.#runtime.backlog
  }

  drain(): PeerOutput | undefined {
    return this.#outputs.take()
  }

  handle(input: PeerInput, nowUs: number): void {
    this.#outputs.assertDrained()
    switch (input.kind) {
      case 'frame': return this.#tick(input.frame, nowUs)
      case 'intent': return this.#intend(input.intent)
      case 'xrFrame': return
      default: return this.#transport(input, nowUs)
    }
  }

  // --- transport and session -----------------------------------------------------------------------------------------

  #transport(input: TransportInput, nowUs: number): void {
    if (input.kind === 'opened') {
      const link = new Link(input.on, input.binding.slice(), {
        codec: this.#codec, meter: this.#ports.meter, probe: this.#ports.probe,
        emit: (output) => this.#outputs.push(output),
        report: (event) => this.#report(event),
      })
      this.#seats.set(input.on, newSeat(link, nowUs))
      return
    }
    const seat = this.#seats.get(input.on)
    if (seat === undefined) return
    if (input.kind === 'closed') return this.#vacate(seat, DISCONNECT_CODES[input.code] ?? 'normal', input.by)
    if (input.kind !== 'message') return
    // A stranger does not stay by talking: without a hello its time runs out.
    if (seat.author !== undefined) seat.heartbeat.heard(nowUs)
    const received = seat.link.receive(input.channel, input.bytes)
    if (received.kind === 'message') this.#message(seat, received.message, received.schemaMatches, nowUs)
  }

  #message(seat: Seat, message: Message, schemaMatches: boolean, nowUs: number): void {
    if (seat.author === undefined) {
      if (message.kind === 'SessionHello') this.#hello(seat, message, schemaMatches, nowUs)
      return
    }
    switch (message.kind) {
      case 'Heartbeat': {
        const pong = seat.heartbeat.receive(message, nowUs)
        if (pong !== undefined) seat.link.send(pong)
        else this.#report({ event: 'heartbeat', author: seat.author, rttUs: seat.heartbeat.rttUs, jitterUs: seat.heartbeat.jitterUs })
        return
      }
      case 'CommandLogEntry': return this.#admit(seat, message.entries, nowUs)
      case 'InputPredictiveState':
        if (message.sequence > seat.inputSequence) {
          seat.inputSequence = message.sequence
          seat.input = message
        } else this.#ports.probe.sometimes('a pose that was overtaken')
        return
      case 'NackRequest': return this.#supply.repair(seat, message)
      case 'LogRangeRequest':
        if (message.epoch !== this.#config.epoch) return
        return this.#supply.entries(seat, this.#log.entriesSince(message.afterLamport, message.upToLamport))
      case 'EditorEvent': return this.#relay(seat, message)
      case 'SessionControl':
        if (message.control === 'disconnect') this.#dismiss(seat, 'normal', '')
        return
      case 'TelemetryReport':
      case 'InterestSet':
      case 'AssetTransfer': return
      default:
        this.#report({ event: 'messageRefused', reason: `${message.kind} of a member`, bytes: 0, peer: seat.author })
    }
  }

  #hello(seat: Seat, hello: SessionHello, schemaMatches: boolean, nowUs: number): void {
    if (!compatible(hello)) {
      const { major, minor } = PROTOCOL_VERSION
      return this.#refuse(seat, 'protocolVersion', `this host speaks protocol ${major}.${minor}; install a build of major version ${major}`)
    }
    if (!schemaMatches || !hash64Equal(hello.schemaHash, SCHEMA_HASH) || !hash64Equal(hello.manifestHash, manifestHash())) {
      return this.#refuse(seat, 'schemaHash', `schema ${hash64Hex(hello.schemaHash)} is not this host's ${hash64Hex(SCHEMA_HASH)}: `
        + 'run the build that the host runs, or generate both from the same schemas/network.fbs')
    }
    const { clientPublicKey } = hello
    if (!this.#ports.verifier.verify(hello.signature, helloBytes(hello, seat.link.binding), clientPublicKey)) {
      return this.#refuse(seat, 'authentication', 'the hello is not signed by its key on this connection')
    }
    const authorised = this.#config.authorise(hello.authToken, hello.requestedRole, hello.displayName)
    if (authorised === undefined) {
      return this.#refuse(seat, 'authentication', 'the token is not good for this session: ask its host for one')
    }
    const known = this.#roster.withKey(clientPublicKey)
    const resumes = bytesEqual(hello.resumeSessionId, this.#config.sessionId)
    if (known !== undefined && (known.author === HOST_AUTHOR || (known.present && !resumes))) {
      this.#ports.probe.sometimes('a key that is present was refused')
      return this.#refuse(seat, 'duplicateKey', 'this key is a member already: use one key a device, or resume its session')
    }
    const members = [...this.#members()]
    const stale = members.find((other) => other.author === known?.author)
    if (stale !== undefined) {
      this.#ports.probe.sometimes('a former connection made way for a resumed one')
      this.#dismiss(stale, 'duplicateKey', 'resumed on another connection')
    } else if (members.length >= MEMBERS_MAX || (known === undefined && this.#nextAuthor >= ROSTER_MEMBERS_MAX)) {
      return this.#refuse(seat, 'full', `at most ${MEMBERS_MAX} members at once and ${ROSTER_MEMBERS_MAX} in all: `
        + 'try again when one has left, or open a new session')
    }
    const author = known?.author ?? this.#nextAuthor++
    // Roles are the log's: who comes back has the one that the log gives, whatever the token is good for.
    const before = this.#world.get(memberEntity(author), Member)
    const role = (before === undefined ? undefined : ROLES[before.role]) ?? authorised
    seat.author = author
    seat.role = role
    seat.link.peer = author
    seat.wantsSnapshot = 'join'
    const capabilities = granted(hello.requestedCapabilities, role) & (before?.capabilities ?? hello.requestedCapabilities)
    this.#roster.set({ author, publicKey: clientPublicKey, displayName: hello.displayName, present: true })
    const unsigned = {
      kind: 'SessionAcknowledge',
      protocolMajor: PROTOCOL_VERSION.major, protocolMinor: PROTOCOL_VERSION.minor, protocolPatch: PROTOCOL_VERSION.patch,
      serverNonce: this.#ports.entropy(16), sessionId: this.#config.sessionId, epoch: this.#config.epoch,
      author, assignedRole: role, capabilityMask: capabilities, serverPublicKey: this.#ports.signer.publicKey,
      frame: Math.max(0, this.#frame), nonceHighWater: this.#admission.nonceHighWater(author),
    } as const
    seat.link.send({ ...unsigned, signature: this.#ports.signer.sign(acknowledgeBytes(unsigned, hello.clientNonce, seat.link.binding)) })
    this.#report({ event: 'sessionOpened', author, displayName: hello.displayName, role, capabilities, resumed: known !== undefined })
    this.#sendRoster()
    seat.enrolledLamport = this.#enrol(author, role, capabilities)
    seat.heartbeat.heard(nowUs)
  }

  #refuse(seat: Seat, code: DisconnectCode, hint: string): void {
    this.#report({ event: 'sessionRefused', code, hint })
    this.#dismiss(seat, code, hint)
  }

  /** Says goodbye with its reason, then closes. */
  #dismiss(seat: Seat, code: DisconnectCode, hint: string): void {
    seat.link.send({ kind: 'SessionControl', control: 'disconnect', code, author: seat.author ?? HOST_AUTHOR, role: seat.role, hint })
    seat.link.close(DISCONNECT_CODES.indexOf(code))
    this.#vacate(seat, code, 'local')
  }

  #vacate(seat: Seat, code: DisconnectCode, by: ClosedBy): void {
    if (!this.#seats.delete(seat.link.on) || seat.author === undefined) return
    const member = this.#roster.get(seat.author)
    if (member !== undefined) this.#roster.set({ ...member, present: false })
    this.#report({ event: 'sessionClosed', author: seat.author, code, by })
    this.#append(this.#signer.sign(memberLeft, { author: seat.author }))
    this.#sendRoster()
    this.#departed.push(seat.author)
  }

  #enrol(author: AuthorId, role: Role, capabilities: number): Lamport {
    const entry = this.#signer.sign(memberJoined, { author, role: ROLES.indexOf(role), capabilities })
    this.#append(entry)
    return entry.lamport
  }

  #sendRoster(): void {
    const message = this.#roster.toMessage(this.#config.epoch, this.#config.sessionId, this.#ports.signer)
    const body = this.#codec.encode(message).slice()
    for (const seat of this.#members()) seat.link.sendBody('KeyRoster', body)
    this.#report({ event: 'rosterUpdated', version: message.version, members: message.members.length })
  }

  /** What is no state goes to everyone else, under the name of the author that the host knows. */
  #relay(from: Seat, event: EditorEvent): void {
    const body = this.#codec.encode({ ...event, author: from.author! }).slice()
    for (const seat of this.#members()) if (seat !== from) seat.link.sendBody('EditorEvent', body)
  }

  *#members(): Iterable<Seat> {
    for (const seat of this.#seats.values()) if (seat.author !== undefined) yield seat
  }

  // --- commands ------------------------------------------------------------------------------------------------------

  #admit(seat: Seat, entries: readonly CommandEntry[], nowUs: number): void {
    const { probe, meter } = this.#ports
    const admitted: CommandEntry[] = []
    const closedLamport = Math.max(this.#log.position.closedLamport, seat.enrolledLamport)
    const has = (lamport: Lamport, author: AuthorId) => this.#log.has(lamport, author)
    for (const entry of entries) {
      meter.begin('crypto')
      const refusal = this.#admission.judge(entry, seat.author!, nowUs, { closedLamport, clock: this.#log.clock, has })
      meter.end('crypto')
      if (refusal === undefined && this.#log.integrate(entry, true).kind === 'integrated') {
        admitted.push(entry)
        this.#report({ event: 'commandAdmitted', entry, command: commandName(entry.command) })
        continue
      }
      const reason = refusal ?? 'rate'
      const { author, lamport, nonce } = entry
      this.#report({ event: 'commandRefused', author, lamport, reason, at: 'host' })
      if (reason === 'rate') probe.sometimes('an author used its budget up')
      if (reason === 'duplicate') probe.sometimes('an equivocation was refused')
      if (reason === 'late' && lamport > this.#log.position.closedLamport) {
        probe.sometimes('an entry signed before its author was enrolled')
      }
      const receipt = { kind: 'CommandReceipt', lamport, nonce, refusal: reason, closedLamport: this.#log.clock } as const
      if (probe.happens('a receipt waits for a frame', author, lamport)) seat.later.push(receipt)
      else seat.link.send(receipt)
    }
    this.#broadcast(admitted)
  }

  /** The host's own entries pass no gate: nobody else can write them. */
  #append(entry: CommandEntry): void {
    const { author, lamport, nonce, scope } = entry
    const command = commandName(entry.command)
    assert(this.#log.integrate(entry, true).kind === 'integrated', 'the host has room for its own entries')
    this.#report({ event: 'commandSigned', author, lamport, nonce, command, scope, resignedFrom: 0 })
    this.#report({ event: 'commandAdmitted', entry, command })
    this.#broadcast([entry])
  }

  #broadcast(entries: readonly CommandEntry[]): void {
    const [first] = entries
    if (first === undefined) return
    const { probe } = this.#ports
    const { author, lamport } = first
    if (entries.length > 1 && probe.happens('entries are told one by one', author, lamport)) {
      for (const entry of entries) this.#broadcast([entry])
      return
    }
    const body = this.#codec.encode({ kind: 'CommandLogEntry', entries }).slice()
    const times = probe.happens('an entry is told twice', author, lamport) ? 2 : 1
    for (const seat of this.#members()) {
      if (seat.live) for (let time = 0; time < times; time++) seat.link.sendBody('CommandLogEntry', body)
    }
  }

  #intend(intent: Intent): void {
    switch (intent.kind) {
      case 'spawn': return this.#append(this.#signer.spawn(intent))
      case 'despawn': return this.#append(this.#signer.sign(entityDespawn, { entity: intent.entity }))
      case 'propSpawn':
      case 'propMove':
      case 'propDespawn': return this.#runtime.ask(intent)
      case 'kick':
        for (const seat of this.#members()) if (seat.author === intent.author) this.#dismiss(seat, 'kicked', 'removed by the host')
        return
      case 'role': {
        const { author, role } = intent
        return this.#append(this.#signer.sign(memberRole, { author, role: ROLES.indexOf(role), capabilities: granted(~0, role) }))
      }
      default:
    }
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  #tick(frame: number, nowUs: number): void {
    this.#frame = frame
    this.#closeLog(frame)
    this.#provenance.set({ by: 'runtime', frame })
    this.#bodies.follow(this.#world)
    this.#runtime.advance(this.#world, frame)
    this.#clearDeparted()
    for (const seat of this.#members()) if (seat.input !== undefined) this.#pose(seat.author!, seat.input)
    if (frame % PHYSICS_EVERY_FRAMES === 0) this.#stepPhysics(frame)
    this.#sendFrame(frame)
    for (const seat of this.#seats.values()) {
      if (seat.heartbeat.silent(nowUs)) this.#dismiss(seat, 'timeout', 'nothing was heard for too long')
      else if (seat.author !== undefined) this.#serve(seat, seat.author, frame, nowUs)
    }
  }

  /** What a member gets of its own at the end of a frame. */
  #serve(seat: Seat, author: AuthorId, frame: number, nowUs: number): void {
    const { probe } = this.#ports
    const due = seat.later.splice(0)
    const isDue = seat.wantsSnapshot !== undefined && !probe.happens('a snapshot waits for a frame', author, frame)
    if (isDue) this.#supply.snapshot(seat, frame)
    for (const message of due) seat.link.send(message)
    const ping = seat.heartbeat.ping(nowUs)
    if (ping !== undefined && !probe.happens('a heartbeat is left out', author, frame)) seat.link.send(ping)
    if (seat.live && probe.happens('a connection is closed', author, frame)) this.#dismiss(seat, 'timeout', 'come again')
  }

  /** With nobody there, nobody can be late: the log closes at once, so that the first to join finds the world made. */
  #closeLog(frame: number): void {
    const slot = frame % LATE_WINDOW_FRAMES
    const alone = this.#members()[Symbol.iterator]().next().done === true
    const late = Math.max(this.#clockHistory[slot], this.#log.position.closedLamport)
    const closed = alone ? this.#log.clock : late
    this.#clockHistory[slot] = this.#log.clock
    const { probe } = this.#ports
    if (closed > late) probe.sometimes('the log was closed at once with nobody there')
    if (!alone && probe.happens('a closing waits for a frame', HOST_AUTHOR, frame)) return
    this.#log.closeUpTo(closed, frame)
  }

  #clearDeparted(): void {
    for (const author of this.#departed) {
      for (const component of [HeadPose, LeftHandPose, RightHandPose]) this.#world.delete(memberEntity(author), component)
    }
    this.#departed.length = 0
  }

  #pose(author: AuthorId, { head, left, right }: InputPredictiveState): void {
    const entity = memberEntity(author)
    this.#world.set(entity, HeadPose, head)
    this.#world.set(entity, LeftHandPose, left)
    this.#world.set(entity, RightHandPose, right)
  }

  #stepPhysics(frame: number): void {
    if (this.#bodies.count === 0) return
    this.#ports.meter.begin('physics')
    this.#bodies.step(this.#world)
    this.#ports.meter.end('physics')
    const { contacts, awake } = this.#physics
    this.#report({ event: 'physicsStepped', frame, bodies: this.#bodies.count, contacts, awake })
  }

  #sendFrame(frame: number): void {
    const { meter } = this.#ports
    meter.begin('digest')
    const repaired = this.#world.audit(AUDIT_BYTES_PER_FRAME)
    const stateDigest = this.#world.digest()
    meter.end('digest')
    this.#ports.observe(frame, this.#world)
    if (repaired > 0) this.#report({ event: 'auditRepaired', frame, rows: repaired })
    const { closedLamport, count, digest } = this.#log.position
    const { epoch } = this.#config
    meter.begin('replication')
    const delta: ComponentDelta = {
      kind: 'ComponentDelta', epoch, frame, closedLamport, admittedCount: count, admittedDigest: digest, stateDigest,
      ...encodeDelta(this.#world),
    }
    meter.end('replication')
    meter.begin('codec')
    const body = this.#codec.encode(delta).slice()
    meter.end('codec')
    this.#supply.keep(frame, body)
    for (const seat of this.#members()) {
      if (!seat.live) continue
      seat.link.sendBody('ComponentDelta', body)
      if (this.#ports.probe.happens('a frame goes out twice', seat.author!, frame)) seat.link.sendBody('ComponentDelta', body)
    }
    this.#report({
      event: 'frameClosed', frame, epoch, closedLamport, admittedCount: count, digest: hash64Hex(stateDigest),
      logDigest: hash64Hex(this.#world.sourceDigest('log')), streamDigest: hash64Hex(this.#world.sourceDigest('stream')),
      worldBytes: this.#world.byteLength, rows: this.#world.rowCount,
    })
  }

  #report(event: SystemEvent): void {
    this.#outputs.push({ kind: 'event', event })
  }
}
