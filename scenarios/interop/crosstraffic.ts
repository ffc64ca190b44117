/**
 * Traffic that a connection has to share its bottleneck with: a TCP bulk transfer, as `iperf` makes one. Reno (RFC 5681) with
 * recovery by selective acknowledgements (RFC 2018, RFC 6675), the timer of RFC 6298, and delayed acknowledgements; data without
 * content in segments of full size. Sans-I/O, like the transports it competes with.
 */
import { Reader, Writer } from '../../sim/bytes.ts'
import { RangeSet } from '../../sim/ranges.ts'

/** 1500 of Ethernet - 20 of IPv4 - 20 of TCP - 12 of its timestamps. */
const SEGMENT_BYTES = 1_448
/**
 * A segment's header, and an acknowledgement, as payload of UDP: sequence number, acknowledged, count of blocks, and zeros, so that a
 * full segment fills 1500 bytes of IP as it does in TCP.
 */
const HEADER_BYTES = 24
/** RFC 2018, section 3: what fits beside timestamps. Each has the two ends of a range. */
const BLOCKS_MAX = 3
const BLOCK_BYTES = 8
/** RFC 6928. */
const INITIAL_WINDOW_BYTES = 10 * SEGMENT_BYTES
/** RFC 6675, section 2: DupThresh. All segments are full, so that its two rules for a loss are one. */
const LOST_BELOW_SACKED_BYTES = 3 * SEGMENT_BYTES
/** RFC 5681, section 4.2 wants less than 500 ms; Linux waits so long. */
const ACK_DELAY_US = 40_000
/** RFC 6298, section 2. */
const INITIAL_TIMEOUT_US = 1_000_000
const TIMEOUT_US_MIN = 200_000
const TIMEOUT_US_MAX = 60_000_000
/** What the receiver's window lets be under way. */
const RECEIVE_WINDOW_BYTES = 1_048_576

/** A segment to be sent. `attempt` counts the transmissions of that sequence number; an acknowledgement is named after what it answers. */
export interface Segment {
  readonly bytes: Uint8Array
  readonly sequence: number
  readonly attempt: number
}

/** Sends until it is told to stop. */
export class BulkSender {
  readonly #writer = new Writer()
  readonly #due: Segment[] = []
  /** How often each segment under way was sent, and when first, by sequence number. */
  readonly #underWay = new Map<number, { attempts: number; readonly sentUs: number }>()
  /** What has arrived beyond a hole. */
  readonly #sacked = new RangeSet()
  #windowBytes = INITIAL_WINDOW_BYTES
  #thresholdBytes = Infinity
  #acked = 0
  #next = 0
  /** Recovery ends when this is acknowledged; -1 outside of it. */
  #recover = -1
  /** Holes below were filled in this recovery. */
  #filled = 0
  /** The timer holds everything below for lost. */
  #lostBelow = 0
  #smoothedUs = 0
  #variationUs = 0
  #timeoutUs = INITIAL_TIMEOUT_US
  #timerUs = Infinity

  start(nowUs: number): void {
    this.#fill(nowUs)
  }

