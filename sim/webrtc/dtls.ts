/**
 * A model of DTLS 1.2 (RFC 6347) as libwebrtc runs it: four flights of real size in real records, certificates on both sides that are
 * known by their fingerprints, retransmission, replay window, alerts. What it agrees on hides nothing (secret.ts).
 *
 *     dtls-records.ts      records, protection, replay window
 *     dtls-messages.ts     messages of the handshake, fragments
 *     dtls-certificate.ts  certificates, fingerprints, signatures
 *
 * Sans-I/O: after any call, `poll` until it has nothing more.
 */
import { DATAGRAM_BYTES_MAX, Reader, type Writer } from '../bytes.ts'
import { certificateOf, fingerprintOf, pointOf, signatureOf } from './dtls-certificate.ts'
import {
  certificateMessage, certificateRequest, certificateVerify, clientHello, clientKeyExchange, fragmentHeader, HANDSHAKE_HEADER_BYTES,
  HandshakeReassembly, type HandshakeMessage, MessageType, readCertificate, readCertificateVerify, readClientKeyExchange, readHello,
  readServerKeyExchange, serverHello, serverKeyExchange, VERIFY_DATA_BYTES, wholeMessage,
} from './dtls-messages.ts'
import {
  ContentType, openRecord, PROTECTION_BYTES, readRecord, type DtlsRecord, RECORD_HEADER_BYTES, ReplayWindow, writeRecord,
} from './dtls-records.ts'
import type { PacketIdentity } from './packetidentity.ts'
import { deriveFrom, type SumKey, sumKey } from './secret.ts'

/** libwebrtc's; RFC 6347, section 4.2.4.1, begins with one second. */
const RETRANSMISSION_US_INITIAL = 50_000
/** RFC 6347, section 4.2.4.1. */
const RETRANSMISSION_US_MAX = 60_000_000
/** BoringSSL's. */
const RETRANSMISSIONS_MAX = 12
/** A fragment is not cut for less room than this. */
const FRAGMENT_BYTES_MIN = 64

/** RFC 5246, section 7.2. */
export const Alert = { closeNotify: 0, unexpectedMessage: 10, badCertificate: 42, decodeError: 50, decryptError: 51 } as const
const AlertLevel = { warning: 1, fatal: 2 } as const

export interface DtlsConfig {
  readonly isClient: boolean
  /** Not known to others, and another at each end and for each connection: random, key share and certificate follow from it. */
  readonly secret: Uint8Array
  /** Of the peer's certificate, as its session description gives it; undefined accepts none. */
  readonly fingerprintExpected: () => Uint8Array | undefined
  /** Shared with whatever else makes datagrams one at a time. */
  readonly writer: Writer
  /** Of a datagram of the handshake, whose flights are cut to it: [256, DATAGRAM_BYTES_MAX], which is what it is where it is not given. */
  readonly flightBytesMax?: number
}

export type DtlsEvent =
  | { readonly kind: 'datagram'; readonly bytes: Uint8Array; readonly identity: PacketIdentity }
  /** `bytes` are borrowed. */
  | { readonly kind: 'application'; readonly bytes: Uint8Array }
  | { readonly kind: 'connected' }
  /** With the alert that was sent or received; a timeout has none. */
  | { readonly kind: 'failed'; readonly by: 'local' | 'remote' | 'timeout'; readonly alert: number }
  /** The peer said close_notify. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'discarded'; readonly why: 'malformed' | 'tag' | 'repeated' | 'early' }

/** A message of a flight; Finished is the one in epoch 1, with ChangeCipherSpec before it. */
interface Flight {
  readonly name: string
  readonly messages: readonly HandshakeMessage[]
}

