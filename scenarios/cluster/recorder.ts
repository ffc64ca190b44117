/**
 * Keeps what a capture is made of while a run goes on: datagrams as they leave, the SCTP packets inside them, and what the ends of QUIC
 * connections tell.
 */
import type { Datagram } from '../../sim/net/datagram.ts'
import type { QlogEvent } from '../../sim/quic/qlogevents.ts'
import type { WatchedEnd } from '../../sim/quic/session.ts'
import type { EndpointConfig } from '../../sim/transport/endpoint.ts'

/** Bounds of one capture; what comes after is counted. Some 100 MB of packets, and 60 MB of text. */
const DATAGRAMS_MAX = 200_000
const EVENTS_MAX = 250_000

export interface RecorderOptions {
  /** Whether datagrams are kept; then QUIC protects its packets as others can undo it. */
  readonly datagrams: boolean
  /** Whether events of QUIC connections are kept. */
  readonly events: boolean
  readonly datagramsMax?: number
  readonly eventsMax?: number
}

export interface KeptDatagram {
  readonly atUs: number
  readonly datagram: Datagram
  /** That it carries under DTLS. */
  readonly sctp: Uint8Array | undefined
}

export interface KeptEnd {
  readonly node: number
  readonly end: WatchedEnd
  /** In the order of time. */
  readonly events: (QlogEvent & { readonly atUs: number })[]
}

export class Recorder {
  readonly datagrams: KeptDatagram[] = []
  /** In the order in which they began. */
  readonly ends: KeptEnd[] = []
  /** Of each interface, by its address: datagrams beyond the bound. */
  readonly datagramsLeftOut = new Map<number, number>()
  eventsLeftOut = 0
  readonly #options: RecorderOptions
  readonly #datagramsMax: number
  readonly #eventsMax: number
  #events = 0
  /** By datagram, of those that have not left yet. */
  readonly #sctp = new Map<number, Uint8Array>()

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#datagramsMax = options.datagramsMax ?? DATAGRAMS_MAX
    this.#eventsMax = options.eventsMax ?? EVENTS_MAX
  }

  datagram(datagram: Datagram, atUs: number): void {
    if (!this.#options.datagrams) return
    const sctp = this.#sctp.get(datagram.id)
    this.#sctp.delete(datagram.id)
    if (this.datagrams.length < this.#datagramsMax) this.datagrams.push({ atUs, datagram, sctp })
    else {
      const { from } = datagram.via ?? datagram
      this.datagramsLeftOut.set(from, (this.datagramsLeftOut.get(from) ?? 0) + 1)
    }
  }

  /** What the endpoint of a node is to be told, so that it can be read along. */
  endpoint(node: number, clock: { readonly nowUs: number }): Pick<EndpointConfig, 'quic' | 'watchQuic' | 'watchWebRtc'> {
    return {
      ...(this.#options.datagrams && {
        quic: { protection: 'aead' },
        watchWebRtc: (datagram, packet) => {
          this.#sctp.set(datagram, packet)
        },
      }),
      watchQuic: (end) => {
        const kept: KeptEnd = { node, end, events: [] }
        this.ends.push(kept)
        return (event) => this.#event(kept, event, clock.nowUs)
      },
    }
  }

  #event({ events }: KeptEnd, event: QlogEvent, atUs: number): void {
    if (!this.#options.events) return
    if (this.#events++ < this.#eventsMax) events.push({ ...event, atUs })
    else this.eventsLeftOut++
  }
}
