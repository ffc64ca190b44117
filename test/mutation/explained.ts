/**
 * Mutants that nothing need kill, and why, as explained.json has them: by the code before and after, for lines move. Such a
 * mutant means the same as the code, or differs only in what people read or how fast it is.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Mutant, ROOT } from './mutants.ts'

export interface Explanation {
  readonly file: string
  readonly why: string
  /** Code before and after, as {@link Mutant} has them. */
  readonly mutants: readonly (readonly [before: string, after: string])[]
}

export const readExplanations = (): readonly Explanation[] =>
  JSON.parse(readFileSync(join(ROOT, 'test/mutation/explained.json'), 'utf8')) as readonly Explanation[]

export class Explained {
  readonly #whyOf = new Map<string, string>()

  constructor(explanations: readonly Explanation[]) {
    for (const { file, why, mutants } of explanations) {
      for (const [before, after] of mutants) this.#whyOf.set(key({ file, before, after }), why)
    }
  }

  whyOf(mutant: Mutant): string | undefined {
    return this.#whyOf.get(key(mutant))
  }

  /**
   * What is explained of these files, and fits no survivor: it is killed by now, or its code has changed.
   * @param alive all their mutants that were not killed, those that were not judged among them.
   */
  stale(files: readonly string[], alive: readonly Mutant[]): string[] {
    const keys = new Set(alive.map(key))
    return [...this.#whyOf.keys()].filter((one) => !keys.has(one)).map((one) => JSON.parse(one) as readonly string[])
      .filter(([file]) => files.includes(file)).map(([file, before, after]) => `${file}: ${before}  =>  ${after}`)
  }
}

const key = ({ file, before, after }: Pick<Mutant, 'file' | 'before' | 'after'>): string => JSON.stringify([file, before, after])
