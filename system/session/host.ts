/**
 * The host of a session: it admits members and commands, closes the log, owns the stream (physics, the runtime's props,
 * the members' poses) and sends a replication frame to everyone, every frame.
 *
 * Order within a frame: close the log, follow it with physics, apply the runtime's wishes and the members' poses, step
 * physics, digest, cut the frame for those who see different parts of it, send it, then serve snapshots: so that a
 * snapshot of frame f and the delta of f + 1 fit together without a seam.
 */
import { AssetDepot } from '../assets/depot.ts'
import type { AssetLibrary } from '../assets/library.ts'
import { ResumeTokens } from '../assets/tokens.ts'
import { assert } from '../assert.ts'
import { CommandLog } from '../commands/log.ts'
import { entityDespawn, memberEntity, memberRole, ROLES } from '../commands/registry.ts'
import { CommandSigner } from '../commands/signer.ts'
import { Member } from '../ecs/components.ts'
import { CellIndex } from '../ecs/cells.ts'
import type { WriteStore } from '../ecs/store.ts'
import { World } from '../ecs/world.ts'
import { type AuthorId, entityAuthor, hash64Hex, HOST_AUTHOR, type Lamport } from '../ids.ts'
import { AUDIT_BYTES_PER_FRAME, PHYSICS_EVERY_FRAMES, STRANGERS_MAX } from '../limits.ts'
import { Bodies } from '../physics/bodies.ts'
import type { Physics } from '../physics/physics.ts'
import type { TransportInput } from '../ports.ts'
import { granted, MANAGE_MEMBERS } from '../protocol/capabilities.ts'
import { Codec } from '../protocol/codec.ts'
import { Packer } from '../protocol/compression.ts'
import { typeIn } from '../protocol/envelope.ts'
import { FEATURES, SEALED_LOG } from '../protocol/features.ts'
import type { CommandEntry, Message, SessionControl } from '../protocol/messages.ts'
import type { FrameRing } from '../replication/frames.ts'
import { Publication } from '../replication/publication.ts'
import { Backlog } from '../telemetry/backlog.ts'
import { Board } from '../telemetry/board.ts'
import { Diagnostics } from '../telemetry/diagnostics.ts'
import type { EquivocationProofs } from '../security/equivocation.ts'
import { NonceMarks } from '../security/nonces.ts'
import { Journal } from '../storage/journal.ts'
import type { MessageRefusal, SystemEvent } from '../telemetry/events.ts'
import { commitEvent } from '../telemetry/commits.ts'
import { Broadcast } from './broadcast.ts'
import { LogClosing } from './closing.ts'
import { DISCONNECT_CODES } from './codes.ts'
import { type Allowance, Conducts } from './conduct.ts'
import { Gate } from './gate.ts'
import { HandOver } from './handover.ts'
import type { Holdings, HostConfig } from './hostconfig.ts'
import { Link } from './link.ts'
import { newRole } from './notices.ts'
import { type Intent, OutputQueue, type Peer, type PeerInput, type PeerOutput, type PeerPorts } from './peer.ts'
import { isCapable, isNoMembers, maySend, roleIn } from './permissions.ts'
import { clearPoses, setPoses } from './poses.ts'
import { Provenance } from './provenance.ts'
import { Reception } from './reception.ts'
import { restore, takeCheckpoint } from './restoration.ts'
import { Roster } from './roster.ts'
import { Runtime } from './runtime.ts'
import { restoreTables, saveSession, savedTables } from './saved.ts'
import type { SavedSession } from './savedsession.ts'
import { Sealing } from './sealing.ts'
import { newSeat, type Seat } from './seat.ts'
import { Seats } from './seats.ts'
import { Supply } from './supply.ts'

