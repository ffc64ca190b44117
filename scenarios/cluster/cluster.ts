/**
 * The one file in which simulator and system meet: it builds a host and its peers on a virtual network, drives them by the
 * kernel, and answers the vocabulary of a story. What it hears from them it hands to the trace and to the watchers.
 */
import { assert } from '../../sim/assert.ts'
import type { Chooser, Seed } from '../../sim/choice.ts'
import { Disk } from '../../sim/disk.ts'
import type { Datagram } from '../../sim/net/datagram.ts'
import { Internet } from '../../sim/net/internet.ts'
import type { LinkPair } from '../../sim/net/settings.ts'
import { type RandomStream, stream } from '../../sim/random.ts'
import type { ScriptClock } from '../../sim/script.ts'
import { NETWORK_NODE, type Trace } from '../../sim/trace.ts'
import type { TransportEndpoint } from '../../sim/transport/endpoint.ts'
import { frameUs, Kernel } from '../../sim/world.ts'
import type { Headset } from '../../sim/xr/headset.ts'
import { ROLES } from '../../system/commands/registry.ts'
import { SESSION_ID_BYTES } from '../../system/commands/signing.ts'
import type { World } from '../../system/ecs/world.ts'
import { entityId, HOST_AUTHOR } from '../../system/ids.ts'
import { FRAMES_PER_SECOND, PHYSICS_HZ } from '../../system/limits.ts'
import { Physics, type Rapier } from '../../system/physics/physics.ts'
import type { Compressor, Meter, Signer, Verifier } from '../../system/ports.ts'
import { EDIT_PLACEMENTS, EDIT_WORLD, MANAGE_COMMITS, TELEMETRY } from '../../system/protocol/capabilities.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { CBOR_BODIES } from '../../system/protocol/features.ts'
import type { Role } from '../../system/protocol/messages.ts'
import { Client } from '../../system/session/client.ts'
import type { ClientConfig } from '../../system/session/clientconfig.ts'
import { DISCONNECT_CODES } from '../../system/session/codes.ts'
import { Host } from '../../system/session/host.ts'
import type { HostConfig } from '../../system/session/hostconfig.ts'
import type { Intent, PeerPorts } from '../../system/session/peer.ts'
import { loadSession } from '../../system/session/saved.ts'
import type { SavedSession } from '../../system/session/savedsession.ts'
import { recover } from '../../system/storage/recovery.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { PacketMirror } from '../../system/telemetry/mirror.ts'
import { fieldsOf, oneOf } from '../arguments.ts'
import type { Cells } from '../oracle/sight.ts'
import { compressorOf } from './compressor.ts'
import { Interests } from './interests.ts'
import { ClientNode, type ClusterMeter, HostNode, type NodePorts } from './nodes.ts'
import { Places } from './places.ts'
import { Probes } from './probes.ts'
import { type Translator, TRANSLATORS } from './translators.ts'
import type { Recorder } from './recorder.ts'
import { COMPRESSIONS, type JoinCompression, type JoinOptions } from './vocabulary.ts'
import { Watchers } from './watchers.ts'
import { type Direction, Ways } from './ways.ts'
import { Wiretap } from './wiretap.ts'

export const SESSION_EPOCH = 1
const ALL_CAPABILITIES = ~0 >>> 0
const NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/
const CAPABILITY = { editPlacements: EDIT_PLACEMENTS, manageCommits: MANAGE_COMMITS, editWorld: EDIT_WORLD, telemetry: TELEMETRY }
const CAPABILITY_NAMES = Object.keys(CAPABILITY) as (keyof typeof CAPABILITY)[]

