import { expect, test } from 'vitest'
import {
  EDIT_PLACEMENTS, EDIT_WORLD, granted, MANAGE_COMMITS, MANAGE_MEMBERS, ROLE_CAPABILITIES, TELEMETRY,
} from '../../../system/protocol/capabilities.ts'
import { CATEGORIES, categoryOf, CHANNELS, channelOf, channelsFor } from '../../../system/protocol/channels.ts'
import { type MessageName, MessageType } from '../../../system/protocol/messages.ts'
import { compatible, PROTOCOL_VERSION } from '../../../system/protocol/version.ts'

const names = Object.keys(MessageType) as MessageName[]

test('the_channels_of_both_transports_have_the_same_labels_in_the_same_places', () => {
  for (const profile of ['quic', 'webrtc'] as const) expect(channelsFor(profile).map((channel) => channel.label)).toEqual(CHANNELS)
})

test('control_is_reliable_ordered_and_first_and_replication_differs_by_transport', () => {
  for (const profile of ['quic', 'webrtc'] as const) {
    const [control, , assets, input] = channelsFor(profile)
    expect(control).toMatchObject({ ordered: true, delivery: { kind: 'reliable' }, priority: 0 })
    expect(assets).toMatchObject({ ordered: true, delivery: { kind: 'reliable' } })
    expect(input).toMatchObject({ ordered: false, delivery: { kind: 'retransmits', max: 0 } })
  }
  expect(channelsFor('quic')[1]).toMatchObject({ ordered: true, delivery: { kind: 'reliable' } })
  expect(channelsFor('webrtc')[1]).toMatchObject({ ordered: false, delivery: { kind: 'lifetime' } })
})

test('only_deltas_poses_and_assets_leave_the_control_channel', () => {
  const elsewhere = names.filter((name) => CHANNELS[channelOf(name)] !== 'control').map((name) => [name, CHANNELS[channelOf(name)]])
  const assets = ['AssetTransfer', 'AssetRequest', 'AssetNotice'].map((name) => [name, 'assets'])
  expect(elsewhere).toEqual([['ComponentDelta', 'replication'], ['InputPredictiveState', 'input'], ...assets])
  for (const name of names) expect(CATEGORIES).toContain(categoryOf(name))
})

test('a_role_grants_what_was_asked_and_it_allows_and_a_higher_role_never_less', () => {
  expect(granted(~0, 'viewer')).toBe(TELEMETRY)
  expect(granted(~0, 'editor')).toBe(TELEMETRY | EDIT_PLACEMENTS | MANAGE_COMMITS | EDIT_WORLD)
  expect(granted(EDIT_PLACEMENTS | MANAGE_MEMBERS, 'editor')).toBe(EDIT_PLACEMENTS)
  expect(granted(MANAGE_MEMBERS, 'admin')).toBe(MANAGE_MEMBERS)
  expect(granted(0, 'admin')).toBe(0)
  expect(ROLE_CAPABILITIES.admin & ROLE_CAPABILITIES.editor).toBe(ROLE_CAPABILITIES.editor)
  expect(ROLE_CAPABILITIES.editor & ROLE_CAPABILITIES.viewer).toBe(ROLE_CAPABILITIES.viewer)
})

test('versions_of_one_major_speak_with_each_other', () => {
  expect(compatible({ protocolMajor: PROTOCOL_VERSION.major })).toBe(true)
  expect(compatible({ protocolMajor: PROTOCOL_VERSION.major + 1 })).toBe(false)
  expect(compatible({ protocolMajor: 0 })).toBe(false)
})
