/** Files that the user names. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { reasonOf } from '../platform/files.ts'
import { Misuse, type Terminal } from './engine.ts'

const STANDARD_INPUT = 0

/** @throws {Misuse} when the file cannot be read. */
export function readText(path: string, terminal: Terminal): string {
  return readBytes(path, terminal).toString('utf8')
}

/** @param path `-` is standard input. @throws {Misuse} when it cannot be read. */
export function readBytes(path: string, terminal: Terminal): Buffer {
  try {
    return readFileSync(path === '-' ? STANDARD_INPUT : resolve(terminal.folder, path))
  } catch (error) {
    throw new Misuse(`cannot read ${path}: ${reasonOf(error)}`)
  }
}
