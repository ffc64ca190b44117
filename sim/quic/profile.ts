/**
 * QUIC: three flights (RFC 9000, section 7), the client's padded to 1200 bytes (section 14.1); each reliable ordered
 * channel is a stream, any other is sent as single messages, as datagrams (RFC 9221) with the limits that the channel asks for.
 *
 * What the full model will add: three packet number spaces, the amplification limit, Retry, 0-RTT, migration, key updates.
 */
import { DATAGRAM_BYTES_MAX } from '../transport/wire.ts'
import type { Profile } from '../transport/profile.ts'

export const QUIC: Profile = {
  name: 'quic',
  number: 0,
  // RFC 9002 proposes 333 ms; Chromium and this model take 100 ms.
  initialRttUs: 100_000,
  // RFC 9000, section 18.2: the default of max_ack_delay.
  ackDelayUsMax: 25_000,
  rendezvous: [],
  flights: [
    { by: 'initiator', name: 'client hello', bytes: 280 },
    // A certificate chain makes it two or three datagrams.
    { by: 'responder', name: 'server hello to finished', bytes: 2_600 },
    { by: 'initiator', name: 'finished', bytes: 64 },
  ],
  handshakeDatagramBytesMin: DATAGRAM_BYTES_MAX,
  isStream: ({ ordered, delivery }) => ordered && delivery.kind === 'reliable',
}
