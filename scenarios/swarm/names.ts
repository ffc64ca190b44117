/** Words that a swarm draws from. */

/** Who takes part, in the order in which they are asked. The first one is never sent away for good. */
export const PEER_NAMES = ['ana', 'ben', 'cleo', 'dan', 'eve', 'finn', 'gus', 'hana'] as const
export const TRANSPORTS = ['quic', 'webrtc'] as const
export const ROLES = ['viewer', 'editor', 'admin'] as const
export const CAPABILITIES = ['editPlacements', 'manageCommits', 'editWorld', 'telemetry'] as const
