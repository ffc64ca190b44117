/**
 * The transport port over a real library: WebRTC data channels of node-datachannel (libdatachannel, usrsctp), between
 * nodes of one process, on 127.0.0.1 without any STUN server. It shows that the port is honest: the same state machines run over it.
 *
 * Callbacks of the library become {@link TransportInput}s in a queue; whoever drives a node takes them with `poll`. The
 * shapes are those of sim/port.ts. The library is a development dependency, so it is imported when asked for.
 *
 * The codes of a close do not exist in WebRTC: a small channel of our own carries them, and the connection ends when the
 * other side has seen it.
 */
import { createHash } from 'node:crypto'
import type * as NodeDataChannel from 'node-datachannel'
import type { DataChannel, DescriptionType, PeerConnection } from 'node-datachannel'
import type { ChannelSpec, TransportInput, TransportOutput } from '../sim/port.ts'

type Library = typeof NodeDataChannel

const MESSAGE_BYTES_MAX = 65_536
/** The library gives a connection up after this time without an answer; `closed` then says 'timeout'. */
const CONNECT_MS_MAX = 10_000
/** Same numbers as the simulator's. */
const REFUSED_CODE = 65_536 + 6
const TIMEOUT_CODE = 65_536 + 5
const CLOSE_LABEL = 'theta close'

/** Nodes that know each other by name; the signalling between them is a function call. */
export class DataChannelNetwork {
  readonly #library: Library
  readonly #channels: readonly ChannelSpec[]
  readonly #nodes = new Map<string, DataChannelNode>()

  static async load(channels: readonly ChannelSpec[]): Promise<DataChannelNetwork> {
    return new DataChannelNetwork(await import('node-datachannel'), channels)
  }

  private constructor(library: Library, channels: readonly ChannelSpec[]) {
    this.#library = library
    this.#channels = channels
  }

  node(name: string): DataChannelNode {
    const node = new DataChannelNode(name, this.#library, this.#channels, (endpoint) => this.#nodes.get(endpoint))
    this.#nodes.set(name, node)
    return node
  }

  /** Ends every connection and the library's threads. Nothing of this network may be used afterwards. */
  close(): void {
    for (const node of this.#nodes.values()) node.reset()
    this.#library.cleanup()
  }
}

export class DataChannelNode {
  readonly #name: string
  readonly #library: Library
  readonly #specs: readonly ChannelSpec[]
  readonly #resolve: (endpoint: string) => DataChannelNode | undefined
  readonly #links = new Map<number, Link>()
  readonly #inputs: TransportInput[] = []
  #nextId = 1

  constructor(name: string, library: Library, specs: readonly ChannelSpec[], resolve: (endpoint: string) => DataChannelNode | undefined) {
    this.#name = name
    this.#library = library
    this.#specs = specs
    this.#resolve = resolve
  }

  /** Throws a RangeError on a channel or size that is out of range. */
  send(output: TransportOutput): void {
    switch (output.kind) {
      case 'wake':
        return
      case 'open': {
        const there = this.#resolve(output.endpoint)
        if (there === undefined) {
          this.#inputs.push({ kind: 'closed', on: this.#nextId++, ticket: output.ticket, by: 'refused', code: REFUSED_CODE })
          return
        }
        const own = this.#link(output.ticket, false)
        const other = there.#link(0, true)
        own.signalTo(other)
        other.signalTo(own)
        own.connect()
        return
      }
      case 'message': {
        const { channel, bytes } = output
        if (this.#specs[channel] === undefined) throw new RangeError(`channel: expected one of ${this.#specs.length}, got ${channel}`)
        if (bytes.length > MESSAGE_BYTES_MAX) {
          throw new RangeError(`message: expected at most ${MESSAGE_BYTES_MAX} bytes, got ${bytes.length}`)
        }
        this.#links.get(output.on)?.send(channel, bytes)
        return
      }
      case 'close':
        this.#links.get(output.on)?.close(output.code)
    }
  }

  poll(): TransportInput | undefined {
    return this.#inputs.shift()
  }

  /** Drops every connection without a word to the node above. */
  reset(): void {
    for (const link of this.#links.values()) link.drop()
    this.#links.clear()
  }

  #link(ticket: number, incoming: boolean): Link {
    const on = this.#nextId++
    const connection = new this.#library.PeerConnection(`${this.#name} ${on}`, {
      // Both ends make channels before they meet: negotiating by itself, each would make an offer.
      iceServers: [], bindAddress: '127.0.0.1', maxMessageSize: MESSAGE_BYTES_MAX, disableAutoNegotiation: true,
    })
    const link = new Link(on, ticket, incoming, connection, this.#specs, (input) => this.#inputs.push(input))
    this.#links.set(on, link)
    return link
  }
}

/** One end of a connection. */
class Link {
  readonly #on: number
  readonly #ticket: number
  readonly #incoming: boolean
  readonly #connection: PeerConnection
  readonly #tell: (input: TransportInput) => void
  readonly #channels: DataChannel[] = []
  readonly #closing: DataChannel
  #openCount = 0
  /** What came over one channel before the last of them had opened here. */
  readonly #early: (() => void)[] = []
  /** Until both descriptions are there. */
  #earlyCandidates: { readonly candidate: string; readonly mid: string }[] | undefined = []
  #state: 'connecting' | 'open' | 'closed' = 'connecting'
  #timer: NodeJS.Timeout

  constructor(
    on: number,
    ticket: number,
    incoming: boolean,
    connection: PeerConnection,
    specs: readonly ChannelSpec[],
    tell: (input: TransportInput) => void,
  ) {
    this.#on = on
    this.#ticket = ticket
    this.#incoming = incoming
    this.#connection = connection
    this.#tell = tell
    specs.forEach((spec, channel) => {
      const { delivery } = spec
      const dataChannel = connection.createDataChannel(spec.label, {
        // Both ends make the same table: no negotiation inside the connection.
        negotiated: true,
        id: channel,
        unordered: !spec.ordered,
        ...(delivery.kind === 'retransmits' ? { maxRetransmits: delivery.max } : {}),
        ...(delivery.kind === 'lifetime' ? { maxPacketLifeTime: Math.ceil(delivery.maxUs / 1_000) } : {}),
      })
      dataChannel.onOpen(() => this.#opened())
      dataChannel.onMessage((message) => {
        if (typeof message === 'string') return
        const bytes = new Uint8Array(message)
        this.#whenOpen(() => this.#tell({ kind: 'message', on, channel, bytes }))
      })
      this.#channels.push(dataChannel)
    })
    this.#closing = connection.createDataChannel(CLOSE_LABEL, { negotiated: true, id: specs.length })
    this.#closing.onOpen(() => this.#opened())
    this.#closing.onMessage((code) => {
      // Both may close at once.
      if (this.#state === 'closed') this.drop()
      else this.#whenOpen(() => this.#end('remote', Number(code)))
    })
    connection.onStateChange((state) => {
      if (state === 'failed' || state === 'disconnected') this.#end('timeout', TIMEOUT_CODE)
      else if (state === 'closed') this.#end('remote', 0)
    })
    this.#timer = setTimeout(() => this.#end('timeout', TIMEOUT_CODE), CONNECT_MS_MAX)
    this.#timer.unref()
  }

  signalTo(other: Link): void {
    this.#connection.onLocalDescription((sdp, type) => {
      other.#describe(sdp, type)
      // The answer is there: both ends know each other's certificate.
      if (this.#incoming) for (const link of [this, other]) link.#meet()
    })
    this.#connection.onLocalCandidate((candidate, mid) => other.#hear(candidate, mid))
  }

  #describe(sdp: string, type: DescriptionType): void {
    if (this.#state === 'closed') return
    this.#attempt(() => {
      this.#connection.setRemoteDescription(sdp, type)
      if (this.#incoming) this.#connection.setLocalDescription('answer')
    })
  }

