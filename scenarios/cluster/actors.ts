/**
 * The vocabulary of a story, acted out on a cluster. A verb is an operation with a label of its own; what takes several
 * frames (a click, a drag) becomes a gesture that the actor's hands play, one step a frame, one gesture after another.
 */
import type { Button, Controller } from '../../sim/xr/controller.ts'
import type { Vector } from '../../sim/xr/pose.ts'
import type { LinkPair } from '../../sim/net/settings.ts'
import { assetNumber, assetOf } from '../../system/assets/asset.ts'
import { Entity, Placement, ROTATION_ONE, SCALE_ONE, Transform } from '../../system/ecs/components.ts'
import type { ReadStore } from '../../system/ecs/store.ts'
import { ROLES } from '../../system/commands/registry.ts'
import { HOST_AUTHOR } from '../../system/ids.ts'
import { NO_ENTITY } from '../../system/editor/intents.ts'
import { TOOLS } from '../../system/editor/tools.ts'
import { tagBits } from '../../system/placement/tags.ts'
import type { PlacementState } from '../../system/protocol/messages.ts'
import type { Intent } from '../../system/session/peer.ts'
import { bytesIn, fieldsOf, oneOf, whole, within } from '../arguments.ts'
import type { Cluster } from './cluster.ts'
import { handOver } from './handover.ts'
import { Hostile } from './hostile.ts'
import { linksOf, us } from './links.ts'
import type { ClientNode } from './nodes.ts'
import { Meshes } from './meshes.ts'
import { TRANSLATORS } from './translators.ts'
import type { Direction } from './ways.ts'
import { metresOf, type Steps, steps, stepsOf, triple } from './units.ts'
import type {
  Actor, BodyOptions, DragOptions, HandActor, HostActor, HostileActor, JoinOptions, LinkActor, Metres, Network, PeerActor,
  PlacementActor, PlacementOptions, Prop, RoamOptions, ShownActor, SpawnOptions, SubscribeOptions, Thing,
} from './vocabulary.ts'

const HALF_SIZE: Metres = [0.15, 0.15, 0.15]
/** Where a hand points from: this far before the middle of what it points at, metres. */
const REACH = 0.5
const CLICK_FRAMES = 2
const BODY_KG = 1
const RESTITUTION = 0.3
/** Metres; what a u16 of steps holds. */
const HALF_SIZE_MAX = 127
/** Metres: a box of twice that touches at most ten cells each way, and a member may see 1024. */
const RADIUS_MAX = 72
const TOOL_NAMES = TOOLS.map(({ name }) => name)
const MASS_KG_MAX = 1_000_000
const SPAWN_FIELDS = ['at', 'halfSize']
const BODY_FIELDS = [...SPAWN_FIELDS, 'shape', 'massKg', 'restitution']
const PLACEMENT_FIELDS = ['asset', 'at', 'tags']

/** Where an entity or a placement stands in somebody's view, metres. */
function placeOf(view: ReadStore | undefined, thing: Thing): Metres | undefined {
  const row = view?.get(thing, Transform) ?? view?.get(thing, Placement)
  return row === undefined ? undefined : metresOf(row)
}

const extent = (halfSize: Metres) => {
  const [hx, hy, hz] = triple(halfSize).map((half) => steps(half, 0, HALF_SIZE_MAX))
  return { hx, hy, hz }
}

/** @throws {TypeError} where there is none: a list that is too short, or a thing that is not there yet. */
function entityOf(thing: Thing): Thing {
  if (!Number.isInteger(thing)) throw new TypeError(`expected an entity, got ${String(thing)}`)
  return thing
}

export class Host implements HostActor {
  readonly name = 'host'
  readonly node = 0
  readonly #cluster: Cluster
  readonly #told: (prop: number, at: Steps | undefined) => void
  #props = 0

