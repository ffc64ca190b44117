/**
 * What mutants reach: frames, chunks, records and messages that get past every tag, by the state of whoever reads them; and what each
 * kind of case is to reach.
 */
import { Reader } from '../../../sim/bytes.ts'
import { readFrame } from '../../../sim/quic/frames.ts'
import { packetKeys, type PacketKeys, type ProtectionKind, TAG_BYTES } from '../../../sim/quic/protection.ts'
import { Dtls } from '../../../sim/webrtc/dtls.ts'
import { ContentType, type DtlsRecord, readRecord } from '../../../sim/webrtc/dtls-records.ts'
import { MessageType } from '../../../sim/webrtc/dtls-messages.ts'
import { IceAgent } from '../../../sim/webrtc/ice/agent.ts'
import { Association } from '../../../sim/webrtc/sctp/association.ts'
import { type Chunk, ChunkType, readChunk } from '../../../sim/webrtc/sctp/chunks.ts'
import { readPacket } from '../../../sim/webrtc/sctp/packet.ts'
import { WebRtcSession } from '../../../sim/webrtc/session.ts'
import type { SignallingMessage } from '../../../sim/webrtc/signalling/messages.ts'
import { StunClass, StunMethod } from '../../../sim/webrtc/stun/constants.ts'
import { decodeStun, isStun } from '../../../sim/webrtc/stun/message.ts'
import type { Kind } from './outcome.ts'

type Open = (this: PacketKeys, ...given: Parameters<PacketKeys['open']>) => boolean
export type Counts = Readonly<Record<string, number>>

const nameIn = (table: Readonly<Record<string, number>>, value: number): string | undefined =>
  Object.keys(table).find((name) => table[name] === value)

/** Counts while a mutant is on its way through whoever receives it. */
export class Coverage {
  readonly reached: Record<string, number> = {}
  readonly #releases: (() => void)[] = []
  #isHearing = false

  note(what: string): void {
    this.reached[what] = (this.reached[what] ?? 0) + 1
  }
  /** What `receive` comes to is a mutant's doing. */
  during<T>(isMutant: boolean, receive: () => T): T {
    this.#isHearing = isMutant
    try {
      return receive()
    } finally {
      this.#isHearing = false
    }
  }
  /** Nothing is heard any more. */
  free(): void {
    for (const release of this.#releases.splice(0)) release()
  }

  /** Another one takes the place of a method until {@link free}. */
  #replace<M>(prototype: object, name: string, replaced: (method: M) => M): void {
    const method = Reflect.get(prototype, name) as M
    Reflect.set(prototype, name, replaced(method))
    this.#releases.push(() => void Reflect.set(prototype, name, method))
  }
  /** `heard` is told whose `receive` it is, and what comes to it first, before it does. */
  #listen<S extends { receive(first: never, ...others: never[]): unknown }>(
    prototype: S, heard: (self: S, first: Parameters<S['receive']>[0]) => void,
  ): void {
    const hear = (self: S, first: Parameters<S['receive']>[0]): void => {
      if (this.#isHearing) heard(self, first)
    }
    this.#replace<(this: S, ...given: Parameters<S['receive']>) => unknown>(prototype, 'receive', (receive) => function heardFirst(
      this: S, ...given
    ) {
      hear(this, given[0])
      return receive.apply(this, given)
    })
  }

  quic(kind: ProtectionKind): this {
    const prototype = Object.getPrototypeOf(packetKeys(kind, new Uint8Array(32))) as object
    const opened = (first: number, bytes: Uint8Array, start: number, end: number): void => {
      if (this.#isHearing) this.#frames(packetName(first), bytes, start, end)
    }
    this.#replace<Open>(prototype, 'open', (open) => function openedFirst(bytes, start, payload, end, number) {
      const isOpen = open.call(this, bytes, start, payload, end, number)
      if (isOpen) opened(bytes[start], bytes, payload, end - TAG_BYTES)
      return isOpen
    })
    return this
  }
  #frames(packet: string, bytes: Uint8Array, start: number, end: number): void {
    const reader = new Reader(bytes, end)
    reader.offset = start
    while (reader.remaining > 0) {
      const frame = readFrame(reader)
      this.note(`${packet} ${frame?.kind ?? 'nonsense'}`)
      if (frame === undefined) return
    }
  }

  sctp(): this {
    this.#listen(Association.prototype, (association, bytes) => {
      const { reader } = readPacket(bytes) ?? { reader: new Reader(bytes, 0) }
      for (let chunk: Chunk | undefined; reader.remaining > 0 && (chunk = readChunk(reader)) !== undefined; ) {
        this.note(`${nameIn(ChunkType, chunk.type) ?? 'unknown chunk'} ${standingOf(association)}`)
      }
    })
    return this
  }

  webrtc(): this {
    this.#listen(Dtls.prototype, (_, bytes) => this.#records(bytes))
    this.#listen(WebRtcSession.prototype, (_, { bytes }) => this.stun('a session', bytes))
    const signalled = ({ type }: SignallingMessage): void => {
      if (this.#isHearing) this.note(`signalled ${type}`)
    }
    this.#replace<WebRtcSession['signalled']>(WebRtcSession.prototype, 'signalled', (hear) => function heardFirst(
      this: WebRtcSession, ...given
    ) {
      signalled(given[0])
      return hear.apply(this, given)
    })
    this.#replace<IceAgent['restart']>(IceAgent.prototype, 'restart', (restart) => {
      const note = (): void => this.note('ICE restart')
      return function restartNoted(this: IceAgent, ...given) {
        note()
        return restart.apply(this, given)
      }
    })
    return this.sctp()
  }
  #records(bytes: Uint8Array): void {
    const reader = new Reader(bytes, bytes.length)
    for (let record: DtlsRecord | undefined; reader.remaining > 0 && (record = readRecord(reader)) !== undefined; ) {
      const { type, epoch } = record
      const message = type === ContentType.handshake && epoch === 0 ? nameIn(MessageType, record.bytes[0]) : undefined
      this.note(`${message ?? nameIn(ContentType, type) ?? 'unknown record'} of epoch ${Math.min(epoch, 2)}`)
    }
  }

  stun(whom: string, bytes: Uint8Array): void {
    const message = isStun(bytes) ? decodeStun(bytes) : undefined
    if (message === undefined) return this.note(`no STUN to ${whom}`)
    this.note(`${nameIn(StunMethod, message.method) ?? 'unknown'} ${nameIn(StunClass, message.class)} to ${whom}`)
  }
}

