/**
 * Which datagram is for which connection (RFC 9000, section 5.2), and what a server says before there is one: Version Negotiation (6),
 * Retry (8.1), a refusal (5.2.2), a stateless reset (10.3). It keeps nothing of those whom it answers so.
 */
import type { Writer } from '../bytes.ts'
import { hashText, mix32 } from '../choice.ts'
import { type Datagram, Ecn } from '../net/datagram.ts'
import type { DiscardReason } from '../net/records.ts'
import type { OutgoingDatagram } from '../transport/session.ts'
import { DatagramBuilder } from './builder.ts'
import type { Accepted } from './configuration.ts'
import { TransportError } from './errors.ts'
import { writeFrame } from './frames.ts'
import { connectionIdOf, numberOf } from './names.ts'
import { textOf } from '../octets.ts'
import {
  CONNECTION_ID_BYTES_MIN, type Header, type NumberedHeader, readHeader, VERSION_1, writeRetry, writeVersionNegotiation,
} from './packet.ts'
import { initialKeys, type ProtectionKind } from './protection.ts'
import { newToken, readToken, retryIntegrityTag, retryToken } from './retry.ts'
import { resetToken, statelessReset } from './statelessreset.ts'

/** Section 14.1: a smaller datagram opens no connection, and gets no answer. */
const INITIAL_DATAGRAM_BYTES_MIN = 1_200
const ANSWER_BYTES_MAX = 1_200
/** A version that nobody speaks, for clients that take the list too seriously (section 6.3). */
const GREASE_VERSION = 0x1a2a_3a4a
const NO_BYTES = new Uint8Array(0)

export interface ListenerConfig<T> {
  readonly protection: ProtectionKind
  /** Of 16 bytes at least, the same as long as the node lives, crashes and all: makes tokens. */
  readonly key: Uint8Array
  readonly writer: Writer
  send(datagram: OutgoingDatagram): number
  discarded(datagram: Datagram, why: DiscardReason): void
  /** Whether a client has to prove its address before anything is kept of it. */
  isRetryWanted(): boolean
  /** Makes the connection that a first packet asks for, which adds its ids; undefined refuses it. */
  accept(number: number, accepted: Accepted, datagram: Datagram, nowUs: number): T | undefined
}

export interface Receiving {
  receive(datagram: Datagram, nowUs: number): void
  /** Whether a datagram for nobody ends with a token of its peer: a stateless reset names no connection (section 10.3.1). */
  isReset(datagram: Uint8Array): boolean
}

export class Listener<T extends Receiving> {
  readonly #config: ListenerConfig<T>
  readonly #builder: DatagramBuilder
  /** By connection id. */
  readonly #routes = new Map<string, T>()

  constructor(config: ListenerConfig<T>) {
    this.#config = config
    this.#builder = new DatagramBuilder(config.writer, false)
  }

  /** Packets to that id are for this connection from now on, or no more. */
  add(id: Uint8Array, connection: T): void {
    this.#routes.set(textOf(id), connection)
  }
  remove(id: Uint8Array): void {
    this.#routes.delete(textOf(id))
  }
  /** The node has crashed. */
  clear(): void {
    this.#routes.clear()
  }

