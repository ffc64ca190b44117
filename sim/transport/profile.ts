/** What tells one protocol from the other over the shared core. */
import type { ChannelSpec } from '../port.ts'

export type ProfileName = 'quic' | 'webrtc'

/** One message of the handshake, in the order given; each side answers the other's last with its next. */
export interface Flight {
  readonly by: 'initiator' | 'responder'
  readonly name: string
  readonly bytes: number
}

/** A question that is asked again until it is answered, before the handshake: signalling and connectivity checks. */
export interface RendezvousStep {
  readonly name: string
  readonly requestBytes: number
  readonly answerBytes: number
  /** First wait for an answer; doubled with each repetition. */
  readonly retryUs: number
}

export interface Profile {
  readonly name: ProfileName
  /** On the wire. */
  readonly number: number
  /** RFC 9002, section 6.2.2: what is assumed of the path before it is measured. */
  readonly initialRttUs: number
  /** How long an acknowledgement may wait for company. */
  readonly ackDelayUsMax: number
  readonly rendezvous: readonly RendezvousStep[]
  readonly flights: readonly Flight[]
  /** Size that the initiator pads its datagrams to during the handshake. */
  readonly handshakeDatagramBytesMin: number
  /** Whether the channel is a byte stream; otherwise it is one of single messages. */
  isStream(channel: ChannelSpec): boolean
}
