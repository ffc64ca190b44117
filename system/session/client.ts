/**
 * A member of a session: it greets the host, takes its snapshot, then confirms frame after frame: a frame is confirmed
 * when the log is closed as the host closed it and the stream is exactly the frame's. What the user does becomes signed
 * commands, shown at once in the speculative view and final when the host closes them.
 *
 *     idle -> connecting -> greeting -> joining -> live
 *                 ^------------- lost ---------------'
 */
import { entryBatches } from '../commands/batch.ts'
import { CommandLog } from '../commands/log.ts'
import {
  type AnyCommand, commandName, entityDespawn, entityRotate, entityScale, entityTranslate, selectionHighlight, toolActivate, toolDeactivate,
} from '../commands/registry.ts'
import { CommandSigner } from '../commands/signer.ts'
import { signingBytes } from '../commands/signing.ts'
import { manifestHash } from '../ecs/manifest.ts'
import { World } from '../ecs/world.ts'
import { Editor, type EditorFrameState } from '../editor/editor.ts'
import type { XRReferenceSpaceLike, XRSessionLike } from '../editor/webxr.ts'
import { type AuthorId, ENTITIES_PER_AUTHOR_MAX, type EntityId, hash64Equal, hash64Hex, type Lamport } from '../ids.ts'
import {
  AUDIT_BYTES_PER_FRAME, COMMAND_PAYLOAD_BYTES_MAX, HANDSHAKE_TIMEOUT_US, INPUT_EVERY_FRAMES, PREDICTION_HORIZON_US,
  RANGE_REQUEST_DELAY_US, RECONNECT_DELAY_US, RECONNECTS_MAX, RESIGN_MAX, SNAPSHOT_TIMEOUT_US, TELEMETRY_INTERVAL_US,
} from '../limits.ts'
import { CommitHistory } from '../placement/history.ts'
import { PlacementEditSession } from '../placement/session.ts'
import type { TransportInput } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import { Codec } from '../protocol/codec.ts'
import type {
  CommandEntry, CommandReceipt, ComponentDelta, DisconnectCode, EditorEvent, KeyRoster, Message, Role, SessionAcknowledge, WorldSnapshot,
} from '../protocol/messages.ts'
import { PROTOCOL_VERSION, SCHEMA_HASH } from '../protocol/version.ts'
import { applyDelta } from '../replication/delta.ts'
import { FrameBuffer } from '../replication/frames.ts'
import { applySnapshot, decodeSnapshot, SnapshotAssembler } from '../replication/snapshot.ts'
import { commitEvent } from '../telemetry/commits.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { DISCONNECT_CODES, FINAL_CODES } from './codes.ts'
import { acknowledgeBytes, helloBytes } from './handshake.ts'
import { HeartbeatMonitor } from './heartbeat.ts'
import { Link } from './link.ts'
import { type Intent, OutputQueue, type Peer, type PeerInput, type PeerOutput, type PeerPorts } from './peer.ts'
import { Provenance } from './provenance.ts'
import { Roster } from './roster.ts'

export interface ClientConfig {
  readonly displayName: string
  /** The host as the driver's transport resolves it, e.g. 'quic:host'. */
  readonly endpoint: string
  readonly transports: readonly string[]
  readonly requestedRole: Role
  readonly requestedCapabilities: number
  readonly authToken: Uint8Array
}

type State = 'idle' | 'connecting' | 'greeting' | 'joining' | 'live' | 'lost' | 'closed'

/** What the acknowledgement settled: everything that lives as long as the session does. */
interface Membership {
  readonly author: AuthorId
  readonly sessionId: Uint8Array
  readonly epoch: number
  readonly hostKey: Uint8Array
  readonly roster: Roster
  readonly log: CommandLog
  readonly signer: CommandSigner
}

