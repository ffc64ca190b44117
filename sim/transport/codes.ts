/** Reasons for a close that come from the transport itself. They stand above every code an application may use. */
export const APPLICATION_CODES_MAX = 2 ** 16
export const TransportCode = {
  protocolViolation: APPLICATION_CODES_MAX + 1,
  flowControl: APPLICATION_CODES_MAX + 2,
  /** A reliable channel's queue outgrew CHANNEL_QUEUE_BYTES_MAX. */
  queueOverflow: APPLICATION_CODES_MAX + 3,
  idleTimeout: APPLICATION_CODES_MAX + 4,
  handshakeTimeout: APPLICATION_CODES_MAX + 5,
  /** Nobody there by that name, or not over that protocol, or no room. */
  refused: APPLICATION_CODES_MAX + 6,
  /** The other side knows nothing (any more) of the connection: RFC 9000, section 10.3. */
  reset: APPLICATION_CODES_MAX + 7,
} as const

/** The code that another end gave for its close; one that no end here can give is against the protocol. */
export const heardCode = (code: number): number =>
  code < APPLICATION_CODES_MAX || Object.values<number>(TransportCode).includes(code) ? code : TransportCode.protocolViolation