export interface ClusterConfig {
  readonly seed: Seed
  readonly chooser: Chooser
  readonly trace: Trace
  readonly rapier: Rapier
  /** The host's, and of each peer that compresses. */
  readonly compressor: Compressor
  /** Of peers whose join does not say. */
  readonly compression: JoinCompression
  /** One for each peer that may join. */
  readonly headsets: readonly Headset[]
  /** Whether the headsets give frames. */
  readonly xrFrames: boolean
  readonly verifier: Verifier
  signer(secretLabel: string): Signer
  readonly meter: Meter & ClusterMeter
  /** Labels of the operations that are done; undefined for all. */
  readonly operations: ReadonlySet<string> | undefined
  /** Whether events of one instant are permuted by choice. */
  readonly ties: boolean
  /** Whether peers show rare behaviour that is legal. */
  readonly faultPoints: boolean
  /** Whether nodes have disks, so that the host can crash. */
  readonly disks: boolean
  /** Of the host's stream; Infinity for none. */
  readonly streamBytesPerSecond: number
  /** What the host is behind, if anything. */
  readonly hostBehind: Translator
  readonly explain: boolean
  /** Whether every node keeps a mirror of its packets. */
  readonly mirrors: boolean
  readonly recorder: Recorder | undefined
}

export class Cluster {
  readonly sessionId: Uint8Array
  readonly kernel: Kernel<Datagram>
  readonly internet: Internet
  readonly ways: Ways
  host: HostNode
  readonly clients: ClientNode[] = []
  readonly codec = new Codec()
  readonly tap: Wiretap
  /** What members wanted to see, as the host was told. */
  readonly interests: Interests
  readonly watchers = new Watchers()
  /** Nodes that have sent something that their clients know nothing of. */
  readonly hostile = new Set<number>()
  readonly #config: ClusterConfig
  readonly #ports: NodePorts
  #physics: Physics
  readonly #probes: Probes
  readonly #entropy: RandomStream
  readonly #roles = new Map<string, Role>()
  readonly #transports = new Map<number, 'quic' | 'webrtc'>()
  /** By node, from 1 on. */
  readonly #configs: { readonly client: ClientConfig; readonly compressor: Compressor | undefined }[] = []
  /** How often the host began anew; what its runtime had is gone each time. */
  restarts = 0
  /** Rises with each successor of the host, which has a key of its own. */
  #epoch = SESSION_EPOCH
  /** By node. */
  readonly #disks: (Disk | undefined)[] = []
  readonly #places: Places
  readonly #hostEndpoint: TransportEndpoint
  readonly #lastScope = new Map<number, number>()
  /** What each node sent and received last, where that was asked for. */
  readonly mirrors = new Map<number, PacketMirror>()
  readonly #operationCounts = new Map<string, number>()
  #clock: ScriptClock | undefined
  readonly #operations: string[] = []
  #isOperating = false

  constructor(config: ClusterConfig) {
    this.#config = config
    this.tap = new Wiretap(config.compressor)
    this.interests = new Interests(this.tap)
    this.watchers.push(this.interests)
    const { trace, chooser, meter, xrFrames, ties, recorder } = config
    this.#entropy = stream(config.seed, 'entropy')
    this.sessionId = this.#entropy.bytes(SESSION_ID_BYTES)
    this.kernel = new Kernel<Datagram>({
      trace,
      ...(ties && { ties: chooser }),
      undelivered: ({ id, from, to }, node, why) =>
        trace.record(this.kernel.nowUs, node, { kind: 'lost', datagram: id, from, to, why: why === 'full' ? 'queue' : 'down' }),
    })
    this.internet = new Internet({
      chooser,
      deliver: (atUs, node, datagram) => this.kernel.deliver(atUs, node, datagram),
      sink: (record) => trace.record(this.kernel.nowUs, NETWORK_NODE, record),
      leaving: recorder && ((datagram, nowUs) => recorder.datagram(datagram, nowUs)),
    })
    this.#places = new Places(this.internet, config.hostBehind, (node) => recorder?.endpoint(node, this.kernel))
    this.ways = new Ways(this.internet, this.#places)
    this.#hostEndpoint = this.#places.host()
    this.#ports = {
      trace, meter, internet: this.internet, xrFrames,
      noticed: (node, event, nowUs) => this.#noticed(node, event, nowUs),
      sent: (from, to, connection, channel, bytes) => this.watchers.sent(from, to, connection, channel, bytes),
      received: (from, to, connection, channel, bytes) => this.watchers.received(from, to, connection, channel, bytes),
      wore: (node, headset) => this.watchers.wore(node, headset),
      carried: (node, bytes, datagrams) => this.watchers.message(node, bytes, datagrams),
    }
    this.#probes = new Probes({ seed: config.seed, chooser, trace, nowUs: () => this.kernel.nowUs }, config.faultPoints)
    this.#physics = new Physics(config.rapier, { hz: PHYSICS_HZ })
    this.host = this.#newHost()
    this.kernel.addNode(this.host)
  }

