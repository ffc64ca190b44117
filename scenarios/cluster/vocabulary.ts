/**
 * The words that a story is told in. Every verb is a labelled operation (`ana.click#2`), so that a plan can leave it out.
 * Lengths are metres, times milliseconds unless a name says otherwise; `await` only what returns a promise here.
 */
import type { Seed } from '../../sim/choice.ts'
import type { BurstName } from '../../sim/net/bursts.ts'
import type { PresetName } from '../../sim/net/presets.ts'
import type { TraceName } from '../../sim/net/synthetic-traces.ts'
import type { RandomStream } from '../../sim/random.ts'
import type { ToolName } from '../../system/editor/tools.ts'
import type { PlacementTag } from '../../system/placement/tags.ts'
import type { Translator } from './translators.ts'

export type { PlacementTag, ToolName }

export type Metres = readonly [x: number, y: number, z: number]
/** An entity or placement as stories pass it around: its id. */
export type Thing = number

export interface Story {
  readonly host: HostActor
  readonly net: Network
  /** Draws for the shape of the workload, a function of the seed alone. */
  readonly random: RandomStream
  /** Which of the possible runs this is. */
  readonly seed: Seed
  /** Opens a peer and resolves when it is in the session, or when it was turned away (see {@link PeerActor.state}). */
  readonly join: (name: string, options: JoinOptions) => Promise<PeerActor>
  /** The same, without waiting for what comes of it. */
  readonly enter: (name: string, options: JoinOptions) => PeerActor
  /** Resolves when frame `index` of the session begins (at once where it has begun). */
  readonly frame: (index: number) => Promise<void>
  /** Resolves `count` frames from now. */
  readonly frames: (count: number) => Promise<void>
  /** Resolves after so much virtual time. */
  readonly sleep: (ms: number) => Promise<void>
}

/** With the dictionaries of this build, with none, or not at all: what a build that is older or smaller can do. */
export const COMPRESSIONS = ['dictionary', 'plain', 'none'] as const
export type JoinCompression = (typeof COMPRESSIONS)[number]

export interface JoinOptions {
  readonly over: 'quic' | 'webrtc'
  readonly role: 'viewer' | 'editor' | 'admin'
  /** Its messages are in their debug form, both ways. */
  readonly cbor?: boolean
  /** Capabilities asked for; all that the role allows where it is left out. */
  readonly capabilities?: readonly ('editPlacements' | 'manageCommits' | 'editWorld' | 'telemetry')[]
  /** How far this peer can compress (default 'none', which is the fastest to simulate); the host can do all of it. */
  readonly compression?: JoinCompression
  /** The translator that it is behind, of its own (default none). */
  readonly behind?: Translator
}

export interface SpawnOptions {
  readonly at: Metres
  /** Half extents; 0.15 m each way where it is left out. */
  readonly halfSize?: Metres
}
export interface BodyOptions extends SpawnOptions {
  readonly shape?: 'box' | 'ball'
  readonly massKg?: number
  /** 0 to 1. */
  readonly restitution?: number
}
export interface PlacementOptions {
  readonly asset: number
  readonly at: Metres
  readonly tags?: readonly PlacementTag[]
}

export interface HostActor {
  /** An entity of the command log, written by the host. */
  spawn(options: SpawnOptions): Thing
  /** The same, and physics simulates it. */
  body(options: BodyOptions): Thing
  despawn(entity: Thing): void
  /** An entity of the host's stream, moved by its runtime. */
  prop(at: Metres): Prop
  /** See {@link PeerActor.offerAsset}. */
  offerAsset(bytes: Uint8Array): number
  /** See {@link PeerActor.does}. */
  does(verb: string, action: () => void): void
  /** Gives a member another role, with all that this role allows, from here on in the log. */
  assignRole(peer: PeerActor, role: JoinOptions['role']): void
  kick(peer: PeerActor): void
  /** The same, and its key is never let in again. */
  ban(peer: PeerActor): void
  /** Breaks the connection to a peer; both sides hear of it. */
  sever(peer: PeerActor): void
  /** Hands the session over to another host, at another endpoint and with another key; resolves when that one is there. */
  handOver(): Promise<void>
  /** See {@link PeerActor.pause}. */
  pause(ms: number): void
  /** Everything in memory is lost, and of what was not confirmed by its disk perhaps all; silent until `restart`. Needs `disks`. */
  crash(): void
  /** Begins anew from its disk alone, whether it crashed or not. Props and the motion of bodies are not on it. */
  restart(): void
}
export interface Prop {
  moveTo(at: Metres): void
  despawn(): void
}

