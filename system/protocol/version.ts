/** The version of the protocol, and who may speak with whom. */
import type { SessionHello } from './messages.ts'

export { SCHEMA_HASH } from '../../schemas/generated/layout.ts'

/** Semantic: a breaking change of the schema or of what a message means raises `major`. */
export const PROTOCOL_VERSION = { major: 3, minor: 0, patch: 0 } as const

/**
 * Whether a hello's version can be spoken here: the same major, whatever minor and patch. The schema hash is compared
 * beside it, so that a version that nobody remembered to raise does no harm.
 */
export const compatible = ({ protocolMajor }: Pick<SessionHello, 'protocolMajor'>): boolean => protocolMajor === PROTOCOL_VERSION.major
