/**
 * WebRTC data channels: an offer and its answer through the signalling relay, a connectivity check (RFC 8445), the DTLS
 * handshake, the SCTP association (RFC 9260, section 5), then channels of single messages (RFC 8831) with partial reliability (RFC 3758).
 *
 * What the full model will add: candidates and NAT, STUN and TURN servers, consent, DTLS and SCTP retransmission of their own,
 * interleaving (RFC 8260).
 */
import type { Profile } from '../transport/profile.ts'
import { SIGNALLING } from './signalling.ts'

export const WEBRTC: Profile = {
  name: 'webrtc',
  number: 1,
  // libwebrtc starts its DTLS timer at 50 ms; ICE has measured the path by then.
  initialRttUs: 50_000,
  // usrsctp's delayed SACK in libwebrtc and libdatachannel.
  ackDelayUsMax: 20_000,
  rendezvous: SIGNALLING,
  flights: [
    { by: 'initiator', name: 'dtls client hello', bytes: 180 },
    { by: 'responder', name: 'dtls server hello to done', bytes: 1_000 },
    { by: 'initiator', name: 'dtls certificate to finished', bytes: 900 },
    { by: 'responder', name: 'dtls finished', bytes: 64 },
    { by: 'initiator', name: 'sctp init', bytes: 80 },
    { by: 'responder', name: 'sctp init ack', bytes: 340 },
    { by: 'initiator', name: 'sctp cookie echo', bytes: 300 },
    { by: 'responder', name: 'sctp cookie ack', bytes: 32 },
  ],
  handshakeDatagramBytesMin: 0,
  isStream: () => false,
}
