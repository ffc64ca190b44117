/** Why a connection ends: the codes of RFC 9000, section 20.1. */
export const TransportError = {
  noError: 0x00, internalError: 0x01, connectionRefused: 0x02, flowControlError: 0x03, streamLimitError: 0x04, streamStateError: 0x05,
  finalSizeError: 0x06, frameEncodingError: 0x07, transportParameterError: 0x08, connectionIdLimitError: 0x09, protocolViolation: 0x0a,
  invalidToken: 0x0b, applicationError: 0x0c, cryptoBufferExceeded: 0x0d, keyUpdateError: 0x0e, aeadLimitReached: 0x0f, noViablePath: 0x10,
} as const
/** Plus a TLS alert (RFC 9001, section 4.8). */
export const CRYPTO_ERROR = 0x100

/** What an honest peer does not do: the code that closes the connection, and words for people. */
export interface Violation {
  readonly code: number
  readonly why: string
}
export const violation = (code: number, why: string): Violation => ({ code, why })
