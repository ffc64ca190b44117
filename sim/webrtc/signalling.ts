/**
 * Before a WebRTC connection carries anything, its ends must meet: an offer and its answer (session descriptions, with the
 * credentials of ICE) through the signalling relay, then a connectivity check on the path itself. The relay stands at the
 * responder's address, and its datagrams are lost like any other; each question is repeated until its answer is there.
 */
import type { RendezvousStep } from '../transport/profile.ts'

export const SIGNALLING: readonly RendezvousStep[] = [
  { name: 'offer', requestBytes: 900, answerBytes: 850, retryUs: 250_000 },
  // RFC 8445, section 14.2: Ta is 50 ms.
  { name: 'check', requestBytes: 100, answerBytes: 80, retryUs: 50_000 },
]
