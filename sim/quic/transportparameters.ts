/**
 * Transport parameters (RFC 9000, sections 7.4 and 18; RFC 9221, section 3): a typed record and its bytes, with the checks of
 * section 18.2. Whether the connection ids in them are the right ones (section 7.3) is for the connection to see.
 */
import { Reader, VARINT_MAX } from '../bytes.ts'
import { mix32 } from '../choice.ts'
import { concat, integer, varint, vector, wholeVarint } from '../octets.ts'

/** Lengths in bytes, times in milliseconds, as on the wire. Integers lie in [0, 2^53 - 1]; what a peer says beyond that reads as that. */
export interface TransportParameters {
  /** Server only: what the client's first Initial was sent to. */
  readonly originalDestinationConnectionId?: Uint8Array
  /** 0 for never. */
  readonly maxIdleTimeoutMs: number
  /** Server only: 16 bytes. */
  readonly statelessResetToken?: Uint8Array
  /** At least 1200. */
  readonly maxUdpPayloadSize: number
  readonly initialMaxData: number
  readonly initialMaxStreamDataBidiLocal: number
  readonly initialMaxStreamDataBidiRemote: number
  readonly initialMaxStreamDataUni: number
  /** At most 2^60, as the next. */
  readonly initialMaxStreamsBidi: number
  readonly initialMaxStreamsUni: number
  /** At most 20. */
  readonly ackDelayExponent: number
  /** Below 2^14. */
  readonly maxAckDelayMs: number
  readonly disableActiveMigration: boolean
  /** Server only. */
  readonly preferredAddress?: PreferredAddress
  /** At least 2. */
  readonly activeConnectionIdLimit: number
  /** The Source Connection ID of this end's first Initial. */
  readonly initialSourceConnectionId: Uint8Array
  /** Server only: the Source Connection ID of its Retry. */
  readonly retrySourceConnectionId?: Uint8Array
  /** Of RFC 9221: the largest DATAGRAM frame taken, type and length included; 0 for none. */
  readonly maxDatagramFrameSize: number
}

/** IPv4 only; the IPv6 address is sent as none. */
export interface PreferredAddress {
  /** 4 bytes of IPv4 address as an integer. */
  readonly address: number
  readonly port: number
  /** Of sequence number 1; 1 to 20 bytes. */
  readonly connectionId: Uint8Array
  /** 16 bytes. */
  readonly statelessResetToken: Uint8Array
}

/** What an absent parameter means. */
export const DEFAULT_PARAMETERS: TransportParameters = {
  maxIdleTimeoutMs: 0,
  maxUdpPayloadSize: 65_527,
  initialMaxData: 0,
  initialMaxStreamDataBidiLocal: 0,
  initialMaxStreamDataBidiRemote: 0,
  initialMaxStreamDataUni: 0,
  initialMaxStreamsBidi: 0,
  initialMaxStreamsUni: 0,
  ackDelayExponent: 3,
  maxAckDelayMs: 25,
  disableActiveMigration: false,
  activeConnectionIdLimit: 2,
  initialSourceConnectionId: new Uint8Array(0),
  maxDatagramFrameSize: 0,
}

type IntegerName = {
  [Name in keyof TransportParameters]-?: TransportParameters[Name] extends number ? Name : never
}[keyof TransportParameters]
type BytesName = 'originalDestinationConnectionId' | 'statelessResetToken' | 'initialSourceConnectionId' | 'retrySourceConnectionId'

interface IntegerParameter {
  readonly name: IntegerName
  readonly min: number
  readonly max: number
}
interface BytesParameter {
  readonly name: BytesName
  readonly minBytes: number
  readonly maxBytes: number
  readonly serverOnly: boolean
}

const CONNECTION_ID_BYTES_MAX = 20
const RESET_TOKEN_BYTES = 16
/** Section 4.6. */
const STREAMS_MAX = 2 ** 60

const INTEGERS: ReadonlyMap<number, IntegerParameter> = new Map([
  [0x01, { name: 'maxIdleTimeoutMs', min: 0, max: Infinity }],
  [0x03, { name: 'maxUdpPayloadSize', min: 1200, max: Infinity }],
  [0x04, { name: 'initialMaxData', min: 0, max: Infinity }],
  [0x05, { name: 'initialMaxStreamDataBidiLocal', min: 0, max: Infinity }],
  [0x06, { name: 'initialMaxStreamDataBidiRemote', min: 0, max: Infinity }],
  [0x07, { name: 'initialMaxStreamDataUni', min: 0, max: Infinity }],
  [0x08, { name: 'initialMaxStreamsBidi', min: 0, max: STREAMS_MAX }],
  [0x09, { name: 'initialMaxStreamsUni', min: 0, max: STREAMS_MAX }],
  [0x0a, { name: 'ackDelayExponent', min: 0, max: 20 }],
  [0x0b, { name: 'maxAckDelayMs', min: 0, max: 2 ** 14 - 1 }],
  [0x0e, { name: 'activeConnectionIdLimit', min: 2, max: Infinity }],
  [0x20, { name: 'maxDatagramFrameSize', min: 0, max: Infinity }],
] as const)

