/**
 * Mutated WebRTC, on each of its layers: segments of signalling, STUN, records of DTLS, SCTP inside them. Everything that its ends
 * agree on follows from what both are made from, so that checksums, integrity and tags are made good again.
 */
import { Reader, Writer } from '../../../sim/bytes.ts'
import { hashText, mix32 } from '../../../sim/choice.ts'
import { ADDRESSES_MAX, type Address, type Datagram } from '../../../sim/net/datagram.ts'
import { certificateOf, pointOf, signatureOf } from '../../../sim/webrtc/dtls-certificate.ts'
import {
  certificateMessage, certificateRequest, clientHello, clientKeyExchange, MessageType, serverHello, serverKeyExchange, wholeMessage,
} from '../../../sim/webrtc/dtls-messages.ts'
import { ContentType, type DtlsRecord, openRecord, readRecord, RECORD_HEADER_BYTES, writeRecord } from '../../../sim/webrtc/dtls-records.ts'
import { iceCredentials } from '../../../sim/webrtc/ice/credentials.ts'
import { deriveFrom, type SumKey, sumKey } from '../../../sim/webrtc/secret.ts'
import { SIGNALLING_PORT } from '../../../sim/webrtc/signalling/limits.ts'
import { StunClass } from '../../../sim/webrtc/stun/constants.ts'
import { type IntegrityKey, shortTermKey } from '../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, isStun } from '../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../sim/webrtc/stun/writer.ts'
import type { Draws } from '../mutation.ts'
import { mutatedOctets, numberNear, randomOctets, rearrange } from './octets.ts'
import { SctpMutator } from './sctp.ts'
import { SignallingMutator } from './signalling.ts'
import { mutatedStun } from './stun.ts'

const DATAGRAM_BYTES_MAX = 1_472
const RECORD_BYTES_MAX = 1_160
/** What a first ClientHello is followed by: five messages of the server, then certificate and key exchange of the client. */
const SERVER_HELLO_SEQUENCE = 0

export class WebRtcMutator {
  readonly #writer = new Writer()
  readonly #stunWriter = new StunWriter()
  readonly #sctp = new SctpMutator()
  readonly #signalling = new SignallingMutator()
  /** By the node that is asked. */
  readonly #integrity: ReadonlyMap<Address, IntegrityKey>
  /** By the node that sends. */
  readonly #keys: ReadonlyMap<Address, SumKey>

  /** Of the first connection that `initiator` opens. */
  constructor(initiator: Address, responder: Address) {
    const number = ADDRESSES_MAX + initiator
    const [server, client] = [initiator, responder].map((node) => mix32(hashText('webrtc', node), number))
    this.#integrity = new Map([
      [initiator, shortTermKey(iceCredentials(server, 0).password)], [responder, shortTermKey(iceCredentials(client, 0).password)],
    ])
    const keys = dtlsKeys(dtlsSecret(client), dtlsSecret(server))
    this.#keys = new Map([[initiator, keys.server], [responder, keys.client]])
  }

  mutated({ bytes, from, to, fromPort, toPort }: Datagram, other: Datagram, isPlausible: boolean, draws: Draws): Uint8Array {
    if (toPort === SIGNALLING_PORT) return this.#signalling.mutated(bytes, 'up', draws)
    if (fromPort === SIGNALLING_PORT) return this.#signalling.mutated(bytes, 'down', draws)
    if (isStun(bytes)) {
      const isAsked = decodeStun(bytes)?.class === StunClass.request
      return mutatedStun(bytes, draws, this.#integrity.get(isAsked ? to : from)!, this.#stunWriter)
    }
    return this.#records(bytes, from, other.bytes, isPlausible, draws)
  }

  #records(bytes: Uint8Array, from: Address, other: Uint8Array, isPlausible: boolean, draws: Draws): Uint8Array {
    const key = this.#keys.get(from)!
    const reader = new Reader(bytes, bytes.length)
    const records: { type: number; sequence: number; isProtected: boolean; plain: Uint8Array }[] = []
    for (let record: DtlsRecord | undefined; reader.remaining > 0 && (record = readRecord(reader)) !== undefined; ) {
      const { type, epoch, sequence } = record
      const plain = epoch === 0 ? record.bytes : openRecord(record, reader.view, key)
      if (plain !== undefined) records.push({ type, sequence, isProtected: epoch > 0, plain })
    }
    if (records.length === 0) return mutatedOctets(bytes, other, DATAGRAM_BYTES_MAX, draws)
    const record = draws.pick(records)
    // With a number of its own the record is one more, and not one in the place of another.
    if (draws.below(3) > 0) record.sequence += draws.below(32)
    const isData = record.type === ContentType.application
    if (isData) record.plain = this.#sctp.mutated(record.plain, from, other, isPlausible, draws)
    else if (isPlausible) rearrange(records, draws)
    else if (record.type === ContentType.handshake && draws.below(2) === 0) record.plain = editedHandshake(record.plain, draws)
    else record.plain = mutatedOctets(record.plain, other, RECORD_BYTES_MAX, draws)
    if (!isPlausible) {
      if (draws.below(24) === 0) record.sequence = numberNear(record.sequence, draws) % 2 ** 48
      if (draws.below(24) === 0) record.type = draws.pick([...Object.values(ContentType), draws.below(256)])
      if (draws.below(24) === 0) record.isProtected = !record.isProtected
      if (draws.below(24) === 0) rearrange(records, draws)
      if (draws.below(24) === 0) {
        const alert = Uint8Array.of(1 + draws.below(2), draws.pick([0, 10, 42, 50, 51, draws.below(256)]))
        const said = { type: ContentType.alert, sequence: record.sequence + 32, isProtected: draws.below(2) === 0, plain: alert }
        records.splice(draws.below(records.length + 1), 0, said)
      }
    }
    const writer = this.#writer
    writer.begin(16_384)
    for (const { type, sequence, isProtected, plain } of records) {
      if (writer.length + plain.length < DATAGRAM_BYTES_MAX) writeRecord(writer, type, sequence, isProtected ? key : undefined, plain)
    }
    const datagram = writer.finish()
    // The header of the first record: type, version, epoch, sequence or length.
    if (!isPlausible && datagram.length >= RECORD_HEADER_BYTES && draws.below(16) === 0) {
      datagram[draws.below(RECORD_HEADER_BYTES)] ^= 1 << draws.below(8)
    }
    return datagram
  }
}

