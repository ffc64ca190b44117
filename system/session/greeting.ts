/** A client's hello: what its configuration asks for, signed for one connection. */
import { manifestHash } from '../ecs/manifest.ts'
import { offerOf } from '../protocol/compression.ts'
import type { SessionHello } from '../protocol/messages.ts'
import { PROTOCOL_VERSION, SCHEMA_HASH } from '../protocol/version.ts'
import { exchangeKeyOf } from '../security/groupkeys.ts'
import { type ClientConfig, offeredFeatures } from './clientconfig.ts'
import { helloBytes } from './handshake.ts'
import type { PeerPorts } from './peer.ts'

export interface Greeting {
  /** The transport's channel binding. */
  readonly binding: Uint8Array
  readonly clientNonce: Uint8Array
  /** What group keys will be wrapped by, where the session is sealed. */
  readonly exchangeSecret: Uint8Array | undefined
  /** Empty where there is none. */
  readonly resumeSessionId: Uint8Array
}

export function helloOf(config: ClientConfig, { signer, compressor }: PeerPorts, greeting: Greeting): SessionHello {
  const { requestedCapabilities, requestedRole, transports, displayName, authToken } = config
  const { binding, clientNonce, exchangeSecret, resumeSessionId } = greeting
  const { major: protocolMajor, minor: protocolMinor, patch: protocolPatch } = PROTOCOL_VERSION
  const unsigned = {
    kind: 'SessionHello', protocolMajor, protocolMinor, protocolPatch, schemaHash: SCHEMA_HASH, manifestHash: manifestHash(), clientNonce,
    clientPublicKey: signer.publicKey, requestedCapabilities, requestedRole, transports, displayName, authToken, ...offerOf(compressor),
    resumeSessionId, features: offeredFeatures(config),
    exchangeKey: exchangeSecret === undefined ? new Uint8Array(0) : exchangeKeyOf(exchangeSecret),
  } as const
  return { ...unsigned, signature: signer.sign(helloBytes(unsigned, binding)) }
}