export interface PeerActor {
  readonly name: string
  /** 'live' in the session, 'closed' turned away or left, otherwise on its way. */
  readonly state: string
  readonly author: number | undefined
  readonly left: HandActor
  readonly right: HandActor
  readonly placements: PlacementActor
  readonly mesh: MeshActor
  readonly hostile: HostileActor
  /** Points the right hand at it and pulls the trigger for two frames. */
  click(entity: Thing): void
  /** Takes it with a hand (the right one), or with both at once, moves it by so much over `frames` frames, lets it go. */
  drag(entity: Thing, options: DragOptions): void
  /** Takes up the next tool, with the A button. */
  nextTool(): void
  /** A line of the talk, to everybody. */
  say(text: string): void
  /** What a panel of its user interface shows; empty where it is closed. */
  panel(panel: number, text: string): void
  /** What another shows, as far as this peer was told. */
  shownBy(other: PeerActor): ShownActor
  /** The last lines of the talk that it heard, as 'name: text'; its own are not among them. */
  heard(): readonly string[]
  spawn(options: SpawnOptions): void
  despawn(entity: Thing): void
  /** Entities of the command log that have a place, as this peer sees them, ascending by id. */
  entities(): readonly Thing[]
  /** The first entity that this peer created, or the n-th, as it sees the world; undefined before it does. */
  created(index?: number): Thing | undefined
  /** Where this peer sees the entity, metres; undefined where it sees none. */
  sees(entity: Thing): Metres | undefined
  /** The same as {@link HostileActor.forge}. */
  forge(command: { readonly inTheNameOf: PeerActor; readonly despawn: Thing }): void
  /** From soon on it sees, of the host's stream, only what is near: the cells of 16 m that the box of `radius` about `at` touches. */
  subscribe(options: SubscribeOptions): void
  /** It sees everything again. */
  unsubscribe(): void
  /** Bytes for placements to name: gives them to the host, and answers by what number. */
  offerAsset(bytes: Uint8Array): number
  /** Wants an asset of the host's, which it has heard of. */
  fetchAsset(asset: number): void
  /** Whether the host has told it of this asset, and whether it has it whole. */
  knowsAsset(asset: number): boolean
  hasAsset(asset: number): boolean
  leave(): void
  /** As an admin: see {@link HostActor}. Nothing comes of it where this peer may not manage members. */
  kick(peer: PeerActor): void
  ban(peer: PeerActor): void
  assignRole(peer: PeerActor, role: JoinOptions['role']): void
  /** Makes one operation of several, which is done as a whole or left out as a whole. */
  does(verb: string, action: () => void): void
  /** Everything in memory is lost; the node is silent until `restart`. */
  crash(): void
  /** Begins anew, with the same key, name and disk and an empty memory, whether it crashed, left or neither. */
  restart(): void
  /** Stops handling anything for so long; what arrives meanwhile waits. */
  pause(ms: number): void
}

export interface SubscribeOptions {
  readonly at: Metres
  /** Metres, each way. */
  readonly radius: number
  /** Whose changes by others it hears of; all of them where it is left out. */
  readonly tools?: readonly ToolName[]
}
/** Places are metres. */
export interface ShownActor {
  /** 0: none. */
  readonly tool: number
  readonly highlights: readonly Thing[]
  readonly cursor: Metres | undefined
  readonly drags: Thing | undefined
  readonly panels: readonly (readonly [panel: number, text: string])[]
}

export interface DragOptions {
  readonly by: Metres
  readonly frames: number
  readonly hand?: 'left' | 'right' | 'both'
}