/** A fragment's header: type, length, sequence, offset and length of the fragment (RFC 6347, section 4.2.2). */
function editedHandshake(fragment: Uint8Array, draws: Draws): Uint8Array {
  const copy = fragment.slice()
  if (copy.length < 12) return randomOctets(draws.below(30), draws)
  const view = new DataView(copy.buffer)
  const set24 = (at: number): void => {
    const value = numberNear((view.getUint16(at) << 8) | view.getUint8(at + 2), draws)
    view.setUint16(at, (value >>> 8) & 0xffff)
    view.setUint8(at + 2, value & 0xff)
  }
  switch (draws.below(5)) {
    case 0: view.setUint8(0, draws.pick(Object.values(MessageType))); break
    case 1: set24(1); break
    case 2: view.setUint16(4, numberNear(view.getUint16(4), draws) & 0xffff); break
    case 3: set24(6); break
    default: set24(9)
  }
  return copy
}

const dtlsSecret = (secret: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => mix32(hashText('dtls', secret), i) & 0xff)

/** What an undisturbed handshake agrees on (RFC 7627, section 4). */
function dtlsKeys(client: Uint8Array, server: Uint8Array): { readonly client: SumKey; readonly server: SumKey } {
  const randoms = [client, server].map((secret) => deriveFrom('dtls random', secret))
  const points = [client, server].map((secret) => pointOf('key share', secret))
  const certificates = [client, server].map((secret) => certificateOf(secret))
  const flight = (first: number, messages: readonly (readonly [number, Uint8Array])[]): Uint8Array[] =>
    messages.map(([type, body], i) => wholeMessage({ type, sequence: first + i, body }))
  const transcript = [
    ...flight(0, [[MessageType.clientHello, clientHello(randoms[0])]]),
    ...flight(SERVER_HELLO_SEQUENCE, [
      [MessageType.serverHello, serverHello(randoms[1])],
      [MessageType.certificate, certificateMessage(certificates[1])],
      [MessageType.serverKeyExchange, serverKeyExchange(points[1], (parameters) => signatureOf(certificates[1], ...randoms, parameters))],
      [MessageType.certificateRequest, certificateRequest()],
      [MessageType.serverHelloDone, new Uint8Array(0)],
    ]),
    ...flight(1, [
      [MessageType.certificate, certificateMessage(certificates[0])],
      [MessageType.clientKeyExchange, clientKeyExchange(points[0])],
    ]),
  ]
  const master = deriveFrom('extended master secret', ...points, ...transcript)
  const keys = deriveFrom('key expansion', master, ...randoms)
  return { client: sumKey(keys, 0xc11e), server: sumKey(keys, 0x5e7e) }
}
