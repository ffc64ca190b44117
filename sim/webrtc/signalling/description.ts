/**
 * Session descriptions of a connection that has data channels only (RFC 8866; RFC 8841 for SCTP over DTLS; RFC 8839 for ICE; RFC 8842
 * for the role in DTLS): as browsers write them.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { type Candidate, candidateLine, parseCandidate } from '../ice/candidate.ts'
import type { IceCredentials } from '../ice/credentials.ts'
import { CANDIDATES_MAX } from '../ice/limits.ts'
import { LINE_LENGTH_MAX } from './limits.ts'

/** RFC 8842, section 5.2: who is the client of DTLS. An offer leaves it open. */
export type Setup = 'actpass' | 'active' | 'passive'
const SETUPS: readonly string[] = ['actpass', 'active', 'passive'] satisfies readonly Setup[]

export interface Description extends IceCredentials {
  /** An integer of [0, 2^53). */
  readonly session: number
  /** SHA-256 of the certificate (RFC 8122, section 5). */
  readonly fingerprint: Uint8Array
  readonly setup: Setup
  readonly sctpPort: number
  readonly maxMessageBytes: number
  /** Those that are known so far. */
  readonly candidates: readonly Candidate[]
  /** There will be no others (RFC 8840, section 4.1). */
  readonly isComplete: boolean
}

const FINGERPRINT_BYTES = 32
const LINES_MAX = CANDIDATES_MAX + 64
const CREDENTIAL = /^[\w+/]{4,256}$/

/** Lines that end in CR LF. */
export function descriptionText(description: Description): string {
  const { session, ufrag, password, fingerprint, setup, sctpPort, maxMessageBytes, candidates, isComplete } = description
  const digits = bytesToHex(fingerprint).toUpperCase().match(/../g) ?? []
  return [
    'v=0', `o=- ${session} 2 IN IP4 127.0.0.1`, 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=extmap-allow-mixed', 'a=msid-semantic: WMS',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0',
    ...candidates.map((candidate) => `a=${candidateLine(candidate)}`), ...(isComplete ? ['a=end-of-candidates'] : []),
    `a=ice-ufrag:${ufrag}`, `a=ice-pwd:${password}`, 'a=ice-options:trickle', `a=fingerprint:sha-256 ${digits.join(':')}`,
    `a=setup:${setup}`, 'a=mid:0', `a=sctp-port:${sctpPort}`, `a=max-message-size:${maxMessageBytes}`, '',
  ].join('\r\n')
}

/** Undefined where something that a connection needs is missing or wrong. Candidates that this network does not have are left out. */
export function parseDescription(text: string): Description | undefined {
  const lines = text.split(/\r?\n/, LINES_MAX + 1)
  if (lines.length > LINES_MAX || lines[0] !== 'v=0' || lines.some(({ length }) => length > LINE_LENGTH_MAX)) return undefined
  const find = (prefix: string): string => lines.find((line) => line.startsWith(prefix))?.slice(prefix.length) ?? ''
  const session = Number(/^- (\d{1,16}) \d+ IN IP4 /.exec(find('o='))?.[1])
  const ufrag = find('a=ice-ufrag:')
  const password = find('a=ice-pwd:')
  const fingerprint = parseFingerprint(find('a=fingerprint:'))
  const setup = find('a=setup:')
  const sctpPort = Number(/^\d{1,5}$/.exec(find('a=sctp-port:'))?.[0])
  const maxMessageBytes = Number(/^\d{1,10}$/.exec(find('a=max-message-size:'))?.[0])
  if (!Number.isSafeInteger(session) || !CREDENTIAL.test(ufrag) || !CREDENTIAL.test(password) || fingerprint === undefined) return undefined
  if (!SETUPS.includes(setup) || !(sctpPort <= 65_535) || !Number.isSafeInteger(maxMessageBytes)) return undefined
  const candidates = lines.flatMap((line) => (line.startsWith('a=candidate:') ? (parseCandidate(line.slice(2)) ?? []) : []))
  return {
    session, ufrag, password, fingerprint, setup: setup as Setup, sctpPort, maxMessageBytes,
    candidates: candidates.slice(0, CANDIDATES_MAX), isComplete: lines.includes('a=end-of-candidates'),
  }
}

function parseFingerprint(text: string): Uint8Array | undefined {
  if (!/^sha-256 [\dA-F]{2}(?::[\dA-F]{2})*$/i.test(text)) return undefined
  const bytes = Uint8Array.from(text.slice('sha-256 '.length).split(':'), (digits) => Number.parseInt(digits, 16))
  return bytes.length === FINGERPRINT_BYTES ? bytes : undefined
}
