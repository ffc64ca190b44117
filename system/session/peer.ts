/** What host and client have in common: their inputs, their outputs, and the queue between them. */
import { assert } from '../assert.ts'
import type { edgeExtrude, faceSubdivide, PayloadOf, vertexCreate } from '../commands/registry.ts'
import type { SpawnSpec } from '../commands/signer.ts'
import type { EditorIntent } from '../editor/intents.ts'
import type { XRFrameLike } from '../editor/webxr.ts'
import type { World } from '../ecs/world.ts'
import type { EntityId } from '../ids.ts'
import type {
  Compressor, Meter, Probe, Signer, Storage, StorageInput, StorageOutput, TransportInput, TransportOutput, Verifier,
} from '../ports.ts'
import type { PlacementState, Role } from '../protocol/messages.ts'
import type { Corner } from '../replication/interest.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { PacketMirror } from '../telemetry/mirror.ts'

/** What a person or a program above the peer wants, besides what the XR editor makes of a headset. Units as in the registry. */
export type Intent =
  | EditorIntent
  | { readonly kind: 'spawn' } & SpawnSpec
  | { readonly kind: 'despawn'; readonly entity: EntityId }
  | { readonly kind: 'vertexCreate' } & PayloadOf<typeof vertexCreate>
  | { readonly kind: 'edgeExtrude' } & PayloadOf<typeof edgeExtrude>
  | { readonly kind: 'faceSubdivide' } & PayloadOf<typeof faceSubdivide>
  | { readonly kind: 'openPlacements'; readonly region: number }
  | { readonly kind: 'draftAdd'; readonly state: PlacementState }
  | { readonly kind: 'draftUpdate'; readonly placement: EntityId; readonly patch: Partial<PlacementState> }
  | { readonly kind: 'draftRemove'; readonly placement: EntityId }
  | { readonly kind: 'commitPlacements' }
  /** See only what is in this box of the stream, and hear only of these tools; in place of what was subscribed to before. */
  | { readonly kind: 'subscribeToRegion'; readonly min: Corner; readonly max: Corner; readonly tools: readonly number[] }
  /** See and hear everything again. */
  | { readonly kind: 'unsubscribe' }
  /** Text of a panel of the user interface; empty where it is closed. */
  | { readonly kind: 'panel'; readonly panel: number; readonly text: string }
  | { readonly kind: 'chat'; readonly text: string }
  /** Bytes for placements to name, by the number of their digest (assets/asset.ts). */
  | { readonly kind: 'assetOffer'; readonly bytes: Uint8Array }
  /** An asset that the host has, by its number. */
  | { readonly kind: 'assetFetch'; readonly asset: number }
  | { readonly kind: 'leave' }
  // for the host and for admins: members
  | { readonly kind: 'kick'; readonly author: number }
  | { readonly kind: 'ban'; readonly author: number }
  | { readonly kind: 'role'; readonly author: number; readonly role: Role }
  /** Host only: another host goes on with the session, at this endpoint and with this public key (32 bytes). */
  | { readonly kind: 'handOver'; readonly endpoint: string; readonly successorKey: Uint8Array }
  // host only: the runtime's own entities, by an ordinal of the caller's choice
  | { readonly kind: 'propSpawn'; readonly prop: number; readonly x: number; readonly y: number; readonly z: number }
  | { readonly kind: 'propMove'; readonly prop: number; readonly x: number; readonly y: number; readonly z: number }
  | { readonly kind: 'propDespawn'; readonly prop: number }

export type PeerInput =
  | TransportInput
  | StorageInput
  /** A frame of the session begins; frames come in order, each once. */
  | { readonly kind: 'frame'; readonly frame: number }
  /** The headset's animation frame, before the `frame` input that sends what it led to. */
  | { readonly kind: 'xrFrame'; readonly frame: XRFrameLike; readonly index: number }
  | { readonly kind: 'intent'; readonly intent: Intent }

export type PeerOutput = TransportOutput | StorageOutput | { readonly kind: 'event'; readonly event: SystemEvent }

/** A peer is a sans-I/O state machine: one input, then drain all outputs before the next. Time is the driver's, in microseconds. */
export interface Peer {
  handle(input: PeerInput, nowUs: number): void
  drain(): PeerOutput | undefined
}

export interface PeerPorts {
  readonly signer: Signer
  readonly verifier: Verifier
  readonly meter: Meter
  readonly probe: Probe
  /** Takes a copy of every packet, where somebody wants to look at them. */
  readonly mirror?: PacketMirror
  /** The disk of the node. Left out, the peer keeps nothing through a crash, and waits for no write. */
  readonly storage?: Storage
  /** Without one nothing is compressed. */
  readonly compressor?: Compressor | undefined
  /** Unpredictable bytes, from the platform. */
  entropy(bytes: number): Uint8Array
  /**
   * Told when a frame is closed (host) or confirmed (client), while `world` is exactly that frame's; it must not write.
   * Does nothing in production.
   */
  observe(frame: number, world: World): void
  /** Report what wrote each row, too. Costly: for explaining a run that failed. */
  readonly explain: boolean
}

/** First in, first out, without moving what is left at each take. */
export class OutputQueue {
  #outputs: PeerOutput[] = []
  #head = 0

  push(output: PeerOutput): void {
    this.#outputs.push(output)
  }
  take(): PeerOutput | undefined {
    if (this.#head < this.#outputs.length) return this.#outputs[this.#head++]
    if (this.#head > 0) this.#outputs = []
    this.#head = 0
    return undefined
  }
  /** The contract of {@link Peer}: everything was drained before the next input. */
  assertDrained(): void {
    assert(this.#head === this.#outputs.length, 'all outputs were drained before the next input')
  }
}
