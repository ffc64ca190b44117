/** The orderly end of an association, at which everything was delivered: RFC 9260, section 9.2. */
import { answerTo, type Cause as Datagram } from '../packetidentity.ts'
import { ChunkType, writeChunk } from './chunks.ts'
import type { Inbound } from './inbound.ts'
import type { Outbound } from './outbound.ts'
import type { RetransmissionTimeout } from './rto.ts'
import type { SendPacket } from './setup.ts'

export interface ShutdownConfig {
  readonly inbound: Inbound
  readonly outbound: Outbound
  readonly rto: RetransmissionTimeout
  readonly peerTag: number
  readonly send: SendPacket
  readonly ended: (by: 'local' | 'remote') => void
}

export class Shutdown {
  readonly #config: ShutdownConfig
  #state: 'none' | 'pending' | 'sent' | 'received' | 'ack sent' = 'none'
  #by: 'local' | 'remote' = 'remote'
  #attempt = 0
  #t2AtUs = Infinity

  constructor(config: ShutdownConfig) {
    this.#config = config
  }

  /** Nobody has asked for the end. */
  get isNone(): boolean {
    return this.#state === 'none'
  }
  /** Whether data may go out, and whether data may come in. */
  get maySend(): boolean {
    return this.#state !== 'sent' && this.#state !== 'ack sent'
  }
  get mayReceive(): boolean {
    return this.#state === 'none' || this.#state === 'pending' || this.#state === 'sent'
  }
  nextWakeUs(): number {
    return this.#t2AtUs
  }

  start(nowUs: number): void {
    if (this.#state !== 'none') return
    this.#state = 'pending'
    this.#by = 'local'
    this.settle(nowUs)
  }

  /** Goes on once nothing is left to be sent or answered. */
  settle(nowUs: number): void {
    if (this.#state !== 'pending' && this.#state !== 'received') return
    if (!this.#config.outbound.isSettled) return
    this.#enter(this.#state === 'pending' ? 'sent' : 'ack sent', nowUs)
  }

  #enter(state: 'sent' | 'ack sent', nowUs: number): void {
    this.#state = state
    this.#attempt = 0
    this.#say(nowUs)
  }

  /** SHUTDOWN from the peer. */
  receive(nowUs: number): void {
    if (this.#state === 'ack sent') return this.#say(nowUs)
    // Where both have asked for the end nothing is left to be answered: the acknowledgement follows at once.
    this.#state = 'received'
    this.settle(nowUs)
  }

  /** Whoever asked for the end says so again to every packet of data. */
  dataCame(nowUs: number): void {
    if (this.#state === 'sent') this.#say(nowUs)
  }

  /** INIT from a peer that has forgotten us. */
  initCame(nowUs: number): boolean {
    if (this.#state !== 'ack sent') return false
    this.#say(nowUs)
    return true
  }

  /** SHUTDOWN ACK. */
  acknowledged(cause: Datagram): void {
    if (this.#state !== 'sent' && this.#state !== 'ack sent') return
    this.#config.send(this.#config.peerTag, answerTo('shutdown complete', cause), ({ writer }) => {
      writeChunk(writer, ChunkType.shutdownComplete, 0, new Uint8Array(0))
    })
    this.#config.ended(this.#by)
  }

  /** SHUTDOWN COMPLETE. */
  completed(): void {
    if (this.#state === 'ack sent') this.#config.ended(this.#by)
  }

  /** T2-shutdown. */
  wake(nowUs: number): void {
    if (nowUs < this.#t2AtUs) return
    this.#attempt++
    this.#config.outbound.errors++
    this.#config.rto.backOff()
    this.#say(nowUs)
  }

  #say(nowUs: number): void {
    const { inbound, rto, peerTag, send } = this.#config
    const isAck = this.#state === 'ack sent'
    this.#t2AtUs = nowUs + rto.rtoUs
    const value = new Uint8Array(isAck ? 0 : 4)
    if (!isAck) new DataView(value.buffer).setUint32(0, inbound.cumulativeTsn)
    send(peerTag, { contents: isAck ? 'shutdown ack' : 'shutdown', channel: 0, start: 0, end: 0, attempt: this.#attempt }, ({ writer }) => {
      writeChunk(writer, isAck ? ChunkType.shutdownAck : ChunkType.shutdown, 0, value)
    })
  }
}
