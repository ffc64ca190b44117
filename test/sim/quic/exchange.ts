/** A QUIC handshake as datagrams, put together by hand from TLS sessions and packet protection: no connection behind it, no losses. */
import { ascii, concat, integer, varint, vector } from '../../../sim/octets.ts'
import { initialKeys, type Level, packetKeys, type PacketKeys, TAG_BYTES, updatedKeys } from '../../../sim/quic/protection.ts'
import { type TlsConfig, TlsSession } from '../../../sim/quic/tls.ts'
import { DEFAULT_PARAMETERS, encodeParameters } from '../../../sim/quic/transportparameters.ts'
import { bytesOf, CLIENT, SERVER } from './handshakes.ts'

const ORIGINAL = bytesOf(8, 0x11)
const CLIENT_ID = bytesOf(4, 0x21)
const SERVER_ID = bytesOf(8, 0x31)
const DATAGRAM_BYTES = 1200
/** Room in a datagram beside headers and tag. */
const CRYPTO_BYTES = 1100
const PN_BYTES = 2
const LONG_TYPES: Readonly<Record<Level, number>> = { initial: 0, zeroRtt: 1, handshake: 2, oneRtt: -1 }

export interface ExchangedDatagram {
  readonly byClient: boolean
  readonly bytes: Uint8Array
}

/** One end: a TLS session, its keys, and what it sends in packets of its own. */
class End {
  readonly tls: TlsSession
  readonly #byClient: boolean
  readonly #kind: TlsConfig['kind']
  readonly #keys = new Map<Level, PacketKeys>()
  readonly #offsets = new Map<Level, number>()
  readonly #sent: ExchangedDatagram[]
  #number = 0
  #secret = new Uint8Array(0)

  constructor(config: TlsConfig, sent: ExchangedDatagram[]) {
    this.tls = new TlsSession(config)
    this.#byClient = config.isClient
    this.#kind = config.kind
    this.#sent = sent
    this.#keys.set('initial', initialKeys(config.kind, ORIGINAL, config.isClient ? 'client' : 'server'))
  }

  /** Sends what the session has to say, and tells the other's. */
  flush(other: End, afterSecrets: (level: Level) => void = () => {}): void {
    for (let event = this.tls.poll(); event !== undefined; event = this.tls.poll()) {
      if (event.kind === 'secrets' && event.own !== undefined) {
        this.#keys.set(event.level, packetKeys(this.#kind, event.own))
        this.#secret = event.own.slice()
        afterSecrets(event.level)
      }
      if (event.kind !== 'crypto') continue
      const { level, bytes } = event
      for (let at = 0; at < bytes.length; at += CRYPTO_BYTES) {
        const piece = bytes.subarray(at, at + CRYPTO_BYTES)
        const offset = this.#offsets.get(level) ?? 0
        this.#offsets.set(level, offset + piece.length)
        this.send(level, concat(integer(1, 0x06), varint(offset), varint(piece.length), piece))
      }
      other.tls.receive(level, bytes)
    }
  }

  send(level: Level, frames: Uint8Array, keyPhase = 0): void {
    const [to, from] = this.#byClient ? [SERVER_ID, CLIENT_ID] : [CLIENT_ID, SERVER_ID]
    // Until the client has heard of the server.
    const destination = this.#byClient && (level === 'initial' || level === 'zeroRtt') ? ORIGINAL : to
    const number = this.#number++
    const type = LONG_TYPES[level]
    const short = concat(integer(1, 0x40 | (keyPhase << 2) | (PN_BYTES - 1)), destination)
    const long = (length: number): Uint8Array => concat(
      integer(1, 0xc0 | (type << 4) | (PN_BYTES - 1)), integer(4, 1), vector(1, destination), vector(1, from),
      level === 'initial' ? varint(0) : new Uint8Array(0), integer(2, 0x4000 | length))
    const padding = level === 'initial' ? DATAGRAM_BYTES - long(0).length - PN_BYTES - frames.length - TAG_BYTES : 4
    const payload = concat(frames, new Uint8Array(Math.max(0, padding)))
    const header = concat(type < 0 ? short : long(PN_BYTES + payload.length + TAG_BYTES), integer(PN_BYTES, number))
    const bytes = concat(header, payload, new Uint8Array(TAG_BYTES))
    this.#keys.get(level)!.seal(bytes, 0, PN_BYTES, header.length, header.length + payload.length, number)
    this.#sent.push({ byClient: this.#byClient, bytes })
  }

  updateKeys(): void {
    const { secret, keys } = updatedKeys(this.#kind, this.#secret, this.#keys.get('oneRtt')!)
    this.#secret = secret.slice()
    this.#keys.set('oneRtt', keys)
  }
}

export interface Exchange {
  readonly datagrams: readonly ExchangedDatagram[]
  readonly keyLog: readonly string[]
}

const stream = (text: string): Uint8Array =>
  concat(integer(1, 0x0b), varint(0), varint(text.length), ascii(text))

/** A full handshake, a stream each way, one of them after a key update; then a resumed one with 0-RTT, if `again`. */
export function exchange(kind: TlsConfig['kind'], again = false): Exchange {
  const datagrams: ExchangedDatagram[] = []
  const parameters = (own: Uint8Array): Uint8Array => encodeParameters({
    ...DEFAULT_PARAMETERS, initialMaxData: 65_536, initialMaxStreamsBidi: 8, initialMaxStreamDataBidiRemote: 65_536,
    maxDatagramFrameSize: 1200, initialSourceConnectionId: own,
    ...(own === SERVER_ID ? { originalDestinationConnectionId: ORIGINAL, statelessResetToken: bytesOf(16, 9) } : {}),
  }, 5)
  const server = new End({ ...SERVER, kind, parameters: parameters(SERVER_ID) }, datagrams)
  const client = new End({ ...CLIENT, kind, parameters: parameters(CLIENT_ID), ...(again ? resumption(kind) : {}) }, datagrams)
  client.tls.start()
  client.flush(server, (level) => { if (level === 'zeroRtt') client.send(level, stream('early')) })
  server.flush(client)
  client.flush(server)
  server.flush(client)
  client.send('oneRtt', stream('question'))
  server.send('oneRtt', concat(integer(1, 0x1e), stream('answer')))
  client.updateKeys()
  client.send('oneRtt', stream('question'), 1)
  return { datagrams, keyLog: client.tls.keyLog() }
}

function resumption(kind: TlsConfig['kind']): Partial<TlsConfig> {
  const sent: ExchangedDatagram[] = []
  const server = new End({ ...SERVER, kind, random: bytesOf(32, 40) }, sent)
  const client = new End({ ...CLIENT, kind, random: bytesOf(32, 41) }, sent)
  client.tls.start()
  client.flush(server)
  server.flush(client)
  client.flush(server)
  server.flush(client)
  for (let event = client.tls.poll(); event !== undefined; event = client.tls.poll()) {
    if (event.kind === 'ticket') return { ticket: event.ticket, requestZeroRtt: true }
  }
  return {}
}
