/** One message of each kind whose bytes are fixed in test/vectors, and arbitrary ones drawn from the schema. */
import { assetNumber } from '../../../system/assets/asset.ts'
import fc from 'fast-check'
import { MESSAGE_LAYOUTS, PlacementCommit as PlacementCommitLayout } from '../../../schemas/generated/layout.ts'
import type { ScalarShape, Shape, StructLayout, TableLayout } from '../../../schemas/layout.ts'
import type { DraftChange, Message, MessageName, PlacementCommit } from '../../../system/protocol/messages.ts'

const bytes = (length: number, first: number) => Uint8Array.from({ length }, (_, i) => (first + i) & 0xff)
const pose = { x: -512, y: 820, z: 2147483647, qx: 0, qy: -32768, qz: 32767, qw: 1 }
const state = { asset: 7, region: 3, x: 512, y: 0, z: -512, qx: 0, qy: 0, qz: 0, qw: 32767, scale: 256, tags: 5 }

export const SAMPLES: { readonly [K in MessageName]: Extract<Message, { kind: K }> } = {
  SessionHello: {
    kind: 'SessionHello', protocolMajor: 1, protocolMinor: 2, protocolPatch: 3, schemaHash: { hi: 0xfedcba98, lo: 0x76543210 },
    manifestHash: { hi: 1, lo: 2 },
    clientNonce: bytes(16, 1), clientPublicKey: bytes(32, 2), requestedCapabilities: 0x1f, requestedRole: 'editor',
    transports: ['quic', 'webrtc'], compression: ['none'],
    displayName: 'Zoë 鳥 🪁', authToken: bytes(5, 3), resumeSessionId: bytes(16, 4), signature: bytes(64, 5),
    features: 0x80000001, dictionaries: [1, 4294967295], exchangeKey: bytes(32, 14),
  },
  SessionAcknowledge: {
    kind: 'SessionAcknowledge', protocolMajor: 1, protocolMinor: 0, protocolPatch: 0, serverNonce: bytes(16, 6),
    sessionId: bytes(16, 7), epoch: 1, author: 1023,
    assignedRole: 'admin', capabilityMask: 0xffffffff, serverPublicKey: bytes(32, 8), frame: 40, nonceHighWater: 2n ** 64n - 1n,
    signature: bytes(64, 9), features: 1, featuresDenied: 0x80000000, compression: 'none', dictionary: 1, exchangeKey: bytes(32, 15),
    hint: 'ask for a newer build',
  },
  Heartbeat: { kind: 'Heartbeat', pong: true, sequence: 4294967295, sentAtUs: Number.MAX_SAFE_INTEGER, rttUs: 23_000, jitterUs: 800 },
  WorldSnapshot: {
    kind: 'WorldSnapshot', snapshotId: 3, epoch: 1, frame: 40, reason: 'resync', streaming: true, chunk: 1, chunkCount: 3, bodyBytes: 100,
    bodyDigest: { hi: 10, lo: 11 }, body: bytes(40, 10),
  },
  ComponentDelta: {
    kind: 'ComponentDelta', epoch: 1, frame: 41, closedLamport: 2 ** 32 + 5, admittedCount: 12, admittedDigest: { hi: 12, lo: 13 },
    stateDigest: { hi: 14, lo: 15 },
    baseFrame: 40, interest: 4294967295, listed: true, body: bytes(11, 11), leap: true,
  },
  CommandLogEntry: {
    kind: 'CommandLogEntry',
    entries: [
      {
        epoch: 1, author: 1, lamport: 17, nonce: 2n ** 53n + 1n, command: 4, policy: 'merge', scopeKind: 'entity', scope: 5,
        baseLamport: 16, baseAuthor: 2, payload: bytes(12, 12), signature: bytes(64, 13), previousNonce: 2n ** 53n, trace: 9,
      },
      {
        epoch: 1, author: 0, lamport: 18, nonce: 0n, command: 1, policy: 'lastWriteWins', scopeKind: 'global', scope: 0,
        baseLamport: 0, baseAuthor: 0, payload: new Uint8Array(0), signature: bytes(64, 14), previousNonce: 0n, trace: 0,
      },
    ],
  },
  CommandReceipt: { kind: 'CommandReceipt', lamport: 17, nonce: 3n, refusal: 'malformed', closedLamport: 20 },
  InputPredictiveState: {
    kind: 'InputPredictiveState', sequence: 8, frame: 44, horizonUs: 33_333, gesture: 255, head: pose, left: { ...pose, x: 1 },
    right: { ...pose, x: 2 },
  },
  EditorEvent: {
    kind: 'EditorEvent', author: 2, event: 'gizmo', entity: 9, tool: 3, detail: 'outliner', panel: 65535, scale: 256,
    pose: { ...pose, x: 3 },
  },
  AssetTransfer: {
    kind: 'AssetTransfer', assetId: assetNumber(bytes(32, 15)), chunk: 0, chunkCount: 1, totalBytes: 20, sha256: bytes(32, 15),
    resumeToken: bytes(4, 16), body: bytes(20, 17),
  },
  AssetRequest: { kind: 'AssetRequest', sha256: bytes(32, 22), fromChunk: 64, toChunk: 128, resumeToken: bytes(16, 23) },
  AssetNotice: {
    kind: 'AssetNotice', notice: 'refused', refusal: 'token', totalBytes: 2 ** 33, sha256: bytes(32, 24), resumeToken: new Uint8Array(0),
  },
  TelemetryReport: {
    kind: 'TelemetryReport', frame: 90, confirmedFrame: -1, rttUs: 20_000, jitterUs: 1_000,
    counters: [{ name: 'gaps', value: 2 }, { name: 'bytes', value: 2 ** 40 }],
  },
  SessionControl: {
    kind: 'SessionControl', control: 'disconnect', code: 'schemaHash', author: 1, role: 'viewer',
    hint: 'install the build that the host runs',
    endpoint: 'quic:successor', successorKey: bytes(32, 25),
  },
  NackRequest: { kind: 'NackRequest', epoch: 1, fromFrame: 41, toFrame: 43, want: 'snapshot' },
  InterestSet: {
    kind: 'InterestSet', epoch: 3, everything: false, cells: [{ x: -1, y: 0, z: 1 }, { x: 2, y: 3, z: -4 }], tools: [1, 65535],
  },
  LogRangeRequest: { kind: 'LogRangeRequest', epoch: 1, afterLamport: 0, upToLamport: 2 ** 33 },
  KeyRoster: {
    kind: 'KeyRoster', epoch: 1, version: 2, keyGeneration: 7, signature: bytes(64, 18),
    members: [
      { author: 0, publicKey: bytes(32, 19), displayName: 'host', present: true, banned: false, nonceHighWater: 255n,
        wrappedKey: new Uint8Array(0) },
      { author: 1, publicKey: bytes(32, 20), displayName: '', present: false, banned: true, nonceHighWater: 2n ** 64n - 1n,
        wrappedKey: bytes(48, 21) },
    ],
  },
}

