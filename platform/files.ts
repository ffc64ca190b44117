/**
 * Files that are whole or absent: a reader, or a crash, never meets half of one. Folders that are gone when the process is.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const REASONS: Readonly<Record<string, string>> = { EISDIR: 'it is a folder', ENOTDIR: 'a file stands in its way' }

/** What an error of the file system says, without its code, its call and its path. */
export function reasonOf(error: unknown): string {
  const { message, code = '' } = error as NodeJS.ErrnoException
  return REASONS[code] ?? /^[A-Z0-9_]+: ([^,]+)/.exec(message)?.[1] ?? message
}

/** @throws the file system's error when this is no folder to write in, and could not be made one. Changes nothing. */
export function checkFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return checkFolder(dirname(path))
  // The dot makes it an error where it is a file.
  accessSync(`${path}/.`, constants.W_OK)
}

/** As `mkdir -p` does. Node 20's own never returns where a folder cannot be made in a folder that is there, as in /proc. */
export function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

/**
 * Writes contents into a folder, which is made where it is missing. All of them are written out beside it first; then
 * each is moved into place, the last one last: put the file there that says the others are complete. Other files in
 * the folder stay.
 * @param contents by file name, without folders; undefined for a file that is not to be there any more.
 * @throws the file system's error, with nothing changed in the folder, when they cannot all be written.
 */
export function writeFiles(folder: string, contents: Readonly<Record<string, string | Uint8Array | undefined>>): void {
  makeFolder(folder)
  const staging = mkdtempSync(join(folder, '.writing-'))
  try {
    for (const [name, text] of Object.entries(contents)) if (text !== undefined) writeFileSync(join(staging, name), text, { flush: true })
    for (const [name, text] of Object.entries(contents)) {
      if (text === undefined) rmSync(join(folder, name), { force: true })
      else renameSync(join(staging, name), join(folder, name))
    }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * A folder of the system's temporary one, without links in its path, that goes with the process at the latest: at its
 * exit, and at the signals that ask it to end.
 */
export function temporaryFolder(prefix: string): { readonly path: string; readonly remove: () => void } {
  let path = ''
  const remove = (): void => {
    process.off('exit', remove)
    for (const signal of SIGNALS) process.off(signal, obey)
    if (path !== '') rmSync(path, { recursive: true, force: true })
  }
  const obey = (signal: NodeJS.Signals): void => {
    remove()
    process.kill(process.pid, signal)
  }
  // Before there is a folder: a signal that comes in between finds it all the same.
  process.once('exit', remove)
  for (const signal of SIGNALS) process.once(signal, obey)
  path = mkdtempSync(join(realpathSync(tmpdir()), prefix))
  return { path, remove }
}
