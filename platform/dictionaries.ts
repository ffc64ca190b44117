/** The compression dictionaries that the package carries, each checked against the digest that the code has of it. */
import { readFileSync } from 'node:fs'
import { sha256Hex } from './digests.ts'

const FOLDER = new URL(import.meta.url.endsWith('.ts') ? '../schemas/dictionaries/' : '../../schemas/dictionaries/', import.meta.url)

/**
 * Contents by version, in the order given.
 * @throws {RangeError} where a file is not the one that is meant.
 */
export function readDictionaries(records: readonly { readonly version: number; readonly sha256: string }[]): Map<number, Uint8Array> {
  return new Map(records.map(({ version, sha256 }) => {
    const content = readFileSync(new URL(`${version}.dictionary`, FOLDER))
    const found = sha256Hex(content)
    if (found !== sha256) throw new RangeError(`expected dictionary ${version} to have the SHA-256 ${sha256}, got ${found}`)
    return [version, new Uint8Array(content)]
  }))
}
