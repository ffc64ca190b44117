/**
 * The operations of a swarm. Each is one labelled operation of the story, whatever it takes; it picks its target when its
 * turn comes, the n-th of what is there, and does nothing where there is none.
 */
import type { RandomStream } from '../../sim/random.ts'
import { HOST_MESSAGES, type HostActor, type Metres, type Network, type PeerActor, type Prop, type Thing } from '../cluster/vocabulary.ts'

export const KINDS = [
  'commands', 'meshes', 'placements', 'gestures', 'runtime', 'membership', 'network', 'interest', 'hostile',
] as const
type Kind = (typeof KINDS)[number]

export interface Stage {
  readonly host: HostActor
  readonly net: Network
  /** Those that have entered so far, by their place in the swarm. */
  readonly peers: readonly PeerActor[]
  /** The host's props that have not ended. */
  readonly props: Prop[]
  /** What the host has spawned. */
  readonly things: Thing[]
}

export interface Operation {
  readonly kind: Kind
  /** How often it is drawn, against the others. */
  readonly weight: number
  /** Whose operation it is; 'two' do it in the same frame. */
  readonly by: 'peer' | 'host' | 'two'
  readonly act: (who: PeerActor, random: RandomStream, stage: Stage, side: number) => void
}
type Act<Who> = (who: Who, random: RandomStream, stage: Stage, side: number) => void

const TAGS = ['structure', 'interactive', 'hidden', 'light'] as const
const TOOLS = ['select', 'translate', 'rotate', 'scale'] as const
const PICK_RANGE = 1 << 16
const REGIONS = 2
const CROWD = 16
const PROPS_AT_ONCE = 300

/** The n-th of what is there, modulo how much there is. Always one draw. */
function nth<T>(random: RandomStream, items: readonly T[]): T | undefined {
  const n = random.int(PICK_RANGE)
  return items.length === 0 ? undefined : items[n % items.length]
}
/** Halves of a metre, in front of everybody: places collide. */
const place = (random: RandomStream): Metres => [random.range(-6, 6) / 2, random.range(1, 6) / 2, random.range(-12, -4) / 2]
const by = (random: RandomStream): Metres => [random.range(-4, 4) / 8, random.range(-4, 4) / 8, random.range(-4, 4) / 8]
const sometimes = <T>(random: RandomStream, items: readonly T[]): T[] => items.filter(() => random.chance(1, 2))
const tags = (random: RandomStream) => sometimes(random, TAGS)
/** Somebody else's thing, or none at all. */
const target = (who: PeerActor, random: RandomStream): Thing => nth(random, who.entities()) ?? 0

function commits({ placements }: PeerActor, random: RandomStream, draft: () => void): void {
  placements.open(1 + random.int(REGIONS))
  draft()
  placements.commit()
}
const add = ({ placements }: PeerActor, random: RandomStream): void =>
  placements.add({ asset: 1 + random.int(5), at: place(random), tags: tags(random) })

type Change = (who: PeerActor, placement: Thing, random: RandomStream, side: number) => void
/** A change of the n-th placement that there is. */
function onPlacement(weight: number, change: Change, two = false): Operation {
  return {
    kind: 'placements', weight, by: two ? 'two' : 'peer',
    act: (who, random, _stage, side) => {
      const placement = nth(random, who.placements.seen())
      if (placement !== undefined) commits(who, random, () => change(who, placement, random, side))
    },
  }
}
const peer = (kind: Kind, weight: number, act: Act<PeerActor>): Operation => ({ kind, weight, by: 'peer', act })
const host = (kind: Kind, weight: number, act: (stage: Stage, random: RandomStream) => void): Operation =>
  ({ kind, weight, by: 'host', act: (_who, random, stage) => act(stage, random) })
/** On an entity that the peer sees. */
const onEntity = (kind: Kind, weight: number, act: (who: PeerActor, entity: Thing, random: RandomStream) => void): Operation =>
  peer(kind, weight, (who, random) => {
    const entity = nth(random, who.entities())
    if (entity !== undefined) act(who, entity, random)
  })