export class Host implements Peer {
  readonly #ports: PeerPorts
  readonly #epoch: number
  readonly #outputs = new OutputQueue()
  /** Undefined where the node has no disk. */
  readonly #journal: Journal | undefined
  readonly #codec = new Codec()
  readonly #packer: Packer
  readonly #world = new World({ tracksChanges: true })
  readonly #log: CommandLog
  readonly #signer: CommandSigner
  readonly #bodies: Bodies
  readonly #physics: Physics
  readonly #provenance: Provenance
  readonly #seats = new Seats()
  readonly #reception: Reception
  readonly #roster = new Roster()
  readonly #nonces: NonceMarks
  readonly #gate: Gate
  readonly #cells = new CellIndex(this.#world)
  readonly #conducts: Conducts
  readonly #supply: Supply
  readonly #broadcast: Broadcast
  readonly #assets: AssetDepot
  readonly #handOver = new HandOver(this.#seats, (event) => this.#report(event))
  readonly #closing: LogClosing
  readonly #runtime: Runtime
  /** Undefined where the stream has no budget; otherwise nobody else writes it. */
  readonly #publication: Publication | undefined
  /** What it knows of its own health, and what members told of theirs. */
  readonly diagnostics = new Diagnostics((alarm) => this.#report({ event: 'alarm', ...alarm }))
  readonly board = new Board()
  readonly #backlog = new Backlog((event) => this.#report(event))
  #frame = -1
  #nowUs = 0

  constructor(config: HostConfig, ports: PeerPorts, physics: Physics) {
    this.#ports = ports
    this.#physics = physics
    this.#packer = new Packer(ports.compressor)
    this.#bodies = new Bodies(physics, ports.probe)
    this.#runtime = new Runtime(ports.probe)
    const { recovered } = config
    const { sessionId, epoch } = recovered ?? config
    this.#epoch = epoch
    assert(config.sealed !== true || ports.storage === undefined, 'a sealed log is not stored: its keys are nobody\'s disk\'s')
    const sealing = config.sealed === true ? new Sealing({ sessionId, epoch, entropy: (bytes) => ports.entropy(bytes) }) : undefined
    this.#provenance = new Provenance(this.#world, ports.explain, (event) => this.#report(event))
    this.#log = new CommandLog({
      sessionId, world: this.#world, codec: this.#codec, meter: ports.meter, probe: ports.probe,
      report: (event) => this.#report(event),
      ...(sealing !== undefined && { open: (entry) => sealing.keys.open(entry) }),
      folding: (entry) => this.#provenance.set({ by: 'command', author: entry.author, lamport: entry.lamport }),
      folded: (entry, result) => {
        if (result.commit !== undefined) this.#report(commitEvent(result.commit, entry, this.#frame))
        if (entry.command === memberRole.code && result.outcome === 'applied') this.#tellRole(entityAuthor(entry.scope))
      },
    })
    const { signer, verifier, meter, probe } = ports
    const report = (event: SystemEvent) => this.#report(event)
    const stream = { epoch, world: this.#world, cells: this.#cells, probe, report }
    this.#supply = new Supply({ ...stream, log: this.#log, codec: this.#codec })
    this.#broadcast = new Broadcast({ ...stream, codec: this.#codec, seats: this.#seats, supply: this.#supply, meter })
    this.#assets = new AssetDepot({ seats: this.#seats, tokens: new ResumeTokens(signer, sessionId), probe, report })
    const saved = config.saved?.members.find(({ author }) => author === HOST_AUTHOR)?.nonceHighWater
    const pen = { sessionId, epoch, author: HOST_AUTHOR, log: this.#log, signer, meter, keys: sealing?.keys }
    this.#signer = new CommandSigner(pen, recovered?.nonces.get(HOST_AUTHOR) ?? saved ?? 0n)
    const [roster, nonces] = [this.#roster, new NonceMarks(config.nonces)]
    this.#nonces = nonces
    const shared = { sessionId, epoch, seats: this.#seats, roster, nonces, sealing, codec: this.#codec, report }
    this.#conducts = new Conducts(config.limits)
    this.#gate = new Gate({
      ...shared, log: this.#log, verifier, meter, probe,
      record: (entries, body) => this.#journal?.entries(entries, body),
    })
    this.#reception = new Reception({
      ...shared, peer: ports, world: this.#world, signer: this.#signer, gate: this.#gate,
      record: (body) => this.#journal?.roster(body),
      authorise: (token, requestedRole, displayName) => config.authorise(token, requestedRole, displayName),
      features: (config.features ?? FEATURES) & (sealing === undefined ? ~SEALED_LOG : ~0),
    })
    this.#journal = ports.storage && new Journal(ports.storage.files, recovered?.clock ?? config.saved?.closedLamport ?? 0, {
      emit: (output) => this.#outputs.push(output), entropy: (bytes) => ports.entropy(bytes), probe, report,
      checkpoint: () => takeCheckpoint({ ...shared, ...ports, world: this.#world, log: this.#log, pen: this.#signer }),
    })
    this.#closing = new LogClosing({ log: this.#log, journal: this.#journal, probe }, recovered?.clock ?? 0)
    if (recovered !== undefined) {
      restore(recovered, {
        roster, signer, verifier, probe, report, world: this.#world, log: this.#log, nonces, reception: this.#reception,
      })
    } else {
      if (config.saved !== undefined) report({ event: 'sessionContinued', epoch, closedLamport: config.saved.closedLamport })
      else if (ports.storage !== undefined) report({ event: 'recovered', generation: 0, closedLamport: 0, entries: [], tornBytes: 0 })
      roster.set({ author: HOST_AUTHOR, publicKey: signer.publicKey, displayName: config.displayName, present: true, banned: false })
      if (config.saved !== undefined) this.#restore(config.saved)
      this.#reception.enrol(HOST_AUTHOR, 'admin', granted(~0, 'admin'))
    }
    this.#journal?.flush()
    if (config.streamBytesPerSecond !== undefined) this.#publication = new Publication(this.#world, config.streamBytesPerSecond, probe)
  }

  /** The live world: for the driver's checkers, which must not write. */
  get world(): World {
    return this.#world
  }
  /** The stream as it was written, of which the world may have less where a budget holds it back. */
  get written(): World {
    return this.#publication?.written ?? this.#world
  }
  get log(): CommandLog {
    return this.#log
  }
  get frame(): number {
    return this.#frame
  }
  /** Everybody who is connected, members or not yet. */
  get seats(): readonly Readonly<Seat>[] {
    return [...this.#seats]
  }
  get ring(): FrameRing<Seat> {
    return this.#supply.ring
  }
  get assets(): AssetLibrary {
    return this.#assets.library
  }
  /** What the runtime was asked for and has not done, and rows of the stream that nobody has been told. */
  get backlog(): number {
    return this.#runtime.backlog + (this.#publication?.waiting ?? 0)
  }

  /** What its members are left with, of those that it has let in. */
  allowanceOf(author: AuthorId): Allowance {
    return this.#conducts.of(author).allowance
  }
  get proofs(): EquivocationProofs {
    return this.#gate.proofs
  }
  /** How much it keeps on account of others: each has a bound in limits.ts or in the wire's own. */
  get holdings(): Holdings {
    const later = [...this.#seats].reduce((most, seat) => Math.max(most, seat.later.length), 0)
    const { strangers } = this.#seats
    const members = [...this.#seats].length - strangers
    const { library, underWay } = this.#assets
    const assets = { assets: library.size + underWay.count, assetBytes: library.bytes + underWay.bytes }
    return { strangers, members, conducts: this.#conducts.size, proofs: this.#gate.proofs.size, pending: this.#log.depth, later, ...assets }
  }

  /** What the log has closed by now, as the bytes of a file: {@link loadSession} reads it, for the configuration of another host. */
  save(): Uint8Array {
    const { closedLamport, count: admittedCount, digest: admittedDigest } = this.#log.position
    const members = this.#roster.members.map(({ author, publicKey, displayName, banned }) => ({
      author, publicKey, displayName, banned, nonceHighWater: author === HOST_AUTHOR ? this.#signer.highWater : this.#nonces.of(author),
    }))
    return saveSession({
      closedLamport, admittedCount, admittedDigest, nextAuthor: this.#reception.nextAuthor, members,
      tables: savedTables(this.#world, this.written),
    })
  }

  /** What its successor begins from, as {@link save} gives it; undefined until it has handed over. */
  get handedOver(): Uint8Array | undefined {
    return this.#handOver.saved
  }

  drain(): PeerOutput | undefined {
    return this.#outputs.take()
  }

  handle(input: PeerInput, nowUs: number): void {
    this.#outputs.assertDrained()
    this.#nowUs = nowUs
    this.#take(input, nowUs)
    this.#journal?.flush()
  }

  #take(input: PeerInput, nowUs: number): void {
    switch (input.kind) {
      case 'frame': return this.#tick(input.frame, nowUs)
      case 'intent': return this.#intend(input.intent, nowUs)
      case 'stored': return this.#journal?.stored(input.ticket)
      case 'xrFrame': return
      default: return this.#transport(input, nowUs)
    }
  }

  #restore(saved: SavedSession): void {
    restoreTables(this.#world, saved.tables)
    this.#log.adopt({ closedLamport: saved.closedLamport, count: saved.admittedCount, digest: saved.admittedDigest })
    this.#reception.restore(saved)
  }

  // --- transport and session -----------------------------------------------------------------------------------------

  #transport(input: TransportInput, nowUs: number): void {
    if (input.kind === 'opened') {
      if (this.#seats.strangers >= STRANGERS_MAX) {
        this.#report({ event: 'sessionRefused', code: 'full', hint: 'too many connections wait to be let in' })
        return this.#outputs.push({ kind: 'close', on: input.on, code: DISCONNECT_CODES.indexOf('full') })
      }
      const link = new Link(input.on, input.binding.slice(), {
        codec: this.#codec, packer: this.#packer, peer: this.#ports, nowUs: () => this.#nowUs,
        emit: (output) => (this.#journal === undefined ? this.#outputs.push(output) : this.#journal.hold(output)),
        report: (event) => this.#report(event),
      })
      this.#seats.add(newSeat(link, this.#conducts.stranger(), nowUs))
      return
    }
    const seat = this.#seats.get(input.on)
    if (seat === undefined) return
    if (input.kind === 'closed') return this.#reception.vacate(seat, DISCONNECT_CODES[input.code] ?? 'normal', input.by)
    if (input.kind !== 'message') return
    // A stranger does not stay by talking: without a hello its time runs out.
    if (seat.author !== undefined) seat.heartbeat.heard(nowUs)
    this.#receive(seat, input, nowUs)
    if (seat.conduct.takeOver()) this.#reception.dismiss(seat, 'protocolError', 'too much was sent that this member may not send')
  }

  /** Bytes that nobody may send in such numbers are not looked at. */
  #receive(seat: Seat, { channel, bytes }: Extract<TransportInput, { kind: 'message' }>, nowUs: number): void {
    const { conduct } = seat
    if (!conduct.mayCarry(typeIn(bytes), bytes.length, nowUs)) {
      return this.#refuse(seat, 'budget', 'traffic', bytes.length, nowUs)
    }
    const received = seat.link.receive(channel, bytes)
    if (received.kind === 'refused') return conduct.offend(nowUs)
    const { message, schemaMatches } = received
    const sender = seat.author === undefined ? 'stranger' : roleIn(this.#world, this.#log, seat.author)
    if (maySend(sender, message.kind)) return this.#message(seat, message, schemaMatches, nowUs)
    // What a stranger says before its hello is lost, and that is all.
    if (sender === 'stranger') return
    if (message.kind === 'CommandLogEntry') this.#gate.turnAway(seat, message.entries, nowUs)
    const who = isNoMembers(message.kind) ? 'member' : sender
    this.#refuse(seat, 'forbidden', `${message.kind} of a ${who}`, bytes.length, nowUs)
  }

  #refuse(seat: Seat, cause: MessageRefusal, reason: string, bytes: number, nowUs: number): void {
    seat.conduct.offend(nowUs)
    this.#report({ event: 'messageRefused', cause, reason, bytes, peer: seat.link.peer })
  }

  /** A message that its sender may send. */
  #message(seat: Seat, message: Message, schemaMatches: boolean, nowUs: number): void {
    switch (message.kind) {
      case 'SessionHello':
        this.#reception.hello(seat, message, schemaMatches, this.#frame, nowUs)
        if (seat.author !== undefined) seat.conduct = this.#conducts.of(seat.author)
        return
      case 'Heartbeat': {
        const pong = seat.heartbeat.receive(message, nowUs)
        if (pong !== undefined) seat.link.send(pong)
        else this.#report({ event: 'heartbeat', author: seat.author!, rttUs: seat.heartbeat.rttUs, jitterUs: seat.heartbeat.jitterUs })
        return
      }
      case 'CommandLogEntry':
        if (message.entries.length === 0) seat.conduct.offend(nowUs)
        if (this.#handOver.isDue(nowUs)) return
        return this.#gate.admit(seat, message.entries, nowUs)
      case 'InputPredictiveState':
        if (message.sequence > seat.inputSequence) {
          seat.inputSequence = message.sequence
          seat.input = message
        } else this.#ports.probe.sometimes('a pose that was overtaken')
        return
      case 'NackRequest':
      case 'LogRangeRequest':
        if (!seat.conduct.mayRequest(nowUs)) return this.#refuse(seat, 'budget', 'requests', 0, nowUs)
        if (message.epoch !== this.#epoch) return
        if (message.kind === 'NackRequest') return this.#supply.repair(seat, message)
        return this.#supply.range(seat, message)
      case 'EditorEvent': return this.#broadcast.relay(seat, message)
      case 'InterestSet': return this.#broadcast.heed(seat, message)
      case 'AssetNotice':
      case 'AssetRequest':
      case 'AssetTransfer':
        if (!this.#assets.take(seat, message, nowUs)) this.#refuse(seat, 'unfounded', `${message.kind} out of turn`, 0, nowUs)
        return
      case 'SessionControl': return this.#control(seat, message, nowUs)
      case 'TelemetryReport': {
        const metrics = this.board.take(seat.author!, message)
        return this.#report({ event: 'telemetry', author: seat.author!, frame: message.frame, metrics })
      }
      default:
    }
  }

  /** A member's goodbye, or that of somebody whom it sends away. */
  #control(seat: Seat, { control, code, author, hint }: SessionControl, nowUs: number): void {
    if (control === 'ready' && this.#handOver.ready(seat)) return
    if (control !== 'disconnect') return this.#refuse(seat, 'forbidden', `SessionControl ${control} of a member`, 0, nowUs)
    if (code !== 'kicked' && code !== 'banned') return this.#reception.dismiss(seat, 'normal', '')
    if (author === HOST_AUTHOR || !isCapable(this.#log.view, seat.author!, MANAGE_MEMBERS)) {
      return this.#refuse(seat, 'forbidden', `SessionControl ${code} of a member`, 0, nowUs)
    }
    this.#expel(author, code, hint === '' ? `${code} by an admin` : hint)
  }

  #expel(author: AuthorId, code: 'kicked' | 'banned', hint: string): void {
    if (code === 'banned') return this.#reception.ban(author, hint)
    const seat = this.#seats.of(author)
    if (seat !== undefined) this.#reception.dismiss(seat, 'kicked', hint)
  }

  /** A member hears at once what it may do from here on: the log says so, and is judged by. */
  #tellRole(author: AuthorId): void {
    const seat = this.#seats.of(author)
    if (seat === undefined) return
    const role = ROLES[this.#world.get(memberEntity(author), Member)?.role ?? 0] ?? 'viewer'
    seat.role = role
    seat.link.send(newRole(author, role))
    this.#report({ event: 'roleChanged', author, role })
  }

  // --- commands ------------------------------------------------------------------------------------------------------

  #intend(intent: Intent, nowUs: number): void {
    switch (intent.kind) {
      case 'spawn': return this.#append('entity.spawn', () => this.#signer.spawn(intent))
      case 'despawn': return this.#append('entity.despawn', () => this.#signer.sign(entityDespawn, { entity: intent.entity }))
      case 'propSpawn':
      case 'propMove':
      case 'propDespawn': return this.#runtime.ask(intent)
      case 'handOver': return this.#handOver.begin(intent, nowUs)
      case 'assetOffer': return this.#assets.hold(intent.bytes)
      case 'kick': return this.#expel(intent.author, 'kicked', 'removed by the host')
      case 'ban': return this.#expel(intent.author, 'banned', 'banned by the host')
      case 'role': {
        const { author, role } = intent
        const wish = { author, role: ROLES.indexOf(role), capabilities: granted(~0, role) }
        return this.#append('member.role', () => this.#signer.sign(memberRole, wish))
      }
      default:
    }
  }

  /** A command of whoever is above the host, while another one can wait for its closing. */
  #append(command: string, sign: () => CommandEntry): void {
    if (this.#log.hasRoom && !this.#handOver.isUnderWay) this.#gate.append(sign())
    else this.#report({ event: 'commandDeclined', command, waiting: this.#log.depth })
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  #tick(frame: number, nowUs: number): void {
    this.#frame = frame
    this.diagnostics.frame(this.#log.depth, nowUs)
    const isLast = this.#handOver.isDue(nowUs)
    this.#closing.close(frame, !this.#seats.hasMembers, isLast)
    this.#provenance.set({ by: 'runtime', frame })
    this.#bodies.follow(this.#world, this.#stream)
    this.#runtime.advance(this.#stream, frame)
    for (const author of this.#reception.takeDeparted()) clearPoses(this.#stream, author)
    for (const seat of this.#seats.members()) if (seat.input !== undefined) setPoses(this.#stream, seat.author!, seat.input)
    if (frame % PHYSICS_EVERY_FRAMES === 0) this.#stepPhysics(frame)
    this.#sendFrame(frame)
    if (isLast) this.#handOverClosed()
    this.#backlog.look(this.#log)
    this.#assets.tick(nowUs)
    for (const seat of this.#seats) {
      if (seat.heartbeat.silent(nowUs)) this.#reception.dismiss(seat, 'timeout', 'nothing was heard for too long')
      else if (seat.author === undefined) continue
      else if (this.#handOver.tell(seat, nowUs)) this.#reception.dismiss(seat, 'normal', 'the session goes on elsewhere')
      else this.#serve(seat, seat.author, frame, nowUs)
    }
  }

  /** Where rows of the stream are written. */
  get #stream(): WriteStore {
    return this.#publication ?? this.#world
  }

  /** Hands over as soon as all that was let in is closed; a disk may need some frames for it. */
  #handOverClosed(): void {
    const { closedLamport } = this.#log.position
    if (this.#handOver.saved !== undefined || this.#log.depth > 0) return
    this.#gate.close()
    this.#handOver.complete(closedLamport, this.save())
  }

  /** What a member gets of its own at the end of a frame. */
  #serve(seat: Seat, author: AuthorId, frame: number, nowUs: number): void {
    const { probe } = this.#ports
    const due = seat.later.splice(0)
    this.#supply.serve(seat, frame, () => this.#isSettled(author, seat.enrolledLamport))
    this.#assets.serve(seat)
    for (const message of due) seat.link.send(message)
    const ping = seat.heartbeat.ping(nowUs)
    if (ping !== undefined && !probe.happens('a heartbeat is left out', author, frame)) seat.link.send(ping)
    if (seat.live && probe.happens('a connection is closed', author, frame)) this.#reception.dismiss(seat, 'timeout', 'come again')
  }

  /** What an author signed before it came (back) is closed: it may have forgotten it, and is not to sign for a position twice. */
  #isSettled(author: AuthorId, enrolledLamport: Lamport): boolean {
    return !this.#log.pending.some(({ entry }) => entry.author === author && entry.lamport < enrolledLamport)
  }

  #stepPhysics(frame: number): void {
    if (this.#bodies.count === 0) return
    this.#ports.meter.begin('physics')
    this.#bodies.step(this.#stream)
    this.#ports.meter.end('physics')
    const { contacts, awake } = this.#physics
    this.#report({ event: 'physicsStepped', frame, bodies: this.#bodies.count, contacts, awake })
  }

  #sendFrame(frame: number): void {
    const { meter } = this.#ports
    const published = this.#publication?.publish(frame)
    meter.begin('digest')
    const repaired = this.#world.audit(AUDIT_BYTES_PER_FRAME)
    const stateDigest = this.#world.digest()
    meter.end('digest')
    this.#ports.observe(frame, this.#world)
    if (repaired > 0) {
      this.#cells.rebuild()
      this.#report({ event: 'auditRepaired', frame, rows: repaired })
    }
    const { closedLamport, count, digest } = this.#log.position
    const bytes = this.#broadcast.send(frame, { closedLamport, admittedCount: count, admittedDigest: digest })
    this.#publication?.settle(bytes)
    if (published !== undefined) this.#report({ event: 'streamPublished', frame, ...published, bytes })
    this.#report({
      event: 'frameClosed', frame, epoch: this.#epoch, closedLamport, admittedCount: count, digest: hash64Hex(stateDigest),
      logDigest: hash64Hex(this.#world.sourceDigest('log')), streamDigest: hash64Hex(this.#world.sourceDigest('stream')),
      worldBytes: this.#world.byteLength, rows: this.#world.rowCount,
    })
  }

  #report(event: SystemEvent): void {
    this.#outputs.push({ kind: 'event', event })
    this.diagnostics.note(event, this.#nowUs)
  }
}
