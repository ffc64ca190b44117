/** What builds of one major version may or may not be able to do: bits of `SessionHello.features`, negotiated by the acknowledgement. */

/** Every feature of this build. */
export const FEATURES = 0