const STRINGS: ReadonlyMap<number, BytesParameter> = new Map([
  [0x00, { name: 'originalDestinationConnectionId', minBytes: 0, maxBytes: CONNECTION_ID_BYTES_MAX, serverOnly: true }],
  [0x02, { name: 'statelessResetToken', minBytes: RESET_TOKEN_BYTES, maxBytes: RESET_TOKEN_BYTES, serverOnly: true }],
  [0x0f, { name: 'initialSourceConnectionId', minBytes: 0, maxBytes: CONNECTION_ID_BYTES_MAX, serverOnly: false }],
  [0x10, { name: 'retrySourceConnectionId', minBytes: 0, maxBytes: CONNECTION_ID_BYTES_MAX, serverOnly: true }],
] as const)

const DISABLE_ACTIVE_MIGRATION = 0x0c
const PREFERRED_ADDRESS = 0x0d

/** Parameters that differ from their default, and one that nobody knows (section 18.1), whose number and value follow from `grease`. */
export function encodeParameters(parameters: TransportParameters, grease: number): Uint8Array {
  const parts: Uint8Array[] = []
  const add = (id: number, value: Uint8Array): void => { parts.push(varint(id), varint(value.length), value) }
  for (const [id, { name }] of INTEGERS) {
    if (parameters[name] !== DEFAULT_PARAMETERS[name]) add(id, varint(parameters[name]))
  }
  for (const [id, { name }] of STRINGS) {
    const value = parameters[name]
    if (value !== undefined) add(id, value)
  }
  if (parameters.disableActiveMigration) add(DISABLE_ACTIVE_MIGRATION, new Uint8Array(0))
  if (parameters.preferredAddress !== undefined) add(PREFERRED_ADDRESS, preferredAddressBytes(parameters.preferredAddress))
  const drawn = mix32(grease, 0x6ea5)
  add(31 * (drawn & 0xffff) + 27, integer((drawn >>> 16) & 3, drawn >>> 18))
  return concat(...parts)
}

export type DecodedParameters =
  | { readonly kind: 'parameters'; readonly parameters: TransportParameters }
  /** A connection error of type TRANSPORT_PARAMETER_ERROR. */
  | { readonly kind: 'bad'; readonly why: string }

/** What the peer sent, which is the client or the server. */
export function decodeParameters(bytes: Uint8Array, by: 'client' | 'server'): DecodedParameters {
  const reader = new Reader(bytes, bytes.length)
  const found: { -readonly [Name in keyof TransportParameters]?: TransportParameters[Name] } = {}
  const seen = new Set<number>()
  while (reader.remaining > 0) {
    const id = reader.varint()
    const value = reader.raw(reader.varint())
    if (reader.failed) return bad('cut short')
    if (seen.has(id)) return bad(`parameter ${id} twice`)
    seen.add(id)
    const number = INTEGERS.get(id)
    const string = STRINGS.get(id)
    if (number !== undefined) {
      const read = wholeVarint(value)
      if (read === undefined) return bad(`${number.name} is no integer`)
      if (read < number.min || read > number.max) return bad(`${number.name} out of range`)
      found[number.name] = Math.min(read, VARINT_MAX)
    } else if (string !== undefined) {
      if (string.serverOnly && by === 'client') return bad(`${string.name} from a client`)
      if (value.length < string.minBytes || value.length > string.maxBytes) return bad(`${string.name} of ${value.length} bytes`)
      found[string.name] = value
    } else if (id === DISABLE_ACTIVE_MIGRATION) {
      if (value.length > 0) return bad('disableActiveMigration is not empty')
      found.disableActiveMigration = true
    } else if (id === PREFERRED_ADDRESS) {
      if (by === 'client') return bad('preferredAddress from a client')
      const address = preferredAddress(value)
      if (address === undefined) return bad('preferredAddress is malformed')
      found.preferredAddress = address
    }
  }
  const { initialSourceConnectionId, originalDestinationConnectionId } = found
  if (initialSourceConnectionId === undefined) return bad('no initialSourceConnectionId')
  if (by === 'server' && originalDestinationConnectionId === undefined) return bad('no originalDestinationConnectionId')
  if (found.preferredAddress !== undefined && initialSourceConnectionId.length === 0) return bad('preferredAddress without connection ids')
  return { kind: 'parameters', parameters: { ...DEFAULT_PARAMETERS, ...found } }
}

const bad = (why: string): DecodedParameters => ({ kind: 'bad', why: `transport parameters: ${why}` })

const IPV6_ADDRESS_AND_PORT = new Uint8Array(18)

function preferredAddressBytes({ address, port, connectionId, statelessResetToken }: PreferredAddress): Uint8Array {
  return concat(integer(4, address), integer(2, port), IPV6_ADDRESS_AND_PORT, vector(1, connectionId), statelessResetToken)
}

function preferredAddress(bytes: Uint8Array): PreferredAddress | undefined {
  const reader = new Reader(bytes, bytes.length)
  const address = reader.u32()
  const port = reader.u16()
  reader.raw(IPV6_ADDRESS_AND_PORT.length)
  const connectionId = reader.raw(reader.u8())
  const statelessResetToken = reader.raw(RESET_TOKEN_BYTES)
  if (reader.failed || reader.remaining > 0 || connectionId.length < 1 || connectionId.length > CONNECTION_ID_BYTES_MAX) return undefined
  return { address, port, connectionId, statelessResetToken }
}
