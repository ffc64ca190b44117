/** The scenarios of a sweep: stories of the catalogue, and users' files, bundled once for all threads. */
import { digestOfFiles } from '../../platform/digests.ts'
import { type Engine, Misuse, type Terminal } from '../engine.ts'
import { storyNamed } from '../subject.ts'
import { isFile, openUserFile, type UserFile } from '../userfile.ts'

interface Target {
  /** What stands after `theta-sim run`. */
  readonly source: string
  readonly digest: string
  /** Undefined for a story of the catalogue. */
  readonly file: UserFile | undefined
}

export interface Targets {
  readonly all: readonly Target[]
  /** SHA-256 of all the code that decides what their runs do. */
  readonly digest: string
  close(): void
}

/** @throws {Misuse} where one of them is not there, is no TypeScript, or is named twice. */
export async function openTargets(sources: readonly string[], engine: Engine, terminal: Terminal): Promise<Targets> {
  const twice = sources.find((source, index) => sources.indexOf(source) !== index)
  if (twice !== undefined) throw new Misuse(`${twice} is given twice`)
  const stories = sources.filter((source) => !isFile(source))
  for (const name of stories) storyNamed(name, engine)
  const all: Target[] = []
  const close = (): void => { for (const { file } of all) file?.remove() }
  try {
    const packageDigest = engine.digest()
    for (const source of sources) {
      const file = isFile(source) ? await openUserFile(source, engine, terminal) : undefined
      all.push({ source, file, digest: file?.digest ?? packageDigest })
    }
  } catch (error) {
    close()
    throw error
  }
  return { all, digest: digestOfFiles(new Map(all.map(({ source, digest }) => [source, digest]))), close }
}