export class Client implements Peer {
  readonly #config: ClientConfig
  readonly #ports: PeerPorts
  readonly #outputs = new OutputQueue()
  readonly #codec = new Codec()
  readonly #world = new World()
  readonly #provenance: Provenance
  readonly #history = new CommitHistory()
  #state: State = 'idle'
  #ticket = 0
  #retryAtUs = Infinity
  #reconnects = 0
  #stateSinceUs = 0
  #nowUs = 0
  #link: Link | undefined
  #heartbeat = new HeartbeatMonitor(0)
  #clientNonce: Uint8Array = new Uint8Array(0)
  #membership: Membership | undefined
  #assembler = new SnapshotAssembler()
  #frames: FrameBuffer<ComponentDelta> | undefined
  #resync: { readonly sinceUs: number; askedAtUs: number; readonly want: 'snapshot' | 'targeted' } | undefined
  #logShortSinceUs = Infinity
  #joinSinceUs = 0
  /** Own entries of this frame, sent together at its end. */
  #outbox: CommandEntry[] = []
  /** How often each own pending entry has been signed anew, by its present Lamport time. */
  readonly #resigned = new Map<Lamport, number>()
  #editor: Editor | undefined
  #attached: { readonly session: XRSessionLike; readonly space: XRReferenceSpaceLike } | undefined
  #pose: EditorFrameState | undefined
  #inputSequence = 0
  #edit: PlacementEditSession | undefined
  #editSessions = 0
  #telemetryAtUs = 0

  constructor(config: ClientConfig, ports: PeerPorts) {
    this.#config = config
    this.#ports = ports
    this.#provenance = new Provenance(this.#world, ports.explain, (event) => this.#report(event))
  }

  /** The live world: for the driver's checkers, which must not write. */
  get world(): World {
    return this.#world
  }
  get log(): CommandLog | undefined {
    return this.#membership?.log
  }
  get state(): State {
    return this.#state
  }
  get author(): AuthorId | undefined {
    return this.#membership?.author
  }
  /** The last frame that was confirmed, -1 before the first. */
  get confirmedFrame(): number {
    return this.#frames === undefined || this.#state === 'joining' ? -1 : this.#frames.next - 1
  }
  /** Everything that it signed has been closed or given up. */
  get idle(): boolean {
    return this.#state === 'live' && this.#outbox.length === 0 && (this.#membership?.log.depth ?? 0) === 0 && this.#resync === undefined
  }
  get history(): CommitHistory {
    return this.#history
  }
  get placements(): PlacementEditSession | undefined {
    return this.#edit
  }

  /** The headset whose input the editor reads, as soon as there is a membership to edit in. */
  attachXR(session: XRSessionLike, space: XRReferenceSpaceLike): void {
    this.#attached = { session, space }
    this.#editor?.attach(session, space)
  }

  drain(): PeerOutput | undefined {
    return this.#outputs.take()
  }

  handle(input: PeerInput, nowUs: number): void {
    this.#outputs.assertDrained()
    this.#nowUs = nowUs
    switch (input.kind) {
      case 'frame': return this.#tick(input.frame, nowUs)
      case 'xrFrame': {
        this.#ports.meter.begin('xr')
        this.#pose = this.#editor?.onFrame(input.frame, input.index)
        this.#ports.meter.end('xr')
        return
      }
      case 'intent': return this.#intend(input.intent, nowUs)
      default: return this.#transport(input, nowUs)
    }
  }

  // --- session -------------------------------------------------------------------------------------------------------

