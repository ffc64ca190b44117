/** Mutated STUN and TURN messages, whose integrity and fingerprint are made good again. */
import { StunAttribute, type StunClass } from '../../../sim/webrtc/stun/constants.ts'
import type { IntegrityKey } from '../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, placeOf } from '../../../sim/webrtc/stun/message.ts'
import type { StunWriter } from '../../../sim/webrtc/stun/writer.ts'
import type { Draws } from '../mutation.ts'

const MUTATIONS = ['attribute', 'length', 'drop', 'repeat', 'class', 'method', 'raw'] as const

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
  writer.begin(kind === 'method' ? value & 0x1f : message.method, toClass as StunClass, message.id)
  for (const one of values) writer.bytes(one.type, one.value)
  if (placeOf(message, StunAttribute.messageIntegrity) !== undefined) writer.integrity(key)
  return message.hasFingerprint ? writer.finish() : writer.finishBare()
}
