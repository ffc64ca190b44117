/** Mutated segments of signalling whose checksum is right: the stream's fields, the frames of WebSocket, and the JSON inside them. */
import { Writer } from '../../../sim/bytes.ts'
import { mix32 } from '../../../sim/choice.ts'
import { readSegment, type Segment } from '../../../sim/webrtc/signalling/stream.ts'
import { encodeFrame, FrameReader, type Frame, Opcode, textFrame } from '../../../sim/webrtc/signalling/websocket.ts'
import { fingerprintOf } from '../../../sim/webrtc/stun/fingerprint.ts'
import type { Draws } from '../mutation.ts'
import { mutatedOctets, numberNear, randomOctets } from './octets.ts'

const SEGMENT_BYTES_MAX = 1_183
const MESSAGES_KEPT = 16
const TYPES = ['offer', 'answer', 'restart', 'candidate', 'endOfCandidates', 'refusal']
const EDGE_VALUES: readonly unknown[] = [
  null, '', true, -1, 0, 1, 0.5, 1e308, 2 ** 53, 'x'.repeat(600), [], {}, '0', 'offer', 'refusal', 'é',
]

type Fields = Record<string, unknown>

export class SignallingMutator {
  /** Messages between the two that went by, from the client of the relay and to it. */
  readonly #messages: Record<'up' | 'down', Fields[]> = { up: [], down: [] }

  mutated(datagram: Uint8Array, way: 'up' | 'down', draws: Draws): Uint8Array {
    const segment = readSegment(datagram)
    if (segment === undefined) return mutatedOctets(datagram, datagram, SEGMENT_BYTES_MAX, draws)
    const { flags, token, sequence, acknowledgement, bytes } = segment
    switch (draws.below(16)) {
      case 0: return written({ ...segment, flags: draws.below(8) })
      case 1: return written({ ...segment, token: numberNear(token, draws) >>> 0 })
      case 2: return written({ ...segment, sequence: numberNear(sequence, draws) >>> 0 })
      case 3: return written({ ...segment, acknowledgement: numberNear(acknowledgement, draws) >>> 0 })
      case 4: return written({ flags, token, sequence, acknowledgement, bytes: mutatedOctets(bytes, datagram, SEGMENT_BYTES_MAX, draws) })
      default: return written({ ...segment, bytes: this.#frames(bytes, way, draws) })
    }
  }

  #frames(bytes: Uint8Array, way: 'up' | 'down', draws: Draws): Uint8Array {
    const frames: Frame[] = []
    new FrameReader(way === 'up', (frame) => frames.push(frame)).push(bytes)
    const mask = way === 'up' ? draws.below(2 ** 31) : undefined
    const text = frames.find(({ opcode }) => opcode === Opcode.text)
    const fields = text === undefined ? undefined : fieldsOf(text.payload)
    const messages = this.#messages[way]
    if (fields?.connection !== undefined && messages.length < MESSAGES_KEPT) messages.push({ ...fields })
    if (messages.length > 0 && draws.below(2) === 0) {
      return textFrame(retyped(draws.pick(messages), draws), mask).subarray(0, SEGMENT_BYTES_MAX)
    }
    if (fields === undefined || draws.below(8) === 0) {
      const payload = draws.below(2) === 0 ? (text?.payload ?? bytes) : randomOctets(draws.below(200), draws)
      return encodeFrame(draws.below(16), payload, mask)
    }
    const name = draws.pick(Object.keys(fields))
    const field = fields[name]
    if (typeof field === 'string' && draws.below(2) === 0) fields[name] = mutatedText(field, draws)
    else if (typeof field === 'number' && draws.below(2) === 0) fields[name] = numberNear(field, draws)
    else fields[name] = draws.pick(EDGE_VALUES)
    return textFrame(fields, mask).subarray(0, SEGMENT_BYTES_MAX)
  }
}

function fieldsOf(payload: Uint8Array): Fields | undefined {
  const value: unknown = JSON.parse(new TextDecoder().decode(payload))
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined
}

/** Another message of the same connection, with what it has to say. */
function retyped(fields: Fields, draws: Draws): Fields {
  const sdp = typeof fields.sdp === 'string' ? fields.sdp : ''
  const after = (prefix: string): string | undefined => sdp.split('\r\n').find((line) => line.startsWith(prefix))?.slice(prefix.length)
  return {
    ufrag: after('a=ice-ufrag:'), code: draws.below(1_000), ...fields, type: draws.pick(TYPES),
    ...(sdp.includes('a=candidate:') ? { candidate: `candidate:${after('a=candidate:')}` } : {}),
  }
}

/** A line left out, said again, or changed in a letter or number. */
function mutatedText(text: string, draws: Draws): string {
  const lines = text.split('\r\n')
  const at = draws.below(lines.length)
  switch (draws.below(4)) {
    case 0: lines.splice(at, 1); break
    case 1: lines.push(...Array.from({ length: draws.below(20) }, () => lines[at])); break
    case 2: lines[at] = lines[at].replace(/\d+/, String(numberNear(1, draws))); break
    default: {
      const cut = draws.below(lines[at].length + 1)
      lines[at] = `${lines[at].slice(0, cut)}${String.fromCharCode(draws.below(127))}${lines[at].slice(cut + 1)}`
    }
  }
  return lines.join('\r\n')
}

function written({ flags, token, sequence, acknowledgement, bytes }: Segment): Uint8Array {
  const writer = new Writer()
  writer.begin(65_000)
  writer.u8(flags)
  writer.u32(token)
  writer.u32(sequence)
  writer.u32(acknowledgement)
  writer.u32(mix32(mix32(mix32(flags, token), mix32(sequence, acknowledgement)), fingerprintOf(bytes, bytes.length)))
  writer.raw(bytes)
  return writer.finish()
}
