/** Data channels over SCTP over DTLS, as one connection has them: sizes, and what the layers owe each other. */
import { expect, test } from 'vitest'
import { DATAGRAM_BYTES_MAX, Writer } from '../../../sim/bytes.ts'
import { DataChannels } from '../../../sim/webrtc/datachannels.ts'
import { Dtls } from '../../../sim/webrtc/dtls.ts'
import { numbered, RELIABLE, retransmits } from './pair.ts'

/** One end: the DTLS client is the responder, as an answer says 'active'. */
class Peer {
  readonly dtls: Dtls
  readonly channels: DataChannels
  readonly received: Uint8Array[] = []
  readonly out: { readonly bytes: Uint8Array; readonly contents: string }[] = []
  binding: Uint8Array | undefined
  #datagrams = 0

  constructor(isInitiator: boolean, fingerprint: () => Uint8Array) {
    const writer = new Writer()
    const secret = Uint8Array.of(isInitiator ? 1 : 2)
    this.dtls = new Dtls({ isClient: !isInitiator, secret, fingerprintExpected: fingerprint, writer })
    this.channels = new DataChannels({
      specs: [RELIABLE, retransmits(0)], isInitiator, isDtlsClient: !isInitiator, secret, node: 0, connection: 1, writer,
      send: (bytes, { contents }) => {
        this.out.push({ bytes: this.dtls.protect(bytes), contents })
        return this.#datagrams++
      },
      opened: () => { this.binding = this.dtls.exporter('binding') },
      deliver: (_, bytes) => this.received.push(bytes.slice()),
      credit: () => {}, channelClosed: () => {}, closed: () => {}, record: () => {},
    })
  }

  receive(bytes: Uint8Array, nowUs: number): void {
    this.dtls.receive(bytes, nowUs)
    this.drain(nowUs)
  }
  drain(nowUs: number): void {
    for (let event; (event = this.dtls.poll()) !== undefined; ) {
      if (event.kind === 'datagram') this.out.push({ bytes: event.bytes, contents: event.identity.contents })
      else if (event.kind === 'connected') this.channels.start(nowUs)
      else if (event.kind === 'application') this.channels.receive(event.bytes, { id: 0, keyHi: 0, keyLo: 0 }, nowUs)
    }
    this.channels.flush(nowUs)
  }
}

test('opens over DTLS, shares a binding, and no datagram exceeds what every path carries', () => {
  const a: Peer = new Peer(true, () => b.dtls.fingerprint)
  const b: Peer = new Peer(false, () => a.dtls.fingerprint)
  const contents: string[] = []
  const exchange = (nowUs: number): void => {
    for (let round = 0; round < 60; round++) {
      for (const [from, to] of [[a, b], [b, a]] as const) {
        for (const datagram of from.out.splice(0)) {
          expect(datagram.bytes.length).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX)
          contents.push(datagram.contents)
          to.receive(datagram.bytes, nowUs + round)
        }
        from.channels.wake(nowUs + round)
        from.drain(nowUs + round)
      }
    }
  }
  a.dtls.start(0)
  b.dtls.start(0)
  a.drain(0)
  b.drain(0)
  exchange(0)
  expect(a.binding).toBeDefined()
  expect(a.binding).toEqual(b.binding)
  expect(contents.slice(0, 4)).toEqual(['dtls client hello', 'dtls server hello', 'dtls client finished', 'dtls server finished'])
  a.channels.write(0, numbered(1, 30_000), 1_000)
  b.channels.write(1, numbered(2, 1_000), 1_000)
  a.channels.flush(1_000)
  b.channels.flush(1_000)
  for (let i = 0; i < 20; i++) exchange(100_000 * (i + 1))
  expect(b.received).toEqual([numbered(1, 30_000)])
  expect(a.received).toEqual([numbered(2, 1_000)])
})
