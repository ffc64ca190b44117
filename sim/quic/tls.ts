/**
 * TLS 1.3 as QUIC uses it (RFC 8446; RFC 9001, section 4), sans-I/O: handshake bytes in and out, level by level, and the secrets that
 * packet protection starts from. Full handshakes, resumption and 0-RTT.
 *
 * Messages, transcript, key schedule and alerts are the real ones. Left out: the key exchange (both shares, and so the secret that they
 * agree on, follow from the two randoms), real signatures (certificate.ts), a second group (so no HelloRetryRequest), client
 * certificates, and the age of tickets (there is no clock here).
 */
import { type CertificateDefect, certificateChain, checkChain, handshakeSignature } from './certificate.ts'
import { keyedHash, type ProtectionKind } from './keyderivation.ts'
import { type ApplicationSecrets, KeySchedule, keyShare, sharedSecret, type TrafficSecrets } from './keyschedule.ts'
import { ascii, concat, hexOf, isSame } from '../octets.ts'
import type { Level } from './protection.ts'
import { openTicket, sealTicket, type Ticket, type TicketState } from './ticket.ts'
import {
  Alert, type AlertName, binderOf, certificateMessage, certificateVerify, type ClientHello, clientHello, encryptedExtensions, finished,
  HandshakeType, MESSAGE_HEADER_BYTES, newSessionTicket, readCertificateMessage, readCertificateVerify, readClientHello,
  readEncryptedExtensions, readNewSessionTicket, readServerHello, serverHello, signedContent, withoutBinders,
} from './tlsmessages.ts'

export type { Ticket } from './ticket.ts'

/** A handshake message of more bytes is refused; so much is kept of one that has not come whole. */
const MESSAGE_BYTES_MAX = 65_536
/** A connection gives one ticket at most, so that one nonce is enough. */
const TICKET_NONCE = new Uint8Array(1)

export interface TlsConfig {
  readonly isClient: boolean
  readonly kind: ProtectionKind
  /** 32 bytes, other ones for each connection and end: everything follows from both. */
  readonly random: Uint8Array
  /** The one application protocol that is spoken (RFC 7301). */
  readonly alpn: string
  /** Of the server: whom the client asks for, whom the certificate names. */
  readonly serverName: string
  /** Encoded transport parameters, carried in extension 0x39. */
  readonly parameters: Uint8Array
  /** Server: what is wrong with its certificate. */
  readonly certificate?: 'good' | CertificateDefect
  /** Server: of both certificates together, about; 2400 unless told. */
  readonly certificateBytes?: number
  /** Server: whether it takes 0-RTT, and gives tickets that allow it. */
  readonly acceptZeroRtt?: boolean
  /** Server: seals and opens its tickets; without it there are none. */
  readonly ticketKey?: Uint8Array
  /** Client: to be resumed, if it is for this server and protocol. */
  readonly ticket?: Ticket
  /** Client: whether it sends 0-RTT, where the ticket allows it. */
  readonly requestZeroRtt?: boolean
}

export type TlsEvent =
  /** To be sent in CRYPTO frames. */
  | { readonly kind: 'crypto'; readonly level: Level; readonly bytes: Uint8Array }
  /**
   * 32 bytes each; 'zeroRtt' has one direction. A server's of 'oneRtt' come before `complete`: until then it may send, not read (RFC 9001,
   * section 5.7).
   */
  | { readonly kind: 'secrets'; readonly level: Level; readonly own: Uint8Array | undefined; readonly peer: Uint8Array | undefined }
  /** The peer's transport parameters: not to be trusted before `complete`. */
  | { readonly kind: 'parameters'; readonly bytes: Uint8Array }
  /** What became of 0-RTT, where the client asked for it. */
  | { readonly kind: 'zeroRtt'; readonly accepted: boolean }
  /** The handshake is complete (RFC 9001, section 4.1.1). */
  | { readonly kind: 'complete' }
  | { readonly kind: 'ticket'; readonly ticket: Ticket }
  /** The handshake has failed: CRYPTO_ERROR 0x100 + code closes the connection. Nothing follows. */
  | { readonly kind: 'alert'; readonly code: number }

/** The message that is awaited; 'none' where any is one too many. */
type Awaited = keyof typeof HandshakeType | 'none'