export class Dtls {
  /** What this end's session description says. */
  readonly fingerprint: Uint8Array
  readonly #config: DtlsConfig
  readonly #certificate: Uint8Array
  readonly #random: Uint8Array
  readonly #point: Uint8Array
  #state: 'new' | 'handshake' | 'connected' | 'failed' | 'closed' = 'new'
  readonly #events: DtlsEvent[] = []
  // Of the handshake.
  #peerRandom = new Uint8Array(0)
  #peerCertificate = new Uint8Array(0)
  #peerPoint = new Uint8Array(0)
  readonly #transcript: Uint8Array[] = []
  /** Types that come next. */
  #expected: number[]
  readonly #incoming = new HandshakeReassembly()
  #messagesSent = 0
  #flight: Flight | undefined
  #attempt = 0
  #timerUs = RETRANSMISSION_US_INITIAL
  #timerAtUs = Infinity
  // Of what comes of it.
  #master: Uint8Array | undefined
  #ownKey: SumKey | undefined
  #peerKey: SumKey | undefined
  readonly #sequences = [0, 0]
  readonly #replay = [new ReplayWindow(), new ReplayWindow()]
  #alert: { readonly level: number; readonly description: number } | undefined
  #alertsSent = 0

  constructor(config: DtlsConfig) {
    this.#config = config
    this.#certificate = certificateOf(config.secret)
    this.fingerprint = fingerprintOf(this.#certificate)
    this.#random = deriveFrom('dtls random', config.secret)
    this.#point = pointOf('key share', config.secret)
    this.#expected = config.isClient
      ? [
        MessageType.serverHello, MessageType.certificate, MessageType.serverKeyExchange, MessageType.certificateRequest,
        MessageType.serverHelloDone, MessageType.finished,
      ]
      : [
        MessageType.clientHello, MessageType.certificate, MessageType.clientKeyExchange, MessageType.certificateVerify,
        MessageType.finished,
      ]
  }

  get isConnected(): boolean {
    return this.#state === 'connected'
  }

  /** 32 bytes that both ends know, and no other connection has (RFC 5705). Once it is connected. */
  exporter(label: string): Uint8Array {
    return deriveFrom(label, this.#master!, ...this.#randoms())
  }

  /** Of the client, then of the server. */
  #randoms(): [Uint8Array, Uint8Array] {
    return this.#config.isClient ? [this.#random, this.#peerRandom] : [this.#peerRandom, this.#random]
  }

  poll(): DtlsEvent | undefined {
    return this.#events.shift()
  }

  /** The client speaks first. */
  start(nowUs: number): void {
    if (this.#state !== 'new') return
    this.#state = 'handshake'
    if (this.#config.isClient) this.#fly('dtls client hello', [[MessageType.clientHello, clientHello(this.#random)]], nowUs)
  }

  // ---- Sending.

  /** A new flight: remembered, entered into the transcript, sent. */
  #fly(name: string, bodies: readonly (readonly [number, Uint8Array])[], nowUs: number): void {
    const messages = bodies.map(([type, body]) => this.#own(type, body))
    this.#launch(name, messages, nowUs)
  }
  #own(type: number, body: Uint8Array): HandshakeMessage {
    const message = { type, sequence: this.#messagesSent++, body }
    this.#transcript.push(wholeMessage(message))
    return message
  }
  #launch(name: string, messages: readonly HandshakeMessage[], nowUs: number): void {
    this.#flight = { name, messages }
    this.#attempt = 0
    this.#timerUs = RETRANSMISSION_US_INITIAL
    this.#sendFlight(nowUs)
  }

  #sendFlight(nowUs: number): void {
    const { name, messages } = this.#flight!
    const { writer, flightBytesMax = DATAGRAM_BYTES_MAX } = this.#config
    this.#timerAtUs = this.#expected.length > 0 ? nowUs + this.#timerUs : Infinity
    let datagrams = 0
    writer.begin(flightBytesMax)
    const finish = (): void => {
      const identity = { contents: name, channel: 0, start: datagrams, end: ++datagrams, attempt: this.#attempt }
      this.#events.push({ kind: 'datagram', bytes: writer.finish(), identity })
    }
    const make = (bytes: number): void => {
      if (writer.room >= bytes) return
      finish()
      writer.begin(flightBytesMax)
    }
    for (const message of messages) {
      const { type, body } = message
      const key = type === MessageType.finished ? this.#ownKey : undefined
      const overhead = (key === undefined ? RECORD_HEADER_BYTES : PROTECTION_BYTES) + HANDSHAKE_HEADER_BYTES
      if (key !== undefined) {
        make(RECORD_HEADER_BYTES + 1)
        this.#write(ContentType.changeCipherSpec, undefined, Uint8Array.of(1))
      }
      let offset = 0
      do {
        make(overhead + Math.min(FRAGMENT_BYTES_MIN, body.length - offset))
        const length = Math.min(body.length - offset, writer.room - overhead)
        this.#write(ContentType.handshake, key, fragmentHeader(message, offset, length), body.subarray(offset, offset + length))
        offset += length
      } while (offset < body.length)
    }
    finish()
  }

  #write(type: number, key: SumKey | undefined, ...parts: readonly Uint8Array[]): void {
    writeRecord(this.#config.writer, type, this.#sequences[key === undefined ? 0 : 1]++, key, ...parts)
  }

  /** A datagram of one record with application data; `bytes` are at most what DATAGRAM_BYTES_MAX leaves. Only where it is connected. */
  protect(bytes: Uint8Array): Uint8Array {
    const { writer } = this.#config
    writer.begin(DATAGRAM_BYTES_MAX)
    this.#write(ContentType.application, this.#ownKey, bytes)
    return writer.finish()
  }

  #sendAlert(): void {
    const { level, description } = this.#alert!
    const { writer } = this.#config
    writer.begin(DATAGRAM_BYTES_MAX)
    // Nobody can read epoch 1 before the handshake is over.
    this.#write(ContentType.alert, this.#expected.length === 0 ? this.#ownKey : undefined, Uint8Array.of(level, description))
    const identity = { contents: 'dtls alert', channel: 0, start: description, end: description, attempt: this.#alertsSent++ }
    this.#events.push({ kind: 'datagram', bytes: writer.finish(), identity })
  }

  #fail(alert: number): void {
    this.#state = 'failed'
    this.#timerAtUs = Infinity
    this.#alert = { level: AlertLevel.fatal, description: alert }
    this.#sendAlert()
    this.#events.push({ kind: 'failed', by: 'local', alert })
  }

  /** Says close_notify: RFC 5246, section 7.2.1. */
  close(): void {
    if (this.#state === 'connected') {
      this.#alert = { level: AlertLevel.warning, description: Alert.closeNotify }
      this.#sendAlert()
    }
    if (this.#state !== 'failed') this.#state = 'closed'
    this.#timerAtUs = Infinity
  }

  // ---- Receiving.

  receive(bytes: Uint8Array, nowUs: number): void {
    const reader = new Reader(bytes, bytes.length)
    let isRepeated = false
    while (reader.remaining > 0) {
      const record = readRecord(reader)
      if (record === undefined) return this.#discard('malformed')
      if (this.#receiveRecord(record, reader.view, nowUs)) isRepeated = true
    }
    if (!isRepeated) return
    // Section 4.2.4: the peer has not heard our flight, or it would not say its own again.
    if (this.#alert !== undefined) return this.#sendAlert()
    const isLast = this.#expected.length === 0
    if (this.#flight === undefined || (isLast && this.#config.isClient)) return
    this.#attempt++
    this.#sendFlight(nowUs)
  }

  #discard(why: Extract<DtlsEvent, { kind: 'discarded' }>['why']): void {
    this.#events.push({ kind: 'discarded', why })
  }

  /** True where the peer repeats what was taken already. */
  #receiveRecord(record: DtlsRecord, view: DataView, nowUs: number): boolean {
    const { type, epoch, sequence } = record
    if (epoch > 1 || (epoch === 1 && this.#peerKey === undefined)) {
      this.#discard('early')
      return false
    }
    const bytes = epoch === 0 ? record.bytes : openRecord(record, view, this.#peerKey!)
    if (bytes === undefined || !this.#replay[epoch].take(sequence)) {
      this.#discard(bytes === undefined ? 'tag' : 'repeated')
      return false
    }
    if (this.#state === 'failed' || this.#state === 'closed') return type === ContentType.handshake && this.#alert !== undefined
    if (type === ContentType.handshake) return this.#receiveHandshake(bytes, epoch, nowUs)
    if (type === ContentType.application) {
      if (epoch === 1 && this.#state === 'connected') this.#events.push({ kind: 'application', bytes })
      else this.#discard('early')
    } else if (type === ContentType.alert) {
      this.#receiveAlert(bytes, epoch)
    } else if (type !== ContentType.changeCipherSpec) {
      // Section 4.1: the epoch of a record says what ChangeCipherSpec would.
      this.#discard('malformed')
    }
    return false
  }

  #receiveAlert(bytes: Uint8Array, epoch: number): void {
    // Once there are keys, what has none is anybody's.
    if (bytes.length !== 2 || (epoch === 0 && this.#state === 'connected')) return this.#discard('malformed')
    const [level, alert] = bytes
    if (alert === Alert.closeNotify) {
      this.#state = 'closed'
      this.#timerAtUs = Infinity
      this.#events.push({ kind: 'closed' })
    } else if (level === AlertLevel.fatal) {
      this.#state = 'failed'
      this.#timerAtUs = Infinity
      this.#events.push({ kind: 'failed', by: 'remote', alert })
    }
  }

  #receiveHandshake(bytes: Uint8Array, epoch: number, nowUs: number): boolean {
    const reader = new Reader(bytes, bytes.length)
    let isRepeated = false
    while (reader.remaining > 0) {
      const receipt = this.#incoming.add(reader, epoch)
      if (receipt === 'malformed') {
        this.#discard('malformed')
        return isRepeated
      }
      if (receipt === 'repeated') isRepeated = true
    }
    for (let message; this.#state !== 'failed' && (message = this.#incoming.shift()) !== undefined; ) {
      const type = this.#expected.shift()
      const alert = message.type === type ? this.#take(message, nowUs) : Alert.unexpectedMessage
      if (alert !== undefined) this.#fail(alert)
    }
    return isRepeated
  }

  /** The alert that it deserves; undefined where it is as it should be. */
  #take(message: HandshakeMessage, nowUs: number): number | undefined {
    const { type, body } = message
    // CertificateVerify and Finished speak of what came before them.
    const alert = this.#read(type, body)
    if (alert !== undefined) return alert
    this.#transcript.push(wholeMessage(message))
    if (this.#state === 'new') this.#state = 'handshake'
    if (type === MessageType.clientHello) this.#answerHello(nowUs)
    else if (type === MessageType.clientKeyExchange) this.#agree()
    else if (type === MessageType.serverHelloDone) this.#answerDone(nowUs)
    else if (type === MessageType.finished) this.#finish(nowUs)
    return undefined
  }

  #read(type: number, body: Uint8Array): number | undefined {
    switch (type) {
      case MessageType.clientHello:
      case MessageType.serverHello: {
        const random = readHello(body)
        if (random === undefined) return Alert.decodeError
        this.#peerRandom = random.slice()
        return undefined
      }
      case MessageType.certificate: {
        const certificate = readCertificate(body)
        if (certificate === undefined) return Alert.decodeError
        this.#peerCertificate = certificate.slice()
        // RFC 8827, section 5.1: the session description names the certificate.
        return isSame(fingerprintOf(certificate), this.#config.fingerprintExpected()) ? undefined : Alert.badCertificate
      }
      case MessageType.serverKeyExchange: {
        const exchange = readServerKeyExchange(body)
        if (exchange === undefined) return Alert.decodeError
        this.#peerPoint = exchange.point.slice()
        const expected = signatureOf(this.#peerCertificate, ...this.#randoms(), exchange.parameters)
        return isSame(exchange.signature, expected) ? undefined : Alert.decryptError
      }
      case MessageType.clientKeyExchange: {
        const point = readClientKeyExchange(body)
        if (point === undefined) return Alert.decodeError
        this.#peerPoint = point.slice()
        return undefined
      }
      case MessageType.certificateVerify: {
        const signature = readCertificateVerify(body)
        if (signature === undefined) return Alert.decodeError
        return isSame(signature, signatureOf(this.#peerCertificate, ...this.#transcript)) ? undefined : Alert.decryptError
      }
      case MessageType.finished:
        return isSame(body, this.#verifyData(!this.#config.isClient)) ? undefined : Alert.decryptError
      default:
        return undefined
    }
  }

  #answerHello(nowUs: number): void {
    const sign = (parameters: Uint8Array): Uint8Array => signatureOf(this.#certificate, ...this.#randoms(), parameters)
    this.#fly('dtls server hello', [
      [MessageType.serverHello, serverHello(this.#random)],
      [MessageType.certificate, certificateMessage(this.#certificate)],
      [MessageType.serverKeyExchange, serverKeyExchange(this.#point, sign)],
      [MessageType.certificateRequest, certificateRequest()],
      [MessageType.serverHelloDone, new Uint8Array(0)],
    ], nowUs)
  }

  #answerDone(nowUs: number): void {
    const messages = [
      this.#own(MessageType.certificate, certificateMessage(this.#certificate)),
      this.#own(MessageType.clientKeyExchange, clientKeyExchange(this.#point)),
    ]
    this.#agree()
    messages.push(this.#own(MessageType.certificateVerify, certificateVerify(signatureOf(this.#certificate, ...this.#transcript))))
    messages.push(this.#own(MessageType.finished, this.#verifyData(true)))
    this.#launch('dtls client finished', messages, nowUs)
  }

  #finish(nowUs: number): void {
    this.#state = 'connected'
    if (this.#config.isClient) this.#timerAtUs = Infinity
    else this.#launch('dtls server finished', [this.#own(MessageType.finished, this.#verifyData(false))], nowUs)
    this.#events.push({ kind: 'connected' })
  }

  /** RFC 7627, section 4: the master secret is of all up to ClientKeyExchange. */
  #agree(): void {
    const [client, server] = this.#config.isClient ? [this.#point, this.#peerPoint] : [this.#peerPoint, this.#point]
    this.#master = deriveFrom('extended master secret', client, server, ...this.#transcript)
    const keys = deriveFrom('key expansion', this.#master, ...this.#randoms())
    const [clientKey, serverKey] = [sumKey(keys, 0xc11e), sumKey(keys, 0x5e7e)]
    this.#ownKey = this.#config.isClient ? clientKey : serverKey
    this.#peerKey = this.#config.isClient ? serverKey : clientKey
  }

  #verifyData(ofClient: boolean): Uint8Array {
    return deriveFrom(ofClient ? 'client finished' : 'server finished', this.#master!, ...this.#transcript).subarray(0, VERIFY_DATA_BYTES)
  }

  // ---- Time.

  nextWakeUs(): number {
    return this.#timerAtUs
  }

  /** Sends the flight again: RFC 6347, section 4.2.4. */
  wake(nowUs: number): void {
    if (nowUs < this.#timerAtUs) return
    if (this.#attempt >= RETRANSMISSIONS_MAX) {
      this.#state = 'failed'
      this.#timerAtUs = Infinity
      this.#events.push({ kind: 'failed', by: 'timeout', alert: 0 })
      return
    }
    this.#attempt++
    this.#timerUs = Math.min(this.#timerUs * 2, RETRANSMISSION_US_MAX)
    this.#sendFlight(nowUs)
  }
}

function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i])
}