  /** @param told hears of every prop that the story makes, moves or ends. */
  constructor(cluster: Cluster, told: (prop: number, at: Steps | undefined) => void) {
    this.#cluster = cluster
    this.#told = told
  }
  spawn(options: SpawnOptions): Thing {
    fieldsOf('spawn', options, SPAWN_FIELDS)
    const { at, halfSize = HALF_SIZE } = options
    return this.#create('spawn', { kind: 'spawn', ...stepsOf(at), ...extent(halfSize) })
  }
  body(options: BodyOptions): Thing {
    fieldsOf('body', options, BODY_FIELDS)
    const { at, halfSize = HALF_SIZE, shape = 'box', massKg = BODY_KG, restitution = RESTITUTION } = options
    const body = {
      shape: oneOf('shape', shape, ['box', 'ball']),
      massGrams: Math.floor(within('massKg', massKg, 0.001, MASS_KG_MAX) * 1000 + 0.5),
      restitution: Math.floor(within('restitution', restitution, 0, 1) * 255 + 0.5),
    }
    return this.#create('body', { kind: 'spawn', ...stepsOf(at), ...extent(halfSize), body })
  }
  despawn(entity: Thing): void {
    this.#cluster.operate('host', 'despawn', () => this.#cluster.intend(0, { kind: 'despawn', entity: entityOf(entity) }))
  }
  prop(at: Metres): Prop {
    const prop = ++this.#props
    let alive = false
    // With the host that was asked for it, it goes.
    let home = this.#cluster.restarts
    const operate = (verb: string, intent: Intent, at: { readonly x: number; readonly y: number; readonly z: number } | undefined) =>
      this.#cluster.operate('host', verb, () => {
        if (this.#cluster.host.crashed) return
        this.#cluster.intend(0, intent)
        if (verb === 'propSpawn') home = this.#cluster.restarts
        alive = verb === 'propSpawn' || (alive && verb === 'propMove' && home === this.#cluster.restarts)
        this.#told(prop, alive ? at : undefined)
      })
    operate('propSpawn', { kind: 'propSpawn', prop, ...stepsOf(at) }, stepsOf(at))
    return {
      moveTo: (to) => operate('propMove', { kind: 'propMove', prop, ...stepsOf(to) }, stepsOf(to)),
      despawn: () => operate('propDespawn', { kind: 'propDespawn', prop }, undefined),
    }
  }
  offerAsset(bytes: Uint8Array): number {
    const { sha256 } = assetOf(bytesIn('offerAsset', bytes))
    this.#cluster.operate('host', 'offerAsset', () => this.#cluster.intend(0, { kind: 'assetOffer', bytes }))
    return assetNumber(sha256)
  }
  does(verb: string, action: () => void): void {
    this.#cluster.operate('host', verbOf(verb), action)
  }
  assignRole(peer: PeerActor, role: JoinOptions['role']): void {
    oneOf('assignRole', role, ROLES)
    this.#cluster.operate('host', 'assignRole', () => {
      if (peer.author !== undefined) this.#cluster.intend(0, { kind: 'role', author: peer.author, role })
    })
  }
  kick(peer: PeerActor): void {
    this.#cluster.operate('host', 'kick', () => {
      if (peer.author !== undefined) this.#cluster.intend(0, { kind: 'kick', author: peer.author })
    })
  }
  ban(peer: PeerActor): void {
    this.#cluster.operate('host', 'ban', () => {
      if (peer.author !== undefined) this.#cluster.intend(0, { kind: 'ban', author: peer.author })
    })
  }
  async handOver(): Promise<void> {
    await handOver(this.#cluster)
  }
  sever(peer: PeerActor): void {
    this.#cluster.operate('host', 'sever', () => this.#cluster.sever(nodeOf(peer)))
  }
  pause(ms: number): void {
    this.#cluster.operate('host', 'pause', () => this.#cluster.pause(this.node, us(ms)))
  }
  crash(): void {
    this.#cluster.operate('host', 'crash', () => this.#cluster.crash(this.node))
  }
  restart(): void {
    this.#cluster.operate('host', 'restart', () => this.#cluster.restartHost())
  }
  #create(verb: string, intent: Intent): Thing {
    let entity = NO_ENTITY
    this.#cluster.operate('host', verb, () => {
      if (this.#cluster.host.crashed) return
      this.#cluster.intend(0, intent)
      entity = this.#cluster.lastScope(0)
    })
    return entity
  }
}

class Hand implements HandActor {
  readonly #actor: Peer
  readonly #name: string
  readonly #controller: Controller
  #at: Vector = { x: 0, y: 1.2, z: 0 }
  #target: Vector = { x: 0, y: 1.2, z: -1 }