  resetToken(id: Uint8Array): Uint8Array {
    return resetToken(this.#config.protection, this.#config.key, id)
  }
  /** For a NEW_TOKEN frame. `unique` tells tokens of one moment apart. */
  newToken(address: number, unique: number, nowUs: number): Uint8Array {
    return newToken(this.#config.protection, this.#config.key, address, unique, nowUs)
  }

  /** Hands the datagram to its connection, which may be new, and returns that; undefined where it is nobody's. */
  receive(datagram: Datagram, nowUs: number): T | undefined {
    const header = readHeader(datagram.bytes, 0)
    if (header === undefined) return this.#discard(datagram, 'malformed')
    const connection = this.#routes.get(textOf(header.destination)) ?? this.#accepted(datagram, header, nowUs)
    connection?.receive(datagram, nowUs)
    return connection
  }

  #discard(datagram: Datagram, why: DiscardReason): undefined {
    this.#config.discarded(datagram, why)
    return undefined
  }

  /** What the packet of a stranger is answered with. */
  #accepted(datagram: Datagram, header: Header, nowUs: number): T | undefined {
    const { bytes } = datagram
    switch (header.kind) {
      case 'otherVersion':
        if (bytes.length >= INITIAL_DATAGRAM_BYTES_MIN) this.#negotiate(datagram, header)
        return this.#discard(datagram, 'unknown')
      case 'oneRtt': {
        for (const connection of new Set(this.#routes.values())) if (connection.isReset(bytes)) return connection
        this.#reset(datagram, header.destination)
        return this.#discard(datagram, 'unknown')
      }
      case 'initial':
        if (bytes.length < INITIAL_DATAGRAM_BYTES_MIN || header.destination.length < CONNECTION_ID_BYTES_MIN) {
          return this.#discard(datagram, 'malformed')
        }
        return this.#isIntact(datagram, header) ? this.#acceptInitial(datagram, header, nowUs) : this.#discard(datagram, 'tag')
      default:
        return this.#discard(datagram, 'unknown')
    }
  }

  /** Damage would open connections that nobody wants. */
  #isIntact({ bytes }: Datagram, { destination, start, numberOffset, end }: NumberedHeader): boolean {
    const { protection } = this.#config
    const copy = protection === 'aead' ? bytes.slice() : bytes
    const keys = initialKeys(protection, destination, 'client')
    const unmasked = keys.unmask(copy, start, numberOffset, end)
    // The first packets of a connection: what is cut off of their numbers is 0.
    return unmasked !== undefined && keys.open(copy, start, numberOffset + unmasked.pnBytes, end, unmasked.truncated)
  }

  #acceptInitial(datagram: Datagram, header: NumberedHeader, nowUs: number): T | undefined {
    const { protection, key } = this.#config
    const { destination, source, token } = header
    const client = { address: datagram.from, port: datagram.fromPort }
    const verdict = token.length === 0 ? undefined : readToken(protection, key, token, client, destination, nowUs)
    if (verdict?.kind === 'invalidRetry') {
      this.#refuse(datagram, header, TransportError.invalidToken)
      return this.#discard(datagram, 'unknown')
    }
    const isAddressValidated = verdict?.kind === 'retry' || verdict?.kind === 'newToken'
    if (!isAddressValidated && this.#config.isRetryWanted()) {
      this.#retry(datagram, header, nowUs)
      return undefined
    }
    const isRetried = verdict?.kind === 'retry'
    const originalDestination = isRetried ? verdict.originalDestinationConnectionId : destination
    const copies = { destination: destination.slice(), originalDestination: originalDestination.slice(), source: source.slice() }
    const connection = this.#config.accept(numberOf(originalDestination), { ...copies, isRetried, isAddressValidated }, datagram, nowUs)
    if (connection === undefined) this.#refuse(datagram, header, TransportError.connectionRefused)
    return connection
  }

  #negotiate(datagram: Datagram, { destination, source }: { readonly destination: Uint8Array; readonly source: Uint8Array }): void {
    const { writer } = this.#config
    writer.begin(ANSWER_BYTES_MAX)
    writeVersionNegotiation(writer, source, destination, [GREASE_VERSION, VERSION_1])
    this.#answer(datagram, 'version negotiation', writer.finish(), destination)
  }

  #retry(datagram: Datagram, { destination, source }: NumberedHeader, nowUs: number): void {
    const { protection, key, writer } = this.#config
    const retrySource = connectionIdOf(numberOf(destination), 'retry', 0)
    const client = { address: datagram.from, port: datagram.fromPort }
    const binding = { client, originalDestinationConnectionId: destination, retrySourceConnectionId: retrySource }
    writer.begin(ANSWER_BYTES_MAX)
    writeRetry(writer, source, retrySource, retryToken(protection, key, binding, nowUs))
    writer.raw(retryIntegrityTag(protection, destination, writer.written(0)))
    this.#answer(datagram, 'retry', writer.finish(), destination)
  }

  /** A CONNECTION_CLOSE in an Initial packet, from a server that keeps nothing. */
  #refuse(datagram: Datagram, { destination, source }: NumberedHeader, code: number): void {
    const builder = this.#builder
    builder.begin(ANSWER_BYTES_MAX, 0)
    builder.open({
      level: 'initial', keys: initialKeys(this.#config.protection, destination, 'server'), destination: source, source: destination,
      token: NO_BYTES, number: 0, largestAcked: -1, keyPhase: 0,
    })
    writeFrame(builder.writer, { kind: 'close', isApplication: false, code, frameType: 0, reason: NO_BYTES })
    builder.close(true)
    this.#answer(datagram, 'refusal', builder.finish(0), destination)
  }

  #reset(datagram: Datagram, destination: Uint8Array): void {
    const { protection, key } = this.#config
    const bytes = statelessReset(protection, key, destination, datagram.bytes.length)
    if (bytes !== undefined) this.#answer(datagram, 'stateless reset', bytes, destination)
  }

  /** Sends what belongs to no connection; its identity follows from the datagram that caused it. */
  #answer(cause: Datagram, contents: string, bytes: Uint8Array, destination: Uint8Array): void {
    const { from, fromPort, to, toPort, keyHi, keyLo, label } = cause
    this.#config.send({
      local: { address: to, port: toPort }, remote: { address: from, port: fromPort }, ecn: Ecn.notCapable, bytes,
      keyHi: mix32(keyHi, hashText(contents, 0)), keyLo,
      label: {
        protocol: 'quic', contents, connection: contents === 'stateless reset' ? label.connection : numberOf(destination), channel: 0,
        start: 0, end: 0, attempt: label.attempt,
      },
    })
  }
}
