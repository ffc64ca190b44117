/** What clients say to each other by way of the relay, and to the relay itself: JSON, a kind in each. Reading never throws. */
import { type Candidate, candidateLine, parseCandidate } from '../ice/candidate.ts'
import { type Description, descriptionText, parseDescription } from './description.ts'
import { LINE_LENGTH_MAX, MESSAGE_BYTES_MAX, NAME_LENGTH_MAX } from './limits.ts'

/** From one client to another. `connection` is both ends' name for the connection: a safe integer of at least 0. */
export type SignallingMessage =
  /** A restart is an offer for a connection that is there: other credentials of ICE. */
  | { readonly type: 'offer' | 'answer' | 'restart'; readonly connection: number; readonly description: Description }
  | { readonly type: 'candidate'; readonly connection: number; readonly ufrag: string; readonly candidate: Candidate }
  | { readonly type: 'endOfCandidates'; readonly connection: number; readonly ufrag: string }
  | { readonly type: 'refusal'; readonly connection: number; readonly code: number }

/** What travels: between clients with the other one's name (to whom, on the way to the relay; from whom, on the way from it). */
export type Envelope =
  | { readonly type: 'message'; readonly peer: string; readonly message: SignallingMessage }
  /** A client names itself, says which of its lives it is, and how many messages it has had in it. */
  | { readonly type: 'hello'; readonly name: string; readonly session: number; readonly received: number }
  /** And the relay how many it has had of it. */
  | { readonly type: 'welcome'; readonly received: number }

/** As JSON will have it. */
export function envelopeValue(envelope: Envelope): unknown {
  if (envelope.type !== 'message') return envelope
  const { peer, message } = envelope
  if (message.type === 'candidate') return { peer, ...message, candidate: candidateLine(message.candidate) }
  return 'description' in message
    ? { peer, type: message.type, connection: message.connection, sdp: descriptionText(message.description) }
    : { peer, ...message }
}

/** Undefined where the bytes are no such message. */
export function parseEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length > MESSAGE_BYTES_MAX) return undefined
  let text = ''
  for (const byte of bytes) {
    if (byte > 0x7e) return undefined
    text += String.fromCharCode(byte)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const fields = value as Readonly<Record<string, unknown>>
  const { type, peer, name, session, received } = fields
  if (type === 'hello') return isName(name) && isCount(session) && isCount(received) ? { type, name, session, received } : undefined
  if (type === 'welcome') return isCount(received) ? { type, received } : undefined
  const message = isName(peer) ? parseMessage(fields) : undefined
  return isName(peer) && message !== undefined ? { type: 'message', peer, message } : undefined
}

function parseMessage(fields: Readonly<Record<string, unknown>>): SignallingMessage | undefined {
  const { type, connection, sdp, candidate: line, ufrag, code } = fields
  if (!isCount(connection)) return undefined
  if (type === 'offer' || type === 'answer' || type === 'restart') {
    const description = typeof sdp === 'string' ? parseDescription(sdp) : undefined
    return description && { type, connection, description }
  }
  if (type === 'refusal') return isCount(code) ? { type, connection, code } : undefined
  if (typeof ufrag !== 'string' || ufrag.length > LINE_LENGTH_MAX) return undefined
  if (type === 'endOfCandidates') return { type, connection, ufrag }
  if (type !== 'candidate' || typeof line !== 'string' || line.length > LINE_LENGTH_MAX) return undefined
  const candidate = parseCandidate(line)
  return candidate && { type, connection, ufrag, candidate }
}

const isName = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= NAME_LENGTH_MAX
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