export interface HandActor {
  /** Puts the hand half a metre before the entity's front (as this peer sees it) and points at its middle. */
  pointAt(entity: Thing): HandActor
  moveBy(by: Metres): HandActor
  press(button: 'trigger' | 'squeeze' | 'thumbstick' | 'a'): HandActor
  release(button: 'trigger' | 'squeeze' | 'thumbstick' | 'a'): HandActor
}

export interface PlacementActor {
  /** Starts an editing session; what an earlier one drafted is dropped. */
  open(region?: number): void
  add(options: PlacementOptions): void
  /** Moves a live placement, in the draft. */
  move(placement: Thing, to: Metres): void
  tag(placement: Thing, tags: readonly PlacementTag[]): void
  remove(placement: Thing): void
  /** Signs what was drafted as one commit. */
  commit(): void
  /** Live placements as this peer sees them, ascending by id. */
  seen(): readonly Thing[]
}

/** Edits of the mesh of an entity: signed, ordered and recorded; nobody builds the mesh yet. */
export interface MeshActor {
  /** Metres from the middle of the entity. */
  vertex(entity: Thing, at: Metres, metadata?: number): void
  extrude(entity: Thing, edge: number, by: Metres): void
  subdivide(entity: Thing, face: number, options?: SubdivideOptions): void
}
export interface SubdivideOptions {
  /** 1 to 4; 1 where it is left out. */
  readonly levels?: number
  readonly scheme?: 'linear' | 'catmullClark'
}

/** What only a host sends. */
export const HOST_MESSAGES = ['KeyRoster', 'WorldSnapshot', 'ComponentDelta', 'SessionAcknowledge', 'CommandReceipt'] as const
export type HostMessage = (typeof HOST_MESSAGES)[number]
/**
 * What no honest peer sends, over this peer's own connection and signed with its own key. Its client knows nothing of it. Numbers are
 * taken modulo what is there.
 */
export interface HostileActor {
  /** A command in somebody else's name: what nobody may let in. */
  forge(inTheNameOf: PeerActor, target: Thing): void
  /** An own entry that the host has let in, once more. */
  replay(): void
  /** A new entry with a nonce that is spent. */
  spentNonce(target: Thing): void
  /** A command as any member might give it, whatever this peer's role. */
  command(target: Thing): void
  /** An entry of the epoch before. */
  otherEpoch(target: Thing): void
  /** An entry further ahead in Lamport time than is let in. */
  farFuture(target: Thing): void
  /** One that is just let in, and takes everybody's clock along. */
  leap(target: Thing): void
  /** Two entries at one position of the log. */
  equivocate(target: Thing): void
  /** A command that only the host may give. */
  usurp(): void
  /** A command that makes an admin of this peer. */
  promote(): void
  /** More entries at once than the rate allows: so many, or a few more than the burst. */
  flood(target: Thing, entries?: number): void
  /** So many bytes of messages that are no commands. */
  chatter(bytes: number): void
  /** Offers an asset, and sends others bytes than those that it offered; at most 64 KiB. Answers by what number. */
  damagedAsset(bytes: Uint8Array): number
  /** Asks for the middle of an asset that it has not begun to fetch. */
  forgeToken(asset: number): void
  /** A message that claims to be compressed, and is not. */
  inflate(): void
  /** Three kilobytes that are 100 MB: once they say so, once they claim to be as much as a message may have. */
  bomb(): void
  /** Asks the host to send somebody away, as an admin may. */
  sendAway(peer: PeerActor, code: 'kicked' | 'banned'): void
  /** An entry with a payload above the bound. */
  oversized(): void
  garbage(channel: number, bytes: Uint8Array): void
  /** The first bytes of a real message. */
  truncate(bytes: number): void
  /** A real message with one bit of its envelope or body flipped. */
  flip(bit: number): void
  /** One of several real messages with bits of its body flipped, in an envelope that holds. */
  mangle(message: number, bits: readonly number[]): void
  /** The hello of an admin, in mid-session. */
  helloAgain(): void
  /** What only a host sends. */
  hostMessage(name: HostMessage): void
  /** Interests that its client knows nothing of: many at once, one of another epoch, one of more cells than there may be. */
  pry(): void
  /** Every frame there ever will be, a snapshot, and the whole log. */
  demand(): void
}

