/**
 * What the two messages of the handshake are signed over. Both cover the transport's channel binding, so that a hello
 * cannot be carried to another connection, and the acknowledgement covers the hello, so that both sides saw the same one.
 */
import { concatenate, u32, u64 } from '../protocol/bytes.ts'
import type { SessionAcknowledge, SessionHello } from '../protocol/messages.ts'
import { utf8Bytes } from '../protocol/utf8.ts'

const HELLO = utf8Bytes('theta/hello/1')
const ACKNOWLEDGE = utf8Bytes('theta/acknowledge/1')
const hash = ({ hi, lo }: { readonly hi: number; readonly lo: number }) => concatenate([u32(lo), u32(hi)])
const text = (value: string) => {
  const bytes = utf8Bytes(value)
  return concatenate([u32(bytes.length), bytes])
}

export function helloBytes(hello: Omit<SessionHello, 'signature'>, binding: Uint8Array): Uint8Array {
  return concatenate([
    HELLO, binding, u32(hello.protocolMajor), u32(hello.protocolMinor), u32(hello.protocolPatch),
    hash(hello.schemaHash), hash(hello.manifestHash),
    hello.clientNonce, hello.clientPublicKey, u32(hello.requestedCapabilities), text(hello.requestedRole), text(hello.displayName),
    text(hello.transports.join(',')), text(hello.compression.join(',')), u32(hello.authToken.length), hello.authToken,
    u32(hello.resumeSessionId.length), hello.resumeSessionId,
    u32(hello.features), u32(hello.dictionaries.length), ...hello.dictionaries.map(u32), u32(hello.exchangeKey.length), hello.exchangeKey,
  ])
}

export function acknowledgeBytes(
  acknowledge: Omit<SessionAcknowledge, 'signature'>, clientNonce: Uint8Array, binding: Uint8Array,
): Uint8Array {
  return concatenate([
    ACKNOWLEDGE, binding, clientNonce, u32(acknowledge.protocolMajor), u32(acknowledge.protocolMinor), u32(acknowledge.protocolPatch),
    acknowledge.serverNonce, acknowledge.sessionId, u32(acknowledge.epoch), u32(acknowledge.author), text(acknowledge.assignedRole),
    u32(acknowledge.capabilityMask), acknowledge.serverPublicKey, u32(acknowledge.frame), u64(acknowledge.nonceHighWater),
    u32(acknowledge.features), u32(acknowledge.featuresDenied), text(acknowledge.compression), u32(acknowledge.dictionary),
    u32(acknowledge.exchangeKey.length), acknowledge.exchangeKey, text(acknowledge.hint),
  ])
}
