/** The numbers of STUN (RFC 8489), of TURN (RFC 8656) and of ICE (RFC 8445) as they stand in messages, and the limits kept here. */

/** RFC 8489, section 5. */
export const MAGIC_COOKIE = 0x2112_a442
export const HEADER_BYTES = 20

/** RFC 8489, section 5: the two class bits. */
export const StunClass = { request: 0, indication: 1, success: 2, error: 3 } as const
export type StunClass = (typeof StunClass)[keyof typeof StunClass]

/** RFC 8489, section 18.2; RFC 8656, section 17. */
export const StunMethod = {
  binding: 0x001, allocate: 0x003, refresh: 0x004, send: 0x006, data: 0x007, createPermission: 0x008, channelBind: 0x009,
} as const

/** RFC 8489, section 18.3; RFC 8656, section 18; RFC 8445, section 16.1. Below 0x8000 they must be understood. */
export const StunAttribute = {
  mappedAddress: 0x0001, username: 0x0006, messageIntegrity: 0x0008, errorCode: 0x0009, unknownAttributes: 0x000a,
  channelNumber: 0x000c, lifetime: 0x000d, xorPeerAddress: 0x0012, data: 0x0013, realm: 0x0014, nonce: 0x0015,
  xorRelayedAddress: 0x0016, requestedAddressFamily: 0x0017, requestedTransport: 0x0019, messageIntegritySha256: 0x001c,
  xorMappedAddress: 0x0020, priority: 0x0024, useCandidate: 0x0025,
  software: 0x8022, fingerprint: 0x8028, iceControlled: 0x8029, iceControlling: 0x802a,
} as const

/** RFC 8489, section 14.8; RFC 8656, section 19; RFC 8445, section 16.2. */
export const StunError = {
  badRequest: 400, unauthenticated: 401, forbidden: 403, unknownAttribute: 420, allocationMismatch: 437, staleNonce: 438,
  addressFamilyNotSupported: 440, wrongCredentials: 441, unsupportedTransport: 442, peerAddressFamilyMismatch: 443,
  allocationQuotaReached: 486, roleConflict: 487, insufficientCapacity: 508,
} as const

/** What a person reads beside the number. */
export const STUN_REASONS: ReadonlyMap<number, string> = new Map([
  [StunError.badRequest, 'Bad Request'], [StunError.unauthenticated, 'Unauthenticated'], [StunError.forbidden, 'Forbidden'],
  [StunError.unknownAttribute, 'Unknown Attribute'], [StunError.allocationMismatch, 'Allocation Mismatch'],
  [StunError.staleNonce, 'Stale Nonce'], [StunError.addressFamilyNotSupported, 'Address Family not Supported'],
  [StunError.wrongCredentials, 'Wrong Credentials'], [StunError.unsupportedTransport, 'Unsupported Transport Protocol'],
  [StunError.peerAddressFamilyMismatch, 'Peer Address Family Mismatch'],
  [StunError.allocationQuotaReached, 'Allocation Quota Reached'], [StunError.roleConflict, 'Role Conflict'],
  [StunError.insufficientCapacity, 'Insufficient Capacity'],
])

/** Attributes of one message; more are not looked at, and the message is refused. */
export const ATTRIBUTES_MAX = 32
/** Bytes of a REALM, a NONCE or a USERNAME that are taken in (RFC 8489, sections 14.3, 14.9 and 14.10). */
export const TEXT_BYTES_MAX = 763
/** Bytes of one message that is written here: the largest texts, a datagram of data, and what stands around them. */
export const MESSAGE_BYTES_MAX = 4_096
