/**
 * What Wireshark calls an exported PDU: bytes with the name of the dissector that reads them, and between which addresses they
 * travelled. For what is inside others in a way that no dissector knows.
 */
import { octetsOf } from './ipv4packet.ts'

/** Of wsutil/exported_pdu_tlvs.h; an option is its tag and length, 16 bits each, and its value, filled up to a multiple of four. */
const Tag = { end: 0, dissector: 12, ipv4Source: 20, ipv4Destination: 21 } as const

/** `dissector` is a name of ASCII letters; addresses are unsigned integers of 32 bits. */
export function upperPdu(dissector: string, from: number, to: number, bytes: Uint8Array): Uint8Array {
  const name = Array.from(dissector, (letter) => letter.charCodeAt(0))
  return Uint8Array.from([
    ...option(Tag.dissector, name), ...option(Tag.ipv4Source, octetsOf(from)), ...option(Tag.ipv4Destination, octetsOf(to)),
    ...option(Tag.end, []), ...bytes,
  ])
}

function option(tag: number, value: readonly number[]): readonly number[] {
  return [0, tag, 0, value.length, ...value, ...Array.from({ length: -value.length & 3 }, () => 0)]
}