export class TlsSession {
  readonly #config: TlsConfig
  readonly #events: TlsEvent[] = []
  /** What a key log would name. */
  readonly #secrets: (readonly [string, Uint8Array])[] = []
  #schedule: KeySchedule
  #awaited: Awaited
  #level: Level = 'initial'
  /** The beginning of a message that has not come whole. */
  #partial = NO_BYTES
  #isFailed = false
  #clientRandom = NO_BYTES
  #handshakeTraffic: TrafficSecrets = { client: NO_BYTES, server: NO_BYTES }
  #peerParameters = NO_BYTES
  #exporter = NO_BYTES
  #resumed = false
  /** Client: its ClientHello, which starts the transcript again where the server does not resume. */
  #hello = NO_BYTES
  #requestedZeroRtt = false
  #leaf = NO_BYTES

  constructor(config: TlsConfig) {
    this.#config = config
    this.#schedule = new KeySchedule(config.kind, this.#ticket?.psk)
    this.#awaited = config.isClient ? 'none' : 'clientHello'
  }

  /** Of EXPORTER-Channel-Binding (RFC 9266), 32 bytes that both ends share, of no other connection; empty until `secrets` of 'oneRtt'. */
  get exporter(): Uint8Array {
    return this.#exporter
  }

  /** Whether a ticket was accepted; known with `secrets` of 'handshake'. */
  get resumed(): boolean {
    return this.#resumed
  }

  /** Lines of an NSS key log, one for each secret so far. */
  keyLog(): readonly string[] {
    const random = hexOf(this.#clientRandom)
    return this.#secrets.map(([label, secret]) => `${label} ${random} ${hexOf(secret)}`)
  }

  /** The client begins; a server waits. */
  start(): void {
    if (this.#config.isClient) this.#sendClientHello()
  }

  /** Bytes of the CRYPTO stream of one level, in order, cut anywhere. */
  receive(level: Level, bytes: Uint8Array): void {
    if (this.#isFailed || bytes.length === 0) return
    if (level !== this.#level) return this.#fail('unexpectedMessage')
    let rest = this.#partial.length === 0 ? bytes : concat(this.#partial, bytes)
    this.#partial = NO_BYTES
    while (rest.length >= MESSAGE_HEADER_BYTES) {
      const end = MESSAGE_HEADER_BYTES + rest[1] * 0x1_0000 + rest[2] * 0x100 + rest[3]
      if (end > MESSAGE_BYTES_MAX) return this.#fail('decodeError')
      if (rest.length < end) break
      const alert = this.#take(rest.subarray(0, end))
      if (alert !== undefined) return this.#fail(alert)
      rest = rest.subarray(end)
      // Messages do not go on across a change of keys (RFC 8446, section 5.1).
      if (rest.length > 0 && level !== this.#level) return this.#fail('unexpectedMessage')
    }
    this.#partial = rest.slice()
  }

  poll(): TlsEvent | undefined {
    return this.#events.shift()
  }

  /** Client: the ticket, if it is for what is asked for now. */
  get #ticket(): Ticket | undefined {
    const { ticket, alpn, serverName } = this.#config
    return ticket !== undefined && ticket.alpn === alpn && ticket.serverName === serverName ? ticket : undefined
  }

  #fail(alert: AlertName): void {
    this.#isFailed = true
    this.#emit({ kind: 'alert', code: Alert[alert] })
  }

  #emit(event: TlsEvent): void {
    this.#events.push(event)
  }

  #await(awaited: Awaited, level: Level): void {
    this.#awaited = awaited
    this.#level = level
  }

  /** Sends a message, as part of the transcript. */
  #send(level: Level, ...messages: readonly Uint8Array[]): void {
    for (const message of messages) this.#schedule.add(message)
    this.#emit({ kind: 'crypto', level, bytes: concat(...messages) })
  }

