/** Where things are on this machine: the working directory, and in its TypeScript a line that was compiled. */
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'

export const workingDirectory = (): string => process.cwd()

/** Beyond every line's end: its last part counts, for the first may still be the statement before. */
const LINE_END = 2 ** 30

/** Lines count from 1. Undefined where no map stands beside the file, or it does not know the line. */
export function originalLine(file: string, line: number): number | undefined {
  const map = `${file}.map`
  if (!existsSync(map)) return undefined
  const entry = new SourceMap(JSON.parse(readFileSync(map, 'utf8')) as SourceMapPayload).findEntry(line - 1, LINE_END)
  return 'originalLine' in entry ? entry.originalLine + 1 : undefined
}
