/** Candidates (RFC 8445, section 5.1): kinds, priorities, foundations, and their line in a session description (RFC 8839, 5.1). */
import { hashText, mix32 } from '../../choice.ts'
import type { SocketAddress } from '../../net/datagram.ts'
import { dottedIpv4, parseDottedIpv4 } from '../../net/ipv4.ts'
import { socketKey } from '../identity.ts'

export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay'

/** As it is signalled. Its component is 1: RTP and RTCP share it, and data channels have no other. */
export interface Candidate {
  readonly type: CandidateType
  readonly address: SocketAddress
  /** 1 to 32 letters, digits, + and /. */
  readonly foundation: string
  /** An integer of [1, 2^31 - 1]. */
  readonly priority: number
  /** Where it was learnt: of a host candidate nothing, of a relayed one the mapped address. */
  readonly related?: SocketAddress
}
export interface LocalCandidate extends Candidate {
  /** From where an agent sends for it: itself for a host or a relayed candidate. */
  readonly base: SocketAddress
  /** Distinguishes the addresses of a node with several: 65535 for the first (section 5.1.2.1). */
  readonly localPreference: number
}

/** Section 5.1.2.2. */
const TYPE_PREFERENCES: Readonly<Record<CandidateType, number>> = { host: 126, prflx: 110, srflx: 100, relay: 0 }
export const LOCAL_PREFERENCE_MAX = 65_535
const COMPONENT = 1
const PRIORITY_MAX = 2 ** 31 - 1

/** Section 5.1.2.1: 2^24 * type preference + 2^8 * local preference + 256 - component. */
export const priorityOf = (type: CandidateType, localPreference: number): number =>
  TYPE_PREFERENCES[type] * 2 ** 24 + localPreference * 2 ** 8 + 256 - COMPONENT

/** Section 5.1.1.3: the same for candidates of one type, one base address and one server. */
export function foundationOf(type: CandidateType, base: SocketAddress, server: SocketAddress | undefined): string {
  return String(mix32(hashText(type, base.address), server === undefined ? 0 : socketKey(server)))
}

/** 'candidate:842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx raddr 10.0.0.2 rport 5000' */
export function candidateLine({ type, address, foundation, priority, related }: Candidate): string {
  const where = related === undefined ? '' : ` raddr ${dottedIpv4(related.address)} rport ${related.port}`
  return `candidate:${foundation} ${COMPONENT} udp ${priority} ${dottedIpv4(address.address)} ${address.port} typ ${type}${where}`
}

const IP = String.raw`(\d[\d.]{6,14})`
const LINE = new RegExp(
  String.raw`^candidate:([\w+/]{1,32}) 1 udp (\d{1,10}) ${IP} (\d{1,5}) typ (host|srflx|prflx|relay)(?: raddr ${IP} rport (\d{1,5}))?`, 'i',
)

/** Undefined where the line is none, or names something that this network does not have. What follows it is not looked at. */
export function parseCandidate(line: string): Candidate | undefined {
  const match = LINE.exec(line)
  if (match === null) return undefined
  const [, foundation, priority, ip, port, type, relatedIp, relatedPort] = match
  const address = socketOf(ip, port)
  const related = relatedIp === undefined ? undefined : socketOf(relatedIp, relatedPort)
  if (address === undefined || Number(priority) < 1 || Number(priority) > PRIORITY_MAX) return undefined
  const candidate = { type: type.toLowerCase() as CandidateType, address, foundation, priority: Number(priority) }
  return related === undefined ? candidate : { ...candidate, related }
}

function socketOf(ip: string, port: string): SocketAddress | undefined {
  const address = parseDottedIpv4(ip)
  return address === undefined || Number(port) > 65_535 ? undefined : { address, port: Number(port) }
}
