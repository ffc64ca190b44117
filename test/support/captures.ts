/** Captures by their blocks, and as a reader of them sees them, where there is one on this machine. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'

export const READER = 'tshark'

export function hasReader(): boolean {
  try {
    execFileSync(READER, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A filter for packets that no reader should find. */
export const PROBLEMS = '_ws.malformed or _ws.expert.severity >= 0x00600000 or quic.decryption_failed'
  + ' or ip.checksum.status != 1 or udp.checksum.status != 1 or sctp.checksum.status != 1'

/** A row a packet that the filter lets through: the fields, each with all its values. */
export function readCapture(bytes: Uint8Array, filter: string, ...fields: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'theta-sim-capture-'))
  try {
    const file = join(folder, 'capture.pcapng')
    writeFileSync(file, bytes)
    const text = execFileSync(READER, [
      '-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-o', 'sctp.checksum:CRC-32c',
      '-Y', filter, '-T', 'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 })
    return text.split('\n').filter((line) => line !== '')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export interface Block {
  readonly type: number
  readonly body: DataView
}

/** The blocks of a file, whose lengths must agree. */
export function blocksOf(bytes: Uint8Array): readonly Block[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const blocks: Block[] = []
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + 4, true)
    expect(length % 4).toBe(0)
    expect(view.getUint32(at + length - 4, true)).toBe(length)
    blocks.push({ type: view.getUint32(at, true), body: new DataView(bytes.buffer, bytes.byteOffset + at + 8, length - 12) })
    at += length
  }
  return blocks
}

/** By code, in the order of the file; the end must be marked. */
export function optionsOf({ body }: Block, start: number): readonly (readonly [number, Buffer])[] {
  const options: (readonly [number, Buffer])[] = []
  for (let at = start; ;) {
    const [code, length] = [body.getUint16(at, true), body.getUint16(at + 2, true)]
    at += 4
    if (code === 0) return options
    options.push([code, Buffer.from(body.buffer, body.byteOffset + at, length)])
    at += (length + 3) & ~3
  }
}
export const packetOf = ({ body }: Block): Buffer => Buffer.from(body.buffer, body.byteOffset + 20, body.getUint32(12, true))
export const commentsOf = (block: Block): readonly string[] =>
  optionsOf(block, 20 + ((block.body.getUint32(12, true) + 3) & ~3)).filter(([code]) => code === 1).map(([, value]) => value.toString())
