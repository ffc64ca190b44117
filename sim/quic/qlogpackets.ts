/** Packets as qlog has them (qlogevents.ts): how they went, and what their headers say. */
import type { Frame } from './frames.ts'
import { hexOf } from '../octets.ts'
import { type Header, VERSION_1 } from './packet.ts'
import type { Level } from './protection.ts'
import type { QlogHeader, QlogPacket, QlogPacketType } from './qlogevents.ts'
import { qlogFrames } from './qlogframes.ts'

const PACKET_TYPES = { initial: 'initial', zeroRtt: '0RTT', handshake: 'handshake', oneRtt: '1RTT' } as const
export const qlogPacketType = (level: Level): QlogPacketType => PACKET_TYPES[level]

/** A packet with a number, as it stands in its datagram; sizes in bytes. */
export interface PassedPacket {
  readonly level: Level
  readonly number: number
  readonly destination: Uint8Array
  /** Of a long header; and the token of an Initial packet. */
  readonly source: Uint8Array
  readonly token: Uint8Array
  readonly length: number
  readonly datagramBytes: number
  readonly datagram: number
  readonly frames: readonly Frame[]
  readonly trigger?: QlogPacket['trigger']
}

/** @param ackDelayExponent of the end that sent it. */
export function qlogPacket(packet: PassedPacket, ackDelayExponent: number): QlogPacket {
  const { length, datagramBytes, datagram, frames, trigger } = packet
  return {
    header: numberedHeader(packet), raw: { length }, frames: qlogFrames(frames, ackDelayExponent), datagram_id: datagram,
    ...(length < datagramBytes ? { is_coalesced: true } : {}), ...(trigger === undefined ? {} : { trigger }),
  }
}

function numberedHeader({ level, number, destination, source, token }: PassedPacket): QlogHeader {
  const header = { packet_type: qlogPacketType(level), packet_number: number, dcid: hexOf(destination) }
  if (level === 'oneRtt') return header
  const long = { ...header, version: qlogVersion(VERSION_1), scid: hexOf(source) }
  return token.length === 0 ? long : { ...long, token: { length: token.length } }
}

/** A Retry or a Version Negotiation packet, which has neither a number nor frames. */
export function qlogUnnumbered(header: Header & { readonly kind: 'retry' | 'versionNegotiation' }, length: number): QlogPacket {
  const { version, source, destination } = header
  const ids = { version: qlogVersion(version), scid: hexOf(source), dcid: hexOf(destination) }
  const packet = { raw: { length }, frames: [] }
  if (header.kind === 'versionNegotiation') {
    return { ...packet, header: { packet_type: 'version_negotiation', ...ids }, supported_versions: header.versions.map(qlogVersion) }
  }
  const { token } = header
  return { ...packet, header: { packet_type: 'retry', ...ids }, retry_token: { type: 'retry', length: token.length, data: hexOf(token) } }
}

const qlogVersion = (version: number): string => version.toString(16).padStart(8, '0')
