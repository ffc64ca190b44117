/** Each message of the catalogue, in a size that sessions really have: how long it takes to become bytes and a message again. */
import { aligned } from '../../reports/table.ts'
import { assetNumber } from '../../system/assets/asset.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { categoryOf } from '../../system/protocol/channels.ts'
import { openEnvelope, sealEnvelope } from '../../system/protocol/envelope.ts'
import { type CommandEntry, type Message, MessageType } from '../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'
import { atMost, figure } from './aims.ts'
import { type Contender, interleaved, median } from './rounds.ts'

/** The protocol plan's bound, and the size up to which it holds. */
const BOUND_US = 1000
const BOUND_BYTES_MAX = 4096
const REPEATS = 100
const ROUNDS = { rounds: 9, warmUpRounds: 3 }
const US_PER_MS = 1000

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 37) & 0xff)
const pose = { x: -512, y: 820, z: 70_000, qx: 0, qy: -3_000, qz: 12, qw: 32_767 }
const hash = { hi: 0xfedcba98, lo: 0x76543210 }

/** A drag that moves one entity. */
const entry = (lamport: number): CommandEntry => ({
  epoch: 1, author: 1, lamport, nonce: BigInt(lamport), command: 4, policy: 'merge', scopeKind: 'entity', scope: 5,
  baseLamport: lamport - 1, baseAuthor: 2, payload: bytes(16), signature: bytes(64), previousNonce: 0n, trace: 0,
})
const delta = (bodyBytes: number): Message => ({
  kind: 'ComponentDelta', epoch: 1, frame: 41, closedLamport: 70, admittedCount: 12, admittedDigest: hash, stateDigest: hash,
  baseFrame: 40, interest: 0, listed: false, leap: false, body: bytes(bodyBytes),
})

const CATALOGUE: readonly (readonly [what: string, message: Message])[] = [
  ['SessionHello', {
    kind: 'SessionHello', protocolMajor: 1, protocolMinor: 0, protocolPatch: 0, schemaHash: hash, manifestHash: hash,
    clientNonce: bytes(16), clientPublicKey: bytes(32), requestedCapabilities: 0x1f, requestedRole: 'editor',
    transports: ['quic', 'webrtc'], compression: ['none'], displayName: 'ana', authToken: bytes(64),
    resumeSessionId: bytes(16), signature: bytes(64), features: 0, dictionaries: [1], exchangeKey: bytes(32),
  }],
  ['SessionAcknowledge', {
    kind: 'SessionAcknowledge', protocolMajor: 1, protocolMinor: 0, protocolPatch: 0, serverNonce: bytes(16), sessionId: bytes(16),
    epoch: 1, author: 1, assignedRole: 'editor', capabilityMask: 0x1f, serverPublicKey: bytes(32), frame: 40, nonceHighWater: 7n,
    signature: bytes(64), features: 0, featuresDenied: 0, compression: 'none', dictionary: 1, exchangeKey: bytes(32), hint: '',
  }],
  ['SessionControl', {
    kind: 'SessionControl', control: 'disconnect', code: 'schemaHash', author: 1, role: 'viewer',
    hint: 'install the build that the host runs',
    endpoint: '', successorKey: new Uint8Array(0),
  }],
  ['KeyRoster, 8 members', {
    kind: 'KeyRoster', epoch: 1, version: 2, keyGeneration: 0, signature: bytes(64),
    members: Array.from({ length: 8 }, (_, author) =>
      ({ author, publicKey: bytes(32), displayName: `member ${author}`, present: true, banned: false, nonceHighWater: 1000n,
        wrappedKey: new Uint8Array(0) })),
  }],
  ['Heartbeat', { kind: 'Heartbeat', pong: true, sequence: 7, sentAtUs: 1_234_567, rttUs: 23_000, jitterUs: 800 }],
  ['WorldSnapshot, 2 kB chunk', {
    kind: 'WorldSnapshot', snapshotId: 3, epoch: 1, frame: 40, reason: 'join', streaming: true, chunk: 1, chunkCount: 3,
    bodyBytes: 6000, bodyDigest: hash, body: bytes(2048),
  }],
  ['ComponentDelta, 64 B', delta(64)],
  ['ComponentDelta, 2 kB', delta(2048)],
  ['CommandLogEntry, 1 entry', { kind: 'CommandLogEntry', entries: [entry(17)] }],
  ['CommandLogEntry, 16 entries', { kind: 'CommandLogEntry', entries: Array.from({ length: 16 }, (_, i) => entry(17 + i)) }],
  ['CommandReceipt', { kind: 'CommandReceipt', lamport: 17, nonce: 3n, refusal: 'late', closedLamport: 20 }],
  ['InputPredictiveState', {
    kind: 'InputPredictiveState', sequence: 8, frame: 44, horizonUs: 22_222, gesture: 3, head: pose, left: pose, right: pose,
  }],
  ['EditorEvent', {
    kind: 'EditorEvent', author: 2, event: 'panel', entity: 9, tool: 3, detail: 'outliner', panel: 1, scale: 0, pose: undefined,
  }],
  ['AssetTransfer, 2 kB chunk', {
    kind: 'AssetTransfer', assetId: assetNumber(bytes(32)), chunk: 0, chunkCount: 9, totalBytes: 18_000, sha256: bytes(32),
    resumeToken: bytes(16), body: bytes(2048),
  }],
  ['AssetRequest', { kind: 'AssetRequest', sha256: bytes(32), fromChunk: 16, toChunk: 32, resumeToken: bytes(16) }],
  ['AssetNotice', {
    kind: 'AssetNotice', notice: 'held', refusal: 'none', totalBytes: 18_000, sha256: bytes(32), resumeToken: new Uint8Array(0),
  }],
  ['TelemetryReport, 16 counters', {
    kind: 'TelemetryReport', frame: 90, confirmedFrame: 88, rttUs: 20_000, jitterUs: 1_000,
    counters: Array.from({ length: 16 }, (_, i) => ({ name: `counter${i}`, value: i * 1000 })),
  }],
  ['NackRequest', { kind: 'NackRequest', epoch: 1, fromFrame: 41, toFrame: 43, want: 'frames' }],
  ['LogRangeRequest', { kind: 'LogRangeRequest', epoch: 1, afterLamport: 0, upToLamport: 900 }],
  ['InterestSet, 8 cells', {
    kind: 'InterestSet', epoch: 1, everything: false, cells: Array.from({ length: 8 }, (_, x) => ({ x, y: 0, z: 1 })), tools: [1, 2],
  }],
]