  #enter(state: State, nowUs: number): void {
    this.#state = state
    this.#stateSinceUs = nowUs
  }

  #connect(nowUs: number): void {
    this.#enter('connecting', nowUs)
    this.#outputs.push({ kind: 'open', ticket: ++this.#ticket, endpoint: this.#config.endpoint })
  }

  #transport(input: TransportInput, nowUs: number): void {
    if (input.kind === 'opened') {
      if (input.incoming) return
      // An attempt that was given up has come through after all.
      if (this.#state !== 'connecting' || input.ticket !== this.#ticket) return this.#outputs.push({ kind: 'close', on: input.on, code: DISCONNECT_CODES.indexOf('normal') })
      this.#link = new Link(input.on, input.binding.slice(), { codec: this.#codec, meter: this.#ports.meter, emit: (output) => this.#outputs.push(output), report: (event) => this.#report(event) })
      this.#heartbeat = new HeartbeatMonitor(nowUs)
      this.#greet(nowUs)
    } else if (input.kind === 'closed') {
      if (input.ticket === this.#ticket) this.#lose(DISCONNECT_CODES[input.code] ?? 'timeout', input.by, nowUs)
    } else if (input.kind === 'message' && input.on === this.#link?.on) {
      this.#heartbeat.heard(nowUs)
      const received = this.#link.receive(input.channel, input.bytes)
      if (received.kind === 'message') this.#message(received.message, nowUs)
    }
  }

  #greet(nowUs: number): void {
    const link = this.#link!
    this.#clientNonce = this.#ports.entropy(16)
    if (this.#joinSinceUs === 0) this.#joinSinceUs = nowUs
    const { requestedCapabilities, requestedRole, transports, displayName, authToken } = this.#config
    const unsigned = {
      kind: 'SessionHello', protocolMajor: PROTOCOL_VERSION.major, protocolMinor: PROTOCOL_VERSION.minor, protocolPatch: PROTOCOL_VERSION.patch,
      schemaHash: SCHEMA_HASH, manifestHash: manifestHash(), clientNonce: this.#clientNonce, clientPublicKey: this.#ports.signer.publicKey,
      requestedCapabilities, requestedRole, transports, compression: ['none'], displayName, authToken,
      resumeSessionId: this.#membership?.sessionId ?? new Uint8Array(0),
    } as const
    link.send({ ...unsigned, signature: this.#ports.signer.sign(helloBytes(unsigned, link.binding)) })
    this.#enter('greeting', nowUs)
  }

  #welcome(message: SessionAcknowledge, nowUs: number): void {
    const link = this.#link!
    const { signature: _, ...unsigned } = message
    const { serverPublicKey: hostKey, sessionId, epoch, author } = message
    const known = this.#membership
    const genuine = this.#ports.verifier.verify(message.signature, acknowledgeBytes(unsigned, this.#clientNonce, link.binding), hostKey)
    const resumed = known !== undefined && known.author === author && known.epoch === epoch && bytesEqual(known.sessionId, sessionId)
    if (!genuine || (resumed && !bytesEqual(known.hostKey, hostKey))) return this.#giveUp('authentication', nowUs)
    if (message.nonceHighWater >= ENTITIES_PER_AUTHOR_MAX) return this.#giveUp('protocolError', nowUs)
    link.peer = 0
    // Resumed, the log and the pen go on, and the snapshot that follows brings the rest. Otherwise nothing goes on.
    if (!resumed) {
      this.#outbox = []
      this.#resigned.clear()
      this.#edit = undefined
      this.#editor?.detach()
      const log = new CommandLog({
        sessionId, world: this.#world, codec: this.#codec, meter: this.#ports.meter, report: (event) => this.#report(event),
        folding: (entry) => this.#provenance.set({ by: 'command', author: entry.author, lamport: entry.lamport }),
        folded: (entry, { commit }) => {
          if (commit === undefined) return
          this.#history.record(commit)
          this.#report(commitEvent(commit, entry, this.#frames?.next ?? 0))
        },
      })
      const signer = new CommandSigner({ sessionId, epoch, author, log, signer: this.#ports.signer, meter: this.#ports.meter }, message.nonceHighWater)
      this.#membership = { author, sessionId, epoch, hostKey, roster: new Roster(), log, signer }
      this.#editor = new Editor({ author, view: () => log.view, emit: (intent) => this.#intend(intent, this.#nowUs), report: (event) => this.#report(event) })
      if (this.#attached !== undefined) this.#editor.attach(this.#attached.session, this.#attached.space)
    }
    // Frames may overtake the snapshot that they follow: they wait for it.
    this.#frames = new FrameBuffer(message.frame)
    this.#assembler = new SnapshotAssembler()
    this.#resync = { sinceUs: nowUs, askedAtUs: nowUs, want: 'snapshot' }
    this.#logShortSinceUs = Infinity
    this.#report({ event: 'sessionOpened', author, displayName: this.#config.displayName, role: message.assignedRole, capabilities: message.capabilityMask, resumed })
    this.#enter('joining', nowUs)
  }

  #giveUp(code: DisconnectCode, nowUs: number): void {
    this.#link?.close(DISCONNECT_CODES.indexOf(code))
    this.#lose(code, 'local', nowUs)
  }

  #leave(nowUs: number): void {
    if (this.#state === 'lost') return this.#enter('closed', nowUs)
    this.#link?.send({ kind: 'SessionControl', control: 'disconnect', code: 'normal', author: this.#membership?.author ?? 0, role: this.#config.requestedRole, hint: '' })
    this.#giveUp('normal', nowUs)
  }

  /** The connection is gone: for good where trying again cannot help, otherwise until RECONNECT_DELAY_US from now. */
  #lose(code: DisconnectCode, by: 'local' | 'remote' | 'timeout' | 'refused', nowUs: number): void {
    if (this.#state === 'closed' || this.#state === 'lost') return
    this.#report({ event: 'sessionClosed', author: this.#membership?.author ?? 0, code, by })
    this.#link = undefined
    const again = !FINAL_CODES.has(code) && by !== 'local' && this.#reconnects < RECONNECTS_MAX
    this.#enter(again ? 'lost' : 'closed', nowUs)
    this.#retryAtUs = again ? nowUs + RECONNECT_DELAY_US : Infinity
  }

  #message(message: Message, nowUs: number): void {
    const link = this.#link!
    switch (message.kind) {
      case 'SessionAcknowledge':
        if (this.#state === 'greeting') this.#welcome(message, nowUs)
        return
      case 'SessionControl':
        if (message.control !== 'disconnect') return
        this.#report({ event: 'sessionRefused', code: message.code, hint: message.hint })
        return this.#lose(message.code, 'remote', nowUs)
      case 'Heartbeat': {
        const pong = this.#heartbeat.receive(message, nowUs)
        if (pong !== undefined) link.send(pong)
        else this.#report({ event: 'heartbeat', author: 0, rttUs: this.#heartbeat.rttUs, jitterUs: this.#heartbeat.jitterUs })
        return
      }
      default:
        // A former membership says nothing of who is at the other end before the acknowledgement.
        if (this.#membership !== undefined && (this.#state === 'joining' || this.#state === 'live')) this.#sessionMessage(this.#membership, message, nowUs)
    }
  }

  #sessionMessage(membership: Membership, message: Message, nowUs: number): void {
    switch (message.kind) {
      case 'KeyRoster': return this.#adoptRoster(membership, message)
      case 'WorldSnapshot': return this.#takeChunk(membership, message, nowUs)
      case 'ComponentDelta': {
        if (message.epoch !== membership.epoch || this.#frames === undefined) return
        // The payload is borrowed, and a frame may have to wait.
        this.#frames.add(message.frame, { ...message, payload: message.payload.slice() }, nowUs)
        return this.#confirm(membership, nowUs)
      }
      case 'CommandLogEntry':
        for (const entry of message.entries) this.#integrate(membership, entry)
        return this.#confirm(membership, nowUs)
      case 'CommandReceipt': return this.#refused(membership, message)
      default:
    }
  }

  #adoptRoster({ sessionId, hostKey, epoch, roster }: Membership, message: KeyRoster): void {
    if (message.epoch !== epoch) return
    this.#ports.meter.begin('crypto')
    const result = roster.adopt(message, sessionId, hostKey, this.#ports.verifier)
    this.#ports.meter.end('crypto')
    if (result === 'adopted') this.#report({ event: 'rosterUpdated', version: message.version, members: message.members.length })
    else if (result === 'forged') this.#report({ event: 'messageRefused', reason: 'roster signature', bytes: 0, peer: 0 })
  }

  // --- log -----------------------------------------------------------------------------------------------------------

  /** Verified before anything is applied, even though the host has verified it: nobody is trusted with another's name. */
  #integrate({ log, sessionId, epoch, author, roster }: Membership, entry: CommandEntry): void {
    const key = roster.get(entry.author)?.publicKey
    this.#ports.meter.begin('crypto')
    const genuine = entry.epoch === epoch && key !== undefined && this.#ports.verifier.verify(entry.signature, signingBytes(sessionId, entry), key)
    this.#ports.meter.end('crypto')
    if (!genuine) return this.#report({ event: 'commandRefused', author: entry.author, lamport: entry.lamport, reason: key === undefined ? 'author' : 'signature', at: 'peer' })
    if (log.integrate(entry, true).kind !== 'integrated') return
    if (entry.author === author) this.#resigned.delete(entry.lamport)
    this.#report({ event: 'commandIntegrated', author: entry.author, lamport: entry.lamport })
  }

  /** The host has refused an own entry. One that came late is signed anew, on the base it was meant on; others are gone. */
  #refused({ log, author, signer }: Membership, receipt: CommandReceipt): void {
    const entry = log.withdraw(receipt.lamport, author)
    if (entry === undefined) return
    this.#report({ event: 'commandRefused', author, lamport: receipt.lamport, reason: receipt.refusal, at: 'peer' })
    const times = (this.#resigned.get(receipt.lamport) ?? 0) + 1
    this.#resigned.delete(receipt.lamport)
    if (receipt.refusal !== 'late' || times > RESIGN_MAX) return
    log.witness(receipt.closedLamport)
    const again = signer.signAnew(entry)
    this.#resigned.set(again.lamport, times)
    this.#append(log, again, receipt.lamport)
  }

  #append(log: CommandLog, entry: CommandEntry, resignedFrom: Lamport): void {
    log.integrate(entry, false)
    this.#outbox.push(entry)
    this.#report({ event: 'commandSigned', author: entry.author, lamport: entry.lamport, nonce: entry.nonce, command: commandName(entry.command), scope: entry.scope, resignedFrom })
  }

  // --- frames and snapshots ------------------------------------------------------------------------------------------

  /** Confirms every frame that can be. Its world is exactly the host's of that frame, or the divergence is told. */
  #confirm({ log, epoch }: Membership, nowUs: number): void {
    const frames = this.#frames
    if (frames === undefined || this.#resync !== undefined) return
    for (let delta = frames.peek(); delta !== undefined; delta = frames.peek()) {
      const { frame, closedLamport, admittedCount, admittedDigest, stateDigest } = delta
      const ready = log.positionAt(closedLamport)
      if (closedLamport >= log.position.closedLamport && ready.count < admittedCount) {
        this.#logShortSinceUs = Math.min(this.#logShortSinceUs, nowUs)
        return
      }
      this.#logShortSinceUs = Infinity
      if (closedLamport < log.position.closedLamport || ready.count !== admittedCount || !hash64Equal(ready.digest, admittedDigest)) {
        return this.#startResync('log', 'targeted', nowUs)
      }
      log.closeUpTo(closedLamport, frame)
      this.#provenance.set({ by: 'delta', frame })
      this.#ports.meter.begin('replication')
      const why = applyDelta(this.#world, delta)
      this.#ports.meter.end('replication')
      if (why !== undefined) return this.#startResync(why, 'targeted', nowUs)
      frames.advance(nowUs)
      const digest = this.#digest(frame)
      this.#ports.observe(frame, this.#world)
      this.#report({
        event: 'frameConfirmed', frame, epoch, closedLamport, admittedCount, digest: hash64Hex(digest),
        logDigest: hash64Hex(this.#world.sourceDigest('log')), streamDigest: hash64Hex(this.#world.sourceDigest('stream')),
      })
      if (!hash64Equal(digest, stateDigest)) {
        this.#report({ event: 'divergence', frame, expected: hash64Hex(stateDigest), actual: hash64Hex(digest) })
        return this.#startResync('divergence', 'targeted', nowUs)
      }
    }
  }

  #digest(frame: number) {
    this.#ports.meter.begin('digest')
    const repaired = this.#world.audit(AUDIT_BYTES_PER_FRAME)
    const digest = this.#world.digest()
    this.#ports.meter.end('digest')
    if (repaired > 0) this.#report({ event: 'auditRepaired', frame, rows: repaired })
    return digest
  }

  #startResync(reason: string, want: 'snapshot' | 'targeted', nowUs: number): void {
    if (this.#resync !== undefined) return
    this.#resync = { sinceUs: nowUs, askedAtUs: -Infinity, want }
    this.#report({ event: 'resyncStarted', reason, frame: this.#frames?.next ?? 0 })
    this.#askForSnapshot(nowUs)
  }

  #askForSnapshot(nowUs: number): void {
    const resync = this.#resync
    if (resync === undefined || this.#link === undefined || nowUs - resync.askedAtUs < SNAPSHOT_TIMEOUT_US) return
    resync.askedAtUs = nowUs
    const fromFrame = this.#frames?.next ?? 0
    this.#link.send({ kind: 'NackRequest', epoch: this.#membership!.epoch, fromFrame, toFrame: fromFrame, want: resync.want })
    this.#report({ event: 'nackSent', fromFrame, toFrame: fromFrame, want: resync.want })
  }

  #takeChunk({ log, epoch, author }: Membership, message: WorldSnapshot, nowUs: number): void {
    if (message.epoch !== epoch) return
    const assembly = this.#assembler.add(message)
    if (assembly.kind === 'partial') return
    const content = assembly.kind === 'complete' ? decodeSnapshot(assembly.body) : undefined
    if (assembly.kind === 'refused' || content === undefined) {
      return this.#report({ event: 'messageRefused', reason: assembly.kind === 'refused' ? assembly.why : 'snapshot body', bytes: message.body.length, peer: 0 })
    }
    const { frame, snapshotId, reason } = assembly
    const frames = this.#frames!
    const fromFrame = frames.next
    if (frame < fromFrame - 1) return
    this.#provenance.set({ by: 'snapshot', snapshotId })
    applySnapshot(this.#world, content)
    log.adopt(content.position)
    this.#report({ event: 'snapshotApplied', snapshotId, reason, frame, rows: content.rows })
    // The host answers a request for frames that have left its ring with a snapshot, too: a resync that this side did not begin.
    const sinceUs = this.#resync?.sinceUs ?? frames.gapSinceUs
    frames.skipTo(frame, nowUs)
    this.#resync = undefined
    this.#logShortSinceUs = Infinity
    if (this.#state !== 'joining') {
      if (fromFrame <= frame) this.#report({ event: 'framesSkipped', fromFrame, toFrame: frame, snapshotId })
      if (sinceUs !== Infinity) this.#report({ event: 'resyncFinished', frame, tookUs: nowUs - sinceUs })
    } else {
      this.#enter('live', nowUs)
      this.#reconnects = 0
      this.#report({ event: 'joined', author, frame, tookUs: nowUs - this.#joinSinceUs })
      this.#joinSinceUs = 0
      // Entries that were on their way when the connection went are sent again; the host knows them by their nonces.
      this.#outbox = log.unadmitted()
    }
    this.#confirm(this.#membership!, nowUs)
  }

  // --- the clock -----------------------------------------------------------------------------------------------------

  #tick(frame: number, nowUs: number): void {
    switch (this.#state) {
      case 'idle': return this.#connect(nowUs)
      case 'closed': return
      case 'lost':
        if (nowUs >= this.#retryAtUs) {
          this.#reconnects++
          this.#joinSinceUs = nowUs
          this.#connect(nowUs)
        }
        return
      case 'connecting':
      case 'greeting':
        if (nowUs - this.#stateSinceUs >= HANDSHAKE_TIMEOUT_US) {
          this.#link?.close(DISCONNECT_CODES.indexOf('timeout'))
          this.#lose('timeout', 'timeout', nowUs)
        }
        return
      default:
    }
    const link = this.#link
    const membership = this.#membership
    if (link === undefined || membership === undefined) return
    this.#repair(membership, link, nowUs)
    this.#flush(link)
    if (frame % INPUT_EVERY_FRAMES === 0 && this.#pose !== undefined) {
      const { head, left, right, gesture } = this.#pose
      link.send({ kind: 'InputPredictiveState', sequence: this.#inputSequence++, frame, horizonUs: PREDICTION_HORIZON_US, gesture, head, left, right })
    }
    const ping = this.#heartbeat.ping(nowUs)
    if (ping !== undefined) link.send(ping)
    if (nowUs - this.#telemetryAtUs >= TELEMETRY_INTERVAL_US) {
      this.#telemetryAtUs = nowUs
      const counters = [{ name: 'commands.pending', value: membership.log.depth }]
      link.send({ kind: 'TelemetryReport', frame, confirmedFrame: Math.max(0, this.confirmedFrame), rttUs: this.#heartbeat.rttUs, jitterUs: this.#heartbeat.jitterUs, counters })
    }
    if (this.#heartbeat.silent(nowUs)) {
      link.close(DISCONNECT_CODES.indexOf('timeout'))
      this.#lose('timeout', 'timeout', nowUs)
    }
  }

  #repair({ epoch, log }: Membership, link: Link, nowUs: number): void {
    const frames = this.#frames
    if (frames === undefined) return
    if (this.#resync !== undefined) return this.#askForSnapshot(nowUs)
    const gap = frames.missing(nowUs)
    if (gap?.beyondRing === true) return this.#startResync('gap', 'snapshot', nowUs)
    if (gap !== undefined) {
      const { fromFrame, toFrame } = gap
      link.send({ kind: 'NackRequest', epoch, fromFrame, toFrame, want: 'frames' })
      this.#report({ event: 'nackSent', fromFrame, toFrame, want: 'frames' })
    }
    if (nowUs - this.#logShortSinceUs >= RANGE_REQUEST_DELAY_US) {
      this.#logShortSinceUs = nowUs
      const afterLamport = log.position.closedLamport
      const upToLamport = frames.peek()?.closedLamport ?? afterLamport
      link.send({ kind: 'LogRangeRequest', epoch, afterLamport, upToLamport })
      this.#report({ event: 'rangeRequested', afterLamport, upToLamport })
    }
  }

  #flush(link: Link): void {
    if (this.#outbox.length === 0 || this.#state !== 'live') return
    for (const entries of entryBatches(this.#outbox)) link.send({ kind: 'CommandLogEntry', entries })
    this.#outbox = []
  }

  // --- the user ------------------------------------------------------------------------------------------------------

  #intend(intent: Intent, nowUs: number): void {
    if (intent.kind === 'leave') return this.#leave(nowUs)
    const membership = this.#membership
    if (membership === undefined) return
    const { log, signer } = membership
    const give = <C extends AnyCommand>(command: C, payload: Parameters<C['scope']>[0]) => this.#append(log, signer.sign(command, payload), 0)
    switch (intent.kind) {
      case 'select': return give(selectionHighlight, { entity: intent.entity, on: 1 })
      case 'deselect': return give(selectionHighlight, { entity: intent.entity, on: 0 })
      case 'translate': return give(entityTranslate, { entity: intent.entity, dx: intent.dx, dy: intent.dy, dz: intent.dz })
      case 'rotate': return give(entityRotate, { entity: intent.entity, qx: intent.qx, qy: intent.qy, qz: intent.qz, qw: intent.qw })
      case 'scale': return give(entityScale, { entity: intent.entity, factor: intent.numerator })
      case 'toolActivate':
        this.#tell({ event: 'toolActivated', tool: intent.tool, entity: 0 })
        return give(toolActivate, { tool: intent.tool })
      case 'toolDeactivate':
        this.#tell({ event: 'toolDeactivated', tool: intent.tool, entity: 0 })
        return give(toolDeactivate, { tool: intent.tool })
      case 'hover': return this.#tell({ event: 'hover', tool: 0, entity: intent.entity })
      case 'spawn': return this.#append(log, signer.spawn(intent), 0)
      case 'despawn': return give(entityDespawn, { entity: intent.entity })
      case 'openPlacements':
        this.#edit = new PlacementEditSession({ session: ++this.#editSessions, region: intent.region, view: log.view, allocate: () => signer.allocateEntity() })
        return
      case 'draftAdd': return void this.#edit?.draftAdd(intent.state)
      case 'draftUpdate': return void this.#edit?.draftUpdate(intent.placement, intent.patch)
      case 'draftRemove': return void this.#edit?.draftRemove(intent.placement)
      case 'commitPlacements': return this.#commit(membership, nowUs)
      default:
    }
  }

  #commit({ log, signer }: Membership, nowUs: number): void {
    const edit = this.#edit
    if (edit === undefined || edit.drafts.length === 0) return
    const commit: EntityId = signer.allocateEntity()
    const payload = this.#codec.encodePlacementCommit(edit.toCommit(commit, nowUs))
    if (payload.length > COMMAND_PAYLOAD_BYTES_MAX) return this.#report({ event: 'messageRefused', reason: 'commit too large', bytes: payload.length, peer: 0 })
    const entry = signer.signCommit(payload)
    this.#append(log, entry, 0)
    this.#report({ event: 'commitRequested', commit, changes: edit.drafts.length, lamport: entry.lamport })
    edit.discardAll()
  }

  /** Not state: others see it as it happens, or not at all. */
  #tell(event: Pick<EditorEvent, 'event' | 'tool' | 'entity'>): void {
    if (this.#link !== undefined && this.#state === 'live') this.#link.send({ kind: 'EditorEvent', author: this.#membership!.author, detail: '', ...event })
  }

  #report(event: SystemEvent): void {
    this.#outputs.push({ kind: 'event', event })
  }
}
