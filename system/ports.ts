/**
 * The ports of a Theta peer: what any driver (the simulator, a real library) must offer: opaque messages on numbered
 * channels of a connection, and files that outlive the process.
 *
 * `sim/port.ts` declares the same shapes from its own side; TypeScript's structural typing joins the two in
 * `scenarios/cluster.ts` and nowhere else. Received bytes are borrowed until the receiver returns; sent bytes
 * belong to the driver from then on.
 */
import type { FaultPointName } from './telemetry/faultpoints.ts'
import type { MarkName } from './telemetry/marks.ts'

/** Identifies one connection at one endpoint; never reused within a run. */
export type ConnectionId = number
/** Index into the table of {@link ChannelSpec}s that both ends were built with. */
export type Channel = number

/** How hard a channel tries: for ever, a number of retransmissions (0 = send once), or a lifetime in microseconds. */
export type Delivery =
  | { readonly kind: 'reliable' }
  | { readonly kind: 'retransmits'; readonly max: number }
  | { readonly kind: 'lifetime'; readonly maxUs: number }

export interface ChannelSpec {
  readonly label: string
  readonly ordered: boolean
  readonly delivery: Delivery
  /** Lower is sent first when the congestion window is short. */
  readonly priority: number
}

/** Who ended a connection, or kept it from beginning. */
export type ClosedBy = 'local' | 'remote' | 'timeout' | 'refused'

/** What a transport tells the state machine above it. */
export type TransportInput =
  | {
    readonly kind: 'opened'
    readonly on: ConnectionId
    readonly ticket: number
    readonly incoming: boolean
    readonly binding: Uint8Array
    readonly messageBytesMax: number
  }
  | { readonly kind: 'message'; readonly on: ConnectionId; readonly channel: Channel; readonly bytes: Uint8Array }
  | { readonly kind: 'credit'; readonly on: ConnectionId; readonly channel: Channel; readonly bytes: number }
  | { readonly kind: 'path'; readonly on: ConnectionId; readonly rttUs: number; readonly lost: number }
  | {
    readonly kind: 'closed'
    readonly on: ConnectionId
    readonly ticket: number
    readonly by: ClosedBy
    readonly code: number
  }

/** What the state machine above asks of its transport. `ticket` pairs an `open` with its `opened` or `closed`. */
export type TransportOutput =
  | { readonly kind: 'open'; readonly ticket: number; readonly endpoint: string }
  | { readonly kind: 'message'; readonly on: ConnectionId; readonly channel: Channel; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly on: ConnectionId; readonly code: number }
  | { readonly kind: 'wake'; readonly atUs: number }

/**
 * What a peer asks of the disk of its node. Writes take effect in the order in which they were asked for, and are confirmed by ticket.
 * One that was confirmed survives a crash. One that was not survives it whole, up to any of its bytes, or not at all.
 */
export type StorageOutput =
  /** Adds bytes at the end of a file, which it makes where there is none. */
  | { readonly kind: 'store'; readonly ticket: number; readonly file: string; readonly bytes: Uint8Array }
  | { readonly kind: 'discard'; readonly ticket: number; readonly file: string }
export type StorageInput = { readonly kind: 'stored'; readonly ticket: number }

/** What the disk holds when a peer begins. Reading belongs to its start: later on it only writes. */
export interface Storage {
  readonly files: readonly string[]
  read(file: string): Uint8Array | undefined
}

/**
 * Parts of the work whose cost a driver may want to tell apart. The meter does nothing in production; a profiling
 * driver reads its clock in `begin` and `end`, so that `system/` reads none.
 */
export type MeteredPart = 'codec' | 'crypto' | 'physics' | 'xr' | 'digest' | 'replication' | 'fold'
export interface Meter {
  begin(part: MeteredPart): void
  end(part: MeteredPart): void
}
export const NO_METER: Meter = { begin() {}, end() {} }

/**
 * For a driver that tests: what rare states a peer reaches, and whether it shows rare behaviour that is legal. It does nothing in
 * production, and a peer is the same whatever it does with a mark.
 */
export interface Probe {
  /** A state has been reached that tests must not miss. */
  sometimes(mark: MarkName): void
  /**
   * Whether the peer takes the rare way here. The key is the identity of what is decided about, two unsigned 32-bit halves (more is cut
   * off), never a count of calls; the same key gives the same answer.
   */
  happens(point: FaultPointName, keyHi: number, keyLo: number): boolean
}
export const NO_PROBE: Probe = { sometimes() {}, happens: () => false }

/**
 * Compression of bytes: pure functions, synchronous, prepared beforehand. What it makes depends on its implementation: nobody may compare
 * compressed bytes of two. `dictionary` is the version of one that it has, or {@link NO_DICTIONARY}.
 */
export interface Compressor {
  /** Versions of the dictionaries that it has, the best first. */
  readonly dictionaries: readonly number[]
  /** The caller's own; of an empty input, too. */
  compress(bytes: Uint8Array, dictionary: number): Uint8Array
  /**
   * What was compressed, at most `bytesMax` bytes, the caller's own. The input may come from anyone: whatever it is, this neither throws
   * nor takes more memory than `bytesMax` and a constant. Damage may go unseen.
   */
  decompress(bytes: Uint8Array, dictionary: number, bytesMax: number): Uint8Array | UndecodedFrame
}
/** It says that it is larger than allowed, or is nothing that can be decoded. */
export type UndecodedFrame = 'inflated' | 'malformed'
export const NO_DICTIONARY = 0

/**
 * Ed25519 as Theta uses it (RFC 8032, pure). All implementations must return the SAME verdict for every input; the
 * rule is in SPEC.md: a canonical key; neither key nor R of small order; S < L; and R byte-equal to the encoding of
 * S*B - h*A.
 * None of the three throws on bytes a peer sent: a wrong length is `false`.
 */
export interface Verifier {
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}
export interface Signer {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}
