/** Traces made by hand, for tests of reports. */
import type { RunInfo, RunRecord } from '../../reports/input.ts'
import type { TraceRecord } from '../../sim/trace.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'

export const [HOST, ANA, BEN] = [0, 1, 2]
const NETWORK = -1

export const note = (atUs: number, node: number, event: SystemEvent): RunRecord =>
  ({ kind: 'note', name: event.event, data: { ...event } as never, atUs, node })

export const operation = (atUs: number, verb: string): RunRecord =>
  ({ kind: 'note', name: 'operation', data: { event: 'operation', label: `host.${verb}#1`, verb }, atUs, node: HOST })

type Sent = Extract<TraceRecord, { kind: 'sent' }>
export const sent = (atUs: number, datagram: number, from: number, to: number, label: Partial<Sent> = {}): RunRecord => ({
  kind: 'sent', datagram, from, to, bytes: 100, protocol: 'quic', contents: 'stream', connection: 7, channel: 0,
  start: 0, end: 10, attempt: 0,
  ...label, atUs, node: NETWORK,
})
export const onDatagram = (atUs: number, kind: 'delivered' | 'duplicated' | 'reordered', datagram: number): RunRecord =>
  ({ kind, datagram, from: HOST, to: ANA, bytes: 100, atUs, node: NETWORK })

export const signed = (author: number, lamport: number, resignedFrom = 0) =>
  ({
    event: 'commandSigned', author, lamport, trace: resignedFrom === 0 ? lamport : resignedFrom, nonce: BigInt(lamport),
    command: 'entity.translate', scope: 5, resignedFrom,
  }) as const
const admitted = (author: number, lamport: number) =>
  ({ event: 'commandAdmitted', command: 'entity.translate', entry: { author, lamport } }) as unknown as SystemEvent
export const refused = (author: number, lamport: number, reason: 'late' | 'signature', at: 'host' | 'peer') =>
  ({ event: 'commandRefused', author, lamport, trace: lamport, reason, at }) as const
export const folded = (author: number, lamport: number, frame: number, outcome: 'applied' | 'merged' | 'void' = 'applied') =>
  ({ event: 'commandFolded', author, lamport, trace: lamport, frame, command: 'entity.translate', outcome, why: '' }) as const
export const opened = (author: number, displayName: string, resumed = false) =>
  ({ event: 'sessionOpened', author, displayName, role: 'editor', capabilities: 3, resumed }) as const
export const snapshotApplied = (snapshotId: number, frame: number) =>
  ({ event: 'snapshotApplied', snapshotId, reason: 'resync', frame, rows: 4 }) as const
const conflict = { kind: 'TRANSFORM_CONFLICT', placement: 9, message: 'both moved | turned\n9', hint: 'draft <again>' } as const
export const commit = (frame: number, status: 'APPLIED' | 'REJECTED', merged = 0) => ({
  event: 'commitFolded', commit: 77, author: 1, lamport: 9, frame, status, changes: 2, merged,
  conflicts: status === 'APPLIED' ? [] : [conflict],
}) as const

const closedLog = { epoch: 1, closedLamport: 3, admittedCount: 1, logDigest: 'a0', streamDigest: 'b0' } as const
export const frameClosed = (frame: number, digest = `d${frame}`) =>
  ({ event: 'frameClosed', frame, digest, ...closedLog, worldBytes: 40, rows: 4 }) as const
export const frameConfirmed = (frame: number, digest = `d${frame}`) =>
  ({ event: 'frameConfirmed', frame, digest, interest: 0, ...closedLog }) as const

export const INFO: RunInfo = {
  run: {
    version: '0.1.0', scenario: 'small', source: 'small', sourceDigest: 'c0de', seed: 7, frames: 6, verifier: 'noble',
  },
  hz: 90,
  nodes: [
    { id: HOST, name: 'host', role: 'host', transport: 'none' },
    { id: ANA, name: 'ana', role: 'editor', transport: 'quic' },
    { id: BEN, name: 'ben', role: 'editor', transport: 'webrtc' },
  ],
  manifest: [{
    name: 'theta.Transform', stride: 6,
    fields: [{ name: 'x', type: 'i16', offset: 0, bytes: 2 }, { name: 'y', type: 'i32', offset: 2, bytes: 4 }],
  }],
  exit: 0, verdict: 'converged', failures: [],
  mustHappen: [{ name: 'packetsLost', wanted: 1, got: 1 }, { name: 'resyncs', wanted: [1, 2], got: 1 }],
  traceDigest: '0123456789abcdef', events: 53, endedAtUs: 90_500, calmAtUs: 66_666, finalFrame: 6, finalDigest: 'd6', finalBytes: 40,
  choices: 3, planDigest: 'beef', operations: 2,
}

