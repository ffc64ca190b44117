/** Mutated STUN and TURN messages, whose integrity and fingerprint are made good again. */
import { ipv4Of } from '../../../sim/net/ipv4.ts'
import { MESSAGE_BYTES_MAX, StunAttribute, type StunClass, StunError, StunMethod } from '../../../sim/webrtc/stun/constants.ts'
import type { IntegrityKey } from '../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, placeOf } from '../../../sim/webrtc/stun/message.ts'
import type { StunWriter } from '../../../sim/webrtc/stun/writer.ts'
import type { Draws } from '../mutation.ts'
import { numberNear, randomOctets } from './octets.ts'

const MUTATIONS = ['attribute', 'length', 'drop', 'repeat', 'class', 'method', 'add', 'add', 'raw'] as const
const METHODS = Object.values(StunMethod)
const TYPES = Object.values(StunAttribute)
const ERRORS = Object.values(StunError)
/** RFC 8656, section 12: numbers of channels, and lifetimes that end, that are granted, and that are not. */
const CHANNELS = [0x3fff, 0x4000, 0x4001, 0x4fff, 0x5000]
/** Of an attribute beside its value: type, length, padding. */
const ATTRIBUTE_BYTES_MAX_BESIDE = 7
/** For the header, what is added, and what comes last in a message. */
const ROOM_KEPT_BYTES = 512
const LIFETIMES = [0, 1, 600, 3_600, 2 ** 32 - 1]
const UDP = 17

/** The same message with one thing changed, signed anew where it was signed. */
export function mutatedStun(bytes: Uint8Array, draws: Draws, key: IntegrityKey, writer: StunWriter): Uint8Array {
  const [at, value, kind] = [draws.below(1_000), draws.below(256), draws.pick(MUTATIONS)]
  const raw = bytes.slice()
  if (raw.length > 0) raw[at % raw.length] = value
  const message = decodeStun(bytes)
  if (message === undefined || kind === 'raw') return raw
  const { messageIntegrity, messageIntegritySha256 } = StunAttribute
  const places = message.places.filter(({ type }) => type !== messageIntegrity && type !== messageIntegritySha256)
  const values = places.map(({ type, offset, length }) => ({ type, value: bytes.slice(offset, offset + length) }))
  const chosen = values.at(at % (values.length + 1))
  if (chosen !== undefined) {
    if (kind === 'attribute' && chosen.value.length > 0) chosen.value[at % chosen.value.length] = value
    if (kind === 'length') chosen.value = new Uint8Array(value)
    if (kind === 'drop') values.splice(values.indexOf(chosen), 1)
    if (kind === 'repeat') values.push(...Array.from({ length: value % 40 }, () => chosen))
  }
  const toClass = kind === 'class' ? value & 3 : message.class
  const isOther = kind === 'method' || (kind === 'add' && value < 128)
  writer.begin(isOther ? (value % 16 === 0 ? value & 0x1f : draws.pick(METHODS)) : message.method, toClass as StunClass, message.id)
  let roomBytes = MESSAGE_BYTES_MAX - ROOM_KEPT_BYTES
  for (const one of values) {
    roomBytes -= ATTRIBUTE_BYTES_MAX_BESIDE + one.value.length
    if (roomBytes >= 0) writer.bytes(one.type, one.value)
  }
  if (kind === 'add') for (let left = 1 + draws.below(3); left > 0; left--) addAttribute(writer, draws)
  if (placeOf(message, StunAttribute.messageIntegrity) !== undefined) writer.integrity(key)
  return message.hasFingerprint ? writer.finish() : writer.finishBare()
}

/** One that means something, mostly in its own form. */
function addAttribute(writer: StunWriter, draws: Draws): void {
  const type = draws.pick(TYPES)
  const number = numberNear(1, draws) >>> 0
  switch (draws.below(8) === 0 ? undefined : type) {
    case StunAttribute.channelNumber: return void writer.u32(type, (draws.pick(CHANNELS) << 16) >>> 0)
    case StunAttribute.lifetime: return void writer.u32(type, draws.pick(LIFETIMES))
    case StunAttribute.requestedTransport: return void writer.u32(type, (draws.pick([UDP, UDP, 6]) << 24) >>> 0)
    case StunAttribute.priority: return void writer.u32(type, number)
    case StunAttribute.iceControlled:
    case StunAttribute.iceControlling: return void writer.u64(type, [number, draws.below(2 ** 31)])
    case StunAttribute.errorCode: return void writer.error(draws.pick(ERRORS))
    case StunAttribute.useCandidate: return void writer.flag(type)
    case StunAttribute.xorPeerAddress:
    case StunAttribute.xorMappedAddress:
    case StunAttribute.xorRelayedAddress: {
      const ip = ipv4Of(draws.below(4))
      const port = 1_024 + draws.below(60_000)
      const isIpv6 = draws.below(6) === 0
      return void writer.address(type, isIpv6 ? { family: 'ipv6', ip: randomOctets(16, draws), port } : { family: 'ipv4', ip, port })
    }
    default: writer.bytes(type, randomOctets(draws.below(24), draws))
  }
}
