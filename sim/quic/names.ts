/**
 * What a real endpoint draws at random, drawn here from the connection's number: deterministic, and another one for each connection, end
 * and purpose. And the number itself, which the client's first Destination Connection ID carries.
 */
import { hashText, mix32 } from '../choice.ts'
import { concat, integer } from '../octets.ts'
import { CONNECTION_ID_BYTES } from './packet.ts'

const RANDOM_BYTES = 32

/** 8 bytes that carry the number, so that both ends and the trace share one name. */
export const firstDestination = (connection: number): Uint8Array => integer(CONNECTION_ID_BYTES, connection)

/** The number that a first Destination Connection ID carries; of a stranger's id, some number. */
export function numberOf(destination: Uint8Array): number {
  let number = 0
  for (const byte of destination.subarray(0, CONNECTION_ID_BYTES)) number = (number * 256 + byte) % 2 ** 48
  return number
}

export type IdOwner = 'client' | 'server' | 'retry'

/** A connection id that one end gives itself. */
export function connectionIdOf(connection: number, owner: IdOwner, sequence: number): Uint8Array {
  const basis = mix32(mix32(hashText(owner, sequence), connection >>> 0), Math.floor(connection / 2 ** 32))
  return concat(integer(4, mix32(basis, 1)), integer(4, mix32(basis, mix32(sequence, connection >>> 0))))
}

/** The random of one end's TLS handshake: 32 bytes. */
export function randomOf(connection: number, isClient: boolean): Uint8Array {
  const words: Uint8Array[] = []
  let state = mix32(mix32(hashText('tls random', isClient ? 1 : 0), connection >>> 0), Math.floor(connection / 2 ** 32))
  for (let i = 0; i < RANDOM_BYTES; i += 4) {
    state = mix32(state, i)
    words.push(integer(4, state))
  }
  return concat(...words)
}
