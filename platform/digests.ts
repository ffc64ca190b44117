/**
 * SHA-256 digests of texts, of sets of files, and the seal by which a report vouches for its own bytes.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What stands in a JSON text where its seal will be. Write `"seal": SEAL_BLANK`, then `seal()` the text. */
export const SEAL_BLANK = '0'.repeat(64)
const SEAL = /("seal": ?")([0-9a-f]{64})(")/

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/**
 * Puts the digest of a JSON text into the text itself, in place of the blank: the digest is that of the text with the
 * blank, so that anyone can check it.
 * @throws {RangeError} when the text has no blank.
 */
export function seal(text: string): string {
  const found = SEAL.exec(text)
  if (found?.[2] !== SEAL_BLANK) throw new RangeError('expected a text with a blank seal, got one without')
  return text.replace(SEAL, `$1${sha256Hex(text)}$3`)
}

/** Whether a text is exactly what was sealed. */
export function isSealed(text: string): boolean {
  const found = SEAL.exec(text)
  return found !== null && sha256Hex(text.replace(SEAL, `$1${SEAL_BLANK}$3`)) === found[2]
}

/** One digest of named contents, whatever order they come in. */
export function digestOfFiles(files: ReadonlyMap<string, string | Uint8Array>): string {
  const lines = [...files].map(([name, content]) => `${sha256Hex(content)}  ${name}\n`).sort()
  return sha256Hex(lines.join(''))
}

/**
 * One digest of the code under some folders: what a built-in scenario depends on. Reads JavaScript (the compiled
 * package) and TypeScript (a checkout), not declarations or source maps.
 */
export function digestOfCode(root: string, folders: readonly string[]): string {
  const files = new Map<string, Uint8Array>()
  const collect = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`
      if (entry.isDirectory()) collect(name)
      else if (/(?<!\.d)\.[jt]s$/.test(entry.name)) files.set(name, readFileSync(join(root, name)))
    }
  }
  for (const folder of folders) collect(folder)
  return digestOfFiles(files)
}
