/**
 * The sending half: which packets leave now, with what in them, over which path. What may leave is bounded by the congestion window and
 * its pacing, by probes beyond them, and by what may be sent to an address that has not proven itself.
 */
import { DATAGRAM_BYTES_MAX } from '../bytes.ts'
import { Ecn } from '../net/datagram.ts'
import { type Draft, DatagramBuilder, PACKET_ROOM_MIN } from './builder.ts'
import { type CloseFrame, type Frame, FrameType, writeFrame } from './frames.ts'
import { TransportError } from './errors.ts'
import { CONNECTION_ID_BYTES_MAX } from './packet.ts'
import { type Parts, spaceOf } from './parts.ts'
import type { Path } from './paths.ts'
import { type Level, TAG_BYTES } from './protection.ts'
import { qlogPacket } from './qlogpackets.ts'
import { Space } from './recovery.ts'
import { PING } from './sentframe.ts'

/** Datagrams that leave in one go without a look at the clock; a bound on a loop, far above every window. */
const DATAGRAMS_MAX = 4_096
/** Less room is not worth a frame of application data. */
const FRAME_ROOM_MIN = 32
/** A short header, a PATH_RESPONSE, a PATH_CHALLENGE and a tag: three times the least acknowledgement lets them out (section 8.2.1). */
const PROBING_BYTES_MIN = 1 + CONNECTION_ID_BYTES_MAX + 4 + 9 + 9 + TAG_BYTES
const NO_TOKEN = new Uint8Array(0)
const EARLY_LEVELS = ['initial', 'handshake', 'zeroRtt'] as const
const HANDSHAKE_LEVELS = ['initial', 'handshake', 'oneRtt'] as const
const CONFIRMED_LEVELS = ['oneRtt'] as const

export class Sender {
  /** When pacing lets the next datagram leave; Infinity where it is not pacing that holds it back. */
  pacedUs = Infinity
  /** Something that asks for an answer left since this was set to false. */
  hasSentEliciting = false
  readonly #parts: Parts
  readonly #builder: DatagramBuilder

  constructor(parts: Parts) {
    this.#parts = parts
    this.#builder = new DatagramBuilder(parts.environment.writer, parts.environment.onEvent !== undefined)
  }

  /** Sends what may be sent now. */
  flush(nowUs: number): void {
    const { paths, recovery } = this.#parts
    for (const path of paths.all) while (path.isProbing && this.#sendProbing(path, nowUs));
    for (let sent = 0; sent < DATAGRAMS_MAX && this.#sendDatagram(nowUs); sent++);
    const { congestion } = recovery.path
    // RFC 9002, section 7.8: pacing is no lack of data, as long as the window is about used.
    const isPacing = this.pacedUs !== Infinity && congestion.inFlightBytes * 2 >= congestion.windowBytes
    congestion.isLimiting = (!congestion.maySend || isPacing) && this.#levels.some((level) => this.#isReady(level))
  }

  /** Those that packets may leave at, in the order of a datagram. */
  get #levels(): readonly Level[] {
    const { keys, isConfirmed } = this.#parts
    if (isConfirmed) return CONFIRMED_LEVELS
    return keys.own('oneRtt') === undefined ? EARLY_LEVELS : HANDSHAKE_LEVELS
  }

  /** There is something to send at that level, if the window lets it. */
  #isReady(level: Level): boolean {
    const { keys, crypto, control, streams, datagrams, source } = this.#parts
    if (keys.own(level) === undefined) return false
    if (level !== 'zeroRtt' && crypto[spaceOf(level)].isReady) return true
    if (level === 'initial' || level === 'handshake') return false
    return control.isReady || datagrams.isReady || streams.first() !== undefined || (source?.priority ?? Infinity) !== Infinity
  }

  /** Sends one datagram, if there is something to send and leave to send it. */
  #sendDatagram(nowUs: number): boolean {
    const { isComplete, paths, recovery } = this.#parts
    const path = paths.active
    const { allowanceBytes } = path
    recovery.isAmplificationLimited = allowanceBytes < (isComplete ? PACKET_ROOM_MIN : DATAGRAM_BYTES_MAX)
    if (recovery.isAmplificationLimited) return false
    const isOpen = this.#isWindowOpen(nowUs)
    const builder = this.#builder
    builder.begin(Math.min(DATAGRAM_BYTES_MAX, allowanceBytes), nowUs)
    for (const level of this.#levels) this.#writePacket(level, path, isOpen, nowUs)
    if (builder.drafts.length === 0) return false
    this.#finish(path, this.#bytesMin(), nowUs)
    return true
  }

  #isWindowOpen(nowUs: number): boolean {
    const { roundTrip, congestion, pacer } = this.#parts.recovery.path
    this.pacedUs = Infinity
    if (!congestion.maySend) return false
    if (!this.#parts.settings.isPaced) return true
    const readyUs = pacer.readyUs(nowUs, congestion.windowBytes, roundTrip.smoothedUs)
    if (readyUs > nowUs) this.pacedUs = readyUs
    return readyUs <= nowUs
  }