const standingOf = ({ state, isClosing }: Association): string => (state === 'established' && isClosing ? 'shutting down' : state)

const LONG_PACKETS = ['initial', 'zeroRtt', 'handshake', 'retry']
const packetName = (first: number): string => ((first & 0x80) === 0 ? 'oneRtt' : LONG_PACKETS[(first >>> 4) & 3])

const product = (firsts: readonly string[], seconds: readonly string[]): string[] =>
  firsts.flatMap((first) => seconds.map((second) => `${first} ${second}`))

const FRAMES = [
  'padding', 'ping', 'ack', 'resetStream', 'stopSending', 'crypto', 'newToken', 'stream', 'maxData', 'maxStreamData', 'maxStreams',
  'dataBlocked', 'streamDataBlocked', 'streamsBlocked', 'newConnectionId', 'retireConnectionId', 'pathChallenge', 'pathResponse', 'close',
  'handshakeDone', 'datagram', 'nonsense',
]
const HANDSHAKE_FRAMES = ['padding', 'ping', 'ack', 'crypto', 'close', 'stream', 'nonsense']
const QUIC = [...product(['oneRtt'], FRAMES), ...product(['initial', 'handshake'], HANDSHAKE_FRAMES)]
const PROGRAM_EVENTS = [
  'handshakeComplete none', 'handshakeComplete accepted', 'handshakeComplete rejected', 'confirmed', 'streamOpened', 'data',
  'resetReceived', 'stopSendingReceived', 'streamFinished', 'streamsAvailable', 'datagram', 'datagramAcked', 'datagramLost', 'ticket',
  'token', 'pathChanged proven', 'pathChanged unproven', 'keyUpdated local', 'keyUpdated remote', 'closed local', 'closed remote',
  'closed idle', 'closed handshakeTimeout', 'closed reset', 'closed version',
]
const HEADERS = [
  'initial at nobody', 'zeroRtt at nobody', 'handshake at nobody', 'oneRtt at nobody', 'otherVersion at nobody', 'initial at handshake',
  'zeroRtt at handshake', 'handshake at handshake', 'retry at handshake', 'versionNegotiation at handshake', 'oneRtt at handshake',
  'initial at open', 'zeroRtt at open', 'handshake at open', 'retry at open', 'versionNegotiation at open', 'oneRtt at open',
  'oneRtt at closing', 'oneRtt at draining', 'oneRtt at forgotten',
]
const CHUNKS = [...Object.keys(ChunkType), 'unknown chunk']
const METHODS = Object.keys(StunMethod)
const RECORDS = ['changeCipherSpec', 'alert', 'handshake', 'application', 'unknown record']
const HANDSHAKE_RECORDS = Object.keys(MessageType).filter((name) => name !== 'finished').map((name) => `${name} of epoch 0`)

/** What cases of each kind reach, where there are enough of them. */
export const EXPECTED: Readonly<Record<Kind, readonly string[]>> = {
  'quic tag': QUIC,
  'quic aead': QUIC,
  'quic programs': [...QUIC, ...product(['zeroRtt'], FRAMES), ...PROGRAM_EVENTS, ...HEADERS],
  webrtc: [
    ...product(CHUNKS, ['established', 'over']), ...product(['init', 'initAck', 'cookieEcho', 'cookieAck', 'abort'], ['opening']),
    ...HANDSHAKE_RECORDS, ...product(RECORDS, ['of epoch 1']), 'alert of epoch 0', 'handshake of epoch 2',
    ...product(['binding'], Object.keys(StunClass)).map((what) => `${what} to a session`), 'no STUN to a session',
    ...product(['signalled'], ['answer', 'restart', 'candidate', 'endOfCandidates', 'refusal']), 'ICE restart',
  ],
  'data channels': product(CHUNKS, ['opening', 'established', 'shutting down', 'over']),
  turn: [
    ...product(product(METHODS, Object.keys(StunClass)), ['to the server']),
    ...product(product(METHODS, Object.keys(StunClass)), ['to an agent']), 'no STUN to the server', 'no STUN to an agent',
    'unknown request to the server',
    'restart', 'role conflict', 'an hour',
  ],
}
export const neverReached = (kind: Kind, reached: Counts): string[] => EXPECTED[kind].filter((what) => reached[what] === undefined)
