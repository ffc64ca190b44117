/** What a connection tells the program above it, one at a time by `poll`. Byte fields are borrowed until the next `poll`. */
import type { Direction } from './frames.ts'
import type { Ticket } from './tls.ts'

export type QuicEvent =
  /** The TLS handshake is complete: the peer is who it says, and data may flow. */
  | { readonly kind: 'handshakeComplete'; readonly isResumed: boolean; readonly earlyData: 'none' | 'accepted' | 'rejected' }
  /** RFC 9001, section 4.1.2. */
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'streamOpened'; readonly id: number }
  /** In order; `fin` with the last bytes. `datagram` is the id of the one that carried them. */
  | { readonly kind: 'data'; readonly id: number; readonly bytes: Uint8Array; readonly fin: boolean; readonly datagram: number }
  | { readonly kind: 'resetReceived'; readonly id: number; readonly code: number }
  | { readonly kind: 'stopSendingReceived'; readonly id: number; readonly code: number }
  /** Everything that was written to the stream has arrived, its end too. */
  | { readonly kind: 'streamFinished'; readonly id: number }
  /** The stream was given up by its own bounds ({@link import('./sendstream.ts').GiveUp}) and reset. */
  | { readonly kind: 'streamAbandoned'; readonly id: number }
  | { readonly kind: 'streamsAvailable'; readonly direction: Direction }
  | { readonly kind: 'datagram'; readonly bytes: Uint8Array; readonly datagram: number }
  /** What became of `datagram(bytes)`, by the number that it returned. */
  | { readonly kind: 'datagramAcked'; readonly number: number }
  | { readonly kind: 'datagramLost'; readonly number: number }
  | { readonly kind: 'ticket'; readonly ticket: Ticket }
  /** RFC 9000, section 8.1.3: for the next connection to the same server. */
  | { readonly kind: 'token'; readonly token: Uint8Array }
  /** The connection goes on over another path; `isValidated` says whether that is proven to reach the peer. */
  | { readonly kind: 'pathChanged'; readonly isValidated: boolean }
  | { readonly kind: 'keyUpdated'; readonly by: 'local' | 'remote'; readonly keyPhase: number }
  /** `isApplication` tells an application's code from those of RFC 9000, section 20.1. */
  | {
    readonly kind: 'closed'
    readonly by: 'local' | 'remote' | 'idle' | 'handshakeTimeout' | 'reset' | 'version'
    readonly isApplication: boolean
    readonly code: number
    readonly reason: string
  }
