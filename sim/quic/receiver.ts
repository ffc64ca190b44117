/**
 * The receiving half: datagrams to packets (RFC 9000, section 12.2), packets to frames, frames to whoever they concern. Whatever a peer
 * sends, nothing throws: it is discarded with a record, or closes the connection.
 */
import { DATAGRAM_BYTES_MAX, Reader } from '../bytes.ts'
import type { Datagram, SocketAddress } from '../net/datagram.ts'
import type { DiscardReason } from '../net/records.ts'
import { TransportError, type Violation, violation } from './errors.ts'
import { type AckFrame, type CloseFrame, type Frame, isAckEliciting, readFrame } from './frames.ts'
import { isSame } from '../octets.ts'
import { type Header, type NumberedHeader, readHeader } from './packet.ts'
import { type Parts, spaceOf } from './parts.ts'
import type { Path } from './paths.ts'
import type { QlogDropTrigger } from './qlogevents.ts'
import { qlogPacket, qlogPacketType, qlogUnnumbered } from './qlogpackets.ts'
import { Space } from './recovery.ts'
import { DEFAULT_PARAMETERS } from './transportparameters.ts'

/** Packets kept that came before their keys (RFC 9001, section 5.7). */
const EARLY_PACKETS_MAX = 16

/** What the connection hears of. */
export interface ReceiverEvents {
  /** A packet was opened: the peer is there. */
  heard(header: NumberedHeader, nowUs: number): void
  retry(header: Header & { readonly kind: 'retry' }, bytes: Uint8Array, nowUs: number): void
  versions(versions: readonly number[], nowUs: number): void
  violated(violation: Violation, nowUs: number): void
  closed(frame: CloseFrame, nowUs: number): void
  statelessReset(nowUs: number): void
  keysUpdated(by: 'remote'): void
  /** The handshake may have gone on. */
  advanced(nowUs: number): void
  /** HANDSHAKE_DONE came. */
  confirmed(nowUs: number): void
  /** The peer goes on over another path. */
  moved(path: Path, nowUs: number): void
}

interface Early {
  readonly datagram: Datagram
  readonly bytes: Uint8Array
  readonly start: number
  readonly atUs: number
}

export class Receiver {
  readonly #parts: Parts
  readonly #events: ReceiverEvents
  #early: Early[] = []
  /** How long the packet that is read now waited for its keys. */
  #waitedUs = 0
  /** The peer's id is known by a packet of its own; a server knows it from the beginning. */
  #hasHeard: boolean
  /** The connection has ended: what is left of the datagram is of no interest. */
  #isOver = false

  constructor(parts: Parts, events: ReceiverEvents) {
    this.#parts = parts
    this.#events = events
    this.#hasHeard = !parts.isClient
  }

  stop(): void {
    this.#isOver = true
    this.#early = []
  }

  receive(datagram: Datagram, nowUs: number): void {
    const { paths, settings } = this.#parts
    const path = paths.find({ address: datagram.to, port: datagram.toPort }, { address: datagram.from, port: datagram.fromPort })
    if (path !== undefined) path.receivedBytes += datagram.bytes.length
    // Opening changes the bytes, and duplicates and captures share them.
    const bytes = settings.protection === 'aead' ? datagram.bytes.slice() : datagram.bytes
    this.#receivePackets(datagram, bytes, 0, path, nowUs)
  }

  /** Keys have come: what came before them is read now. */
  receiveEarly(nowUs: number): void {
    const early = this.#early
    this.#early = []
    for (const { datagram, bytes, start, atUs } of early) {
      const { paths } = this.#parts
      const path = paths.find({ address: datagram.to, port: datagram.toPort }, { address: datagram.from, port: datagram.fromPort })
      this.#waitedUs = nowUs - atUs
      this.#receivePackets(datagram, bytes, start, path, nowUs)
    }
    this.#waitedUs = 0
  }

