/** HEARTBEAT on a path that carries nothing else: RFC 9260, section 8.3. Without jitter: there is one path, and one association on it. */
import { Reader } from '../../bytes.ts'
import { ChunkType, writeChunk } from './chunks.ts'
import { HEARTBEAT_INTERVAL_US } from './limits.ts'
import type { Outbound } from './outbound.ts'
import type { RetransmissionTimeout } from './rto.ts'
import type { SendPacket } from './setup.ts'

/** Parameter 1, Heartbeat Info: which one, and when (section 3.3.5). */
const INFO_PARAMETER = 1
const INFO_BYTES = 16

export interface HeartbeatConfig {
  readonly outbound: Outbound
  readonly rto: RetransmissionTimeout
  readonly peerTag: number
  readonly send: SendPacket
}

export class Heartbeat {
  readonly #config: HeartbeatConfig
  #atUs: number
  #sentUs = 0
  #count = 0
  #isAnswered = true

  constructor(config: HeartbeatConfig, nowUs: number) {
    this.#config = config
    this.#atUs = this.#next(nowUs)
  }

  #next(nowUs: number): number {
    return nowUs + HEARTBEAT_INTERVAL_US + this.#config.rto.rtoUs
  }
  nextWakeUs(): number {
    return this.#atUs
  }
  /** Data was sent: it tells as much. */
  rest(nowUs: number): void {
    this.#atUs = this.#next(nowUs)
  }

  wake(nowUs: number): void {
    if (nowUs < this.#atUs) return
    const { outbound, peerTag, send } = this.#config
    if (!this.#isAnswered) outbound.errors++
    this.#isAnswered = false
    this.#sentUs = nowUs
    this.#count++
    this.rest(nowUs)
    const info = new Uint8Array(INFO_BYTES)
    const view = new DataView(info.buffer)
    view.setUint16(0, INFO_PARAMETER)
    view.setUint16(2, INFO_BYTES)
    view.setUint32(4, this.#count)
    view.setUint32(8, Math.floor(nowUs / 2 ** 32))
    view.setUint32(12, nowUs)
    const identity = { contents: 'heartbeat', channel: 0, start: this.#count, end: this.#count, attempt: 0 }
    send(peerTag, identity, ({ writer }) => writeChunk(writer, ChunkType.heartbeat, 0, info))
  }

  /** HEARTBEAT ACK: what was said, said back. */
  acknowledged(value: Reader, nowUs: number): void {
    const info = new Reader(value.raw(INFO_BYTES), value.failed ? 0 : INFO_BYTES)
    info.u32()
    if (info.u32() !== this.#count || info.failed || this.#isAnswered) return
    this.#isAnswered = true
    this.#config.outbound.errors = 0
    this.#config.rto.measured(nowUs - this.#sentUs)
  }
}
