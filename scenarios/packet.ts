/** One captured packet, taken apart for people and programs: its envelope, its message, and either form of its body. */
import { hash64Hex } from '../system/ids.ts'
import { Codec } from '../system/protocol/codec.ts'
import { openEnvelope } from '../system/protocol/envelope.ts'
import { type MessageName, MessageType } from '../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../system/protocol/version.ts'
import { prepare } from './cluster/prepare.ts'
import { Wiretap } from './cluster/wiretap.ts'

/** What JSON can say: bytes and 64-bit hashes are hexadecimal, large integers are texts. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain }

export type Packet =
  /** No envelope of this build's could be opened: `why` is its own word for it. */
  | { readonly kind: 'refused'; readonly why: string; readonly bytes: number; readonly ours: string }
  | ({ readonly kind: 'malformed'; readonly why: string } & Envelope)
  | ({ readonly kind: 'message'; readonly body: Plain; readonly cbor: Uint8Array } & Envelope)

interface Envelope {
  readonly message: MessageName
  readonly category: string
  readonly sequence: number
  readonly form: 'flatbuffers' | 'cbor'
  readonly compression: 'none' | 'zstd'
  readonly bytes: number
  /** As it travels. */
  readonly bodyBytes: number
  /** False: of another build, whose hello may still be read. */
  readonly schemaMatches: boolean
}

/** Bytes may be anything. */
export async function decodePacket(bytes: Uint8Array): Promise<Packet> {
  const opened = openEnvelope(bytes, SCHEMA_HASH)
  if (opened.kind === 'refused') return { kind: 'refused', why: opened.why, bytes: bytes.length, ours: hash64Hex(SCHEMA_HASH) }
  const { type, category, sequence, form, compression, schemaMatches, body } = opened
  const message = (Object.keys(MessageType) as MessageName[]).find((name) => MessageType[name] === type)!
  const envelope = { message, category, sequence, form, compression, bytes: bytes.length, bodyBytes: body.length, schemaMatches }
  const tapped = compression === 'none' ? opened : new Wiretap((await prepare()).compressor).bodyOf(bytes)
  if (tapped === undefined) {
    return { kind: 'malformed', why: 'damaged, or compressed with a dictionary that this build does not have', ...envelope }
  }
  const codec = new Codec()
  const decoded = codec.decodeBody(tapped)
  if (decoded.kind === 'malformed') return { kind: 'malformed', why: decoded.why, ...envelope }
  const { kind: _, ...fields } = decoded.message
  return { kind: 'message', ...envelope, body: plainOf(fields), cbor: codec.encodeCbor(decoded.message) }
}

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')

function plainOf(value: unknown): Plain {
  if (value === undefined) return null
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return hex(value)
  if (Array.isArray(value)) return value.map(plainOf)
  if (typeof value !== 'object' || value === null) return value as Plain
  const { hi, lo, ...others } = value as { readonly hi?: unknown; readonly lo?: unknown }
  if (typeof hi === 'number' && typeof lo === 'number' && Object.keys(others).length === 0) return hash64Hex({ hi, lo })
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plainOf(part)]))
}
