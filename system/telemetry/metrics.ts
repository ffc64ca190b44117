/**
 * What a peer measures of itself: a closed list. Names are `group.what`, with the unit at the end where it is not a count; what is
 * called `bytes` counts whole messages with their envelopes.
 */

/** They only rise. */
export const COUNTERS = {
  'commands.signed': 'own commands signed, each counted once however often it was signed anew',
  'commands.signedAnew': 'times that an own command was signed anew',
  'commands.admitted': 'entries that the host let into the log',
  'commands.integrated': 'entries that the host told and this peer verified',
  'commands.applied': 'entries that were folded and did what they say',
  'commands.merged': 'entries that were folded on top of concurrent ones',
  'commands.rejected': 'entries that came to nothing because another was first',
  'commands.denied': 'entries whose author was not allowed',
  'commands.void': 'entries that made no sense where they stood',
  'commands.declined': 'own commands not signed, because too many others waited for the host',
  'conflicts.lastWriteWins': 'concurrent entries under the policy `lastWriteWins`',
  'conflicts.merge': 'concurrent entries under the policy `merge`',
  'conflicts.reject': 'concurrent entries under the policy `reject`',
  'conflicts.commit': 'conflicts of placement commits',
  'refused.signature': 'entries refused: bad signature',
  'refused.nonce': 'entries refused: nonce used before (a replay)',
  'refused.rate': 'entries refused: too many',
  'refused.size': 'entries refused: too large',
  'refused.late': 'entries refused: too late',
  'refused.other': 'entries refused for any other reason',
  'messages.sent': 'messages sent',
  'messages.received': 'messages received and read',
  'messages.refused': 'messages that could not be read, or not now',
  'bytes.sent': 'bytes of messages sent',
  'bytes.received': 'bytes of messages received',
  'compression.compressed': 'messages sent with a compressed body',
  'compression.bypassed': 'messages sent that were too small to compress, where compression is agreed on',
  'compression.grown': 'messages sent that would not have become smaller',
  'compression.savedBytes': 'bytes that compression took off messages sent',
  'commandPackets.sent': 'messages with entries sent',
  'commandPackets.received': 'messages with entries received',
  'commandBytes.sent': 'bytes of messages with entries sent',
  'commandBytes.received': 'bytes of messages with entries received',
  'frames.done': 'frames closed (host) or confirmed (client)',
  'frames.skipped': 'frames that a snapshot or a leap skipped',
  'frames.slow': 'frames that began too late',
  'repair.requests': 'requests for frames, snapshots or entries',
  'repair.resyncs': 'resyncs that ended with a snapshot or a leap',
  'repair.divergences': 'frames whose digest was not the host\'s',
  'snapshots.done': 'snapshots sent (host) or applied (client)',
  'assets.held': 'assets that came whole',
  'assets.refused': 'assets that were not taken or not given',
  'assetBytes.sent': 'bytes of messages with chunks of assets sent',
  'assetBytes.received': 'bytes of messages with chunks of assets received',
  'alarms.raised': 'alarms raised',
} as const satisfies Readonly<Record<string, string>>
export type CounterName = keyof typeof COUNTERS

/** They rise and fall; the last value counts. */
export const GAUGES = {
  'commands.depth': 'entries that are not closed yet',
  'commands.perSecond': 'own commands signed in the last whole second',
  'bytes.perSecond': 'bytes sent in the last whole second',
  'commandBytes.perSecond': 'bytes of messages with entries sent in the last whole second',
  'stream.waiting': 'rows of the stream that wait for the budget (host)',
  'stream.longestWait': 'frames for which the oldest of them waits (host)',
  'path.rttUs': 'round trip as the heartbeat measures it',
  'path.jitterUs': 'jitter of the round trip',
  'path.lost': 'datagrams that the transport gave up',
} as const satisfies Readonly<Record<string, string>>
export type GaugeName = keyof typeof GAUGES

export const HISTOGRAMS = {
  'command.latencyUs': 'from signing an own command to folding it for good',
  'frame.intervalUs': 'from one frame to the next',
  'delta.bytes': 'replication frames sent (host) or received (client)',
  'snapshot.bytes': 'snapshots sent',
  'join.us': 'from the first hello to the first snapshot',
  'resync.us': 'from what was missing to the snapshot or leap that brought it',
  'pose.errorSteps': 'how far the host shows own head and hands from where they are at its frame, in 1/512 m',
  'pose.unpredictedSteps': 'how far it would show them if they were sent as they are, in 1/512 m',
} as const satisfies Readonly<Record<string, string>>
export type HistogramName = keyof typeof HISTOGRAMS

/** What somebody should look at. */
export type AlarmName =
  /** A frame began too late. */
  | 'slow frame'
  /** More entries wait for their closing than should. */
  | 'queue depth'
  /** Entries were refused because there were too many. */
  | 'limiter'
  /** Entries were refused because their nonce was used before. */
  | 'replay'
  /** Many entries or messages were refused within a second. */
  | 'refusals'

/** Percentiles of a histogram go into a report under the histogram's name and one of these. */
export const REPORTED_PERCENTILES = { p50: 50, p99: 99 } as const
