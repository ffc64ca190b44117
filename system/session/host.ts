/**
 * The host of a session: it admits members and commands, closes the log, owns the stream (physics, the runtime's props,
 * the members' poses) and sends a replication frame to everyone, every frame.
 *
 * Order within a frame: close the log, follow it with physics, apply the runtime's wishes and the members' poses, step
 * physics, digest, cut the frame for those who see different parts of it, send it, then serve snapshots: so that a
 * snapshot of frame f and the delta of f + 1 fit together without a seam.
 */
import { CommandLog } from '../commands/log.ts'
import { entityDespawn, memberEntity, memberRole, ROLES } from '../commands/registry.ts'
import { CommandSigner } from '../commands/signer.ts'
import { HeadPose, LeftHandPose, RightHandPose } from '../ecs/components.ts'
import { CellIndex } from '../ecs/cells.ts'
import { streamRotation } from '../ecs/rotation.ts'
import { World } from '../ecs/world.ts'
import { type AuthorId, hash64Hex, HOST_AUTHOR, type Lamport } from '../ids.ts'
import { AUDIT_BYTES_PER_FRAME, LATE_WINDOW_FRAMES, PHYSICS_EVERY_FRAMES } from '../limits.ts'
import { Bodies } from '../physics/bodies.ts'
import type { Physics } from '../physics/physics.ts'
import type { TransportInput } from '../ports.ts'
import { granted } from '../protocol/capabilities.ts'
import { Codec } from '../protocol/codec.ts'
import type { InputPredictiveState, Message, Role } from '../protocol/messages.ts'
import type { FrameRing } from '../replication/frames.ts'
import { Board } from '../telemetry/board.ts'
import { Diagnostics } from '../telemetry/diagnostics.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { commitEvent } from '../telemetry/commits.ts'
import { Broadcast } from './broadcast.ts'
import { DISCONNECT_CODES } from './codes.ts'
import { Gate } from './gate.ts'
import { Link } from './link.ts'
import { type Intent, OutputQueue, type Peer, type PeerInput, type PeerOutput, type PeerPorts } from './peer.ts'
import { Provenance } from './provenance.ts'
import { Reception } from './reception.ts'
import { Roster } from './roster.ts'
import { Runtime } from './runtime.ts'
import { newSeat, type Seat } from './seat.ts'
import { Seats } from './seats.ts'
import { Supply } from './supply.ts'

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
  readonly #bodies: Bodies
  readonly #physics: Physics
  readonly #provenance: Provenance
  readonly #seats = new Seats()
  readonly #reception: Reception
  readonly #gate: Gate
  readonly #cells = new CellIndex(this.#world)
  readonly #supply: Supply
  readonly #broadcast: Broadcast
  /** The highest Lamport time known at the last LATE_WINDOW_FRAMES frames. */
  readonly #clockHistory: Lamport[] = Array.from({ length: LATE_WINDOW_FRAMES }, () => 0)
  readonly #runtime: Runtime
  /** What it knows of its own health, and what members told of theirs. */
  readonly diagnostics = new Diagnostics((alarm) => this.#report({ event: 'alarm', ...alarm }))
  readonly board = new Board()
  #frame = -1
  #nowUs = 0

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
    const report = (event: SystemEvent) => this.#report(event)
    const stream = { epoch, world: this.#world, cells: this.#cells, probe, report }
    this.#supply = new Supply({ ...stream, log: this.#log })
    this.#broadcast = new Broadcast({ ...stream, codec: this.#codec, seats: this.#seats, supply: this.#supply, meter })
    this.#signer = new CommandSigner({ sessionId, epoch, author: HOST_AUTHOR, log: this.#log, signer, meter }, 0n)
    const roster = new Roster()
    const shared = { sessionId, epoch, seats: this.#seats, roster, codec: this.#codec, report }
    this.#gate = new Gate({ ...shared, log: this.#log, verifier, meter, probe })
    this.#reception = new Reception({
      ...shared, peer: ports, world: this.#world, signer: this.#signer, gate: this.#gate,
      authorise: (token, requestedRole, displayName) => config.authorise(token, requestedRole, displayName),
    })
    roster.set({ author: HOST_AUTHOR, publicKey: ports.signer.publicKey, displayName: config.displayName, present: true })
    this.#reception.enrol(HOST_AUTHOR, 'admin', granted(~0, 'admin'))
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
    return [...this.#seats]
  }
  get ring(): FrameRing<Seat> {
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
    this.#nowUs = nowUs
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
        mirror: (packet) => this.#ports.mirror?.take({ atUs: this.#nowUs, ...packet }),
      })
      this.#seats.add(newSeat(link, nowUs))
      return
    }
    const seat = this.#seats.get(input.on)
    if (seat === undefined) return
    if (input.kind === 'closed') return this.#reception.vacate(seat, DISCONNECT_CODES[input.code] ?? 'normal', input.by)
    if (input.kind !== 'message') return
    // A stranger does not stay by talking: without a hello its time runs out.
    if (seat.author !== undefined) seat.heartbeat.heard(nowUs)
    const received = seat.link.receive(input.channel, input.bytes)
    if (received.kind === 'message') this.#message(seat, received.message, received.schemaMatches, nowUs)
  }

  #message(seat: Seat, message: Message, schemaMatches: boolean, nowUs: number): void {
    if (seat.author === undefined) {
      if (message.kind === 'SessionHello') this.#reception.hello(seat, message, schemaMatches, this.#frame, nowUs)
      return
    }
    switch (message.kind) {
      case 'Heartbeat': {
        const pong = seat.heartbeat.receive(message, nowUs)
        if (pong !== undefined) seat.link.send(pong)
        else this.#report({ event: 'heartbeat', author: seat.author, rttUs: seat.heartbeat.rttUs, jitterUs: seat.heartbeat.jitterUs })
        return
      }
      case 'CommandLogEntry': return this.#gate.admit(seat, message.entries, nowUs)
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
      case 'EditorEvent': return this.#broadcast.relay(seat, message)
      case 'InterestSet': return this.#broadcast.heed(seat, message)
      case 'SessionControl':
        if (message.control === 'disconnect') this.#reception.dismiss(seat, 'normal', '')
        return
      case 'TelemetryReport': {
        const { author } = seat
        const metrics = this.board.take(author, message)
        return this.#report({ event: 'telemetry', author, frame: message.frame, metrics })
      }
      case 'AssetTransfer': return
      default:
        this.#report({ event: 'messageRefused', reason: `${message.kind} of a member`, bytes: 0, peer: seat.author })
    }
  }

  // --- commands ------------------------------------------------------------------------------------------------------

  #intend(intent: Intent): void {
    switch (intent.kind) {
      case 'spawn': return this.#gate.append(this.#signer.spawn(intent))
      case 'despawn': return this.#gate.append(this.#signer.sign(entityDespawn, { entity: intent.entity }))
      case 'propSpawn':
      case 'propMove':
      case 'propDespawn': return this.#runtime.ask(intent)
      case 'kick':
        for (const seat of this.#seats.members()) {
          if (seat.author === intent.author) this.#reception.dismiss(seat, 'kicked', 'removed by the host')
        }
        return
      case 'role': {
        const { author, role } = intent
        return this.#gate.append(this.#signer.sign(memberRole, { author, role: ROLES.indexOf(role), capabilities: granted(~0, role) }))
      }
      default:
    }
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  #tick(frame: number, nowUs: number): void {
    this.#frame = frame
    this.diagnostics.frame(this.#log.depth, nowUs)
    this.#closeLog(frame)
    this.#provenance.set({ by: 'runtime', frame })
    this.#bodies.follow(this.#world)
    this.#runtime.advance(this.#world, frame)
    this.#clearDeparted()
    for (const seat of this.#seats.members()) if (seat.input !== undefined) this.#pose(seat.author!, seat.input)
    if (frame % PHYSICS_EVERY_FRAMES === 0) this.#stepPhysics(frame)
    this.#sendFrame(frame)
    for (const seat of this.#seats) {
      if (seat.heartbeat.silent(nowUs)) this.#reception.dismiss(seat, 'timeout', 'nothing was heard for too long')
      else if (seat.author !== undefined) this.#serve(seat, seat.author, frame, nowUs)
    }
  }

  /** What a member gets of its own at the end of a frame. */
  #serve(seat: Seat, author: AuthorId, frame: number, nowUs: number): void {
    const { probe } = this.#ports
    const due = seat.later.splice(0)
    const isDue = seat.wantsSnapshot !== undefined && !probe.happens('a snapshot waits for a frame', author, frame)
    if (isDue) this.#supply.snapshot(seat, frame)
    else this.#supply.chunks(seat)
    for (const message of due) seat.link.send(message)
    const ping = seat.heartbeat.ping(nowUs)
    if (ping !== undefined && !probe.happens('a heartbeat is left out', author, frame)) seat.link.send(ping)
    if (seat.live && probe.happens('a connection is closed', author, frame)) this.#reception.dismiss(seat, 'timeout', 'come again')
  }

  /** With nobody there, nobody can be late: the log closes at once, so that the first to join finds the world made. */
  #closeLog(frame: number): void {
    const slot = frame % LATE_WINDOW_FRAMES
    const alone = !this.#seats.hasMembers
    const late = Math.max(this.#clockHistory[slot], this.#log.position.closedLamport)
    const closed = alone ? this.#log.clock : late
    this.#clockHistory[slot] = this.#log.clock
    const { probe } = this.#ports
    if (closed > late) probe.sometimes('the log was closed at once with nobody there')
    if (!alone && probe.happens('a closing waits for a frame', HOST_AUTHOR, frame)) return
    this.#log.closeUpTo(closed, frame)
  }

  #clearDeparted(): void {
    for (const author of this.#reception.takeDeparted()) {
      for (const component of [HeadPose, LeftHandPose, RightHandPose]) this.#world.delete(memberEntity(author), component)
    }
  }

  #pose(author: AuthorId, { head, left, right }: InputPredictiveState): void {
    const entity = memberEntity(author)
    for (const [component, pose] of [[HeadPose, head], [LeftHandPose, left], [RightHandPose, right]] as const) {
      this.#world.set(entity, component, { ...pose, ...streamRotation(pose) })
    }
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
    if (repaired > 0) {
      this.#cells.rebuild()
      this.#report({ event: 'auditRepaired', frame, rows: repaired })
    }
    const { closedLamport, count, digest } = this.#log.position
    this.#broadcast.send(frame, { closedLamport, admittedCount: count, admittedDigest: digest })
    this.#report({
      event: 'frameClosed', frame, epoch: this.#config.epoch, closedLamport, admittedCount: count, digest: hash64Hex(stateDigest),
      logDigest: hash64Hex(this.#world.sourceDigest('log')), streamDigest: hash64Hex(this.#world.sourceDigest('stream')),
      worldBytes: this.#world.byteLength, rows: this.#world.rowCount,
    })
  }

  #report(event: SystemEvent): void {
    this.#outputs.push({ kind: 'event', event })
    this.diagnostics.note(event, this.#nowUs)
  }
}
