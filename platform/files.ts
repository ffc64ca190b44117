/**
 * Files that are whole or absent: a reader, or a crash, never meets half of one.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes texts into a folder, which is made where it is missing. All of them are written out beside it first; then
 * each is moved into place, the last one last: put the file there that says the others are complete. Other files in
 * the folder stay.
 * @param texts by file name, without folders.
 * @throws the file system's error, with nothing changed in the folder, when they cannot all be written.
 */
export function writeFiles(folder: string, texts: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true })
  const staging = mkdtempSync(join(folder, '.writing-'))
  try {
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(staging, name), text, { flush: true })
    for (const name of Object.keys(texts)) renameSync(join(staging, name), join(folder, name))
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