export interface Network {
  /** Both directions between two actors. */
  link(a: Actor, b: Actor): LinkActor
  /** One direction. */
  from(a: Actor, to: Actor): LinkActor
  /** Every link, those of peers that join later too. */
  readonly all: LinkActor
  /** Clears every fault. */
  heal(): void
  /** The translator of a peer that joined `behind` one starts anew: what it had mapped is gone, and the next ports are others. */
  rebind(peer: PeerActor): void
  /**
   * The peer goes to another network: out of the house, say. It goes on from a new interface, and the one that it had is dark from here
   * on. QUIC migrates its connection, WebRTC begins ICE anew. What is not said of the new way is as `net.all` was told.
   */
  roam(peer: PeerActor, to: RoamOptions): void
  /** See {@link PeerActor.does}. */
  does(verb: string, action: () => void): void
}
export type Actor = HostActor | PeerActor
export interface LinkActor {
  set(settings: LinkOptions): void
  /** Carries nothing for so long. */
  cut(ms: number): void
}
/** A network: the way from there to the host. */
export interface RoamOptions extends LinkOptions {
  /** The translator that it puts everybody behind (default none). */
  readonly behind?: Translator
}
/** What is left out stays as it is. */
export interface LinkOptions extends DirectionOptions {
  /** A link that a person knows; everything about the link that is not said beside it is the preset's. */
  readonly preset?: PresetName
  /** Of one direction alone: from a peer up to the host, and from the host down. */
  readonly up?: DirectionOptions
  readonly down?: DirectionOptions
}
export interface DirectionOptions {
  /** Least and greatest one-way delay. */
  readonly latencyMs?: readonly [least: number, most: number]
  /** How delays are distributed between the two; a long thin tail where nobody says. */
  readonly jitter?: JitterOptions
  /** Shares of datagrams, 0 to 1. */
  readonly drop?: number
  readonly duplicate?: number
  readonly reorder?: number
  readonly corrupt?: number
  /** Losses that come together, beside those of `drop`: by name, or as shares of datagrams. */
  readonly lossBursts?: BurstName | 'none' | BurstOptions
  /** In place of bursts: exactly so many of each block of so many, 256 at most. */
  readonly lossPerBlock?: readonly [lost: number, block: number]
  readonly bytesPerSecond?: number
  /** What leaves at once after a rest; 0 where nobody says. */
  readonly burstBytes?: number
  /** In place of a bandwidth: a synthetic recording by name, or the text of one in the format of mahimahi. */
  readonly trace?: TraceName | { readonly text: string }
  readonly queueBytes?: number
  /** Datagrams; 0: only bytes are bounded. */
  readonly queuePackets?: number
  /** What the queue does before it is full; nothing where nobody says. */
  readonly queue?: QueueOptions
  /** Bytes of the largest datagram that passes. */
  readonly mtuBytes?: number
  /** Up for so long, down for so long, over and over; `offsetMs` into that at the beginning. Down for 0: always up. */
  readonly flapping?: { readonly upMs: number; readonly downMs: number; readonly offsetMs?: number }
}
/** `correlation`: how much of a delay's deviation is the one before it, 0 to 1; 0 where it is left out. */
export type JitterOptions =
  | { readonly kind: 'tail' }
  | { readonly kind: 'uniform'; readonly correlation?: number }
  | {
    readonly kind: 'normal' | 'pareto' | 'paretonormal'
    readonly meanMs: number
    readonly deviationMs: number
    readonly correlation?: number
  }
/** A burst begins and ends with such a chance at each datagram; within it everything is lost, between bursts nothing, or as is said. */
export interface BurstOptions {
  readonly begin: number
  readonly end: number
  readonly lossWithin?: number
  readonly lossBetween?: number
}
export type QueueOptions =
  /** Datagrams that can be marked (ECN) are, where they find so many bytes waiting. */
  | { readonly kind: 'tailDrop'; readonly markBytes?: number }
  /** RFC 8289; 5 ms and 100 ms where they are left out. */
  | { readonly kind: 'codel'; readonly targetMs?: number; readonly intervalMs?: number }
