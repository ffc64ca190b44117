/**
 * The port is honest: Theta's host and clients, the very same state machines, over a real WebRTC library on 127.0.0.1, in real
 * time. Nothing of the simulator is here: the clock is the machine's, keys and nonces are random, datagrams are UDP.
 */
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import rapier, { init } from '@dimforge/rapier3d-compat'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataChannelNetwork, type DataChannelNode } from '../../platform/datachannel.ts'
import { nodeSigner, nodeVerifier } from '../../platform/ed25519.ts'
import { admissibleKey, smallOrder } from '../../system/commands/signature.ts'
import { Entity, Placement, ROTATION_ONE, SCALE_ONE, STEPS_PER_METRE, Transform } from '../../system/ecs/components.ts'
import { hash64Hex } from '../../system/ids.ts'
import { FRAMES_PER_SECOND, PHYSICS_HZ } from '../../system/limits.ts'
import { Physics } from '../../system/physics/physics.ts'
import { NO_METER, NO_PROBE } from '../../system/ports.ts'
import { channelsFor } from '../../system/protocol/channels.ts'
import type { PlacementState } from '../../system/protocol/messages.ts'
import { Client } from '../../system/session/client.ts'
import { Host } from '../../system/session/host.ts'
import type { Intent, Peer, PeerInput, PeerPorts } from '../../system/session/peer.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'

const ENDPOINT = 'webrtc:host'
/** One second of editing. */
const STORY_FRAMES = FRAMES_PER_SECOND
/** Joining, and later settling, may take this long each. */
const PATIENCE_FRAMES = 5 * FRAMES_PER_SECOND
const MOVE_EVERY_FRAMES = 9
const POLL_MS = 1

type EventOf<E extends SystemEvent['event']> = Extract<SystemEvent, { event: E }>

/** A peer on its transport: input goes up, and everything that it led to goes down before the next input. */
class Actor<P extends Peer> {
  readonly peer: P
  readonly events: SystemEvent[] = []
  /** The digest of its world at every frame that it closed or confirmed. */
  readonly digests = new Map<number, string>()
  readonly #node: DataChannelNode
  readonly #nowUs: () => number

  constructor(node: DataChannelNode, nowUs: () => number, make: (ports: PeerPorts) => P) {
    this.#node = node
    this.#nowUs = nowUs
    this.peer = make({
      signer: nodeSigner(randomBytes(32)),
      verifier: nodeVerifier({ admissibleKey, smallOrder }),
      meter: NO_METER,
      probe: NO_PROBE,
      explain: false,
      entropy: (bytes) => new Uint8Array(randomBytes(bytes)),
      observe: (frame, world) => this.digests.set(frame, hash64Hex(world.digest())),
    })
    this.#drain()
  }

  intend(...intents: readonly Intent[]): void {
    for (const intent of intents) this.give({ kind: 'intent', intent })
  }
  give(input: PeerInput): void {
    this.peer.handle(input, this.#nowUs())
    this.#drain()
  }
  /** Hands up what has come. */
  poll(): void {
    for (let input = this.#node.poll(); input !== undefined; input = this.#node.poll()) this.give(input)
  }
  heard<E extends SystemEvent['event']>(event: E): EventOf<E>[] {
    return this.events.filter((one): one is EventOf<E> => one.event === event)
  }

  #drain(): void {
    for (let output = this.peer.drain(); output !== undefined; output = this.peer.drain()) {
      if (output.kind === 'event') this.events.push(output.event)
      else if (output.kind !== 'store' && output.kind !== 'discard') this.#node.send(output)
    }
  }
}

class Session {
  readonly host: Actor<Host>
  readonly clients: readonly Actor<Client>[]
  readonly #physics = new Physics(rapier, { hz: PHYSICS_HZ })
  readonly #beganMs = performance.now()
  #frame = 0