  constructor(actor: Peer, name: string, controller: Controller) {
    this.#actor = actor
    this.#name = name
    this.#controller = controller
  }
  pointAt(entity: Thing): this {
    return this.#operate('pointAt', () => this.aimAt(entity))
  }
  moveBy(by: Metres): this {
    return this.#operate('moveBy', () => this.shift(by))
  }
  press(button: Button): this {
    return this.#operate('press', () => void this.#controller.press(button))
  }
  release(button: Button): this {
    return this.#operate('release', () => void this.#controller.release(button))
  }
  /** The bare movements, for gestures. False where the actor sees no such thing. */
  aimAt(entity: Thing): boolean {
    const place = placeOf(this.#actor.view, entityOf(entity))
    if (place === undefined) return false
    const [x, y, z] = place
    this.#target = { x, y, z }
    this.#at = { x, y, z: z + REACH }
    this.#controller.aim(this.#at, this.#target)
    return true
  }
  shift(by: Metres): void {
    const [x, y, z] = triple(by)
    const moved = (point: Vector) => ({ x: point.x + x, y: point.y + y, z: point.z + z })
    this.#at = moved(this.#at)
    this.#target = moved(this.#target)
    this.#controller.aim(this.#at, this.#target)
  }
  get controller(): Controller {
    return this.#controller
  }
  #operate(verb: string, action: () => void): this {
    this.#actor.cluster.operate(`${this.#actor.name}.${this.#name}`, verb, action)
    return this
  }
}

export class Peer implements PeerActor {
  readonly cluster: Cluster
  readonly node: number
  readonly left: Hand
  readonly right: Hand
  readonly placements: PlacementActor
  readonly mesh: Meshes
  readonly hostile: HostileActor
  /** What the hands still have to do, one step a frame. */
  readonly #steps: (() => void)[] = []
  #stepsDone = 0

