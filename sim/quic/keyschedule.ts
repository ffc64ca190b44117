/**
 * The key schedule of TLS 1.3 (RFC 8446, section 7.1): from a pre-shared key and a shared secret, stage by stage, to the traffic
 * secrets of both ends. Only the hash depends on the kind of protection.
 */
import { expandLabel, extract, type Hasher, hasher, keyedHash, type ProtectionKind, SECRET_BYTES } from './keyderivation.ts'
import { ascii } from '../octets.ts'

const ZEROS = new Uint8Array(SECRET_BYTES)
const NO_CONTEXT = new Uint8Array(0)
/** Of RFC 9266: what both ends of a connection, and nobody else, can derive. */
const CHANNEL_BINDING_LABEL = 'EXPORTER-Channel-Binding'

/** The secrets of one direction each. */
export interface TrafficSecrets {
  readonly client: Uint8Array
  readonly server: Uint8Array
}

/** Those of 1-RTT, and the exporter master secret. */
export interface ApplicationSecrets extends TrafficSecrets {
  readonly exporter: Uint8Array
}

/** Messages are added to the transcript as they are sent or received, and secrets taken at the moments that section 7.1 names. */
export class KeySchedule {
  readonly #kind: ProtectionKind
  readonly #transcript: Hasher
  readonly #emptyHash: Uint8Array
  /** The Early, then the Handshake, then the Master Secret. */
  #secret: Uint8Array

  /** @param psk 32 bytes; absent where nothing is resumed. */
  constructor(kind: ProtectionKind, psk: Uint8Array | undefined) {
    this.#kind = kind
    this.#transcript = hasher(kind)
    this.#emptyHash = this.#transcript.digest()
    this.#secret = extract(kind, ZEROS, psk ?? ZEROS)
  }

  /** Adds a handshake message, header included. */
  add(message: Uint8Array): void {
    this.#transcript.update(message)
  }

  /** Of all messages so far. */
  get transcriptHash(): Uint8Array {
    return this.#transcript.digest()
  }

  /** The binder that proves knowledge of the pre-shared key (section 4.2.11.2), over a ClientHello up to its binders. */
  binder(truncatedHello: Uint8Array): Uint8Array {
    const transcript = hasher(this.#kind)
    transcript.update(truncatedHello)
    return this.#verifyData(this.#derive('res binder', this.#emptyHash), transcript.digest())
  }

  /** client_early_traffic_secret: after the ClientHello. */
  earlyTraffic(): Uint8Array {
    return this.#derive('c e traffic', this.transcriptHash)
  }

  /** After the ServerHello: on to the Handshake Secret. */
  handshakeTraffic(sharedSecret: Uint8Array): TrafficSecrets {
    this.#secret = extract(this.#kind, this.#derive('derived', this.#emptyHash), sharedSecret)
    const hash = this.transcriptHash
    return { client: this.#derive('c hs traffic', hash), server: this.#derive('s hs traffic', hash) }
  }

  /** After the server's Finished: on to the Master Secret. */
  applicationTraffic(): ApplicationSecrets {
    this.#secret = extract(this.#kind, this.#derive('derived', this.#emptyHash), ZEROS)
    const hash = this.transcriptHash
    return {
      client: this.#derive('c ap traffic', hash), server: this.#derive('s ap traffic', hash), exporter: this.#derive('exp master', hash),
    }
  }

  /** The pre-shared key of a ticket (section 4.6.1): after the client's Finished. */
  resumptionPsk(nonce: Uint8Array): Uint8Array {
    return expandLabel(this.#kind, this.#derive('res master', this.transcriptHash), 'resumption', nonce, SECRET_BYTES)
  }

  /** Of a Finished message that follows what was added so far (section 4.4.4). */
  verifyData(traffic: Uint8Array): Uint8Array {
    return this.#verifyData(traffic, this.transcriptHash)
  }

  /** The channel binding, from the exporter master secret (section 7.5): 32 bytes. */
  channelBinding(exporter: Uint8Array): Uint8Array {
    const secret = expandLabel(this.#kind, exporter, CHANNEL_BINDING_LABEL, this.#emptyHash, SECRET_BYTES)
    return expandLabel(this.#kind, secret, 'exporter', this.#emptyHash, SECRET_BYTES)
  }

  #derive(label: string, transcriptHash: Uint8Array): Uint8Array {
    return expandLabel(this.#kind, this.#secret, label, transcriptHash, SECRET_BYTES)
  }

  #verifyData(base: Uint8Array, transcriptHash: Uint8Array): Uint8Array {
    return keyedHash(this.#kind, expandLabel(this.#kind, base, 'finished', NO_CONTEXT, SECRET_BYTES), transcriptHash)
  }
}

/** What a key exchange would agree on: here a function of both shares, which anybody who sees them could work out. */
export function sharedSecret(kind: ProtectionKind, clientShare: Uint8Array, serverShare: Uint8Array): Uint8Array {
  return keyedHash(kind, clientShare, serverShare)
}

/** The public value that an end sends, from its random. */
export function keyShare(kind: ProtectionKind, random: Uint8Array): Uint8Array {
  return keyedHash(kind, random, ascii('key share'))
}
