/** Captures as a reader of them sees them, where there is one on this machine. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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
  + ' or ip.checksum.status != 1 or udp.checksum.status != 1'

/** A row a packet that the filter lets through: the fields, each with all its values. */
export function readCapture(bytes: Uint8Array, filter: string, ...fields: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'theta-sim-capture-'))
  try {
    const file = join(folder, 'capture.pcapng')
    writeFileSync(file, bytes)
    const text = execFileSync(READER, [
      '-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-Y', filter, '-T', 'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 })
    return text.split('\n').filter((line) => line !== '')
  } finally {
    rmSync(folder, { recursive: true })
  }
}
