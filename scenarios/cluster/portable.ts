/** Paths in a verdict, told so that it is the same on every machine: of the package's files from its root, of others from a folder. */
import { relative } from 'node:path'
import { originalLine } from '../../platform/paths.ts'
import { ROOT } from './ours.ts'

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
/** A file of the package, then perhaps a line and a column. */
const OF_PACKAGE = new RegExp(`(?:file://)?${literally(ROOT)}([^\\s:()'"]+)(?::(\\d+)(?::\\d+)?)?`, 'g')

/** Of every file that a text names. */
export function portable(text: string, folder: string): string {
  const seen = text.replaceAll(OF_PACKAGE, (_, file: string, line: string | undefined) =>
    (line === undefined ? file : sourceOf(file, Number(line))))
  return seen.replaceAll(`file://${folder}/`, '').replaceAll(`${folder}/`, '')
}

/** Of 'file:line' alone, wherever the file is. */
export function portablePlace(place: string, folder: string): string {
  const seen = portable(place, folder)
  return seen.startsWith('/') ? relative(folder, seen) : seen
}

/** What was compiled is told by its source. */
function sourceOf(file: string, line: number): string {
  const original = file.endsWith('.js') ? originalLine(`${ROOT}${file}`, line) : undefined
  return original === undefined ? `${file}:${line}` : `${file.replace(/\.js$/, '.ts')}:${original}`
}
