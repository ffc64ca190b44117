/**
 * What a member sends that no honest peer would: it holds a key of its own and a seat in the session, and beyond that it may say
 * anything. Every message goes through the peer's own connection; its client knows nothing of it.
 */
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { assetNumber, assetOf } from '../../system/assets/asset.ts'
import { OutgoingAssets } from '../../system/assets/outgoing.ts'
import { entryBatches } from '../../system/commands/batch.ts'
import { encodePayload } from '../../system/commands/payload.ts'
import { entityDespawn, memberLeft, memberRole, ROLES, selectionHighlight } from '../../system/commands/registry.ts'
import type { CommandLog } from '../../system/commands/log.ts'
import { signingBytes, type UnsignedEntry } from '../../system/commands/signing.ts'
import { manifestHash } from '../../system/ecs/manifest.ts'
import { HASH64_ZERO, HOST_AUTHOR } from '../../system/ids.ts'
import { ASSET_WINDOW_CHUNKS, COMMAND_BURST, COMMAND_PAYLOAD_BYTES_MAX, LAMPORT_LEAD_MAX } from '../../system/limits.ts'
import { concatenate, u32 } from '../../system/protocol/bytes.ts'
import { categoryOf, channelOf } from '../../system/protocol/channels.ts'
import { crc32 } from '../../system/protocol/crc32.ts'
import { BODY_BYTES_MAX, ENVELOPE_BYTES, sealEnvelope } from '../../system/protocol/envelope.ts'
import { type CommandEntry, type Message, MessageType } from '../../system/protocol/messages.ts'
import { FRAME_MAX } from '../../system/replication/frames.ts'
import { goodbye } from '../../system/session/notices.ts'
import { PROTOCOL_VERSION, SCHEMA_HASH } from '../../system/protocol/version.ts'
import { bytesIn, oneOf, whole } from '../arguments.ts'
import { type Cluster, SESSION_EPOCH } from './cluster.ts'
import { HOST_MESSAGES, type HostileActor, type HostMessage, type PeerActor, type Thing } from './vocabulary.ts'

const SIGNATURE_BYTES = 64
/** One above what a host's bucket holds, and a few more. */
const FLOOD_ENTRIES = COMMAND_BURST + 28
/** Interests told at once. */
const PRYING_SETS = 8
/** In the detail of one event. */
const CHATTER_CHARACTERS = 250
const BOMB_BLOCKS = 750
const BOMB_BLOCK_BYTES = 128 * 1024
/** Where the envelope has its flags and its checksum. */
const FLAGS_AT = 2
const CRC_AT = 20

/** What is sealed around another value than the one that is true. */
type Lie = Partial<UnsignedEntry>

export class Hostile implements HostileActor {
  readonly #cluster: Cluster
  readonly #node: number
  readonly #name: string

  constructor(cluster: Cluster, node: number, name: string) {
    this.#cluster = cluster
    this.#node = node
    this.#name = name
  }

