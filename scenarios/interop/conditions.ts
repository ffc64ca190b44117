/**
 * What the network does to each direction of an interop case, as the public QUIC interop runner's simulator does it: a drop list,
 * losses and damage with a bound on how many come in a row, and a black hole; or another word in the place of one. Rates are per
 * datagram; each draw is one of the datagram's own identity.
 */
import { chancePpm, type Chooser, mix32, type Odds, PPM } from '../../sim/choice.ts'
import type { Datagram } from '../../sim/net/datagram.ts'

/** Asked once for each datagram of one direction, in the order of sending: what reaches the link in its place; undefined for nothing. */
export type Condition = (datagram: Datagram, nowUs: number) => Datagram | undefined

/** What happens on the path, either way; nothing where left out. */
export interface Conditions {
  readonly toServer?: Condition
  readonly toClient?: Condition
}

/** Loses the datagrams of that direction that have these places in it, the first being 1. */
export function dropList(places: readonly number[]): Condition {
  let place = 0
  return (datagram) => (places.includes(++place) ? undefined : datagram)
}

/** Loses or damages each datagram at that rate either way, but never more than {@link BURST_MAX} in a row. */
export const lossy = (chooser: Chooser, fate: 'drop' | 'corrupt', percent: number): Conditions =>
  ({ toServer: rate(chooser, fate, percent), toClient: rate(chooser, fate, percent) })

const BURST_MAX = 3

function rate(chooser: Chooser, fate: 'drop' | 'corrupt', percent: number): Condition {
  const odds: Odds = chancePpm(`interop.${fate}`, Math.round((percent * PPM) / 100))
  let inRow = 0
  return (datagram) => {
    const { keyHi, keyLo, from } = datagram
    const strikes = inRow < BURST_MAX && chooser.choose(odds, mix32(keyHi, from), keyLo) !== 0
    inRow = strikes ? inRow + 1 : 0
    if (!strikes) return datagram
    return fate === 'drop' ? undefined : damaged(datagram)
  }
}

/** Carries everything for `onUs`, then nothing for `offUs`, and so on. */
export function blackhole(onUs: number, offUs: number): Condition {
  return (datagram, nowUs) => (nowUs % (onUs + offUs) < onUs ? datagram : undefined)
}

/** The datagram with one bit of one byte changed; where and which follow from its identity. */
function damaged(datagram: Datagram): Datagram {
  const bytes = datagram.bytes.slice()
  const draw = mix32(datagram.keyHi, datagram.keyLo)
  bytes[draw % bytes.length] ^= 1 << (draw >>> 29)
  return { ...datagram, bytes }
}

/** The datagram with another number of 32 bits at an offset. */
export function overwritten(datagram: Datagram, offset: number, value: number): Datagram {
  const bytes = datagram.bytes.slice()
  new DataView(bytes.buffer).setUint32(offset, value)
  return { ...datagram, bytes }
}