export const SAMPLE_COMMIT: PlacementCommit = {
  commit: 9, session: 4, region: 3, requestedAtUs: 1_000_000,
  changes: [
    { change: 'ADD', placement: 10, draft: 1, before: undefined, after: state },
    { change: 'UPDATE', placement: 11, draft: 2, before: state, after: { ...state, tags: 4 } },
    { change: 'REMOVE', placement: 12, draft: 3, before: state, after: undefined },
  ],
}

/** A delta as a busy frame has it. */
export const BUSY_DELTA: Extract<Message, { kind: 'ComponentDelta' }> = { ...SAMPLES.ComponentDelta, body: bytes(720, 0) }

// --- arbitrary messages ---------------------------------------------------------------------------------------------

const VECTOR_MAX = 4

function arbitraryScalar({ type, min, max }: ScalarShape): fc.Arbitrary<unknown> {
  if (type === 'bool') return fc.boolean()
  return type === 'u64' ? fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) : fc.integer({ min, max })
}
const arbitraryStruct = ({ members }: StructLayout): fc.Arbitrary<unknown> =>
  fc.record(Object.fromEntries(members.map(({ name, shape }) => [name, arbitraryShape(shape)])), { noNullPrototype: true })
function arbitraryShape(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'scalar': return arbitraryScalar(shape)
    case 'enum': return fc.constantFrom(...shape.names)
    case 'struct': return arbitraryStruct(shape)
    case 'table': return arbitraryTable(shape)
    case 'string': return fc.string({ unit: fc.constantFrom('a', 'é', '鳥', '🪁', '\0'), maxLength: Math.floor(shape.bytesMax / 4) })
    case 'bytes': return fc.uint8Array({ minLength: shape.countMin, maxLength: Math.min(shape.countMax, 64 + shape.countMin) })
    case 'vector': return fc.array(arbitraryShape(shape.of), { minLength: shape.countMin, maxLength: Math.min(shape.countMax, VECTOR_MAX) })
  }
}
const arbitraryTable = (layout: TableLayout): fc.Arbitrary<object> =>
  fc.record(Object.fromEntries(layout.fields.map(({ name, required, shape }) => {
    const value = arbitraryShape(shape)
    const exact = shape.kind === 'bytes' && shape.countMin > 0 && !required
    const empty = exact ? fc.constant(new Uint8Array(0)) : fc.constant(undefined)
    return [name, exact || (shape.kind === 'struct' && !required) ? fc.oneof(value, empty) : value]
  })), { noNullPrototype: true })

