/** A user's scenario file on its way to a thread: bundled into a module, with what it takes to say where it is wrong. */
import { relative, resolve } from 'node:path'
import { ScenarioFileError, bundleScenario } from '../platform/load.ts'
import { type Engine, Misuse, type Terminal } from './engine.ts'

export interface UserFile {
  /** The module to import. */
  readonly module: string
  /** SHA-256 of all the code that decides what a run does. */
  readonly digest: string
  /** Where in the user's own files an error arose, as seen from the terminal's folder. */
  placeOf(stack: string | undefined): string | undefined
  /** Paths as seen from the terminal's folder. */
  shorten(text: string): string
  /** Why the file cannot be run at all. */
  unusable(why: string, stack: string): Misuse
  /** Its script is wrong, in the words of a run's verdict. */
  wrong(verdict: string, stack: string | undefined): Misuse
  remove(): void
}

/** Whether the user names a file, not a story of the catalogue. */
export const isFile = (source: string): boolean => /[/\\]|\.[cm]?[jt]s$/.test(source)

/** @throws {Misuse} when the file is missing, or is no TypeScript. */
export async function openUserFile(source: string, engine: Engine, terminal: Terminal): Promise<UserFile> {
  const shorten = (text: string): string => text.replaceAll(`${terminal.folder}/`, '')
  const bundle = await bundleScenario(resolve(terminal.folder, source), engine.packageIndex, engine.digest()).catch((error: unknown) => {
    throw error instanceof ScenarioFileError ? new Misuse(shorten(error.message)) : error
  })
  const placeOf = (stack: string | undefined): string | undefined => {
    const found = bundle.placeOfError(stack ?? '')
    return found === undefined ? undefined : relative(terminal.folder, found)
  }
  return {
    module: bundle.module, digest: bundle.digest, placeOf, shorten,
    // What a file imports of us by a wrong name is told by our address.
    unusable: (why, stack) => new Misuse(prefixed(placeOf(stack) ?? source, why.replaceAll(engine.packageIndex.href, 'theta-sim')), stack),
    remove: () => { bundle.remove() },
    wrong: (verdict, stack) => new Misuse(prefixed(placeOf(stack), shorten(verdict)), stack),
  }
}

/** `place: text`, unless the text says so itself or there is no place. A line that it begins with gets its column. */
function prefixed(place: string | undefined, text: string): string {
  if (place === undefined || text.includes(place)) return text
  const line = place.replace(/:\d+$/, '')
  return text.startsWith(`${line}: `) ? `${place}${text.slice(line.length)}` : `${place}: ${text}`
}
