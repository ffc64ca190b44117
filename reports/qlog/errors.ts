/** What qlog 0.3 calls the error codes of a transport: draft-ietf-quic-qlog-quic-events-04, sections 8.11.22 and 8.11.24. */

/** By code (RFC 9000, section 20.1). The draft names none beyond these. */
const TRANSPORT_ERRORS = [
  'no_error', 'internal_error', 'connection_refused', 'flow_control_error', 'stream_limit_error', 'stream_state_error',
  'final_size_error', 'frame_encoding_error', 'transport_parameter_error', 'connection_id_limit_error', 'protocol_violation',
  'invalid_token', 'application_error', 'crypto_buffer_exceeded',
]
/** TLS alerts: CRYPTO_ERROR (RFC 9001, section 4.8). */
const CRYPTO_ERROR_FIRST = 0x100
const CRYPTO_ERROR_LAST = 0x1ff

/** The code itself where it has no name. */
export const transportErrorName = (code: number): string | number => TRANSPORT_ERRORS[code] ?? code

export const cryptoErrorName = (code: number): string | undefined =>
  code >= CRYPTO_ERROR_FIRST && code <= CRYPTO_ERROR_LAST ? `crypto_error_0x${code.toString(16)}` : undefined