  /** Hands over the candidates that were kept. */
  #meet(): void {
    const early = this.#earlyCandidates
    this.#earlyCandidates = undefined
    for (const { candidate, mid } of early ?? []) this.#hear(candidate, mid)
  }

  /**
   * Candidates wait until both descriptions are in place. One that comes before its description throws; and with the path open
   * while the library (libdatachannel in node-datachannel 0.33.4) takes the answer in on another thread, it may see the peer's
   * certificate before it has the fingerprint, and fail with 'unknown CA'.
   */
  #hear(candidate: string, mid: string): void {
    if (this.#earlyCandidates !== undefined) this.#earlyCandidates.push({ candidate, mid })
    else if (this.#state !== 'closed') this.#attempt(() => this.#connection.addRemoteCandidate(candidate, mid))
  }

  /**
   * What throws in a callback of the library ends the process. It throws where the connection has ended on its threads but not
   * in our state yet; then `closed` is on its way, by its own word or by the timer.
   */
  #attempt(action: () => void): void {
    try {
      action()
    } catch {
      this.#end('timeout', TIMEOUT_CODE)
    }
  }

  connect(): void {
    this.#connection.setLocalDescription('offer')
  }

  #opened(): void {
    this.#openCount++
    if (this.#openCount <= this.#channels.length || this.#state !== 'connecting') return
    clearTimeout(this.#timer)
    this.#state = 'open'
    this.#tell({
      kind: 'opened', on: this.#on, ticket: this.#ticket, incoming: this.#incoming,
      binding: this.#binding(), messageBytesMax: MESSAGE_BYTES_MAX,
    })
    for (const action of this.#early.splice(0)) action()
  }

  #whenOpen(action: () => void): void {
    if (this.#state === 'connecting') this.#early.push(action)
    else if (this.#state === 'open') action()
  }

  /** A digest of both certificates' fingerprints, the same at both ends; a real exporter of DTLS keys is out of the library's reach. */
  #binding(): Uint8Array {
    const print = (sdp: string): string => /^a=fingerprint:(.*)$/m.exec(sdp)?.[1]?.trim().toLowerCase() ?? ''
    const prints = [print(this.#connection.localDescription()?.sdp ?? ''), print(this.#connection.remoteDescription()?.sdp ?? '')]
    return new Uint8Array(createHash('sha256').update(prints.sort().join('\n')).digest())
  }

  send(channel: number, bytes: Uint8Array): void {
    const dataChannel = this.#channels[channel]
    // The library throws where the other side has just ended the connection; its `closed` is on the way.
    if (this.#state === 'open' && dataChannel.isOpen()) dataChannel.sendMessageBinary(bytes)
  }

  close(code: number): void {
    if (this.#state === 'closed') return
    const wasOpen = this.#state === 'open'
    this.#state = 'closed'
    clearTimeout(this.#timer)
    this.#tell({ kind: 'closed', on: this.#on, ticket: this.#ticket, by: 'local', code })
    // The other side, having read the code, ends the connection.
    if (wasOpen) this.#closing.sendMessage(String(code))
    else this.drop()
  }

  #end(by: 'remote' | 'timeout', code: number): void {
    const wasOpen = this.#state === 'open'
    const wasClosed = this.#state === 'closed'
    this.drop()
    if (wasClosed || (!wasOpen && this.#incoming)) return
    this.#tell({ kind: 'closed', on: this.#on, ticket: this.#ticket, by, code })
  }

  drop(): void {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    this.#connection.close()
  }
}