/** One turn is many calls, and answers the milliseconds of one. */
const repeated = (name: string, call: () => void, nowMs: () => number): Contender => ({
  name,
  run: () => {
    const beganMs = nowMs()
    for (let i = 0; i < REPEATS; i++) call()
    return (nowMs() - beganMs) / REPEATS
  },
})

/** @param nowMs a wall clock. */
export async function messages(nowMs: () => number): Promise<string[]> {
  const codec = new Codec()
  const contenders = CATALOGUE.flatMap(([what, message]): Contender[] => {
    const type = MessageType[message.kind]
    const category = categoryOf(message.kind)
    const body = codec.encode(message)
    const envelope = sealEnvelope(type, category, 1, body, SCHEMA_HASH)
    return [
      repeated(`encode ${what}`, () => codec.encode(message), nowMs),
      repeated(`decode ${what}`, () => codec.decode(type, body), nowMs),
      repeated(`seal ${what}`, () => sealEnvelope(type, category, 1, body, SCHEMA_HASH), nowMs),
      repeated(`open ${what}`, () => openEnvelope(envelope, SCHEMA_HASH), nowMs),
    ]
  })
  const samples = await interleaved(contenders, ROUNDS)
  const us = (name: string): number => median(samples.get(name)!) * US_PER_MS
  const rows = CATALOGUE.map(([what, message]) => {
    const [encode, seal, open, decode] = [us(`encode ${what}`), us(`seal ${what}`), us(`open ${what}`), us(`decode ${what}`)]
    const bodyBytes = codec.encode(message).length
    const slower = Math.max(encode + seal, open + decode)
    const verdict = bodyBytes < BOUND_BYTES_MAX ? atMost(slower, BOUND_US) : `above ${BOUND_BYTES_MAX} bytes`
    return [what, bodyBytes, figure(encode), figure(seal), figure(open), figure(decode), verdict]
  })
  const titles = ['microseconds', 'body bytes#', 'encode#', 'seal#', 'open#', 'decode#', `either way at most ${BOUND_US}`]
  return aligned(titles, rows)
}