  #receivePackets(datagram: Datagram, bytes: Uint8Array, from: number, path: Path | undefined, nowUs: number): void {
    let destination: Uint8Array | undefined
    for (let start = from; start < bytes.length && !this.#isOver; ) {
      const header = readHeader(bytes, start)
      if (header === undefined) return this.#discard(datagram, 'malformed', 'header_parse_error', undefined)
      destination ??= header.destination
      // Section 12.2: packets of another connection have no business in this datagram.
      if (!isSame(destination, header.destination)) return this.#discard(datagram, 'unknown', 'unknown_connection_id', undefined)
      start = header.end
      if (header.kind === 'retry' || header.kind === 'versionNegotiation') this.#receiveUnnumbered(header, bytes, nowUs)
      else if (header.kind !== 'otherVersion') this.#receivePacket(datagram, header, bytes, path, nowUs)
    }
  }

  #receiveUnnumbered(header: Header & { readonly kind: 'retry' | 'versionNegotiation' }, bytes: Uint8Array, nowUs: number): void {
    this.#parts.environment.onEvent?.({ name: 'packet_received', data: qlogUnnumbered(header, bytes.length) })
    if (header.kind === 'retry') this.#events.retry(header, bytes, nowUs)
    else this.#events.versions(header.versions, nowUs)
  }

  #discard(datagram: Datagram, why: DiscardReason, trigger: QlogDropTrigger, header: NumberedHeader | undefined): void {
    const { environment } = this.#parts
    environment.discarded(datagram, why)
    environment.onEvent?.({
      name: 'packet_dropped',
      data: {
        header: { packet_type: header === undefined ? 'unknown' : qlogPacketType(header.kind) },
        raw: { length: header === undefined ? datagram.bytes.length : header.end - header.start }, trigger,
      },
    })
  }

  #receivePacket(datagram: Datagram, header: NumberedHeader, bytes: Uint8Array, path: Path | undefined, nowUs: number): void {
    const { isClient, isComplete, keys, acks, recovery } = this.#parts
    const { kind } = header
    if (this.#isStray(datagram, header)) return this.#discard(datagram, 'unknown', 'general', header)
    // RFC 9001, section 5.7: a server reads no 1-RTT packet before the handshake is complete.
    if (!keys.hasPeer(kind) || (kind === 'oneRtt' && !isClient && !isComplete)) return this.#keepEarly(datagram, header, bytes, nowUs)
    const space = spaceOf(kind)
    const opened = keys.open(header, bytes, acks[space].largest, nowUs, recovery.probeTimeoutUs)
    if (opened === 'tag' || opened === 'malformed') return this.#unreadable(datagram, header, opened, nowUs)
    if ('code' in opened) return this.#events.violated(opened, nowUs)
    if (opened.isKeyUpdate) this.#events.keysUpdated('remote')
    if (acks[space].isRepeated(opened.number)) return this.#discard(datagram, 'repeated', 'duplicate', header)
    // Section 9: nobody moves before the handshake is confirmed, and a server moves nowhere.
    if (path === undefined && (isClient || !this.#parts.isConfirmed)) return this.#discard(datagram, 'unknown', 'general', header)
    // RFC 9001, section 4.9.3: who sends 1-RTT packets sends no more 0-RTT ones.
    if (kind === 'oneRtt' && !isClient && keys.hasPeer('zeroRtt')) keys.discard('zeroRtt')
    this.#hasHeard = true
    this.#events.heard(header, nowUs)
    this.#receiveFrames(datagram, header, new PacketReader(bytes, opened.payload, opened.end), opened.number, path, nowUs)
  }

  /** What only looks like the peer's: anybody who saw the first packet can make Initial keys. */
  #isStray({ bytes }: Datagram, { kind, source, token }: NumberedHeader): boolean {
    if (kind === 'oneRtt') return false
    const { isClient, remoteIds } = this.#parts
    // Section 7.2: the id that the peer gave itself does not change.
    if (this.#hasHeard && !remoteIds.isFirst(source)) return true
    // Sections 14.1 and 17.2.2: a client fills the datagram, and only a client has a token.
    return kind === 'initial' && (isClient ? token.length > 0 : bytes.length < DATAGRAM_BYTES_MAX)
  }

  #keepEarly(datagram: Datagram, header: NumberedHeader, bytes: Uint8Array, nowUs: number): void {
    const { isClient, isConfirmed, keys, recovery, repeats } = this.#parts
    // 0-RTT keys come with the ClientHello, or never.
    const isRefused = header.kind === 'zeroRtt' && keys.own('handshake') !== undefined
    const isGone = header.kind === 'initial' || (header.kind !== 'oneRtt' && isConfirmed)
    if (isGone || isRefused || this.#early.length >= EARLY_PACKETS_MAX) return this.#discard(datagram, 'early', 'key_unavailable', header)
    if (isClient && !recovery.hasHandshakeKeys) repeats.keysMissing(nowUs)
    this.#early.push({ datagram, bytes: bytes.subarray(0, header.end), start: header.start, atUs: nowUs - this.#waitedUs })
  }

  /** A stateless reset may be shorter than any packet. */
  #unreadable(datagram: Datagram, header: NumberedHeader, why: 'tag' | 'malformed', nowUs: number): void {
    if (header.kind === 'oneRtt' && this.#parts.remoteIds.isReset(datagram.bytes)) this.#events.statelessReset(nowUs)
    else this.#discard(datagram, why, why === 'tag' ? 'decryption_failure' : 'header_parse_error', header)
  }

  #receiveFrames(
    datagram: Datagram, header: NumberedHeader, reader: PacketReader, number: number, path: Path | undefined, nowUs: number,
  ): void {
    const { acks, crypto, repeats, environment } = this.#parts
    const frames: Frame[] | undefined = environment.onEvent === undefined ? undefined : []
    const space = spaceOf(header.kind)
    const isNewest = number > acks[space].largest
    let isEliciting = false
    let isProbing = true
    let isNews = false
    const fail = (code: number, why: string): void => this.#events.violated(violation(code, why), nowUs)
    if (reader.remaining === 0) return fail(TransportError.protocolViolation, 'a packet without frames')
    const place = path ?? this.#newPath(datagram, header, nowUs)
    if (place === undefined) return this.#discard(datagram, 'full', 'general', header)
    while (reader.remaining > 0) {
      const frame = readFrame(reader)
      if (frame === undefined) return fail(TransportError.frameEncodingError, 'a frame that makes no sense')
      frames?.push(frame)
      if (!isAllowed(frame.kind, header.kind)) {
        return fail(TransportError.protocolViolation, `${frame.kind} in a packet of type ${header.kind}`)
      }
      if (isAckEliciting(frame)) isEliciting = true
      if (!PROBING.has(frame.kind)) isProbing = false
      if (frame.kind === 'crypto' && !crypto[space].isKnown(frame.offset, frame.bytes)) isNews = true
      const receipt = this.#receiveFrame(frame, space, datagram, place, nowUs)
      if (receipt === 'full') return this.#discard(datagram, 'full', 'general', header)
      if (receipt !== undefined) return this.#events.violated(receipt, nowUs)
      if (this.#isOver) return this.#tell(datagram, header, number, frames)
    }
    acks[space].received(number, isEliciting, datagram.ecn, nowUs, datagram.keyHi, datagram.keyLo, this.#waitedUs)
    this.#tell(datagram, header, number, frames)
    if (space !== Space.application && isEliciting && !isNews) repeats.asked(nowUs)
    this.#follow(place, header, isNewest && !isProbing, nowUs)
    this.#events.advanced(nowUs)
  }

  #tell({ id, bytes }: Datagram, header: NumberedHeader, number: number, frames: readonly Frame[] = []): void {
    const { kind: level, destination, source, token, start, end } = header
    const trigger = this.#waitedUs > 0 ? 'keys_available' : undefined
    this.#parts.environment.onEvent?.({
      name: 'packet_received',
      data: qlogPacket(
        { level, number, destination, source, token, length: end - start, datagramBytes: bytes.length, datagram: id, frames, trigger },
        this.#ackDelayExponent(spaceOf(level))),
    })
  }

  /** A client comes from an address that was not known. */
  #newPath(datagram: Datagram, header: NumberedHeader, nowUs: number): Path | undefined {
    const { paths, remoteIds, recovery } = this.#parts
    const local: SocketAddress = { address: datagram.to, port: datagram.toPort }
    const remote: SocketAddress = { address: datagram.from, port: datagram.fromPort }
    const { active } = paths
    // Section 9.5: who comes with another id of ours gets another id of its own; a NAT that forgot knows nothing of ids.
    const isSameId = active.localId === undefined || isSame(active.localId, header.destination)
    const path = paths.add(local, remote, isSameId ? active.remoteId : (remoteIds.fresh() ?? active.remoteId), false)
    path.receivedBytes += datagram.bytes.length
    path.challenge(nowUs, recovery.probeTimeoutUs)
    return path
  }

  /** Section 9.3: a server goes where its client's newest packet came from, unless that only probes. */
  #follow(path: Path, header: NumberedHeader, isMove: boolean, nowUs: number): void {
    if (header.kind !== 'oneRtt') return
    if (path.localId === undefined || !isSame(path.localId, header.destination)) path.localId = header.destination.slice()
    if (isMove && !this.#parts.isClient && path !== this.#parts.paths.active) this.#events.moved(path, nowUs)
  }

  #receiveFrame(frame: Frame, space: Space, datagram: Datagram, path: Path, nowUs: number): Violation | 'full' | undefined {
    const { isClient, streams, crypto, localIds, remoteIds, paths, peer } = this.#parts
    switch (frame.kind) {
      case 'padding':
      case 'ping':
      case 'dataBlocked':
      case 'streamsBlocked':
        return undefined
      case 'ack':
        return this.#receiveAck(frame, space, nowUs)
      case 'stream':
        return streams.receive(frame, datagram.id)
      case 'crypto':
        return crypto[space].receive(frame.offset, frame.bytes)
      case 'datagram':
        return this.#receiveDatagram(frame.bytes, datagram.id)
      case 'newConnectionId': {
        const wrong = remoteIds.receive(frame)
        const { active } = paths
        active.remoteId = remoteIds.valid(active.remoteId) ?? active.remoteId
        // A client's first id has no token: only under another can it answer with a stateless reset once it has forgotten us.
        if (active.remoteId.resetToken === undefined) active.remoteId = remoteIds.fresh() ?? active.remoteId
        return wrong
      }
      case 'retireConnectionId':
        return localIds.retire(frame.sequence, peer?.activeConnectionIdLimit ?? 0)
      case 'pathChallenge':
        path.answer(frame.data)
        return undefined
      case 'pathResponse':
        this.#receiveResponse(frame.data, nowUs)
        return undefined
      case 'newToken':
        if (!isClient) return violation(TransportError.protocolViolation, 'a token from a client')
        this.#parts.emit({ kind: 'token', token: frame.token })
        return undefined
      case 'handshakeDone':
        if (!isClient) return violation(TransportError.protocolViolation, 'HANDSHAKE_DONE from a client')
        this.#events.confirmed(nowUs)
        return undefined
      case 'close':
        this.#events.closed(frame, nowUs)
        return undefined
      default:
        return streams.receiveControl(frame)
    }
  }

  /** Section 18.2: the default until the peer's parameters are there, and so in the handshake's spaces. */
  #ackDelayExponent(space: Space): number {
    const { peer = DEFAULT_PARAMETERS } = this.#parts
    return (space === Space.application ? peer : DEFAULT_PARAMETERS).ackDelayExponent
  }

  #receiveAck(frame: AckFrame, space: Space, nowUs: number): Violation | undefined {
    const { recovery, isClient } = this.#parts
    const delayUs = frame.delay * 2 ** this.#ackDelayExponent(space)
    if (!recovery.acknowledged(space, frame, delayUs, nowUs, this.#waitedUs)) {
      return violation(TransportError.protocolViolation, 'an acknowledgement of what was never sent')
    }
    // RFC 9002, section 6.2.2.1: who acknowledges Handshake packets has validated the client's address.
    if (isClient && space === Space.handshake) recovery.isPeerValidated = true
    return undefined
  }

  #receiveDatagram(bytes: Uint8Array, datagram: number): Violation | undefined {
    const { settings } = this.#parts
    if (bytes.length >= settings.datagramFrameBytesMax) return violation(TransportError.protocolViolation, 'a DATAGRAM frame too large')
    this.#parts.emit({ kind: 'datagram', bytes, datagram })
    return undefined
  }

  /** Section 9.5: ids of paths that were left are of no more use, and make room for new ones. */
  #settled(active: Path): void {
    const { paths, remoteIds } = this.#parts
    for (const { remoteId } of paths.all) if (remoteId !== active.remoteId) remoteIds.retire(remoteId)
    this.#parts.emit({ kind: 'pathChanged', isValidated: true })
  }

  #receiveResponse(data: Uint8Array, nowUs: number): void {
    const { paths } = this.#parts
    const path = paths.answered(data)
    if (path === undefined) return
    path.validated()
    if (path === paths.active) this.#settled(path)
    this.#events.advanced(nowUs)
  }
}

/** Reads the frames of one packet. */
class PacketReader extends Reader {
  constructor(bytes: Uint8Array, start: number, end: number) {
    super(bytes, end)
    this.offset = start
  }
}

/** Section 9.1: frames that only ask whether a path works. */
const PROBING: ReadonlySet<Frame['kind']> = new Set(['padding', 'pathChallenge', 'pathResponse', 'newConnectionId'] as const)
/** Section 12.4, table 3. */
const HANDSHAKE_FRAMES: ReadonlySet<Frame['kind']> = new Set(['padding', 'ping', 'ack', 'crypto', 'close'] as const)
const NOT_EARLY: ReadonlySet<Frame['kind']> =
  new Set(['ack', 'crypto', 'handshakeDone', 'newToken', 'pathResponse', 'retireConnectionId'] as const)

function isAllowed(frame: Frame['kind'], packet: NumberedHeader['kind']): boolean {
  if (packet === 'oneRtt') return true
  return packet === 'zeroRtt' ? !NOT_EARLY.has(frame) : HANDSHAKE_FRAMES.has(frame)
}
