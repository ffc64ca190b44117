/**
 * Messages to the bytes of an envelope's body and back. schemas/network.fbs says how a message is laid out and which
 * values it may hold (its COUNT_MAX are the limits that senders divide their work by); what a schema cannot say, how
 * fields of one message relate, stands here.
 */
import { Builder } from 'flatbuffers'
import { MESSAGE_LAYOUTS, type MessageBodies, PlacementCommit as PlacementCommitLayout } from '../../schemas/generated/layout.ts'
import type { TableLayout } from '../../schemas/layout.ts'
import { assetNumber } from '../assets/asset.ts'
import { readCbor, writeCbor } from './cbor.ts'
import { BODY_BYTES_MAX, type OpenedEnvelope } from './envelope.ts'
import { type DraftChange, type Message, type MessageName, MessageType, type PlacementCommit } from './messages.ts'
import { readRoot } from './reader.ts'
import { verify } from './verifier.ts'
import { writeTable } from './writer.ts'

const BUILDER_BYTES_INITIAL = 4096

/** Messages as the schema has them: that a Message is one and one is a Message is checked where they are assigned. */
type WireMessage = { [K in MessageName]: { readonly kind: K } & MessageBodies[K] }[MessageName]

export type Malformed = { readonly kind: 'malformed'; readonly why: string }
export type DecodedMessage = { readonly kind: 'message'; readonly message: Message } | Malformed
export type DecodedCommit = { readonly kind: 'commit'; readonly commit: PlacementCommit } | Malformed

export class Codec {
  private readonly builder = new Builder(BUILDER_BYTES_INITIAL)

  /**
   * The body of a message; the caller's own. TypeError or RangeError where a value does not fit the schema, where fields
   * contradict each other, or where the whole is above BODY_BYTES_MAX.
   */
  encode(message: Message): Uint8Array {
    const wire: WireMessage = message
    return this.bytesOf(layoutOf(MessageType[wire.kind])!, wire, unrelated(message))
  }

  /**
   * The message of such a type, or why there is none. Bytes may come from anyone. `WorldSnapshot.body`,
   * `ComponentDelta.body` and `AssetTransfer.body` are views of `bytes`; all else is the caller's own.
   */
  decode(type: number, bytes: Uint8Array): DecodedMessage {
    const layout = layoutOf(type)
    if (layout === undefined) return { kind: 'malformed', why: `message type ${type} is not known` }
    const verdict = verify(layout, bytes)
    if (verdict.kind === 'malformed') return verdict
    const row = { kind: layout.name }
    readRoot(layout, bytes, row)
    const message: Message = row as WireMessage
    const why = unrelated(message)
    return why === undefined ? { kind: 'message', message } : { kind: 'malformed', why: `${layout.name}: ${why}` }
  }

  /** The debug form of a message: one that {@link encode} takes. */
  encodeCbor(message: Message): Uint8Array {
    const wire: WireMessage = message
    return writeCbor(layoutOf(MessageType[wire.kind])!, wire)
  }

  /** As {@link decode}, of the debug form. */
  decodeCbor(type: number, bytes: Uint8Array): DecodedMessage {
    const layout = layoutOf(type)
    if (layout === undefined) return { kind: 'malformed', why: `message type ${type} is not known` }
    const read = readCbor(layout, bytes)
    if (read.kind === 'malformed') return read
    const message: Message = { kind: layout.name, ...read.value } as WireMessage
    const why = unrelated(message)
    return why === undefined ? { kind: 'message', message } : { kind: 'malformed', why: `${layout.name}: ${why}` }
  }

  /** The message of an envelope that was opened, whichever form its body has. */
  decodeBody({ type, form, body }: Pick<OpenedEnvelope, 'type' | 'form' | 'body'>): DecodedMessage {
    return form === 'cbor' ? this.decodeCbor(type, body) : this.decode(type, body)
  }

  /** The payload of the placement commit command. Throws as {@link encode} does. */
  encodePlacementCommit(commit: PlacementCommit): Uint8Array {
    return this.bytesOf(PlacementCommitLayout, commit, unrelatedChange(commit.changes))
  }

  decodePlacementCommit(bytes: Uint8Array): DecodedCommit {
    const verdict = verify(PlacementCommitLayout, bytes)
    if (verdict.kind === 'malformed') return verdict
    const row = {}
    readRoot(PlacementCommitLayout, bytes, row)
    const commit = row as PlacementCommit
    const why = unrelatedChange(commit.changes)
    return why === undefined ? { kind: 'commit', commit } : { kind: 'malformed', why: `PlacementCommit: ${why}` }
  }

  private bytesOf(layout: TableLayout, value: object, why: string | undefined): Uint8Array {
    if (why !== undefined) throw new RangeError(`${layout.name}: ${why}`)
    this.builder.clear()
    this.builder.finish(writeTable(this.builder, layout, value))
    const bytes = this.builder.asUint8Array()
    if (bytes.length > BODY_BYTES_MAX) throw new RangeError(`${layout.name}: expected at most ${BODY_BYTES_MAX} bytes, got ${bytes.length}`)
    return bytes.slice()
  }
}

const layoutOf = (type: number): TableLayout | undefined => MESSAGE_LAYOUTS.get(type)

/** Which fields of a message contradict each other, or undefined. */
function unrelated(message: Message): string | undefined {
  switch (message.kind) {
    case 'WorldSnapshot':
      if (message.chunk >= message.chunkCount) return 'chunk is not below chunkCount'
      return message.body.length > message.bodyBytes ? 'body is above bodyBytes' : undefined
    case 'CommandLogEntry':
      return message.entries.some(({ trace, lamport }) => trace >= lamport) ? 'a trace is not before its entry' : undefined
    case 'SessionControl':
      if (message.control !== 'rendezvous') return undefined
      return message.endpoint === '' || message.successorKey.length === 0 ? 'a rendezvous is somewhere, with somebody' : undefined
    case 'AssetTransfer':
      if (message.chunk >= message.chunkCount) return 'chunk is not below chunkCount'
      if (message.assetId !== assetNumber(message.sha256)) return 'assetId is not the number of sha256'
      return message.body.length > message.totalBytes ? 'body is above totalBytes' : undefined
    case 'AssetRequest': return message.fromChunk >= message.toChunk ? 'fromChunk is not below toChunk' : undefined
    case 'AssetNotice': return (message.notice === 'refused') === (message.refusal === 'none') ? 'a refusal has a reason' : undefined
    case 'EditorEvent':
      if (message.event === 'cursor' && message.pose === undefined) return 'a cursor is somewhere'
      return message.event === 'chat' && message.detail === '' ? 'a line says something' : undefined
    case 'NackRequest': return message.fromFrame > message.toFrame ? 'fromFrame is above toFrame' : undefined
    case 'LogRangeRequest': return message.afterLamport > message.upToLamport ? 'afterLamport is above upToLamport' : undefined
    default: return undefined
  }
}

/** ADD has no before, REMOVE no after, UPDATE both. */
function unrelatedChange(changes: readonly DraftChange[]): string | undefined {
  const wrong = changes.find(({ change, before, after }) =>
    (before === undefined) !== (change === 'ADD') || (after === undefined) !== (change === 'REMOVE'))
  return wrong === undefined ? undefined : `${wrong.change} of placement ${wrong.placement} has the wrong states`
}