  /** A host, of what its disk holds, or of what its predecessor has handed over. */
  #newHost(saved?: SavedSession): HostNode {
    const disk = this.#diskOf(0)
    const { streamBytesPerSecond } = this.#config
    const recovery = disk === undefined ? undefined : recover(disk, this.codec)
    assert(recovery?.kind !== 'damaged', 'a disk that is honest gives back what was confirmed')
    const authorise = (_token: Uint8Array, requestedRole: Role, name: string): Role | undefined =>
      (this.#roles.get(name) === requestedRole ? requestedRole : undefined)
    const session: HostConfig = {
      sessionId: this.sessionId, epoch: this.#epoch, displayName: 'host', authorise, ...(saved !== undefined && { saved }),
      ...(recovery?.kind === 'recovered' && { recovered: recovery.state }),
      ...(streamBytesPerSecond < Infinity && { streamBytesPerSecond }),
    }
    const host = new Host(session, this.#peerPorts(0, this.hostLabel, this.#config.compressor), this.#physics)
    return new HostNode(0, 'host', host, this.#hostEndpoint, this.#ports, disk, this.#places.server)
  }

  #diskOf(node: number): Disk | undefined {
    const { disks, chooser } = this.#config
    return disks ? (this.#disks[node] ??= new Disk(node, chooser)) : undefined
  }

  /** Begins the session, once the watchers are there. */
  start(): void {
    this.host.drain(0)
    this.kernel.startFrames(0, FRAMES_PER_SECOND, 0)
  }

  /** Where the script's time comes from; set before the story begins. */
  set clock(clock: ScriptClock) {
    this.#clock = clock
  }
  get clock(): ScriptClock {
    if (this.#clock === undefined) throw new TypeError('the story has not begun')
    return this.#clock
  }
  get places(): Pick<Places, 'of'> {
    return this.#places
  }
  /** Labels of the operations that were done, in order. */
  get operations(): readonly string[] {
    return this.#operations
  }
  get nowUs(): number {
    return this.kernel.nowUs
  }
  /** Whether it is the author of a node that has sent nothing that its client knows nothing of. */
  isHonest(author: number): boolean {
    return author === HOST_AUTHOR || this.clients.some(({ id, peer }) => peer.author === author && !this.hostile.has(id))
  }
  /** The author of a node, where it is one and has sent nothing that its client knows nothing of. */
  honestAuthorOf(node: number): number | undefined {
    return this.hostile.has(node) ? undefined : this.client(node).peer.author
  }
  get streamBytesPerSecond(): number {
    return this.#config.streamBytesPerSecond
  }
  get epoch(): number {
    return this.#epoch
  }
  /** Where the host is that there is now; told to those who come, and by its predecessor to those who were there. */
  get hostEndpoint(): string {
    return `host:${this.#epoch}`
  }
  /** What the host's key is made of. */
  get hostLabel(): string {
    return labelOfHost(this.#epoch)
  }
  get compressor(): Compressor {
    return this.#config.compressor
  }
  transportOf(node: number): 'quic' | 'webrtc' | 'none' {
    return this.#transports.get(node) ?? 'none'
  }
  /** Whether nodes have disks, and the host can begin anew from its own. */
  get hasDisks(): boolean {
    return this.#config.disks
  }
  roleOf(name: string): Role {
    return this.#roles.get(name) ?? 'viewer'
  }
  /** The key that was given to a node of this name. */
  keyOf(name: string): Uint8Array {
    return this.#config.signer(name).publicKey
  }
  worldOf(node: number): World {
    return node === 0 ? this.host.peer.world : this.clients[node - 1].peer.world
  }
  /** What a client sees, by what the host was told; null where that is not known. */
  cellsOf(node: number): Cells | null {
    return this.interests.named(this.client(node).peer.replica?.interestMark)
  }
  free(): void {
    this.#physics.free()
  }

  /**
   * One labelled operation of the story: `ana.click#2` is the second click of ana's. Where a plan leaves it out, nothing happens and
   * the answer is false; the labels of the others stay as they are. Operations within another one are part of it.
   */
  operate(actor: string, verb: string, action: () => void): boolean {
    this.clock.mark()
    if (this.#isOperating) {
      action()
      return true
    }
    const kind = `${actor}.${verb}`
    const ordinal = (this.#operationCounts.get(kind) ?? 0) + 1
    this.#operationCounts.set(kind, ordinal)
    const label = `${kind}#${ordinal}`
    if (this.#config.operations?.has(label) === false) return false
    // A trace that keeps nothing else keeps no plan.
    if (this.#config.trace.level !== 'chain') this.#operations.push(label)
    this.#config.trace.record(this.nowUs, NETWORK_NODE, { kind: 'note', name: 'operation', data: { event: 'operation', label, verb } })
    this.#isOperating = true
    try {
      action()
    } finally {
      this.#isOperating = false
    }
    return true
  }

  intend(node: number, intent: Intent): void {
    const target = node === 0 ? this.host : this.client(node)
    if (target.crashed) return
    target.give({ kind: 'intent', intent }, this.nowUs)
    target.settle(this.nowUs)
    this.kernel.touch(node)
  }
  /** The scope of the command that this node signed last: for a spawn, the entity. */
  lastScope(node: number): number {
    return this.#lastScope.get(node) ?? 0
  }

  /** @throws {TypeError | RangeError} where that is nobody who can join. */
  addClient(name: string, options: JoinOptions): ClientNode {
    fieldsOf(`join ${name}`, options, ['over', 'role', 'capabilities', 'cbor', 'compression', 'behind'])
    const { over, role, capabilities, cbor = false, compression = this.#config.compression, behind = 'none' } = options
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new RangeError(`join: expected a name of up to 32 letters, digits and dashes, got ${JSON.stringify(name)}`)
    }
    oneOf(`join ${name}: over`, over, ['quic', 'webrtc'])
    oneOf(`join ${name}: role`, role, ROLES)
    oneOf(`join ${name}: compression`, compression, COMPRESSIONS)
    oneOf(`join ${name}: behind`, behind, TRANSLATORS)
    for (const capability of capabilities ?? []) oneOf(`join ${name}: capabilities`, capability, CAPABILITY_NAMES)
    const id = this.clients.length + 1
    const headset = this.#config.headsets[id - 1]
    if (headset === undefined) {
      throw new RangeError(`join ${name}: this scenario lets ${this.#config.headsets.length} peers join; raise peersMax`)
    }
    if (name === 'host' || this.clients.some((client) => client.name === name)) throw new RangeError(`join ${name}: the name is taken`)
    this.#roles.set(name, role)
    this.#transports.set(id, over)
    const requestedCapabilities = capabilities?.reduce((bits, capability) => bits | CAPABILITY[capability], 0) ?? ALL_CAPABILITIES
    const config: ClientConfig = {
      displayName: name, endpoint: this.hostEndpoint, transports: [over], requestedRole: role, requestedCapabilities,
      authToken: new Uint8Array(0), ...(cbor && { requiredFeatures: CBOR_BODIES }),
    }
    const compressor = compressorOf(compression, this.#config.compressor)
    this.#configs.push({ client: config, compressor })
    const client = new Client(config, this.#peerPorts(id, name, compressor))
    const endpoint = this.#places.client(id, name, over, behind, () => this.hostEndpoint)
    const node = new ClientNode(id, name, client, endpoint, headset, this.#ports, this.#diskOf(id))
    this.clients.push(node)
    this.kernel.addNode(node)
    this.ways.add(id)
    this.kernel.startFrames(id, FRAMES_PER_SECOND, this.nextFrame())
    return node
  }

  /** The first frame that has not begun yet. */
  nextFrame(): number {
    return Math.ceil((this.nowUs * FRAMES_PER_SECOND) / 1_000_000)
  }
  frameUs(frame: number): number {
    return frameUs(frame, FRAMES_PER_SECOND)
  }

  // --- faults --------------------------------------------------------------------------------------------------------

  cut(directions: readonly Direction[], forUs: number): void {
    const set = (isDown: boolean) => this.ways.set(directions, { up: { down: isDown }, down: { down: isDown } })
    set(true)
    void this.clock.sleepUntil(this.nowUs + forUs).then(() => set(false))
  }
  rebind(node: number): void {
    this.#places.rebind(node, this.client(node).name)
  }
  /** A client goes to another network. */
  roam(node: number, behind: Translator, links: LinkPair): void {
    const client = this.client(node)
    const address = this.#places.roam(node, behind)
    this.ways.moved(node, links)
    client.endpoint.move(address, this.nowUs)
    if (client.crashed) return
    client.settle(this.nowUs)
    this.kernel.touch(node)
  }
  /** The storm is over for good. A session needs its host: one that is down begins anew. */
  calm(): void {
    this.ways.heal()
    this.#probes.rest()
    if (this.host.crashed) this.restartHost()
    this.succeed()
  }
  /** @throws {TypeError} for a host without a disk: nobody could go on. */
  crash(node: number): void {
    if (node === 0 && !this.#config.disks) throw new TypeError('the host cannot crash in a scenario without disks; set `disks: true`')
    if (!this.kernel.crash(node)) return
    for (const { file, offset, bytes, kept } of this.#disks[node]?.crash() ?? []) {
      const data = { event: 'unconfirmed', file, offset, bytes, kept }
      this.#config.trace.record(this.nowUs, node, { kind: 'note', name: 'unconfirmed', data })
    }
  }
  /** The host begins anew, with its key and its disk; nothing else of it is left. */
  restartHost(): void {
    this.crash(0)
    this.restarts++
    this.#beginHost()
  }
  /** Tells the host to hand over, to one of the next epoch: {@link succeed}. */
  handOver(): void {
    const next = this.#epoch + 1
    this.intend(0, { kind: 'handOver', endpoint: `host:${next}`, successorKey: this.keyOf(labelOfHost(next)) })
  }
  /** The successor takes the place of a host that has handed over, with a key, a memory and a disk of its own. */
  succeed(): void {
    const { handedOver } = this.host.peer
    if (handedOver === undefined) return
    const loaded = loadSession(handedOver)
    assert(loaded.kind === 'session', 'what a host has handed over can be gone on from')
    this.kernel.crash(0)
    this.#disks[0] = undefined
    this.#epoch++
    this.#beginHost(loaded.session)
  }
  #beginHost(saved?: SavedSession): void {
    this.#physics.free()
    this.#physics = new Physics(this.#config.rapier, { hz: PHYSICS_HZ })
    this.host = this.#newHost(saved)
    this.kernel.restart(0, this.host)
    this.host.drain(this.nowUs)
    this.kernel.touch(0)
    this.kernel.startFrames(0, FRAMES_PER_SECOND, this.nextFrame())
  }
  /** A client that is down, or that goes down for it, begins anew, with its key, its name and its disk. */
  restart(node: number): void {
    this.crash(node)
    const { name, endpoint, headset, person } = this.client(node)
    const { client: config, compressor } = this.#configs[node - 1]
    const client = new Client({ ...config, endpoint: this.hostEndpoint }, this.#peerPorts(node, name, compressor))
    const anew = new ClientNode(node, name, client, endpoint, headset, this.#ports, this.#diskOf(node), person)
    this.clients[node - 1] = anew
    this.kernel.restart(node, anew)
    this.kernel.startFrames(node, FRAMES_PER_SECOND, this.nextFrame())
  }
  /** The host, whose frames had been stopped, makes up for those that it missed and goes on. */
  resumeHost(): void {
    const { host, kernel, nowUs } = this
    for (let frame = host.peer.frame + 1; frame < this.nextFrame(); frame++) host.frame(frame, nowUs)
    kernel.touch(0)
    kernel.startFrames(0, FRAMES_PER_SECOND, this.nextFrame())
  }
  pause(node: number, forUs: number): void {
    if (this.kernel.pause(node)) void this.clock.sleepUntil(this.nowUs + forUs).then(() => this.kernel.resume(node))
  }

  /** Breaks the connection that a peer has, from the host's end, as a transport does that gives it up. */
  sever(node: number): void {
    const { endpoint, crashed } = this.host
    if (crashed) return
    const open = endpoint.connections.filter(({ peer, state }) => peer === node && state === 'open')
    for (const { id: on } of open) endpoint.send({ kind: 'close', on, code: DISCONNECT_CODES.indexOf('timeout') }, this.nowUs)
    this.host.settle(this.nowUs)
    this.kernel.touch(0)
  }
  /** Sends bytes over a peer's own connection, whatever they are; the peer above knows nothing of it. */
  inject(node: number, channel: number, bytes: Uint8Array): void {
    const sender = this.client(node)
    this.hostile.add(node)
    if (sender.crashed) return
    sender.send({ kind: 'message', on: sender.connection, channel, bytes }, this.nowUs)
    sender.settle(this.nowUs)
    this.kernel.touch(node)
  }
  /** A signature by the key that was given to a node of this name. */
  sign(name: string, message: Uint8Array): Uint8Array {
    return this.#config.signer(name).sign(message)
  }

  // --- watching ------------------------------------------------------------------------------------------------------

  #noticed(node: number, event: SystemEvent, nowUs: number): void {
    if (event.event === 'commandSigned') this.#lastScope.set(node, event.scope)
    this.watchers.event(node, event, nowUs)
  }

  client(node: number): ClientNode {
    const client = this.clients[node - 1]
    if (client === undefined) throw new RangeError(`no peer ${node}`)
    return client
  }

  #peerPorts(node: number, name: string, compressor: Compressor | undefined): PeerPorts {
    const { verifier, meter, explain, mirrors } = this.#config
    const mirror = mirrors ? new PacketMirror() : undefined
    if (mirror !== undefined) this.mirrors.set(node, mirror)
    const storage = this.#diskOf(node)
    return {
      ...(mirror && { mirror }),
      signer: this.#config.signer(name), verifier, compressor, meter, explain, probe: this.#probes.of(node),
      ...(storage !== undefined && { storage }),
      entropy: (bytes) => this.#entropy.bytes(bytes),
      observe: (frame, world) => this.watchers.frame(node, frame, world),
    }
  }
}

const labelOfHost = (epoch: number): string => (epoch === SESSION_EPOCH ? 'host' : `host ${epoch}`)

/** The stream entity of a host's prop. */
export const propEntity = (prop: number): number => entityId('stream', HOST_AUTHOR, prop)