  constructor(network: DataChannelNetwork, names: readonly string[]) {
    const nowUs = (): number => Math.floor((performance.now() - this.#beganMs) * 1000)
    const config = { sessionId: new Uint8Array(randomBytes(16)), epoch: 1, displayName: 'host', authorise: () => 'editor' as const }
    this.host = new Actor(network.node(ENDPOINT), nowUs, (ports) => new Host(config, ports, this.#physics))
    const member = {
      endpoint: ENDPOINT, transports: ['webrtc'], requestedRole: 'editor', requestedCapabilities: 0x1f, authToken: new Uint8Array(0),
    } as const
    this.clients = names.map((displayName) =>
      new Actor(network.node(displayName), nowUs, (ports) => new Client({ ...member, displayName }, ports)))
  }

  free(): void {
    this.#physics.free()
  }

  /** Frames for these actors, each at its time, until the condition holds; false where it does not within `framesMax`. */
  async until(holds: () => boolean, framesMax: number, actors: readonly Actor<Peer>[] = [this.host, ...this.clients]): Promise<boolean> {
    for (const end = this.#frame + framesMax; this.#frame < end && !holds(); this.#frame++) {
      await this.#wait((this.#frame * 1000) / FRAMES_PER_SECOND)
      for (const actor of actors) actor.give({ kind: 'frame', frame: this.#frame })
    }
    return holds()
  }

  /** Hands up what comes until then, at least once. */
  async #wait(untilMs: number): Promise<void> {
    do {
      await sleep(POLL_MS)
      for (const actor of [this.host, ...this.clients]) actor.poll()
    } while (performance.now() - this.#beganMs < untilMs)
  }
}

const metres = (x: number, y: number, z: number) => ({ x: x * STEPS_PER_METRE, y: y * STEPS_PER_METRE, z: z * STEPS_PER_METRE })
const crate = (x: number, y: number, z: number) => ({ kind: 'spawn', ...metres(x, y, z), hx: 150, hy: 150, hz: 150 }) as const
const placed = (asset: number): PlacementState =>
  ({ asset, region: 1, ...metres(asset, 1, -4), qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE, scale: SCALE_ONE, tags: 0 })
const commitOf = (state: PlacementState): readonly Intent[] =>
  [{ kind: 'openPlacements', region: state.region }, { kind: 'draftAdd', state }, { kind: 'commitPlacements' }]

describe('the system over node-datachannel', () => {
  let network: DataChannelNetwork
  let session: Session
  beforeAll(async () => {
    await init()
    network = await DataChannelNetwork.load(channelsFor('webrtc'))
    session = new Session(network, ['ana', 'ben'])
  })
  afterAll(() => {
    network.close()
    session.free()
  })

  it('joins two editors: a signed hello over a binding that both ends of the connection share', async () => {
    session.host.intend({ ...crate(0, 2, -2), body: { shape: 'box', massGrams: 1000, restitution: 60 } }, crate(1, 1, -2))
    const isLive = ({ peer }: Actor<Client>): boolean => peer.state === 'live'
    expect(await session.until(() => session.clients.every(isLive), PATIENCE_FRAMES)).toBe(true)
    expect(session.host.heard('sessionOpened').map(({ displayName }) => displayName).sort()).toEqual(['ana', 'ben'])
  })

  it('confirms what is edited at 90 frames a second, frame by frame, with the host’s digest', async () => {
    const [ana, ben] = session.clients as [Actor<Client>, Actor<Client>]
    const first = session.host.peer.frame
    const shared = session.host.peer.world.entities(Entity)[1]
    let frames = 0
    await session.until(() => {
      if (frames === 10) ana.intend(crate(-1, 1, -2), ...commitOf(placed(7)))
      if (frames === 12) ben.intend(crate(2, 1, -3), { kind: 'toolActivate', tool: 1 }, { kind: 'select', entity: shared })
      if (frames % MOVE_EVERY_FRAMES === 0) {
        ana.intend({ kind: 'translate', entity: shared, dx: 100, dy: 0, dz: 0 })
        ben.intend({ kind: 'translate', entity: shared, dx: -40, dy: 8, dz: 0 })
      }
      return ++frames > STORY_FRAMES
    }, PATIENCE_FRAMES)
    for (const { digests, events } of session.clients) {
      for (const [frame, digest] of digests) expect(digest, `frame ${frame}`).toBe(session.host.digests.get(frame))
      // All but those on their way; the busiest machine may need a snapshot in between.
      expect([...digests.keys()].filter((frame) => frame > first).length).toBeGreaterThan(STORY_FRAMES / 2)
      expect(events.filter(({ event }) => event === 'divergence' || event === 'messageRefused')).toEqual([])
    }
  })

  it('ends in the host’s bytes: every command folded the same, the commit applied, the last frame confirmed by all', async () => {
    const { host, clients } = session
    expect(await session.until(() => clients.every(({ peer }) => peer.idle) && host.peer.log.depth === 0, PATIENCE_FRAMES)).toBe(true)
    // The host stops; what it said last is enough for everybody.
    const last = host.peer.frame
    expect(await session.until(() => clients.every(({ peer }) => peer.confirmedFrame === last), PATIENCE_FRAMES, clients)).toBe(true)
    const bytes = Buffer.from(host.peer.world.canonicalBytes())
    const folded = (actor: Actor<Peer>): string[] =>
      actor.heard('commandFolded').map(({ author, lamport, outcome }) => `${lamport} ${author} ${outcome}`)
    for (const { peer, digests } of clients) {
      expect(digests.get(last)).toBe(host.digests.get(last))
      expect(Buffer.compare(Buffer.from(peer.world.canonicalBytes()), bytes)).toBe(0)
    }
    // What a snapshot brought was folded by the host alone; all else in the same order, to the same outcome.
    for (const client of clients) {
      const own = folded(client)
      expect(folded(host).filter((entry) => own.includes(entry))).toEqual(own)
    }
    // Eleven moves each, a crate each; a commit, and a tool and a selection. On a machine that stalls some are late, and signed anew.
    const meant = (client: Actor<Client>) => client.heard('commandSigned').filter(({ resignedFrom }) => resignedFrom === 0)
    expect(clients.map((client) => meant(client).length)).toEqual([13, 14])
    expect(host.heard('commitFolded')).toMatchObject([{ status: 'APPLIED', changes: 1 }])
    expect(host.peer.world.entities(Placement).length).toBe(1)
    expect(host.peer.world.entities(Transform).length).toBe(4)
  })

  it('leaves in order: the host hears each goodbye, and the connections are closed at both ends', async () => {
    const { host, clients } = session
    for (const client of clients) client.intend({ kind: 'leave' })
    expect(await session.until(() => host.heard('sessionClosed').length === clients.length, PATIENCE_FRAMES, [])).toBe(true)
    expect(host.heard('sessionClosed')).toMatchObject([{ code: 'normal' }, { code: 'normal' }])
    expect(clients.map(({ peer }) => peer.state)).toEqual(['closed', 'closed'])
  })
})
