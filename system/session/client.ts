/**
 * A member of a session: it greets the host, takes its snapshot, then confirms frame after frame: a frame is confirmed
 * when the log is closed as the host closed it and the stream is exactly the frame's. What the user does becomes signed
 * commands, shown at once in the speculative view and final when the host closes them.
 *
 *     idle -> connecting -> greeting -> joining -> live
 *                 ^------------- lost ---------------'
 */
import { AssetCourier } from '../assets/courier.ts'
import type { CommandLog } from '../commands/log.ts'
import { World } from '../ecs/world.ts'
import { Editor } from '../editor/editor.ts'
import { NO_ENTITY } from '../editor/intents.ts'
import type { XRReferenceSpaceLike, XRSessionLike } from '../editor/webxr.ts'
import { type AuthorId, ENTITIES_PER_AUTHOR_MAX, HOST_AUTHOR } from '../ids.ts'
import { HANDSHAKE_TIMEOUT_US, RECONNECT_DELAY_US, RECONNECTS_MAX } from '../limits.ts'
import { CommitHistory } from '../placement/history.ts'
import type { PlacementEditSession } from '../placement/session.ts'
import type { ClosedBy, TransportInput } from '../ports.ts'
import { bytesEqual } from '../protocol/bytes.ts'
import { Codec } from '../protocol/codec.ts'
import { isOffered, offerOf, Packer } from '../protocol/compression.ts'
import { CBOR_BODIES, SEALED_LOG } from '../protocol/features.ts'
import type { DisconnectCode, KeyRoster, Message, SessionAcknowledge } from '../protocol/messages.ts'
import { Replica } from '../replication/replica.ts'
import { Backlog } from '../telemetry/backlog.ts'
import { shownEvent } from '../telemetry/shown.ts'
import { commitEvent } from '../telemetry/commits.ts'
import { Diagnostics } from '../telemetry/diagnostics.ts'
import { KEY_BYTES, sharedSecret } from '../security/groupkeys.ts'
import { rememberedSession, rememberSession } from '../storage/clientfile.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { adoptRoster } from './adoption.ts'
import { DISCONNECT_CODES, FINAL_CODES } from './codes.ts'
import type { Told } from './desk.ts'
import { helloOf } from './greeting.ts'
import { acknowledgeBytes } from './handshake.ts'
import { HeartbeatMonitor } from './heartbeat.ts'
import { Link } from './link.ts'
import { goodbye } from './notices.ts'
import { type Intent, OutputQueue, type Peer, type PeerInput, type PeerOutput, type PeerPorts } from './peer.ts'
import { type ClientConfig, settlementFault } from './clientconfig.ts'
import { type Membership, newMembership } from './membership.ts'
import { PosePrediction } from './prediction.ts'
import { Presence } from './presence.ts'
import { Provenance } from './provenance.ts'
import { Relocation } from './relocation.ts'
import { Subscription } from './subscription.ts'

type State = 'idle' | 'connecting' | 'greeting' | 'joining' | 'live' | 'lost' | 'closed'

