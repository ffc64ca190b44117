/** What nodes tell the relay, and it them, read from the datagrams that carry it: JSON, in WebSocket frames, in a stream of segments. */
import type { Datagram } from '../sim/net/datagram.ts'
import { SIGNALLING_PORT } from '../sim/webrtc/signalling/limits.ts'
import { readSegment } from '../sim/webrtc/signalling/stream.ts'
import { FrameReader, Opcode } from '../sim/webrtc/signalling/websocket.ts'

interface Direction {
  readonly frames: FrameReader
  /** The next byte that was not sent yet; the segment that connects counts as one. */
  sequence: number
}

export class SignallingReader {
  /** By sender, then the token of the connection, which is another for each. */
  readonly #directions = new Map<string, Direction>()
  #texts: Uint8Array[] = []

  /** To be shown every datagram as it leaves its sender; answers the messages that it completes. What is sent again completes none. */
  messages({ from, fromPort, toPort, bytes }: Datagram): readonly Uint8Array[] {
    const isFromServer = fromPort === SIGNALLING_PORT
    const segment = isFromServer || toPort === SIGNALLING_PORT ? readSegment(bytes) : undefined
    if (segment === undefined) return []
    const key = `${from}:${fromPort} ${segment.token}`
    let direction = this.#directions.get(key)
    if (direction === undefined) this.#directions.set(key, (direction = { frames: this.#reader(!isFromServer), sequence: 1 }))
    if (segment.bytes.length === 0 || segment.sequence !== direction.sequence) return []
    direction.sequence += segment.bytes.length
    this.#texts = []
    direction.frames.push(segment.bytes)
    return this.#texts
  }

  #reader(isFromClient: boolean): FrameReader {
    return new FrameReader(isFromClient, ({ opcode, payload }) => {
      if (opcode === Opcode.text) this.#texts.push(payload)
    })
  }
}