/** Makes the fields of a message agree with each other where a schema cannot ask for it. */
function related(message: Message): Message {
  switch (message.kind) {
    case 'WorldSnapshot': {
      const { chunk, chunkCount, bodyBytes, body } = message
      return { ...message, chunk: Math.min(chunk, chunkCount - 1), bodyBytes: Math.max(bodyBytes, body.length) }
    }
    case 'AssetTransfer': {
      const { chunk, chunkCount, totalBytes, body, sha256 } = message
      const relations = { chunk: Math.min(chunk, chunkCount - 1), totalBytes: Math.max(totalBytes, body.length) }
      return { ...message, ...relations, assetId: assetNumber(sha256) }
    }
    case 'CommandLogEntry':
      return { ...message, entries: message.entries.map((entry) => ({ ...entry, trace: entry.trace % entry.lamport })) }
    case 'SessionControl': {
      const { control, endpoint, successorKey } = message
      if (control !== 'rendezvous') return message
      return { ...message, endpoint: endpoint || 'somewhere', successorKey: successorKey.length === 0 ? bytes(32, 9) : successorKey }
    }
    case 'AssetRequest': return { ...message, fromChunk: Math.min(message.fromChunk, message.toChunk - 1) }
    case 'AssetNotice': {
      const { notice, refusal } = message
      return { ...message, refusal: notice !== 'refused' ? 'none' : refusal === 'none' ? 'full' : refusal }
    }
    case 'EditorEvent': return { ...message, detail: message.detail || 'said', pose: message.pose ?? pose }
    case 'NackRequest': return { ...message, toFrame: Math.max(message.fromFrame, message.toFrame) }
    case 'LogRangeRequest': return { ...message, upToLamport: Math.max(message.afterLamport, message.upToLamport) }
    default: return message
  }
}
export const arbitraryMessage: fc.Arbitrary<Message> = fc.oneof(
  ...[...MESSAGE_LAYOUTS.values()].map((layout) =>
    arbitraryTable(layout).map((fields) => related({ kind: layout.name, ...fields } as Message))),
)
export const arbitraryCommit: fc.Arbitrary<PlacementCommit> = arbitraryTable(PlacementCommitLayout).map((row) => {
  const commit = row as PlacementCommit
  const changes = commit.changes.map((one): DraftChange => ({
    ...one,
    before: one.change === 'ADD' ? undefined : (one.before ?? state),
    after: one.change === 'REMOVE' ? undefined : (one.after ?? state),
  }))
  return { ...commit, changes }
})