  constructor(cluster: Cluster, node: number) {
    this.cluster = cluster
    this.node = node
    const { headset } = this.#client
    this.left = new Hand(this, 'left', headset.left)
    this.right = new Hand(this, 'right', headset.right)
    this.placements = new Placements(this)
    this.mesh = new Meshes((verb, intent) => this.intend(verb, intent))
    this.hostile = new Hostile(cluster, node, this.name)
    this.#client.person = {
      onFrame: () => this.#playStep(), isBusy: () => this.#steps.length > 0, interrupted: () => this.#interrupted(),
    }
  }
  /** A restart puts another one in its place. */
  get #client(): ClientNode {
    return this.cluster.clients[this.node - 1]
  }
  /** In the session, turned away, or down. */
  get isSettled(): boolean {
    return this.#client.crashed || this.state === 'live' || this.state === 'closed'
  }
  get name(): string {
    return this.#client.name
  }
  get state(): string {
    return this.#client.peer.state
  }
  get author(): number | undefined {
    return this.#client.peer.author
  }
  /** The world as this peer sees it now. */
  get view(): ReadStore | undefined {
    return this.#client.peer.log?.view
  }

  click(entity: Thing): void {
    entityOf(entity)
    this.#gesture('click', [
      () => void (this.right.aimAt(entity) && this.right.controller.press('trigger')),
      ...Array.from({ length: CLICK_FRAMES - 1 }, () => () => {}),
      () => void this.right.controller.release('trigger'),
    ])
  }
  drag(entity: Thing, options: DragOptions): void {
    entityOf(entity)
    fieldsOf('drag', options, ['by', 'frames', 'hand'])
    const { by, frames, hand = 'right' } = options
    oneOf('drag: hand', hand, ['left', 'right', 'both'])
    const hands = hand === 'both' ? [this.left, this.right] : [this[hand]]
    stepsOf(by)
    const [x, y, z] = by
    within('drag: frames', whole('drag: frames', frames), 1, Infinity)
    const each = (movement: (hand: Hand) => void) => () => hands.forEach(movement)
    this.#gesture('drag', [
      each((hand) => { if (hand.aimAt(entity)) hand.controller.press('squeeze') }),
      ...Array.from({ length: frames }, () => each((hand) => hand.shift([x / frames, y / frames, z / frames]))),
      each((hand) => hand.controller.release('squeeze')),
    ])
  }
  nextTool(): void {
    this.#gesture('nextTool', [() => void this.right.controller.press('a'), () => void this.right.controller.release('a')])
  }
  say(text: string): void {
    this.intend('say', { kind: 'chat', text })
  }
  panel(panel: number, text: string): void {
    this.intend('panel', { kind: 'panel', panel: within('panel', whole('panel', panel), 0, 0xffff), text })
  }
  shownBy(other: PeerActor): ShownActor {
    const { presence } = this.#client.peer
    const { tool, highlights, cursor, gizmo, panels } = presence.of(other.author ?? HOST_AUTHOR)
    return { tool, highlights, cursor: cursor && metresOf(cursor), drags: gizmo?.entity, panels }
  }
  heard(): readonly string[] {
    const { clients } = this.cluster
    const nameOf = (author: number) => clients.find(({ peer }) => peer.author === author)?.name ?? `author ${author}`
    return this.#client.peer.presence.chat.map(({ author, text }) => `${nameOf(author)}: ${text}`)
  }
  spawn(options: SpawnOptions): void {
    fieldsOf('spawn', options, SPAWN_FIELDS)
    const { at, halfSize = HALF_SIZE } = options
    this.intend('spawn', { kind: 'spawn', ...stepsOf(at), ...extent(halfSize) })
  }
  despawn(entity: Thing): void {
    this.intend('despawn', { kind: 'despawn', entity: entityOf(entity) })
  }
  entities(): readonly Thing[] {
    return this.view?.entities(Transform) ?? []
  }
  created(index = 0): Thing | undefined {
    const { view, author } = this
    return view?.entities(Entity).filter((entity) => view.get(entity, Entity)?.creator === author)[index]
  }
  sees(entity: Thing): Metres | undefined {
    return placeOf(this.view, entityOf(entity))
  }
  forge({ inTheNameOf, despawn }: { readonly inTheNameOf: PeerActor; readonly despawn: Thing }): void {
    this.cluster.operate(this.name, 'forge', () => this.hostile.forge(inTheNameOf, despawn))
  }
  subscribe(options: SubscribeOptions): void {
    fieldsOf('subscribe', options, ['at', 'radius', 'tools'])
    const { at, radius, tools = TOOL_NAMES } = options
    const [{ x, y, z }, reach] = [stepsOf(at), steps(radius, 0, RADIUS_MAX)]
    for (const name of tools) oneOf('subscribe: tools', name, TOOL_NAMES)
    this.intend('subscribe', {
      kind: 'subscribeToRegion', min: { x: x - reach, y: y - reach, z: z - reach }, max: { x: x + reach, y: y + reach, z: z + reach },
      tools: TOOLS.filter(({ name }) => tools.includes(name)).map(({ id }) => id),
    })
  }
  unsubscribe(): void {
    this.intend('unsubscribe', { kind: 'unsubscribe' })
  }
  offerAsset(bytes: Uint8Array): number {
    const { sha256 } = assetOf(bytesIn('offerAsset', bytes))
    this.intend('offerAsset', { kind: 'assetOffer', bytes })
    return assetNumber(sha256)
  }
  fetchAsset(asset: number): void {
    this.intend('fetchAsset', { kind: 'assetFetch', asset: whole('fetchAsset', asset) })
  }
  knowsAsset(asset: number): boolean {
    return this.#client.peer.assets.isKnown(asset)
  }
  hasAsset(asset: number): boolean {
    return this.#client.peer.assets.library.numbered(asset) !== undefined
  }
  leave(): void {
    this.intend('leave', { kind: 'leave' })
  }
  kick({ author }: PeerActor): void {
    if (author !== undefined) this.intend('kick', { kind: 'kick', author })
  }
  ban({ author }: PeerActor): void {
    if (author !== undefined) this.intend('ban', { kind: 'ban', author })
  }
  assignRole({ author }: PeerActor, role: JoinOptions['role']): void {
    oneOf('assignRole', role, ROLES)
    if (author !== undefined) this.intend('assignRole', { kind: 'role', author, role })
  }
  crash(): void {
    this.cluster.operate(this.name, 'crash', () => this.cluster.crash(this.node))
  }
  restart(): void {
    this.cluster.operate(this.name, 'restart', () => this.cluster.restart(this.node))
  }
  does(verb: string, action: () => void): void {
    this.cluster.operate(this.name, verbOf(verb), action)
  }
  pause(ms: number): void {
    this.cluster.operate(this.name, 'pause', () => this.cluster.pause(this.node, us(ms)))
  }

  intend(verb: string, intent: Intent): void {
    this.cluster.operate(this.name, verb, () => this.cluster.intend(this.node, intent))
  }

  #gesture(verb: string, movements: readonly (() => void)[]): void {
    this.cluster.operate(this.name, verb, () => this.#steps.push(...movements))
  }
  /** What the hands were about to do is off, and they let go. */
  #interrupted(): void {
    this.#steps.length = 0
    this.#stepsDone = 0
    for (const { controller } of [this.left, this.right]) {
      for (const button of ['trigger', 'squeeze', 'a'] as const) controller.release(button)
    }
  }
  #playStep(): void {
    this.#steps[this.#stepsDone]?.()
    if (this.#stepsDone < this.#steps.length && ++this.#stepsDone === this.#steps.length) {
      this.#steps.length = 0
      this.#stepsDone = 0
    }
  }
}

