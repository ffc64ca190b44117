/** What builds of one major version may or may not be able to do: bits of `SessionHello.features`, negotiated by the acknowledgement. */

/** The payloads of the command log are sealed: members read them, and nobody whom they pass on their way (security/groupkeys.ts). */
export const SEALED_LOG = 1 << 4

/** Every feature of this build. */
const FEATURES = SEALED_LOG
/** What a peer offers: a log is sealed where both sides want it. */
export const featuresOf = (isSealed: boolean): number => (isSealed ? FEATURES : FEATURES & ~SEALED_LOG)
