/**
 * What builds of one major version may or may not be able to do: bits of `SessionHello.features`, settled by the
 * acknowledgement. A session uses what both sides can do, at the lower of their minor versions; the rest is denied, and
 * the hint says why.
 */

/** After the acknowledgement, bodies may be in their debug form (cbor.ts). */
export const CBOR_BODIES = 1 << 0
/** The payloads of the command log are sealed: members read them, and nobody whom they pass on their way (security/groupkeys.ts). */
export const SEALED_LOG = 1 << 4

export interface Feature {
  readonly bit: number
  readonly name: string
  /** The minor version that brought it. */
  readonly sinceMinor: number
}
const KNOWN: readonly Feature[] = [
  { bit: CBOR_BODIES, name: 'CBOR bodies', sinceMinor: 0 }, { bit: SEALED_LOG, name: 'a sealed log', sinceMinor: 0 },
]

const bitsOf = (features: readonly Feature[]): number => features.reduce((bits, { bit }) => (bits | bit) >>> 0, 0)

/** Every feature of this build: what a host grants where its configuration says nothing. */
export const FEATURES = bitsOf(KNOWN)
/** What a client offers where its configuration says nothing: what is for debugging, or is a session's own, is asked for. */
export const FEATURES_OFFERED = (FEATURES & ~CBOR_BODIES & ~SEALED_LOG) >>> 0

/** One side's: what it offers or grants, and the minor version that it speaks. */
export interface Side {
  readonly features: number
  readonly minor: number
}
interface Settlement {
  readonly features: number
  readonly featuresDenied: number
  /** Why something was denied, and what to do; empty where nothing was. */
  readonly hint: string
}

/** What of an offer a session uses. `known` are the features of the side that settles. */
export function settleFeatures(offer: Side, own: Side, known: readonly Feature[] = KNOWN): Settlement {
  const minor = Math.min(offer.minor, own.minor)
  const among = known.filter(({ bit }) => (offer.features & bit) !== 0)
  const early = among.filter(({ sinceMinor }) => sinceMinor > minor)
  const off = among.filter((feature) => !early.includes(feature) && (own.features & feature.bit) === 0)
  const features = (offer.features & own.features & bitsOf(known) & ~bitsOf(early)) >>> 0
  const unknown = (offer.features & ~bitsOf(known)) >>> 0
  const hints = [
    ...early.map(({ name, sinceMinor }) => `${name} needs minor version ${sinceMinor} on both sides, and the lower one is ${minor}`),
    ...off.map(({ name }) => `${name} is switched off at this host`),
    ...(unknown === 0 ? [] : [`bits 0x${unknown.toString(16)} are not known to this host: a newer build of it may be`]),
  ]
  return { features, featuresDenied: (offer.features & ~features) >>> 0, hint: hints.join('; ') }
}
