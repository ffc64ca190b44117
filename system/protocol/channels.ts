/**
 * Which channel and which category each message belongs to. A channel is named by its index in the table; the table
 * differs by transport where a transport offers something better.
 */
import type { Channel, ChannelSpec } from '../ports.ts'
import type { Category, MessageName } from './messages.ts'

export type TransportProfile = 'quic' | 'webrtc'

const RELIABLE = { kind: 'reliable' } as const
/** A delta that has not arrived in nine frames is repaired together with its neighbours: by NackRequest, or by a snapshot. */
const REPLICATION_LIFETIME_US = 100_000

const CONTROL: ChannelSpec = { label: 'control', ordered: true, delivery: RELIABLE, priority: 0 }
/** Poses that are out of date in a frame: sent once. */
const INPUT: ChannelSpec = { label: 'input', ordered: false, delivery: { kind: 'retransmits', max: 0 }, priority: 1 }
const ASSETS: ChannelSpec = { label: 'assets', ordered: true, delivery: RELIABLE, priority: 3 }
/** Over QUIC deltas are a stream of their own; over WebRTC they must not wait for a lost one. */
const REPLICATION: Readonly<Record<TransportProfile, ChannelSpec>> = {
  quic: { label: 'replication', ordered: true, delivery: RELIABLE, priority: 2 },
  webrtc: { label: 'replication', ordered: false, delivery: { kind: 'lifetime', maxUs: REPLICATION_LIFETIME_US }, priority: 2 },
}

/** The labels by index, the same for every transport. */
export const CHANNELS = ['control', 'replication', 'assets', 'input'] as const
export type ChannelLabel = (typeof CHANNELS)[number]

export const channelsFor = (profile: TransportProfile): readonly ChannelSpec[] => [CONTROL, REPLICATION[profile], ASSETS, INPUT]

/** Category codes as they stand in the envelope: the index. Never reorder: add. */
export const CATEGORIES: readonly Category[] = ['control', 'replication', 'command', 'input', 'asset']

interface Traffic {
  readonly channel: ChannelLabel
  readonly category: Category
}
const TRAFFIC: Readonly<Record<MessageName, Traffic>> = {
  SessionHello: { channel: 'control', category: 'control' },
  SessionAcknowledge: { channel: 'control', category: 'control' },
  SessionControl: { channel: 'control', category: 'control' },
  Heartbeat: { channel: 'control', category: 'control' },
  KeyRoster: { channel: 'control', category: 'control' },
  InterestSet: { channel: 'control', category: 'control' },
  EditorEvent: { channel: 'control', category: 'control' },
  TelemetryReport: { channel: 'control', category: 'control' },
  NackRequest: { channel: 'control', category: 'control' },
  LogRangeRequest: { channel: 'control', category: 'control' },
  CommandLogEntry: { channel: 'control', category: 'command' },
  CommandReceipt: { channel: 'control', category: 'command' },
  WorldSnapshot: { channel: 'control', category: 'replication' },
  ComponentDelta: { channel: 'replication', category: 'replication' },
  InputPredictiveState: { channel: 'input', category: 'input' },
  AssetTransfer: { channel: 'assets', category: 'asset' },
  AssetRequest: { channel: 'assets', category: 'asset' },
  AssetNotice: { channel: 'assets', category: 'asset' },
}

export const channelOf = (name: MessageName): Channel => CHANNELS.indexOf(TRAFFIC[name].channel)
export const categoryOf = (name: MessageName): Category => TRAFFIC[name].category