  receive(bytes: Uint8Array, nowUs: number): void {
    const reader = new Reader(bytes, bytes.length)
    reader.u32()
    const acked = reader.u32()
    const blocks = reader.u8()
    reader.offset = HEADER_BYTES
    for (let i = 0; i < Math.min(blocks, BLOCKS_MAX); i++) {
      const [start, end] = [reader.u32(), reader.u32()]
      if (!reader.failed && start >= this.#acked && start < end && end <= this.#next) this.#sacked.add(start, end)
    }
    if (reader.failed || acked > this.#next) return
    if (acked > this.#acked) this.#advance(acked, nowUs)
    if (this.#recover < 0 && this.#survey().hole !== undefined) this.#beginRecovery()
    this.#fill(nowUs)
  }

  #advance(acked: number, nowUs: number): void {
    const first = this.#underWay.get(this.#acked)
    // Karn: what was sent twice measures nothing.
    if (first?.attempts === 1) this.#measure(nowUs - first.sentUs)
    for (let sequence = this.#acked; sequence < acked; sequence += SEGMENT_BYTES) this.#underWay.delete(sequence)
    const growth = acked - this.#acked
    this.#acked = acked
    this.#sacked.removeBelow(acked)
    if (acked >= this.#recover) this.#recover = -1
    if (this.#windowBytes < this.#thresholdBytes) {
      this.#windowBytes += Math.min(growth, 2 * SEGMENT_BYTES)
    } else if (this.#recover < 0) {
      // RFC 5681, section 3.1: by bytes acknowledged, so that delayed acknowledgements do not slow it down.
      this.#windowBytes += Math.floor((SEGMENT_BYTES * growth) / this.#windowBytes)
    }
    this.#timerUs = this.#underWay.size > 0 ? nowUs + this.#timeoutUs : Infinity
  }

  /** RFC 6675, section 5: once for each window in which something was lost. */
  #beginRecovery(): void {
    this.#thresholdBytes = Math.max(2 * SEGMENT_BYTES, Math.floor((this.#next - this.#acked) / 2))
    this.#windowBytes = this.#thresholdBytes
    this.#recover = this.#next
    this.#filled = this.#acked
  }

  /** RFC 6675, section 4: the bytes that are on their way (SetPipe), and the first hole that is to be filled (NextSeg, rule 1). */
  #survey(): { readonly pipeBytes: number; readonly hole: number | undefined } {
    let pipeBytes = 0
    let sackedBytes = 0
    let hole: number | undefined
    for (let sequence = this.#next - SEGMENT_BYTES; sequence >= this.#acked; sequence -= SEGMENT_BYTES) {
      if (this.#sacked.has(sequence, sequence + SEGMENT_BYTES)) {
        sackedBytes += SEGMENT_BYTES
        continue
      }
      const isLost = sackedBytes >= LOST_BELOW_SACKED_BYTES || sequence < this.#lostBelow
      const isFilled = this.#recover >= 0 && sequence < this.#filled
      if (!isLost || isFilled) pipeBytes += SEGMENT_BYTES
      else hole = sequence
    }
    return { pipeBytes, hole }
  }

  #measure(sampleUs: number): void {
    if (this.#smoothedUs === 0) {
      this.#smoothedUs = sampleUs
      this.#variationUs = sampleUs >>> 1
    } else {
      this.#variationUs = Math.floor((3 * this.#variationUs + Math.abs(this.#smoothedUs - sampleUs)) / 4)
      this.#smoothedUs = Math.floor((7 * this.#smoothedUs + sampleUs) / 8)
    }
    this.#timeoutUs = Math.min(TIMEOUT_US_MAX, Math.max(TIMEOUT_US_MIN, this.#smoothedUs + 4 * this.#variationUs))
  }

  #fill(nowUs: number): void {
    for (;;) {
      const { pipeBytes, hole } = this.#survey()
      if (pipeBytes + SEGMENT_BYTES > this.#windowBytes) return
      if (hole !== undefined && this.#recover >= 0) {
        this.#filled = hole + SEGMENT_BYTES
        this.#transmit(hole, nowUs)
      } else {
        if (this.#next + SEGMENT_BYTES > this.#acked + RECEIVE_WINDOW_BYTES) return
        this.#transmit(this.#next, nowUs)
        this.#next += SEGMENT_BYTES
      }
    }
  }

  #transmit(sequence: number, nowUs: number): void {
    const known = this.#underWay.get(sequence)
    const attempt = known?.attempts ?? 0
    if (known === undefined) this.#underWay.set(sequence, { attempts: 1, sentUs: nowUs })
    else known.attempts++
    if (this.#timerUs === Infinity) this.#timerUs = nowUs + this.#timeoutUs
    this.#due.push({ bytes: encode(this.#writer, sequence, 0, [], SEGMENT_BYTES), sequence, attempt })
  }

  nextWakeUs(): number {
    return this.#timerUs
  }

  wake(nowUs: number): void {
    if (nowUs < this.#timerUs) return
    this.#beginRecovery()
    this.#windowBytes = SEGMENT_BYTES
    this.#lostBelow = this.#next
    this.#timeoutUs = Math.min(TIMEOUT_US_MAX, this.#timeoutUs * 2)
    this.#timerUs = nowUs + this.#timeoutUs
    this.#fill(nowUs)
  }

  poll(): Segment | undefined {
    return this.#due.shift()
  }
}

/** Acknowledges every second segment, what is out of order at once, and the rest after a while (RFC 5681, section 4.2). */
export class BulkReceiver {
  readonly #writer = new Writer()
  readonly #received = new RangeSet()
  /** The segment that waits for its acknowledgement. */
  #waiting: Arrival | undefined
  #ackUs = Infinity
  #due: Segment | undefined

  /** Without a hole. */
  get receivedBytes(): number {
    return this.#received.count > 0 && this.#received.start(0) === 0 ? this.#received.end(0) : 0
  }

  /** @param cause the identity of what came. */
  receive(bytes: Uint8Array, cause: number, nowUs: number): void {
    const reader = new Reader(bytes, bytes.length)
    const sequence = reader.u32()
    if (reader.failed || sequence > this.receivedBytes + RECEIVE_WINDOW_BYTES) return
    const isInOrder = sequence === this.receivedBytes && this.#received.count <= 1
    this.#received.add(sequence, sequence + SEGMENT_BYTES)
    if (isInOrder && this.#waiting === undefined) {
      this.#waiting = { sequence, cause }
      this.#ackUs = nowUs + ACK_DELAY_US
    } else {
      this.#acknowledge({ sequence, cause })
    }
  }

  #acknowledge({ sequence, cause }: Arrival): void {
    this.#waiting = undefined
    this.#ackUs = Infinity
    this.#due = { bytes: encode(this.#writer, 0, this.receivedBytes, this.#blocks(sequence), 0), sequence: cause, attempt: 0 }
  }

  nextWakeUs(): number {
    return this.#ackUs
  }
  wake(nowUs: number): void {
    if (nowUs >= this.#ackUs && this.#waiting !== undefined) this.#acknowledge(this.#waiting)
  }

  /** RFC 2018, section 4: the block with what came last is the first; the highest others follow. */
  #blocks(newest: number): Block[] {
    const blocks: Block[] = []
    for (let i = this.#received.count - 1; i >= 0 && this.#received.start(i) > 0; i--) {
      const block = { start: this.#received.start(i), end: this.#received.end(i) }
      if (newest >= block.start && newest < block.end) blocks.unshift(block)
      else blocks.push(block)
    }
    return blocks.slice(0, BLOCKS_MAX)
  }

  poll(): Segment | undefined {
    const due = this.#due
    this.#due = undefined
    return due
  }
}

interface Arrival {
  readonly sequence: number
  readonly cause: number
}
interface Block {
  readonly start: number
  readonly end: number
}

function encode(writer: Writer, sequence: number, acked: number, blocks: readonly Block[], dataBytes: number): Uint8Array {
  writer.begin(HEADER_BYTES + blocks.length * BLOCK_BYTES + dataBytes)
  writer.u32(sequence)
  writer.u32(acked)
  writer.u8(blocks.length)
  writer.zeros(HEADER_BYTES - writer.length)
  for (const { start, end } of blocks) {
    writer.u32(start)
    writer.u32(end)
  }
  writer.zeros(dataBytes)
  return writer.finish()
}
