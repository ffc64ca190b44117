/**
 * The scenarios of the public QUIC interop runner, played in the lab: the same paths, files and demands. Each case says what it has
 * shown, or the first demand that was not met.
 *
 * Beside the runner's: certificates, statelessreset and datagrams. Left out: `chacha20` (one cipher suite is enough for a handshake without
 * real secrets), `ipv6` (addresses here are integers), `v2` (version 1 is the only one) and `http3` (Theta speaks no HTTP: the files
 * are asked for in HTTP/0.9, as the runner's own cases do).
 */
import { AMPLIFICATION_LIMIT, HANDSHAKE, HANDSHAKE_CORRUPTION, HANDSHAKE_LOSS, RESUMPTION, RETRY, ZERORTT } from './handshakes.ts'
import { CONNECTION_MIGRATION, REBIND_ADDRESS, REBIND_PORT } from './moves.ts'
import type { InteropCase } from './play.ts'
import { CERTIFICATES, STATELESS_RESET, VERSION_NEGOTIATION } from './refusals.ts'
import {
  BLACKHOLE, CROSS_TRAFFIC, DATAGRAMS_CASE, ECN, GOODPUT, KEY_UPDATE, LONG_RTT, MULTIPLEXING, TRANSFER, TRANSFER_CORRUPTION, TRANSFER_LOSS,
} from './transfers.ts'

export const INTEROP_CASES: readonly InteropCase[] = [
  VERSION_NEGOTIATION, HANDSHAKE, TRANSFER, LONG_RTT, MULTIPLEXING, RETRY, RESUMPTION, ZERORTT, KEY_UPDATE, ECN, BLACKHOLE,
  AMPLIFICATION_LIMIT, HANDSHAKE_LOSS, TRANSFER_LOSS, HANDSHAKE_CORRUPTION, TRANSFER_CORRUPTION, REBIND_PORT, REBIND_ADDRESS,
  CONNECTION_MIGRATION, CERTIFICATES, STATELESS_RESET, DATAGRAMS_CASE, GOODPUT, CROSS_TRAFFIC,
]