  /** One message, header included; the alert that answers a bad one. */
  #take(message: Uint8Array): AlertName | undefined {
    const awaited = this.#awaited
    if (awaited === 'none' || message[0] !== HandshakeType[awaited]) return 'unexpectedMessage'
    const body = message.subarray(MESSAGE_HEADER_BYTES)
    switch (awaited) {
      case 'clientHello': return this.#onClientHello(message, body)
      case 'serverHello': return this.#onServerHello(message, body)
      case 'encryptedExtensions': return this.#onEncryptedExtensions(message, body)
      case 'certificate': return this.#onCertificate(message, body)
      case 'certificateVerify': return this.#onCertificateVerify(message, body)
      case 'finished': return this.#config.isClient ? this.#onServerFinished(message, body) : this.#onClientFinished(message, body)
      case 'newSessionTicket': return this.#onTicket(body)
    }
  }

  // The client.

  #sendClientHello(): void {
    const { kind, random, alpn, serverName, parameters } = this.#config
    const ticket = this.#ticket
    const earlyData = ticket !== undefined && ticket.earlyData && this.#config.requestZeroRtt === true
    this.#clientRandom = random
    this.#requestedZeroRtt = earlyData
    const psk = ticket && { identity: ticket.identity, obfuscatedAge: ticket.ageAdd }
    this.#hello = clientHello(
      { random, keyShare: keyShare(kind, random), serverName, alpn: [alpn], parameters, earlyData, ...(psk === undefined ? {} : { psk }) },
      (truncated) => this.#schedule.binder(truncated),
    )
    this.#send('initial', this.#hello)
    if (earlyData) this.#startZeroRtt()
    this.#await('serverHello', 'initial')
  }

  #onServerHello(message: Uint8Array, body: Uint8Array): AlertName | undefined {
    const { kind, random } = this.#config
    const hello = readServerHello(body)
    if (typeof hello === 'string') return hello
    const offered = this.#ticket !== undefined
    if (hello.resumed && !offered) return 'illegalParameter'
    this.#resumed = hello.resumed
    if (offered && !hello.resumed) {
      this.#schedule = new KeySchedule(kind, undefined)
      this.#schedule.add(this.#hello)
    }
    this.#schedule.add(message)
    this.#startHandshake(sharedSecret(kind, keyShare(kind, random), hello.keyShare))
    this.#await('encryptedExtensions', 'handshake')
    return undefined
  }

  #onEncryptedExtensions(message: Uint8Array, body: Uint8Array): AlertName | undefined {
    const extensions = readEncryptedExtensions(body)
    if (typeof extensions === 'string') return extensions
    if (extensions.alpn !== this.#config.alpn) return 'illegalParameter'
    if (extensions.earlyData && !(this.#requestedZeroRtt && this.#resumed)) return 'illegalParameter'
    this.#schedule.add(message)
    this.#peerParameters = extensions.parameters.slice()
    this.#emit({ kind: 'parameters', bytes: this.#peerParameters })
    if (this.#requestedZeroRtt) this.#emit({ kind: 'zeroRtt', accepted: extensions.earlyData })
    this.#await(this.#resumed ? 'finished' : 'certificate', 'handshake')
    return undefined
  }

  #onCertificate(message: Uint8Array, body: Uint8Array): AlertName | undefined {
    const { kind, serverName } = this.#config
    const chain = readCertificateMessage(body)
    if (typeof chain === 'string') return chain
    const alert = checkChain(kind, chain, serverName)
    if (alert !== undefined) return alert
    this.#schedule.add(message)
    this.#leaf = chain[0].slice()
    this.#await('certificateVerify', 'handshake')
    return undefined
  }

  #onCertificateVerify(message: Uint8Array, body: Uint8Array): AlertName | undefined {
    const signature = readCertificateVerify(body)
    if (typeof signature === 'string') return signature
    const expected = handshakeSignature(this.#config.kind, this.#leaf, signedContent(this.#schedule.transcriptHash))
    if (!isSame(signature, expected)) return 'decryptError'
    this.#schedule.add(message)
    this.#await('finished', 'handshake')
    return undefined
  }

  #onServerFinished(message: Uint8Array, body: Uint8Array): AlertName | undefined {
    const { client, server } = this.#handshakeTraffic
    if (!isSame(body, this.#schedule.verifyData(server))) return 'decryptError'
    this.#schedule.add(message)
    const verifyData = this.#schedule.verifyData(client)
    // Of the transcript up to here; they follow what still needs the keys of the handshake.
    const application = this.#schedule.applicationTraffic()
    this.#send('handshake', finished(verifyData))
    this.#startApplication(application)
    this.#emit({ kind: 'complete' })
    this.#await('newSessionTicket', 'oneRtt')
    return undefined
  }

  #onTicket(body: Uint8Array): AlertName | undefined {
    const { alpn, serverName } = this.#config
    const read = readNewSessionTicket(body)
    if (typeof read === 'string') return read
    const { ageAdd, earlyData } = read
    const psk = this.#schedule.resumptionPsk(read.nonce)
    const ticket = { identity: read.identity.slice(), psk, ageAdd, earlyData, alpn, serverName, parameters: this.#peerParameters }
    this.#emit({ kind: 'ticket', ticket })
    return undefined
  }

  // The server.

  #onClientHello(message: Uint8Array, body: Uint8Array): AlertName | undefined {
    const { kind, random, alpn, parameters } = this.#config
    const hello = readClientHello(body)
    if (typeof hello === 'string') return hello
    if (!hello.alpn.includes(alpn)) return 'noApplicationProtocol'
    const state = this.#stateOf(hello)
    this.#schedule = new KeySchedule(kind, state?.psk)
    if (state !== undefined && !isSame(this.#schedule.binder(withoutBinders(message)), binderOf(message))) return 'decryptError'
    this.#resumed = state !== undefined
    this.#clientRandom = hello.random.slice()
    this.#schedule.add(message)
    this.#emit({ kind: 'parameters', bytes: hello.parameters.slice() })
    const earlyData = hello.earlyData && this.#resumed && this.#config.acceptZeroRtt === true
    if (hello.earlyData) this.#emit({ kind: 'zeroRtt', accepted: earlyData })
    if (earlyData) this.#startZeroRtt()

    const share = keyShare(kind, random)
    this.#send('initial', serverHello({ random, keyShare: share, resumed: this.#resumed }))
    this.#startHandshake(sharedSecret(kind, hello.keyShare, share))
    this.#sendServerFlight(encryptedExtensions({ alpn, parameters, earlyData }))
    this.#startApplication(this.#schedule.applicationTraffic())
    this.#await('finished', 'handshake')
    return undefined
  }

  #sendServerFlight(extensions: Uint8Array): void {
    const { kind, serverName, certificate, certificateBytes } = this.#config
    const flight: Uint8Array[] = []
    const add = (message: Uint8Array): void => {
      this.#schedule.add(message)
      flight.push(message)
    }
    add(extensions)
    if (!this.#resumed) {
      const chain = certificateChain(kind, serverName, certificate === 'good' ? undefined : certificate, certificateBytes)
      add(certificateMessage(chain))
      add(certificateVerify(handshakeSignature(kind, chain[0], signedContent(this.#schedule.transcriptHash))))
    }
    add(finished(this.#schedule.verifyData(this.#handshakeTraffic.server)))
    this.#emit({ kind: 'crypto', level: 'handshake', bytes: concat(...flight) })
  }

  #onClientFinished(message: Uint8Array, body: Uint8Array): AlertName | undefined {
    if (!isSame(body, this.#schedule.verifyData(this.#handshakeTraffic.client))) return 'decryptError'
    this.#schedule.add(message)
    this.#emit({ kind: 'complete' })
    this.#await('none', 'oneRtt')
    this.#sendTicket()
    return undefined
  }

  #sendTicket(): void {
    const { kind, random, alpn, ticketKey, acceptZeroRtt } = this.#config
    if (ticketKey === undefined) return
    const drawn = keyedHash(kind, random, ascii('ticket'))
    const ageAdd = new DataView(drawn.buffer, drawn.byteOffset).getUint32(drawn.length - 4)
    const identity = sealTicket(kind, ticketKey, drawn, { psk: this.#schedule.resumptionPsk(TICKET_NONCE), alpn })
    // Not part of the transcript.
    const bytes = newSessionTicket({ ageAdd, nonce: TICKET_NONCE, identity, earlyData: acceptZeroRtt === true })
    this.#emit({ kind: 'crypto', level: 'oneRtt', bytes })
  }

  /** What the ticket on offer holds, if it is ours and for the same protocol. */
  #stateOf({ psk }: ClientHello): TicketState | undefined {
    const { kind, alpn, ticketKey } = this.#config
    const state = psk && ticketKey && openTicket(kind, ticketKey, psk.identity)
    return state?.alpn === alpn ? state : undefined
  }

  // Both.

  #startZeroRtt(): void {
    const secret = this.#schedule.earlyTraffic()
    this.#keep('CLIENT_EARLY_TRAFFIC_SECRET', secret)
    const { isClient } = this.#config
    this.#emit({ kind: 'secrets', level: 'zeroRtt', own: isClient ? secret : undefined, peer: isClient ? undefined : secret })
  }

  #startHandshake(shared: Uint8Array): void {
    this.#handshakeTraffic = this.#schedule.handshakeTraffic(shared)
    this.#keep('CLIENT_HANDSHAKE_TRAFFIC_SECRET', this.#handshakeTraffic.client)
    this.#keep('SERVER_HANDSHAKE_TRAFFIC_SECRET', this.#handshakeTraffic.server)
    this.#emitSecrets('handshake', this.#handshakeTraffic)
  }

  #startApplication(secrets: ApplicationSecrets): void {
    this.#exporter = this.#schedule.channelBinding(secrets.exporter)
    this.#keep('CLIENT_TRAFFIC_SECRET_0', secrets.client)
    this.#keep('SERVER_TRAFFIC_SECRET_0', secrets.server)
    this.#keep('EXPORTER_SECRET', secrets.exporter)
    this.#emitSecrets('oneRtt', secrets)
  }

  #keep(label: string, secret: Uint8Array): void {
    this.#secrets.push([label, secret])
  }

  #emitSecrets(level: Level, { client, server }: TrafficSecrets): void {
    const { isClient } = this.#config
    this.#emit({ kind: 'secrets', level, own: isClient ? client : server, peer: isClient ? server : client })
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0)