export class Client implements Peer {
  readonly #config: ClientConfig
  readonly #ports: PeerPorts
  readonly #outputs = new OutputQueue()
  readonly #codec = new Codec()
  readonly #world = new World()
  readonly #provenance: Provenance
  readonly #history = new CommitHistory()
  /** What it knows of its own health. */
  readonly diagnostics = new Diagnostics((alarm) => this.#report({ event: 'alarm', ...alarm }))
  readonly #backlog = new Backlog((event) => this.#report(event))
  #state: State = 'idle'
  #ticket = 0
  #retryAtUs = Infinity
  #reconnects = 0
  #stateSinceUs = 0
  #nowUs = 0
  #link: Link | undefined
  #heartbeat = new HeartbeatMonitor(0)
  #clientNonce: Uint8Array = new Uint8Array(0)
  /** Of the connection: what group keys are wrapped by. */
  #exchangeSecret: Uint8Array | undefined
  #shared: Uint8Array | undefined
  #membership: Membership | undefined
  readonly #subscription = new Subscription()
  readonly #relocation: Relocation
  /** What its user offers and wants of assets, through all connections. */
  readonly assets: AssetCourier
  /** What the connection's acknowledgement granted. */
  #features = 0
  /** Of the connection: a new one begins with a snapshot. */
  #replica: Replica | undefined
  /** Of the connection, too. */
  #presence = new Presence()
  #joinSinceUs = 0
  #editor: Editor | undefined
  #attached: { readonly session: XRSessionLike; readonly space: XRReferenceSpaceLike } | undefined
  readonly #prediction = new PosePrediction()

  constructor(config: ClientConfig, ports: PeerPorts) {
    this.#config = config
    this.#ports = ports
    this.#relocation = new Relocation(config, (event) => this.#report(event))
    this.assets = new AssetCourier({
      probe: ports.probe, send: (message) => this.#link?.send(message), report: (event) => this.#report(event),
    })
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
  /** The nonces that it knows to be spent, of every author: what a new host must know ({@link HostConfig.nonces}). */
  get nonces(): Iterable<readonly [AuthorId, bigint]> {
    return this.#membership?.nonces ?? []
  }
  get author(): AuthorId | undefined {
    return this.#membership?.author
  }
  /** The last frame that was confirmed, -1 before the first. */
  get confirmedFrame(): number {
    return this.#replica?.confirmedFrame ?? -1
  }
  /** Everything that it signed has been closed or given up, and so has what it offered and wanted of assets. */
  get idle(): boolean {
    const isCalm = this.#state === 'live' && this.#replica?.isResyncing === false && this.assets.idle
    return isCalm && this.unsent === 0 && this.log?.depth === 0
  }
  get replica(): Replica | undefined {
    return this.#replica
  }
  /** What the session uses of what was offered (features.ts). */
  get features(): number {
    return this.#features
  }
  /** What the others show. */
  get presence(): Presence {
    return this.#presence
  }
  get heartbeat(): HeartbeatMonitor {
    return this.#heartbeat
  }
  get reconnects(): number {
    return this.#reconnects
  }
  /** Own entries that wait for the end of the frame, or for a connection. */
  get unsent(): number {
    return this.#membership?.pipeline.unsent ?? 0
  }
  get history(): CommitHistory {
    return this.#history
  }
  get placements(): PlacementEditSession | undefined {
    return this.#membership?.desk.placements
  }

  /** The headset whose input the editor reads, as soon as there is a membership to edit in. */
  attachXR(session: XRSessionLike, space: XRReferenceSpaceLike): void {
    this.#attached = { session, space }
    this.#editor?.attach(session, space)
  }

  /** Lets the headset go. */
  detachXR(): void {
    this.#attached = undefined
    this.#editor?.detach()
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
        this.#prediction.sample(this.#editor?.onFrame(input.frame, input.index), nowUs)
        this.#ports.meter.end('xr')
        return
      }
      case 'intent': return this.#intend(input.intent, nowUs)
      case 'stored': return
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
    this.#outputs.push({ kind: 'open', ticket: ++this.#ticket, endpoint: this.#relocation.endpoint })
  }

  #transport(input: TransportInput, nowUs: number): void {
    if (input.kind === 'opened') {
      if (input.incoming) return
      // An attempt that was given up has come through after all.
      if (this.#state !== 'connecting' || input.ticket !== this.#ticket) {
        return this.#outputs.push({ kind: 'close', on: input.on, code: DISCONNECT_CODES.indexOf('normal') })
      }
      this.#link = new Link(input.on, input.binding.slice(), {
        codec: this.#codec, packer: new Packer(this.#ports.compressor), peer: this.#ports, nowUs: () => this.#nowUs,
        emit: (output) => this.#outputs.push(output),
        report: (event) => this.#report(event),
      })
      this.#heartbeat = new HeartbeatMonitor(nowUs)
      this.#greet(nowUs)
    } else if (input.kind === 'path') {
      if (input.on === this.#link?.on) this.diagnostics.path(input.lost)
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
    this.#exchangeSecret = this.#config.sealed === true ? this.#ports.entropy(KEY_BYTES) : undefined
    const hello = helloOf(this.#config, this.#ports, {
      binding: link.binding, clientNonce: this.#clientNonce, exchangeSecret: this.#exchangeSecret,
      resumeSessionId: this.#membership?.sessionId ?? rememberedSession(this.#ports.storage),
    })
    link.send(hello)
    link.mayReadCbor = (hello.features & CBOR_BODIES) !== 0
    this.#enter('greeting', nowUs)
  }

  #welcome(message: SessionAcknowledge, nowUs: number): void {
    const link = this.#link!
    const { signature: _, ...unsigned } = message
    const { serverPublicKey: hostKey, sessionId, epoch, author, assignedRole: role, capabilityMask: capabilities } = message
    const known = this.#membership
    const genuine = this.#ports.verifier.verify(message.signature, acknowledgeBytes(unsigned, this.#clientNonce, link.binding), hostKey)
    const resumed = known !== undefined && known.author === author && known.epoch === epoch && bytesEqual(known.sessionId, sessionId)
    if (!genuine || !this.#relocation.accepts(message, known)) return this.#giveUp('authentication', nowUs)
    const fault = settlementFault(message, this.#config)
    if (fault === 'protocolVersion') this.#report({ event: 'sessionRefused', code: fault, hint: message.hint })
    if (fault !== undefined) return this.#giveUp(fault, nowUs)
    const isSealed = (message.features & SEALED_LOG) !== 0
    this.#shared = !isSealed || this.#exchangeSecret === undefined ? undefined : sharedSecret(this.#exchangeSecret, message.exchangeKey)
    // Nobody is talked out of it.
    if ((this.#config.sealed === true || isSealed) && this.#shared === undefined) return this.#giveUp('authentication', nowUs)
    const isOffer = isOffered(message, offerOf(this.#ports.compressor))
    if (!isOffer || message.nonceHighWater >= ENTITIES_PER_AUTHOR_MAX) return this.#giveUp('protocolError', nowUs)
    link.acknowledged(message)
    this.#features = message.features
    link.form = (message.features & CBOR_BODIES) === 0 ? 'flatbuffers' : 'cbor'
    // Resumed, the log and the pen go on, and the snapshot that follows brings the rest. Otherwise nothing goes on.
    if (resumed) this.#ports.probe.sometimes('resumed on another connection')
    const membership = resumed ? known : this.#enrol(message)
    membership.pipeline.stands(message.nonceHighWater)
    this.#membership = membership
    this.#subscription.begin()
    this.#relocation.begin(membership)
    this.assets.begin(role, nowUs)
    for (const output of rememberSession(this.#ports.storage, sessionId)) this.#outputs.push(output)
    this.#presence = new Presence()
    this.#replica = new Replica({
      world: this.#world, log: membership.log, epoch, meter: this.#ports.meter, probe: this.#ports.probe,
      named: (mark) => this.#subscription.named(mark),
      send: (reply) => this.#link?.send(reply),
      report: (event) => this.#report(event),
      observe: (frame, world) => {
        this.#ports.observe(frame, world)
        this.diagnostics.corrected(this.#prediction.judge(frame, author, world))
      },
      cause: (cause) => this.#provenance.set(cause),
    }, message.frame, nowUs)
    this.#report({ event: 'sessionOpened', author, displayName: this.#config.displayName, role, capabilities, resumed })
    this.diagnostics.beginReports()
    this.#enter('joining', nowUs)
  }

  /** Begins a membership, with a log and a pen of its own. */
  #enrol(acknowledge: SessionAcknowledge): Membership {
    this.#editor?.detach()
    const report = (event: SystemEvent) => this.#report(event)
    const membership = newMembership(acknowledge, {
      peer: this.#ports, world: this.#world, codec: this.#codec, isSealed: this.#shared !== undefined, report,
      folding: (cause) => this.#provenance.set(cause),
      settled: (commit, entry) => {
        this.#history.record(commit)
        report(commitEvent(commit, entry, this.#replica?.nextFrame ?? 0))
      },
      tell: (event) => this.#tell(event),
    })
    const { author, log } = membership
    const emit = (intent: Intent) => this.#intend(intent, this.#nowUs)
    this.#editor = new Editor({ author, view: () => log.view, emit, probe: this.#ports.probe, report })
    if (this.#attached !== undefined) this.#editor.attach(this.#attached.session, this.#attached.space)
    return membership
  }

  #giveUp(code: DisconnectCode, nowUs: number, by: ClosedBy = 'local'): void {
    this.#link?.close(DISCONNECT_CODES.indexOf(code))
    this.#lose(code, by, nowUs)
  }

  #leave(nowUs: number): void {
    const author = this.#membership?.author ?? 0
    if (this.#state === 'lost') {
      this.#report({ event: 'sessionClosed', author, code: 'normal', by: 'local' })
      return this.#enter('closed', nowUs)
    }
    this.#link?.send(goodbye('normal', author, this.#config.requestedRole, ''))
    this.#giveUp('normal', nowUs)
  }

  /** The connection is gone: for good where trying again cannot help, otherwise until RECONNECT_DELAY_US from now. */
  #lose(code: DisconnectCode, by: ClosedBy, nowUs: number): void {
    if (this.#state === 'closed' || this.#state === 'lost') return
    this.#report({ event: 'sessionClosed', author: this.#membership?.author ?? 0, code, by })
    this.#link = undefined
    // A hello that finds its key present may have found its own ghost: a crash that the host has not noticed yet.
    const isFinal = FINAL_CODES.has(code) && !(code === 'duplicateKey' && this.#state === 'greeting')
    const again = !isFinal && by !== 'local' && this.#reconnects < RECONNECTS_MAX
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
        if (message.control !== 'disconnect') return this.#ofSession(message, nowUs)
        this.#report({ event: 'sessionRefused', code: message.code, hint: message.hint })
        return this.#lose(message.code, 'remote', nowUs)
      case 'Heartbeat': {
        const pong = this.#heartbeat.receive(message, nowUs)
        if (pong !== undefined) link.send(pong)
        else this.#report({ event: 'heartbeat', author: 0, rttUs: this.#heartbeat.rttUs, jitterUs: this.#heartbeat.jitterUs })
        return
      }
      default: this.#ofSession(message, nowUs)
    }
  }

  #ofSession(message: Message, nowUs: number): void {
    const [membership, replica] = [this.#membership, this.#replica]
    // A former membership says nothing of who is at the other end before the acknowledgement.
    if (membership === undefined || replica === undefined || (this.#state !== 'joining' && this.#state !== 'live')) return
    switch (message.kind) {
      case 'SessionControl': {
        const { control, author, role } = message
        if (control !== 'roleChanged') {
          return this.#relocation.heed(message, membership) ? this.#giveUp('normal', nowUs, 'remote') : undefined
        }
        this.assets.roleChanged(role)
        return this.#report({ event: 'roleChanged', author, role })
      }
      case 'KeyRoster': return this.#adoptRoster(membership, message)
      case 'WorldSnapshot':
        if (replica.takeChunk(message, nowUs)) this.#seeded(membership, replica, nowUs)
        return
      case 'ComponentDelta': return replica.takeFrame(message, nowUs)
      case 'CommandLogEntry':
        for (const entry of message.entries) membership.pipeline.integrate(entry)
        return replica.confirm(nowUs)
      case 'CommandReceipt': return membership.pipeline.refused(message)
      case 'AssetNotice':
      case 'AssetRequest':
      case 'AssetTransfer': return this.assets.take(message, nowUs) ? undefined : this.#unfounded(`${message.kind} out of turn`)
      case 'EditorEvent':
        this.#presence.show(message)
        return this.#report(shownEvent('editorEventShown', message))
      default:
    }
  }

  /** The world is a snapshot's; the first of a connection makes a member of this peer. */
  #seeded({ author, keys, pipeline }: Membership, replica: Replica, nowUs: number): void {
    if (this.#state === 'joining') {
      if (keys?.generation === 0) return this.#giveUp('protocolError', nowUs)
      this.#enter('live', nowUs)
      this.#reconnects = 0
      this.#report({ event: 'joined', author, frame: replica.confirmedFrame, tookUs: nowUs - this.#joinSinceUs })
      this.#joinSinceUs = 0
      pipeline.resume()
    }
    replica.confirm(nowUs)
  }

  #adoptRoster(membership: Membership, message: KeyRoster): void {
    this.#ports.meter.begin('crypto')
    const result = adoptRoster(membership, message, this.#ports.verifier, this.#shared)
    this.#ports.meter.end('crypto')
    if (result === 'adopted' || result === 'key') {
      for (const member of message.members) if (!member.present) this.#presence.forget(member.author)
      this.#report({ event: 'rosterUpdated', version: message.version, members: message.members.length })
    }
    if (result === 'key') this.#unfounded('group key')
    if (result === 'forged') this.#unfounded('roster signature')
  }

  #unfounded(reason: string): void {
    this.#report({ event: 'messageRefused', cause: 'unfounded', reason, bytes: 0, peer: HOST_AUTHOR })
  }

  // --- the clock -----------------------------------------------------------------------------------------------------

  #tick(frame: number, nowUs: number): void {
    this.diagnostics.frame(this.log?.depth ?? 0, nowUs)
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
    const { probe } = this.#ports
    const { author, pipeline } = membership
    if (this.#state === 'live' && probe.happens('another connection is taken', author, frame)) {
      return this.#lose('timeout', 'timeout', nowUs)
    }
    this.#replica?.repair(frame, nowUs)
    if (this.#state === 'live' && pipeline.unsent > 0 && !probe.happens('own entries wait for a frame', author, frame)) {
      for (const entries of pipeline.takeBatches()) link.send({ kind: 'CommandLogEntry', entries })
    }
    const poses = this.#prediction.tell(frame, this.#heartbeat.rttUs, nowUs)
    if (poses !== undefined) link.send(poses)
    const mark = this.#replica?.interestMark
    const interest = mark === undefined ? undefined : this.#subscription.due(mark, membership.epoch, nowUs)
    if (interest !== undefined) link.send(interest)
    this.#backlog.look(membership.log)
    if (this.#state === 'live') for (const ready of this.#relocation.due(membership)) link.send(ready)
    if (this.#state === 'live') this.assets.tick(nowUs)
    const ping = this.#heartbeat.ping(nowUs)
    if (ping !== undefined && !probe.happens('a heartbeat is left out', author, frame)) link.send(ping)
    const { rttUs, jitterUs } = this.#heartbeat
    const report = this.diagnostics.due({ frame, confirmedFrame: this.confirmedFrame, rttUs, jitterUs }, nowUs)
    if (report !== undefined) link.send(report)
    if (this.#heartbeat.silent(nowUs)) {
      link.close(DISCONNECT_CODES.indexOf('timeout'))
      this.#lose('timeout', 'timeout', nowUs)
    }
  }

  // --- the user ------------------------------------------------------------------------------------------------------

  #intend(intent: Intent, nowUs: number): void {
    switch (intent.kind) {
      case 'leave': return this.#leave(nowUs)
      // The host does so where this member may manage members.
      case 'kick':
      case 'ban':
        if (this.#state === 'live') this.#link?.send(goodbye(intent.kind === 'kick' ? 'kicked' : 'banned', intent.author, 'viewer', ''))
        return
      case 'subscribeToRegion':
        if (!this.#subscription.want(intent)) this.#report({ event: 'subscriptionRefused' })
        return
      case 'assetOffer': return this.assets.offer(intent.bytes, nowUs)
      case 'assetFetch': return this.assets.fetch(intent.asset, nowUs)
      case 'unsubscribe': return this.#subscription.wantAll()
      default:
    }
    // Before the first key there is nothing to see, and nothing can be sealed.
    if (this.#membership?.keys?.generation !== 0) this.#membership?.desk.take(intent, nowUs)
  }

  /** Not state: others see it as it happens, or not at all. */
  #tell(told: Told): void {
    if (this.#link === undefined || this.#state !== 'live') return
    const { author } = this.#membership!
    this.#link.send({ kind: 'EditorEvent', author, entity: NO_ENTITY, tool: 0, detail: '', panel: 0, scale: 0, pose: undefined, ...told })
  }

  #report(event: SystemEvent): void {
    this.#outputs.push({ kind: 'event', event })
    this.diagnostics.note(event, this.#nowUs)
  }
}