  #open(level: Level, path: Path): Draft {
    const { keys, recovery, handshakeId } = this.#parts
    const space = spaceOf(level)
    return this.#builder.open({
      level, keys: keys.own(level)!, destination: path.remoteId.id, source: handshakeId, token: this.#tokenOf(level),
      number: recovery.nextNumber(space), largestAcked: recovery.largestAcked(space), keyPhase: keys.keyPhase,
    })
  }

  #tokenOf(level: Level): Uint8Array {
    return level === 'initial' ? this.#parts.token : NO_TOKEN
  }

  #writePacket(level: Level, path: Path, isWindowOpen: boolean, nowUs: number): void {
    const { keys, recovery, acks } = this.#parts
    const builder = this.#builder
    if (keys.own(level) === undefined || builder.writer.room < PACKET_ROOM_MIN) return
    const space = spaceOf(level)
    // After a probe timeout something has to be sent: what waits, else the oldest again, else a ping (RFC 9002, section 6.2.4).
    const probes = recovery.probes(space)
    const isReady = this.#isReady(level) || (probes > 0 && recovery.probeOldest(space, nowUs))
    const mayElicit = probes > 0 || (isReady && isWindowOpen)
    const ack = acks[space]
    const isAckDue = level !== 'zeroRtt' && ack.dueUs <= nowUs
    if (!isAckDue && !mayElicit) return
    const draft = this.#open(level, path)
    draft.isProbe = probes > 0 && recovery.backoff > 0
    const hasAck = level !== 'zeroRtt' && ack.write(builder)
    if (mayElicit) this.#writeFrames(level, nowUs)
    if (draft.frames.length === 0 && probes > 0) {
      this.#writePing(space, probes)
    } else if (draft.frames.length === 0 && hasAck) {
      // It goes alone, for lack of anything else or of room.
      builder.identify('ack', space, ack.keyHi, ack.keyLo, 0, 0)
      if (ack.isPingWanted && isWindowOpen && !recovery.isWaiting(space)) this.#writePing(space, 0)
    }
    const isEliciting = draft.frames.length > 0
    if (hasAck) {
      if (isEliciting) builder.add(ack.sentFrame())
      ack.sent(isEliciting)
    }
    builder.close(isEliciting || hasAck)
  }

  /** `ping` tells apart those of one probe timeout; 0 for one that goes with an acknowledgement. */
  #writePing(space: Space, ping: number): void {
    const { recovery } = this.#parts
    const builder = this.#builder
    builder.writer.u8(FrameType.ping)
    builder.logged?.push({ kind: 'ping' })
    builder.add({ owner: PING, id: 0, start: 0, end: 0, attempt: recovery.backoff, fin: false, probed: false })
    builder.identify('ping', space, ping, recovery.oldest(space)?.keyLo ?? 0, 0, recovery.backoff)
  }

  #writeFrames(level: Level, nowUs: number): void {
    const { crypto, control } = this.#parts
    const builder = this.#builder
    const space = spaceOf(level)
    if (level !== 'zeroRtt') while (crypto[space].pack(builder));
    if (space !== Space.application) return
    control.pack(builder)
    this.#writeData(nowUs)
  }

  /** Streams, datagrams and what the source hands over, the most urgent first. */
  #writeData(nowUs: number): void {
    const { streams, datagrams, source } = this.#parts
    const builder = this.#builder
    while (builder.room >= FRAME_ROOM_MIN) {
      if (datagrams.isReady) {
        if (!datagrams.pack(builder)) return
        continue
      }
      const stream = streams.first()
      const offered = source?.priority ?? Infinity
      if (offered < (stream?.priority ?? Infinity)) {
        source!.admit(nowUs)
        continue
      }
      if (stream === undefined) return
      // A stream that was given up just now wrote nothing, and is not ready any more.
      if (!stream.pack(builder) && stream.isReady) return
    }
  }

  /** Section 14.1: datagrams with an Initial packet fill 1200 bytes, those of a server if they ask for an answer. */
  #bytesMin(): number {
    const { isClient } = this.#parts
    const isPadded = this.#builder.drafts.some(({ level, frames }) => level === 'initial' && (isClient || frames.length > 0))
    return isPadded ? DATAGRAM_BYTES_MAX : 0
  }

  /** Protects the datagram, sends it, and keeps what recovery has to know of its packets. */
  #finish(path: Path, bytesMin: number, nowUs: number): void {
    const { number, isClient, environment, keys, recovery } = this.#parts
    const builder = this.#builder
    const bytes = builder.finish(bytesMin)
    const ecn = path.recovery.ecn.mark
    const keyLo = builder.keyLo()
    const { local, remote } = path
    const datagram = environment.send({
      local, remote, ecn, bytes, keyHi: builder.keyHi(number, isClient ? 0 : 1), keyLo, label: builder.label(number),
    })
    path.sentBytes += bytes.length
    let hasHandshake = false
    for (const draft of builder.drafts) {
      const { level, start, end, frames, isPadded } = draft
      const isEliciting = frames.length > 0
      const packetBytes = end - start + TAG_BYTES
      recovery.sent({
        space: spaceOf(level), number: draft.number, sentUs: nowUs, bytes: packetBytes, isEliciting, isInFlight: isEliciting || isPadded,
        isMarked: ecn === Ecn.ect0, isEarly: level === 'zeroRtt', frames, path: path.recovery, datagram, keyLo,
      })
      if (isEliciting) this.hasSentEliciting = true
      if (isEliciting || isPadded) this.#pace(path, packetBytes, nowUs)
      hasHandshake ||= level === 'handshake'
      if (level === 'oneRtt' && keys.sent(draft.number)) this.#parts.updateKeys()
      this.#tell(draft, path, packetBytes, bytes.length, datagram)
    }
    // RFC 9001, section 4.9.1.
    if (hasHandshake && isClient) this.#parts.discardKeys('initial', nowUs)
  }

  #pace(path: Path, bytes: number, nowUs: number): void {
    const { pacer, congestion, roundTrip } = path.recovery
    pacer.sent(bytes, nowUs, congestion.windowBytes, roundTrip.smoothedUs)
  }

  #tell({ level, number, isProbe, logged: frames = [] }: Draft, path: Path, length: number, datagramBytes: number, datagram: number): void {
    const { environment, settings, handshakeId: source } = this.#parts
    const { id: destination } = path.remoteId
    const token = this.#tokenOf(level)
    const trigger = isProbe ? 'pto_probe' : undefined
    environment.onEvent?.({
      name: 'packet_sent',
      data: qlogPacket(
        { level, number, destination, source, token, length, datagramBytes, datagram, frames, trigger }, settings.ackDelayExponent),
    })
  }

  /** Sends challenges and responses of one path in a datagram of their own, as large as a path has to carry (section 8.2.1). */
  #sendProbing(path: Path, nowUs: number): boolean {
    const { keys, number, remoteIds } = this.#parts
    const bytesMax = Math.min(DATAGRAM_BYTES_MAX, path.allowanceBytes)
    const remoteId = remoteIds.valid(path.remoteId)
    if (keys.own('oneRtt') === undefined || bytesMax < PROBING_BYTES_MIN || remoteId === undefined) return false
    path.remoteId = remoteId
    const builder = this.#builder
    builder.begin(bytesMax, nowUs)
    this.#open('oneRtt', path)
    const write = (frame: Frame, contents: string, attempt: number): void => {
      writeFrame(builder.writer, frame)
      builder.logged?.push(frame)
      builder.add({ owner: PING, id: 0, start: 0, end: 0, attempt, fin: false, probed: false })
      builder.identify(contents, path.ordinal, 0, 0, 0, attempt)
    }
    const response = path.responses.shift()
    if (response !== undefined) write({ kind: 'pathResponse', data: response }, 'path response', path.responseCount++)
    if (path.isChallengeDue) {
      const { challengeAttempt } = path
      write({ kind: 'pathChallenge', data: path.nextChallenge(number, nowUs) }, 'path challenge', challengeAttempt)
    }
    builder.close(true)
    this.#finish(path, bytesMax, nowUs)
    return true
  }

  /** Sends the close at every level that the peer may be able to read (section 10.2.3). `attempt` counts its transmissions. */
  sendClose(close: CloseFrame, attempt: number, nowUs: number): void {
    const { keys, paths } = this.#parts
    const path = paths.active
    const bytesMax = Math.min(DATAGRAM_BYTES_MAX, path.allowanceBytes)
    if (bytesMax < PACKET_ROOM_MIN) return
    const builder = this.#builder
    builder.begin(bytesMax, nowUs)
    for (const level of HANDSHAKE_LEVELS) {
      if (keys.own(level) === undefined || builder.writer.room < PACKET_ROOM_MIN) continue
      this.#open(level, path)
      const frame = level === 'oneRtt' ? close : withoutApplication(close)
      writeFrame(builder.writer, frame)
      builder.logged?.push(frame)
      builder.identify('close', 0, 0, 0, 0, attempt)
      builder.close(true)
    }
    if (builder.drafts.length === 0) return
    this.#finish(path, builder.drafts[0].level === 'initial' ? bytesMax : 0, nowUs)
  }
}

/** Section 10.2.3: what an application says is for 1-RTT packets alone. */
function withoutApplication(close: CloseFrame): CloseFrame {
  if (!close.isApplication) return close
  return { kind: 'close', isApplication: false, code: TransportError.applicationError, frameType: 0, reason: NO_TOKEN }
}
