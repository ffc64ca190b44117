/** How a client is made: who it says it is, where its host is, and what it asks for. */
import { FEATURES_OFFERED, SEALED_LOG } from '../protocol/features.ts'
import type { DisconnectCode, Role, SessionAcknowledge } from '../protocol/messages.ts'

export interface ClientConfig {
  readonly displayName: string
  /** The host as the driver's transport resolves it, e.g. 'quic:host'. */
  readonly endpoint: string
  readonly transports: readonly string[]
  readonly requestedRole: Role
  readonly requestedCapabilities: number
  readonly authToken: Uint8Array
  /** Whether it joins sessions whose log is sealed, and no others (default false). */
  readonly sealed?: boolean
  /** What it offers (features.ts); where it is left out, what is of use outside of debugging. */
  readonly features?: number
  /** Of these it leaves a session that denies one. */
  readonly requiredFeatures?: number
}

export function offeredFeatures({ features = FEATURES_OFFERED, requiredFeatures = 0, sealed = false }: ClientConfig): number {
  return (features | requiredFeatures | (sealed ? SEALED_LOG : 0)) >>> 0
}

/** Why it leaves what an acknowledgement settled: it is no answer to its offer, or lacks what it requires. */
export function settlementFault(
  { features, featuresDenied }: Pick<SessionAcknowledge, 'features' | 'featuresDenied'>, config: ClientConfig,
): DisconnectCode | undefined {
  const isAnswer = ((features | featuresDenied) >>> 0) === offeredFeatures(config) && (features & featuresDenied) === 0
  if (!isAnswer) return 'protocolError'
  return ((config.requiredFeatures ?? 0) & ~features) === 0 ? undefined : 'protocolVersion'
}
