/** Files that the user names. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { reasonOf } from '../platform/files.ts'
import { Misuse, type Terminal } from './engine.ts'

/** @throws {Misuse} when the file cannot be read. */
export function readText(path: string, terminal: Terminal): string {
  try {
    return readFileSync(resolve(terminal.folder, path), 'utf8')
  } catch (error) {
    throw new Misuse(`cannot read ${path}: ${reasonOf(error)}`)
  }
}
