/** `theta-sim decode`: captured packets, in words, as JSON, or as CBOR. */
import type { Packet } from '../../scenarios/packet.ts'
import { type Engine, EXIT, Misuse, type Terminal } from '../engine.ts'
import type { Command, Given } from '../grammar.ts'
import { readBytes } from '../input.ts'
import { printJson, printLines } from '../output.ts'

/** A whole capture is more than a person reads. */
const PACKETS_MAX = 10_000
/** Bytes that begin like this, or above, are no text in hexadecimal. */
const NO_TEXT = 0x80

export const decode: Command = {
  name: 'decode', about: 'show what captured packets say', operands: ['FILE|HEX|-'], optional: 0,
  flags: {
    json: { about: 'as JSON, and nothing else: one packet an object, several a list' },
    cbor: { about: 'the body’s debug form, in hexadecimal, a line each' },
  },
  notes: [
    'A FILE, or what comes by standard input (-), is one packet as it travelled, or text: packets in hexadecimal, a line each.',
    'Bytes are shown in hexadecimal, integers above 2^53 as texts. Exit 4 where a packet cannot be read.',
  ],
  act,
}

async function act(given: Given, engine: Engine, terminal: Terminal): Promise<number> {
  if (given.on('json') && given.on('cbor')) throw new Misuse('--json and --cbor exclude each other')
  const packets = await Promise.all(packetsOf(given.operands[0], terminal).map((bytes) => engine.decodePacket(bytes)))
  if (given.on('json')) printJson(terminal, packets.length === 1 ? shown(packets[0]) : packets.map(shown))
  else if (given.on('cbor')) printLines(terminal, packets.map((packet) => (packet.kind === 'message' ? hexOf(packet.cbor) : told(packet))))
  else printLines(terminal, packets.flatMap((packet) => linesOf(packet)))
  return packets.every(({ kind }) => kind === 'message') ? EXIT.converged : EXIT.misuse
}

/** @throws {Misuse} where nothing is there to be read. */
function packetsOf(operand: string, terminal: Terminal): Uint8Array[] {
  const bytes = isHex(operand) ? undefined : readBytes(operand, terminal)
  if (bytes !== undefined && bytes[0] >= NO_TEXT) return [bytes]
  const text = bytes === undefined ? operand : Buffer.from(bytes).toString('latin1')
  const lines = text.split('\n').map((line) => line.replaceAll(/\s/g, '')).filter((line) => line !== '')
  const what = operand === '-' ? 'standard input' : operand
  if (lines.length === 0) throw new Misuse(`${what} is empty`)
  if (lines.length > PACKETS_MAX) throw new Misuse(`${what} has ${lines.length} lines; at most ${PACKETS_MAX} at once`)
  const stray = lines.findIndex((line) => !isHex(line))
  if (stray >= 0) throw new Misuse(`${what}, line ${stray + 1}: neither a packet nor hexadecimal digits in pairs`)
  return lines.map((line) => Uint8Array.from(Buffer.from(line, 'hex')))
}

const isHex = (text: string): boolean => text.length > 0 && text.length % 2 === 0 && /^[\da-fA-F]+$/.test(text)
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Without the bytes of the other form. */
function shown(packet: Packet): object {
  if (packet.kind !== 'message') return packet
  const { cbor: _, ...others } = packet
  return others
}

const REFUSALS: Readonly<Record<string, string>> = {
  short: 'shorter than an envelope', mark: 'no envelope of Theta’s', oversize: 'longer than a message may be',
  length: 'cut off, or with bytes after its end', crc: 'damaged: its checksum does not hold',
  category: 'in a category that is not its type’s',
  type: 'of a type that this build does not know', compression: 'compressed in a way that this build does not know',
  schemaHash: 'of a build with another schema: only its hello and its control messages can be read',
}

function told(packet: Exclude<Packet, { readonly kind: 'message' }>): string {
  if (packet.kind === 'malformed') return `${headOf(packet)}: the body cannot be read: ${packet.why}`
  const schema = packet.why === 'schemaHash' ? ` (ours is ${packet.ours})` : ''
  return `refused, ${packet.why}: ${packet.bytes} bytes, ${REFUSALS[packet.why] ?? packet.why}${schema}`
}
function headOf(packet: Exclude<Packet, { readonly kind: 'refused' }>): string {
  const { message, category, sequence, form, compression, bytes, bodyBytes, schemaMatches } = packet
  const other = schemaMatches ? '' : ', of another schema'
  const body = `${bodyBytes} of ${form === 'cbor' ? 'CBOR' : 'FlatBuffers'}${compression === 'none' ? '' : `, by ${compression}`}`
  return `${message}, ${category} ${sequence}, ${bytes} bytes, ${body}${other}`
}
function linesOf(packet: Packet): string[] {
  if (packet.kind !== 'message') return [told(packet)]
  return [headOf(packet), ...JSON.stringify(packet.body, undefined, 2).split('\n').map((line) => `  ${line}`)]
}
