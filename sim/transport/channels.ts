/** All channels of one connection: who may send how much, whose frames go first, and which channel a frame that arrived is for. */
import type { NetRecord } from '../net/records.ts'
import type { Channel, ChannelSpec } from '../port.ts'
import { CHANNEL_BLOCKED_BYTES, CHANNEL_CREDIT_BYTES, type ChannelSender, type Receipt } from './channel.ts'
import { CHANNEL_WINDOW_BYTES, CONNECTION_WINDOW_BYTES, Credit, CREDIT_FRAME_BYTES_MAX, CreditGrant } from './credit.ts'
import { Frame } from './frames.ts'
import { MessageReceiver, MessageSender } from './messages.ts'
import type { PacketBuilder } from './packet.ts'
import type { Profile } from './profile.ts'
import { StreamReceiver, StreamSender } from './streams.ts'
import type { Reader } from './wire.ts'

export interface ChannelsConfig {
  readonly specs: readonly ChannelSpec[]
  readonly profile: Profile
  /** For records. */
  readonly address: number
  readonly connection: number
  readonly deliver: (channel: Channel, bytes: Uint8Array, datagrams: readonly number[]) => void
  readonly record: (record: NetRecord) => void
}

/** One channel of a connection, for whoever looks on. */
export interface ChannelStanding {
  readonly label: string
  /** Bytes not sent yet; sent and not answered; arrived and kept until something before them comes. */
  readonly unsentBytes: number
  readonly unansweredBytes: number
  readonly keptBytes: number
  readonly isBlocked: boolean
}

interface ChannelState {
  readonly label: string
  readonly sender: ChannelSender
  readonly stream: StreamReceiver | undefined
  readonly messages: MessageReceiver | undefined
  isBlocked: boolean
}

export class Channels {
  readonly #credit = new Credit(CONNECTION_WINDOW_BYTES)
  readonly #grant = new CreditGrant(0, CONNECTION_WINDOW_BYTES)
  /** The connection's own, then one a channel. */
  readonly #grants: readonly CreditGrant[]
  readonly #channels: readonly ChannelState[]
  /** Senders, most urgent first. */
  readonly #urgency: readonly ChannelSender[]

  constructor(config: ChannelsConfig) {
    const grants = config.specs.map((_, channel) => new CreditGrant(channel + 1, CHANNEL_WINDOW_BYTES))
    this.#grants = [this.#grant, ...grants]
    this.#channels = config.specs.map((spec, channel) => this.#make(config, spec, channel, grants[channel]))
    this.#urgency = config.specs
      .map(({ priority }, channel) => ({ priority, sender: this.#channels[channel].sender }))
      .sort((a, b) => a.priority - b.priority)
      .map(({ sender }) => sender)
  }

  #make(config: ChannelsConfig, spec: ChannelSpec, channel: Channel, grant: CreditGrant): ChannelState {
    const { address: at, connection, record } = config
    const deliver = (bytes: Uint8Array, datagrams: readonly number[]): void => config.deliver(channel, bytes, datagrams)
    const credit = new Credit(CHANNEL_WINDOW_BYTES)
    if (config.profile.isStream(spec)) {
      return {
        label: spec.label,
        sender: new StreamSender('stream', channel, credit, this.#credit),
        stream: new StreamReceiver(deliver, CHANNEL_WINDOW_BYTES, grant, this.#grant),
        messages: undefined,
        isBlocked: false,
      }
    }
    const losses = {
      abandoned: (message: number): void => record({ kind: 'abandoned', at, connection, channel, message }),
      overflowed: (bytes: number): void => record({ kind: 'overflow', at, connection, channel, bytes }),
    }
    return {
      label: spec.label,
      sender: new MessageSender(channel, spec, credit, this.#credit, losses),
      stream: undefined,
      messages: new MessageReceiver(spec.ordered, deliver, grant, this.#grant),
      isBlocked: false,
    }
  }

  get standing(): readonly ChannelStanding[] {
    return this.#channels.map(({ label, sender, stream, messages, isBlocked }) => ({
      label, unsentBytes: sender.queuedBytes, unansweredBytes: sender.unansweredBytes, isBlocked,
      keptBytes: (stream ?? messages)?.keptBytes ?? 0,
    }))
  }

  /** Queues a message; returns the bytes that wait on the channel now. */
  write(channel: Channel, bytes: Uint8Array, nowUs: number): number {
    const state = this.#channels[channel]
    state.sender.write(bytes, nowUs)
    if (state.sender.queuedBytes > CHANNEL_BLOCKED_BYTES) state.isBlocked = true
    return state.sender.queuedBytes
  }

  /** Calls back for each channel that was blocked and may be written again. */
  unblock(tell: (channel: Channel, bytes: number) => void): void {
    for (let channel = 0; channel < this.#channels.length; channel++) {
      const state = this.#channels[channel]
      const { queuedBytes } = state.sender
      if (!state.isBlocked || queuedBytes > CHANNEL_CREDIT_BYTES) continue
      state.isBlocked = false
      tell(channel, CHANNEL_BLOCKED_BYTES - queuedBytes)
    }
  }

  /** Whether there is something to send. */
  get isReady(): boolean {
    for (const sender of this.#urgency) if (sender.isReady) return true
    for (const grant of this.#grants) if (grant.isDue) return true
    return false
  }

  /** Fills the packet. */
  pack(packet: PacketBuilder): void {
    // Data goes first, for it names the packet; credit always finds room.
    for (const grant of this.#grants) if (grant.isDue) packet.reservedBytes += CREDIT_FRAME_BYTES_MAX
    for (const sender of this.#urgency) while (sender.pack(packet));
    packet.reservedBytes = 0
    for (const grant of this.#grants) grant.pack(packet)
  }

  /** Reads the rest of a frame. What it delivers is on its way when this returns. */
  receive(frame: number, reader: Reader, datagram: number): Receipt {
    switch (frame) {
      case Frame.stream: {
        const channel = this.#channels[reader.varint()]
        const offset = reader.varint()
        const bytes = reader.raw(reader.varint())
        return reader.failed ? 'violation' : (channel?.stream?.receive(offset, bytes, datagram) ?? 'violation')
      }
      case Frame.message:
      case Frame.fragment: {
        const channel = this.#channels[reader.varint()]
        const number = reader.varint()
        const offset = reader.varint()
        const total = frame === Frame.fragment ? reader.varint() : -1
        const from = frame === Frame.fragment ? reader.varint() : 0
        const bytes = reader.raw(reader.varint())
        if (reader.failed) return 'violation'
        return channel?.messages?.receive(number, offset, total < 0 ? bytes.length : total, from, bytes, datagram) ?? 'violation'
      }
      case Frame.forward: {
        const channel = this.#channels[reader.varint()]
        const number = reader.varint()
        const offset = reader.varint()
        return reader.failed ? 'violation' : (channel?.messages?.forward(number, offset) ?? 'violation')
      }
      case Frame.credit: {
        const wireChannel = reader.varint()
        const limitBytes = reader.varint()
        if (wireChannel > this.#channels.length) return 'violation'
        if (wireChannel === 0) this.#credit.raise(limitBytes)
        else this.#channels[wireChannel - 1].sender.raise(limitBytes)
        return 'taken'
      }
      default:
        return 'violation'
    }
  }
}