/** @throws {TypeError | RangeError} where it is no word. */
function verbOf(verb: string): string {
  if (typeof verb !== 'string' || !/^[A-Za-z][A-Za-z0-9.]{0,31}$/.test(verb)) {
    throw new RangeError(`does: expected a verb of up to 32 letters, digits and dots, got ${JSON.stringify(verb)}`)
  }
  return verb
}

class Placements implements PlacementActor {
  readonly #actor: Peer
  #region = 1

  constructor(actor: Peer) {
    this.#actor = actor
  }
  open(region = 1): void {
    this.#region = region
    this.#actor.intend('placements.open', { kind: 'openPlacements', region })
  }
  add(options: PlacementOptions): void {
    fieldsOf('placements.add', options, PLACEMENT_FIELDS)
    const { asset, at, tags = [] } = options
    const state: PlacementState = {
      asset: whole('asset', asset), region: this.#region, ...stepsOf(at), qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE, scale: SCALE_ONE,
      tags: tagBits(tags),
    }
    this.#actor.intend('placements.add', { kind: 'draftAdd', state })
  }
  move(placement: Thing, to: Metres): void {
    this.#actor.intend('placements.move', { kind: 'draftUpdate', placement: entityOf(placement), patch: stepsOf(to) })
  }
  tag(placement: Thing, tags: PlacementOptions['tags'] = []): void {
    this.#actor.intend('placements.tag', { kind: 'draftUpdate', placement: entityOf(placement), patch: { tags: tagBits(tags) } })
  }
  remove(placement: Thing): void {
    this.#actor.intend('placements.remove', { kind: 'draftRemove', placement: entityOf(placement) })
  }
  commit(): void {
    this.#actor.intend('placements.commit', { kind: 'commitPlacements' })
  }
  seen(): readonly Thing[] {
    return this.#actor.view?.entities(Placement) ?? []
  }
}

/** @throws {TypeError} */
function nodeOf(actor: unknown): number {
  if (actor instanceof Host || actor instanceof Peer) return actor.node
  throw new TypeError(`expected the host or a peer, got ${String(actor)}`)
}

export class Net implements Network {
  readonly #cluster: Cluster
  readonly all: LinkActor

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.all = this.#links('net.all', () => cluster.ways.all, (links) => cluster.ways.setAll(links))
  }
  link(a: Actor, b: Actor): LinkActor {
    return this.#links('net.link', () => [...this.#from(a, b), ...this.#from(b, a)])
  }
  from(a: Actor, to: Actor): LinkActor {
    return this.#links('net.from', () => this.#from(a, to))
  }
  heal(): void {
    this.#cluster.operate('net', 'heal', () => this.#cluster.ways.heal())
  }
  rebind(peer: PeerActor): void {
    this.#cluster.operate('net', 'rebind', () => this.#cluster.rebind(nodeOf(peer)))
  }
  roam(peer: PeerActor, { behind = 'none', ...links }: RoamOptions): void {
    this.#cluster.operate('net', 'roam', () => this.#cluster.roam(nodeOf(peer), oneOf('roam: behind', behind, TRANSLATORS), linksOf(links)))
  }
  does(verb: string, action: () => void): void {
    this.#cluster.operate('net', verbOf(verb), action)
  }
  #from(a: Actor, to: Actor): readonly Direction[] {
    return this.#cluster.ways.from(nodeOf(a), nodeOf(to))
  }
  #links(
    label: string, directions: () => readonly Direction[],
    set = (links: LinkPair): void => this.#cluster.ways.set(directions(), links),
  ): LinkActor {
    return {
      set: (options) => this.#cluster.operate(label, 'set', () => set(linksOf(options))),
      cut: (ms) => this.#cluster.operate(label, 'cut', () => this.#cluster.cut(directions(), us(ms))),
    }
  }
}
