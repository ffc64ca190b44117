/**
 * What a packet is to chance (design law 5): what stands in it first, and for the how-manieth time. Never a count of packets.
 */

export interface PacketIdentity {
  /** 'message', 'fragment', 'sack', 'init', 'dtls flight'... */
  readonly contents: string
  readonly channel: number
  /** [start, end) is a message of the channel, or bytes of it. All but `end`, which is for people, takes part in the identity. */
  readonly start: number
  readonly end: number
  /** 0 for the first transmission. */
  readonly attempt: number
}

/** The datagram that brought something: its id for the trace, its key to name what answers it. */
export interface Cause {
  readonly id: number
  readonly keyHi: number
  readonly keyLo: number
}

/** An answer has no name of its own: it is named after what it answers. */
export const answerTo = (contents: string, { keyHi, keyLo }: Cause): PacketIdentity => ({
  contents, channel: 0, start: keyLo, end: keyLo, attempt: keyHi,
})