  forge(inTheNameOf: PeerActor, target: Thing): void {
    this.#act('forge', (log) => this.#entries(this.#despawn(log, target, { author: inTheNameOf.author ?? 0 })))
  }
  replay(): void {
    this.#act('replay', (log) => this.#entries(...this.#own(log).slice(0, 1)))
  }
  spentNonce(target: Thing): void {
    this.#act('spentNonce', (log) => this.#entries(this.#despawn(log, target, { nonce: this.#nonce(log) - 1n })))
  }
  command(target: Thing): void {
    this.#act('command', (log) => this.#entries(this.#highlight(log, target, 1)))
  }
  otherEpoch(target: Thing): void {
    this.#act('otherEpoch', (log) => this.#entries(this.#despawn(log, target, { epoch: SESSION_EPOCH - 1 })))
  }
  farFuture(target: Thing): void {
    this.#act('farFuture', (log) => this.#entries(this.#despawn(log, target, { lamport: log.clock + 2 * LAMPORT_LEAD_MAX })))
  }
  leap(target: Thing): void {
    this.#act('leap', (log) => this.#entries(this.#highlight(log, target, 1, { lamport: log.clock + LAMPORT_LEAD_MAX })))
  }
  equivocate(target: Thing): void {
    this.#act('equivocate', (log) => {
      const first = this.#highlight(log, target, 1)
      this.#entries(first, this.#highlight(log, target, 0, { lamport: first.lamport, nonce: first.nonce + 1n }))
    })
  }
  usurp(): void {
    const { code: command, policy, scopeKind, layout } = memberLeft
    const wish = { author: HOST_AUTHOR }
    const scope = memberLeft.scope(wish)
    const payload = encodePayload(layout!, wish)
    this.#act('usurp', (log) => this.#entries(this.#signed(log, { command, policy, scopeKind, scope, payload })))
  }
  promote(): void {
    const { code: command, policy, scopeKind, layout } = memberRole
    this.#act('promote', (log, author) => {
      const wish = { author, role: ROLES.indexOf('admin'), capabilities: 0xffffffff }
      const scope = memberRole.scope(wish)
      this.#entries(this.#signed(log, { command, policy, scopeKind, scope, payload: encodePayload(layout!, wish) }))
    })
  }
  flood(target: Thing, entries = FLOOD_ENTRIES): void {
    this.#act('flood', (log) => {
      const nonce = this.#nonce(log)
      const entry = (i: number) => this.#highlight(log, target, i % 2, { lamport: log.clock + 1 + i, nonce: nonce + BigInt(i) })
      const all = Array.from({ length: whole('flood', entries) }, (_, i) => entry(i))
      for (const batch of entryBatches(all)) this.#entries(...batch)
    })
  }
  chatter(bytes: number): void {
    this.#act('chatter', (_log, author) => {
      const detail = 'x'.repeat(CHATTER_CHARACTERS)
      const where = { entity: 1, tool: 1, panel: 1, scale: 0, pose: undefined }
      const event: Message = { kind: 'EditorEvent', author, event: 'panel', detail, ...where }
      for (let left = whole('chatter', bytes); left > 0; left -= CHATTER_CHARACTERS) this.#message(event)
    })
  }
  damagedAsset(bytes: Uint8Array): number {
    const { sha256 } = assetOf(bytesIn('damagedAsset', bytes))
    this.#act('damagedAsset', () => {
      const body = { totalBytes: bytes.length, sha256, resumeToken: new Uint8Array(0) }
      this.#message({ kind: 'AssetNotice', notice: 'offered', refusal: 'none', ...body })
      const outgoing = new OutgoingAssets()
      const damaged = bytes.with(bytes.length >> 1, bytes[bytes.length >> 1] ^ 1)
      outgoing.ask({ sha256, bytes: damaged }, { fromChunk: 0, toChunk: ASSET_WINDOW_CHUNKS }, new Uint8Array(0))
      for (let chunk = outgoing.take(); chunk !== undefined; chunk = outgoing.take()) this.#message(chunk)
    })
    return assetNumber(sha256)
  }
  forgeToken(asset: number): void {
    this.#act('forgeToken', () => {
      const held = this.#cluster.host.peer.assets.numbered(whole('forgeToken', asset))
      const sha256 = held?.sha256 ?? new Uint8Array(32)
      this.#message({ kind: 'AssetRequest', sha256, fromChunk: 1, toChunk: 2, resumeToken: new Uint8Array(16) })
    })
  }
  inflate(): void {
    this.#act('inflate', (log) => {
      const sealed = this.#sealed(this.#ordinary(log, 0))
      sealed[FLAGS_AT] = 1
      const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      view.setUint32(CRC_AT, crc32(sealed, ENVELOPE_BYTES, sealed.length, crc32(sealed, 0, CRC_AT)), true)
      this.#cluster.inject(this.#node, channelOf('CommandLogEntry'), sealed)
    })
  }
  bomb(): void {
    this.#act('bomb', () => {
      for (const claimed of [BOMB_BLOCKS * BOMB_BLOCK_BYTES, BODY_BYTES_MAX]) {
        const body = concatenate([u32(0), bombOf(claimed)])
        const sealed = sealEnvelope(MessageType.Heartbeat, categoryOf('Heartbeat'), 0, body, SCHEMA_HASH, 'zstd')
        this.#cluster.inject(this.#node, channelOf('Heartbeat'), sealed)
      }
    })
  }
  sendAway(peer: PeerActor, code: 'kicked' | 'banned'): void {
    oneOf('sendAway', code, ['kicked', 'banned'])
    this.#act('sendAway', () =>
      this.#message(goodbye(code, peer.author ?? 0, 'viewer', 'go away')))
  }
  oversized(): void {
    this.#act('oversized', (log) => {
      const entry = this.#signed(log, { payload: new Uint8Array(COMMAND_PAYLOAD_BYTES_MAX) })
      const body = this.#cluster.codec.encode({ kind: 'CommandLogEntry', entries: [entry] })
      this.#body('CommandLogEntry', oneMore(body, COMMAND_PAYLOAD_BYTES_MAX))
    })
  }
  garbage(channel: number, bytes: Uint8Array): void {
    this.#act('garbage', () => this.#cluster.inject(this.#node, channel, bytes))
  }
  truncate(bytes: number): void {
    this.#act('truncate', (log) => {
      const sealed = this.#sealed(this.#ordinary(log, 0))
      this.#cluster.inject(this.#node, channelOf('CommandLogEntry'), sealed.subarray(0, whole('truncate', bytes) % sealed.length))
    })
  }
  flip(bit: number): void {
    this.#act('flip', (log) => {
      const sealed = this.#sealed(this.#ordinary(log, 0))
      flipBit(sealed, bit)
      this.#cluster.inject(this.#node, channelOf('CommandLogEntry'), sealed)
    })
  }
  mangle(message: number, bits: readonly number[]): void {
    this.#act('mangle', (log) => {
      const honest = this.#ordinary(log, whole('mangle', message))
      const body = this.#cluster.codec.encode(honest)
      for (const bit of bits) flipBit(body, bit)
      this.#body(honest.kind, body)
    })
  }
  helloAgain(): void {
    this.#act('helloAgain', (_log, _author, publicKey) => {
      const { major, minor, patch } = PROTOCOL_VERSION
      this.#message({
        kind: 'SessionHello', protocolMajor: major, protocolMinor: minor, protocolPatch: patch, schemaHash: SCHEMA_HASH,
        manifestHash: manifestHash(), clientNonce: new Uint8Array(16), clientPublicKey: publicKey, requestedCapabilities: 0xffffffff,
        requestedRole: 'admin', transports: ['quic'], compression: ['none'], displayName: 'host', authToken: new Uint8Array(0),
        resumeSessionId: this.#cluster.sessionId, features: 0xffffffff, dictionaries: [],
        exchangeKey: new Uint8Array(0), signature: new Uint8Array(SIGNATURE_BYTES),
      })
    })
  }
  hostMessage(name: HostMessage): void {
    oneOf('hostMessage', name, HOST_MESSAGES)
    this.#act('hostMessage', (log, author, publicKey) => this.#message(this.#hostMessage(name, log, author, publicKey)))
  }
  pry(): void {
    this.#act('pry', () => {
      const set = { kind: 'InterestSet', epoch: SESSION_EPOCH, everything: false, tools: [] } as const
      const cells = Array.from({ length: COUNT_MAX.InterestSet.cells }, (_, x) => ({ x, y: 0, z: 0 }))
      this.#message({ ...set, epoch: SESSION_EPOCH + 1, cells })
      this.#body('InterestSet', oneMore(this.#cluster.codec.encode({ ...set, cells }), cells.length))
      for (let turn = 0; turn < PRYING_SETS; turn++) this.#message({ ...set, cells: cells.slice(turn, turn + 3) })
    })
  }
  demand(): void {
    this.#act('demand', () => {
      const epoch = SESSION_EPOCH
      this.#message({ kind: 'NackRequest', epoch, fromFrame: 0, toFrame: FRAME_MAX, want: 'frames' })
      this.#message({ kind: 'NackRequest', epoch, fromFrame: 0, toFrame: 0, want: 'targeted' })
      this.#message({ kind: 'LogRangeRequest', epoch, afterLamport: 0, upToLamport: Number.MAX_SAFE_INTEGER })
    })
  }

  /** Nothing is done where it was never let into the session. */
  #act(verb: string, action: (log: CommandLog, author: number, publicKey: Uint8Array) => void): void {
    this.#cluster.operate(`${this.#name}.hostile`, verb, () => {
      const { log, author } = this.#cluster.client(this.#node).peer
      if (log !== undefined && author !== undefined) action(log, author, this.#cluster.keyOf(this.#name))
    })
  }

  /** Its own entries that the host has let in, as far as it remembers them. */
  #own(log: CommandLog): CommandEntry[] {
    const { author } = this.#cluster.client(this.#node).peer
    return log.entriesSince(0).filter((entry) => entry.author === author)
  }
  /** One that is likely to be new. */
  #nonce(log: CommandLog): bigint {
    const known = [...this.#own(log), ...log.unadmitted()].map(({ nonce }) => nonce)
    return known.reduce((most, nonce) => (nonce > most ? nonce : most), 0n) + 1n
  }
  #despawn(log: CommandLog, entity: Thing, lie: Lie): CommandEntry {
    const { code: command, policy, scopeKind, layout } = entityDespawn
    return this.#signed(log, { command, policy, scopeKind, scope: entity, payload: encodePayload(layout!, { entity }), ...lie })
  }
  #highlight(log: CommandLog, entity: Thing, on: number, lie: Lie = {}): CommandEntry {
    const { code: command, policy, scopeKind, layout } = selectionHighlight
    return this.#signed(log, { command, policy, scopeKind, scope: entity, payload: encodePayload(layout!, { entity, on }), ...lie })
  }
  /** Signed with its own key, whatever it says. */
  #signed(log: CommandLog, lie: Lie): CommandEntry {
    const { code: command, policy, scopeKind } = entityDespawn
    const nonce = lie.nonce ?? this.#nonce(log)
    const unsigned: UnsignedEntry = {
      epoch: SESSION_EPOCH, author: this.#cluster.client(this.#node).peer.author!, lamport: log.clock + 1, nonce, command,
      policy, scopeKind, scope: 0, baseLamport: 0, baseAuthor: 0, payload: new Uint8Array(0),
      previousNonce: nonce === 0n ? 0n : nonce - 1n, trace: 0, ...lie,
    }
    return { ...unsigned, signature: this.#cluster.sign(this.#name, signingBytes(this.#cluster.sessionId, unsigned)) }
  }

  /** What an honest peer might send, too. */
  #ordinary(log: CommandLog, ordinal: number): Message {
    const pose = { x: 1, y: 2, z: 3, qx: 0, qy: 0, qz: 0, qw: 32767 }
    const epoch = SESSION_EPOCH
    const messages: readonly Message[] = [
      { kind: 'CommandLogEntry', entries: [this.#despawn(log, 0, { nonce: 0n })] },
      { kind: 'NackRequest', epoch, fromFrame: 0, toFrame: 1, want: 'frames' },
      { kind: 'LogRangeRequest', epoch, afterLamport: 0, upToLamport: log.clock },
      { kind: 'InputPredictiveState', sequence: 1, frame: 1, horizonUs: 0, gesture: 0, head: pose, left: pose, right: pose },
      { kind: 'EditorEvent', author: 0, event: 'gizmo', entity: 1, tool: 1, detail: 'detail', panel: 1, scale: 1, pose },
      { kind: 'Heartbeat', pong: true, sequence: 0, sentAtUs: 0, rttUs: 0, jitterUs: 0 },
      { kind: 'TelemetryReport', frame: 1, confirmedFrame: 1, rttUs: 1, jitterUs: 1, counters: [{ name: 'commands.pending', value: 1 }] },
      { kind: 'InterestSet', epoch, everything: false, cells: [{ x: 1, y: 2, z: 3 }], tools: [1] },
    ]
    return messages[ordinal % messages.length]
  }
  #hostMessage(name: HostMessage, log: CommandLog, author: number, publicKey: Uint8Array): Message {
    const signature = new Uint8Array(SIGNATURE_BYTES)
    const epoch = SESSION_EPOCH
    const frame = this.#cluster.host.peer.frame + 1
    const { closedLamport, count, digest } = log.position
    switch (name) {
      case 'KeyRoster': {
        const self = { author: HOST_AUTHOR, publicKey, displayName: this.#name, present: true }
        const members = [{ ...self, banned: false, nonceHighWater: 0n, wrappedKey: new Uint8Array(0) }]
        return { kind: 'KeyRoster', epoch, version: 0xffffffff, keyGeneration: 0, members, signature }
      }
      case 'WorldSnapshot': return {
        kind: 'WorldSnapshot', snapshotId: 1, epoch, frame, reason: 'resync', streaming: false, chunk: 0, chunkCount: 1, bodyBytes: 1,
        bodyDigest: HASH64_ZERO, body: new Uint8Array(1),
      }
      case 'ComponentDelta': return {
        kind: 'ComponentDelta', epoch, frame, closedLamport, admittedCount: count, admittedDigest: digest, stateDigest: HASH64_ZERO,
        baseFrame: frame - 1, interest: 0, listed: false, body: new Uint8Array(0), leap: false,
      }
      case 'SessionAcknowledge': return {
        kind: 'SessionAcknowledge', protocolMajor: PROTOCOL_VERSION.major, protocolMinor: 0, protocolPatch: 0,
        serverNonce: new Uint8Array(16), sessionId: this.#cluster.sessionId, epoch, author,
        assignedRole: 'admin', capabilityMask: 0xffffffff, serverPublicKey: publicKey, frame, nonceHighWater: 0n, signature,
        features: 0, featuresDenied: 0, compression: 'none', dictionary: 0, exchangeKey: new Uint8Array(0), hint: '',
      }
      case 'CommandReceipt': {
        const { clock } = log
        return { kind: 'CommandReceipt', lamport: Math.max(1, clock), nonce: 1n, refusal: 'late', closedLamport: clock }
      }
    }
  }

  #entries(...entries: readonly CommandEntry[]): void {
    if (entries.length > 0) this.#message({ kind: 'CommandLogEntry', entries })
  }
  #message(message: Message): void {
    this.#body(message.kind, this.#cluster.codec.encode(message))
  }
  #body(name: Message['kind'], body: Uint8Array): void {
    this.#cluster.inject(this.#node, channelOf(name), sealEnvelope(MessageType[name], categoryOf(name), 0, body, SCHEMA_HASH))
  }
  #sealed(message: Message): Uint8Array {
    const body = this.#cluster.codec.encode(message)
    return sealEnvelope(MessageType[message.kind], categoryOf(message.kind), 0, body, SCHEMA_HASH)
  }
}

/** A frame of Zstandard without its magic number that claims so many bytes, of blocks that each repeat one (RFC 8878, 3.1.1.2). */
function bombOf(claimed: number): Uint8Array {
  const SINGLE_SEGMENT_AND_U32_SIZE = 0xa0
  const block = (isLast: boolean) => u32((BOMB_BLOCK_BYTES << 3) | (1 << 1) | Number(isLast))
  const blocks = Array.from({ length: BOMB_BLOCKS }, (_, i) => block(i === BOMB_BLOCKS - 1))
  return concatenate([Uint8Array.of(SINGLE_SEGMENT_AND_U32_SIZE), u32(claimed), ...blocks])
}

/** What no codec would write: a vector of so many elements tells of one more. */
function oneMore(body: Uint8Array, count: number): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  for (let at = 0; at < body.length - 3; at += 4) if (view.getUint32(at, true) === count) view.setUint32(at, count + 1, true)
  return body
}

/** One bit, modulo what is there. */
function flipBit(bytes: Uint8Array, bit: number): void {
  const at = whole('bit', bit) % (8 * bytes.length)
  bytes[at >> 3] ^= 1 << (at & 7)
}