const hostile = (weight: number, act: Act<PeerActor>): Operation => peer('hostile', weight, act)
/** To anybody but the first, who stays. */
const member = (weight: number, act: Act<PeerActor>): Operation =>
  peer('membership', weight, (who, random, stage, side) => { if (who !== stage.peers[0]) act(who, random, stage, side) })

const moves = (random: RandomStream) => ({ by: by(random), frames: random.range(3, 12) })

export const OPERATIONS = {
  // commands that need no hand
  spawn: peer('commands', 6, (who, random) => who.spawn({ at: place(random) })),
  despawn: onEntity('commands', 3, (who, entity) => who.despawn(entity)),
  spawnMany: peer('commands', 1, (who, random) => {
    for (let left = random.range(2, 12); left > 0; left--) who.spawn({ at: place(random) })
  }),
  // meshes
  vertex: onEntity('meshes', 4, (who, entity, random) => who.mesh.vertex(entity, by(random), random.int(PICK_RANGE))),
  extrude: onEntity('meshes', 3, (who, entity, random) => who.mesh.extrude(entity, random.int(12), by(random))),
  subdivide: onEntity('meshes', 2, (who, entity, random) =>
    who.mesh.subdivide(entity, random.int(6), { levels: random.range(1, 4), scheme: random.pick(['linear', 'catmullClark']) })),
  raceMesh: {
    kind: 'meshes', weight: 3, by: 'two',
    act: (who, random, _stage, side) => {
      const entity = nth(random, who.entities())
      if (entity !== undefined) who.mesh.extrude(entity, side, [0, 0, 1])
    },
  },
  // placements
  place: peer('placements', 6, (who, random) => commits(who, random, () => add(who, random))),
  placeMany: peer('placements', 2, (who, random) => commits(who, random, () => {
    for (let left = random.range(2, 5); left > 0; left--) add(who, random)
  })),
  placeOver: onPlacement(2, (who, placement, random) =>
    who.placements.add({ asset: 1 + random.int(5), at: who.sees(placement) ?? place(random) })),
  move: onPlacement(4, (who, placement, random) => who.placements.move(placement, place(random))),
  tag: onPlacement(3, (who, placement, random) => who.placements.tag(placement, tags(random))),
  remove: onPlacement(2, (who, placement) => who.placements.remove(placement)),
  reworkPlacement: onPlacement(2, (who, placement, random) => {
    who.placements.move(placement, place(random))
    who.placements.tag(placement, tags(random))
    add(who, random)
    const other = nth(random, who.placements.seen())
    if (other !== undefined) who.placements.remove(other)
  }),
  leaveDraft: peer('placements', 1, (who, random) => {
    who.placements.open(1 + random.int(REGIONS))
    add(who, random)
  }),
  commitDraft: peer('placements', 1, (who) => who.placements.commit()),
  race: onPlacement(5, (who, placement, random, side) => {
    const [x, y, z] = place(random)
    who.placements.move(placement, [x + side, y, z])
  }, true),
  raceTags: onPlacement(3, (who, placement, random) => who.placements.tag(placement, tags(random)), true),
  raceRemoval: onPlacement(2, (who, placement, random, side) => {
    if (side === 0) who.placements.remove(placement)
    else who.placements.tag(placement, tags(random))
  }, true),
  // the hands
  click: onEntity('gestures', 5, (who, entity) => who.click(entity)),
  drag: onEntity('gestures', 5, (who, entity, random) => who.drag(entity, moves(random))),
  dragBoth: onEntity('gestures', 2, (who, entity, random) => who.drag(entity, { ...moves(random), hand: 'both' })),
  dragPlacement: peer('gestures', 1, (who, random) => {
    const placement = nth(random, who.placements.seen())
    if (placement !== undefined) who.drag(placement, moves(random))
  }),
  nextTool: peer('gestures', 3, (who) => who.nextTool()),
  /** The tools turn and scale, too. */
  gizmo: onEntity('gestures', 3, (who, entity, random) => {
    for (let left = random.range(1, 3); left > 0; left--) who.nextTool()
    who.drag(entity, { ...moves(random), hand: random.pick(['left', 'right']) })
  }),
  // the host
  thing: host('runtime', 2, ({ host, things }, random) => things.push(host.spawn({ at: place(random) }))),
  /** So many that a snapshot has several chunks. */
  crowd: host('runtime', 1, ({ host, things }, random) => {
    for (let left = CROWD; left > 0; left--) things.push(host.spawn({ at: place(random) }))
  }),
  body: host('runtime', 3, ({ host, things }, random) =>
    things.push(host.body({ at: place(random), shape: random.pick(['box', 'ball']), restitution: random.int(10) / 10 }))),
  endThing: host('runtime', 2, ({ host, things }, random) => {
    const thing = nth(random, things)
    if (thing !== undefined) host.despawn(thing)
  }),
  prop: host('runtime', 4, ({ host, props }, random) => props.push(host.prop(place(random)))),
  /** More than a frame takes. */
  manyProps: host('runtime', 1, ({ host, props }, random) => {
    for (let left = PROPS_AT_ONCE; left > 0; left--) props.push(host.prop(place(random)))
  }),
  moveProp: host('runtime', 6, ({ props }, random) => nth(random, props)?.moveTo(place(random))),
  endProp: host('runtime', 2, ({ props }, random) => {
    const prop = nth(random, props)
    if (prop === undefined) return
    props.splice(props.indexOf(prop), 1)
    prop.despawn()
  }),
  // who is there
  leave: member(3, (who) => who.leave()),
  assignRole: member(3, (who, random, { host }) => host.assignRole(who, random.pick(['viewer', 'editor', 'admin']))),
  kick: member(2, (who, _random, { host }) => host.kick(who)),
  restart: peer('membership', 4, (who) => who.restart()),
  // where the network goes another way
  reroute: peer('network', 3, (who, random, { host, net }) => {
    const leastMs = random.range(1, 60)
    net.link(who, host).set({ latencyMs: [leastMs, leastMs + random.range(0, 30)] })
  }),
  blip: peer('network', 3, (who, random, { host, net }) => net.link(who, host).cut(random.range(5, 60))),
  // what of it they see
  look: peer('interest', 6, (who, random) =>
    who.subscribe({ at: place(random), radius: random.range(0, 6), tools: sometimes(random, TOOLS) })),
  lookEverywhere: peer('interest', 2, (who) => who.unsubscribe()),
  // what nobody may let in
  forge: hostile(3, (who, random, { peers }) => {
    const other = nth(random, peers)
    if (other !== undefined) who.hostile.forge(other, target(who, random))
  }),
  replay: hostile(2, (who) => who.hostile.replay()),
  spentNonce: hostile(2, (who, random) => who.hostile.spentNonce(target(who, random))),
  otherEpoch: hostile(2, (who, random) => who.hostile.otherEpoch(target(who, random))),
  farFuture: hostile(2, (who, random) => who.hostile.farFuture(target(who, random))),
  leap: hostile(1, (who, random) => who.hostile.leap(target(who, random))),
  equivocate: hostile(2, (who, random) => who.hostile.equivocate(target(who, random))),
  usurp: hostile(2, (who) => who.hostile.usurp()),
  promote: hostile(2, (who) => who.hostile.promote()),
  flood: hostile(1, (who, random) => who.hostile.flood(target(who, random))),
  oversized: hostile(1, (who) => who.hostile.oversized()),
  garbage: hostile(3, (who, random) => who.hostile.garbage(random.int(4), random.bytes(random.int(64)))),
  truncate: hostile(2, (who, random) => who.hostile.truncate(random.int(PICK_RANGE))),
  flip: hostile(2, (who, random) => who.hostile.flip(random.int(PICK_RANGE))),
  mangle: hostile(4, (who, random) => {
    const message = random.int(PICK_RANGE)
    who.hostile.mangle(message, Array.from({ length: random.range(1, 3) }, () => random.int(PICK_RANGE)))
  }),
  helloAgain: hostile(2, (who) => who.hostile.helloAgain()),
  hostMessage: hostile(3, (who, random) => who.hostile.hostMessage(random.pick(HOST_MESSAGES))),
  pry: hostile(2, (who) => who.hostile.pry()),
  demand: hostile(1, (who) => who.hostile.demand()),
} as const satisfies { readonly [name: string]: Operation }

export type OperationName = keyof typeof OPERATIONS
export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[]
