/**
 * Opening a data channel in its own stream: RFC 8832, section 5. And what the payload protocol identifiers of RFC 8831, section 8, say a
 * message is.
 */
import { Reader } from '../bytes.ts'
import type { ChannelSpec } from '../port.ts'

/** RFC 8831, section 8. An empty message is one zero byte under a number of its own (section 6.6). */
export const Ppid = { control: 50, string: 51, binary: 53, emptyString: 56, emptyBinary: 57 } as const

const MessageType = { ack: 2, open: 3 } as const
const ChannelType = { reliable: 0, retransmits: 1, lifetime: 2, unordered: 0x80 } as const
const OPEN_BYTES = 12
/** RFC 8831, section 6.4: extra high, high, normal, below normal. */
const PRIORITIES = [1024, 512, 256, 128]

/** What a DATA_CHANNEL_OPEN says; two are alike when their bytes are. */
export function writeOpen({ label, ordered, delivery, priority }: ChannelSpec): Uint8Array {
  const text = utf8(label)
  const bytes = new Uint8Array(OPEN_BYTES + text.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = MessageType.open
  bytes[1] = ChannelType[delivery.kind] | (ordered ? 0 : ChannelType.unordered)
  view.setUint16(2, PRIORITIES[Math.min(priority, PRIORITIES.length - 1)])
  // Retransmissions, or milliseconds.
  view.setUint32(4, delivery.kind === 'retransmits' ? delivery.max : delivery.kind === 'lifetime' ? Math.ceil(delivery.maxUs / 1_000) : 0)
  view.setUint16(8, text.length)
  bytes.set(text, OPEN_BYTES)
  return bytes
}

export const writeAck = (): Uint8Array => Uint8Array.of(MessageType.ack)

/** A message of the protocol that is whole. An OPEN counts by its bytes. */
export function readControl(bytes: Uint8Array): 'open' | 'ack' | undefined {
  const reader = new Reader(bytes, bytes.length)
  const type = reader.u8()
  if (type === MessageType.ack) return bytes.length === 1 ? 'ack' : undefined
  if (type !== MessageType.open) return undefined
  reader.raw(OPEN_BYTES - 5)
  const labelBytes = reader.u16()
  const protocolBytes = reader.u16()
  return !reader.failed && reader.remaining === labelBytes + protocolBytes ? 'open' : undefined
}

/** Half a pair of surrogates becomes U+FFFD, as everywhere. */
function utf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    let code = character.codePointAt(0)!
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd
    if (code < 0x80) bytes.push(code)
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f))
    else if (code < 0x1_0000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
  }
  return Uint8Array.from(bytes)
}