/** Ana joins at frame 1, ben at 2; ben misses 4 and 5, which a snapshot brings, with a command and a commit of ana's. */
export const SMALL: readonly RunRecord[] = [
  { kind: 'node', change: 'started', atUs: 0, node: HOST },
  operation(0, 'propSpawn'),
  sent(100, 0, ANA, HOST, { contents: 'client hello', bytes: 1200 }),
  { kind: 'lost', datagram: 0, from: ANA, to: HOST, why: 'drop', atUs: 100, node: NETWORK },
  { kind: 'declaredLost', at: ANA, connection: 7, datagram: 0, atUs: 5000, node: ANA },
  sent(5000, 1, ANA, HOST, { contents: 'client hello', bytes: 1200, attempt: 1 }),
  onDatagram(9000, 'delivered', 1),
  note(9000, HOST, { event: 'messageSent', message: 'SessionAcknowledge', channel: 'control', bytes: 300, peer: 1 }),
  note(9000, HOST, opened(1, 'ana')),
  note(9000, HOST, { event: 'snapshotSent', snapshotId: 1, reason: 'join', chunks: 3, bytes: 2500, peer: 1 }),
  note(9500, ANA, { event: 'messageSent', message: 'Heartbeat', channel: 'control', bytes: 40, peer: 1023 }),
  note(9500, ANA, { event: 'messageSent', message: 'Heartbeat', channel: 'control', bytes: 41, peer: 0 }),
  note(10_000, ANA, opened(1, 'ana')),
  note(11_111, HOST, frameClosed(1)),
  note(12_000, ANA, snapshotApplied(1, 1)),
  note(12_000, ANA, { event: 'joined', author: 1, frame: 1, tookUs: 11_900 }),
  note(20_000, BEN, opened(2, 'ben')),
  note(22_222, HOST, frameClosed(2)),
  note(23_000, HOST, opened(2, 'ben')),
  note(23_000, HOST, { event: 'snapshotSent', snapshotId: 2, reason: 'join', chunks: 2, bytes: 1500, peer: 2 }),
  note(23_000, ANA, frameConfirmed(2)),
  note(24_000, BEN, snapshotApplied(2, 2)),
  note(24_000, BEN, { event: 'joined', author: 2, frame: 2, tookUs: 8_000 }),
  note(25_000, ANA, signed(1, 4)),
  note(26_000, HOST, refused(1, 4, 'late', 'host')),
  note(27_000, ANA, refused(1, 4, 'late', 'peer')),
  note(27_000, ANA, signed(1, 8, 4)),
  note(28_000, HOST, admitted(1, 8)),
  note(28_000, ANA, { event: 'commitRequested', commit: 77, changes: 2, lamport: 9 }),
  note(33_333, HOST, frameClosed(3)),
  note(35_000, ANA, frameConfirmed(3)),
  note(35_500, BEN, frameConfirmed(3)),
  note(44_000, HOST, folded(1, 8, 4, 'merged')),
  note(44_000, HOST, commit(4, 'REJECTED')),
  note(44_444, HOST, frameClosed(4)),
  sent(44_444, 2, HOST, BEN, { protocol: 'webrtc', connection: 8, contents: 'message', attempt: 1, start: 3, end: 4 }),
  { kind: 'lost', datagram: 2, from: HOST, to: BEN, why: 'down', atUs: 44_444, node: NETWORK },
  { kind: 'abandoned', at: HOST, connection: 8, channel: 1, message: 3, atUs: 45_000, node: HOST },
  note(46_000, ANA, folded(1, 8, 4, 'merged')),
  note(46_000, ANA, commit(4, 'REJECTED')),
  note(46_000, ANA, frameConfirmed(4)),
  note(55_555, HOST, { event: 'physicsStepped', frame: 5, bodies: 8, contacts: 3, awake: 8 }),
  note(55_555, HOST, frameClosed(5)),
  note(57_000, ANA, frameConfirmed(5)),
  note(58_000, BEN, { event: 'nackSent', fromFrame: 4, toFrame: 4, want: 'snapshot' }),
  note(60_000, HOST, { event: 'snapshotSent', snapshotId: 3, reason: 'resync', chunks: 1, bytes: 900, peer: 2 }),
  note(64_000, BEN, snapshotApplied(3, 5)),
  note(64_000, BEN, { event: 'framesSkipped', fromFrame: 4, toFrame: 5, snapshotId: 3 }),
  note(64_000, BEN, { event: 'resyncFinished', frame: 5, tookUs: 6_000 }),
  note(66_666, HOST, frameClosed(6)),
  note(68_000, ANA, frameConfirmed(6)),
  note(69_000, BEN, frameConfirmed(6)),
]
