/** The second judge: the unit tests of `system/`, put to the mutants that the scenarios let live. */
import { dirname } from 'node:path'
import type { ProvidedContext } from 'vitest'
import { createVitest, type TestModule, type Vitest } from 'vitest/node'
import { type Mutant, type Mutated, ROOT } from './mutants.ts'

export interface UnitVerdicts {
  /** By mutant's id, the test that killed it. */
  readonly kills: ReadonlyMap<string, string>
  /** Ids of mutants for which the time was too short. */
  readonly undecided: ReadonlySet<string>
}

/** How often a test passes mutated code: a million times take some 70 ms. Still larger tests are not asked. */
const WORK = { small: [0, 500_000], large: [500_000, 5_000_000] } as const

type Module = Pick<TestModule, 'ok' | 'relativeModuleId' | 'children'>

export class Units {
  readonly #vitest: Vitest
  readonly #undecided = new Set<string>()
  readonly #kills = new Map<string, string>()

  private constructor(vitest: Vitest) {
    this.#vitest = vitest
  }

  static async open(sources: Mutated['sources']): Promise<Units> {
    return new Units(await createVitest('test', {
      root: ROOT, config: false, watch: false, reporters: [{}], include: ['test/system/**/*.test.ts'], testTimeout: Infinity, bail: 1,
      pool: 'threads', isolate: false, maxWorkers: 1, setupFiles: './test/mutation/setup.ts',
      // A test that runs again and again listens to its one signal as often.
      execArgv: ['--disable-warning=MaxListenersExceededWarning'],
    }, {
      plugins: [{ name: 'mutants', enforce: 'pre', load: (id: string) => sources.get(id.slice(ROOT.length)) }],
    }))
  }

  get verdicts(): UnitVerdicts {
    return { kills: this.#kills, undecided: new Set([...this.#undecided].filter((id) => !this.#kills.has(id))) }
  }

  /**
   * One run of all tests, for mutants that can be switched at any time.
   * @throws {Error} where a test is red without any mutant.
   */
  async judge(mutants: readonly Mutant[], size: 'small' | 'large', untilMs: number): Promise<void> {
    const suspects = mutants.map(({ id }) => id).filter((id) => !this.#kills.has(id))
    for (const module of await this.#run('', { suspects, untilMs, work: WORK[size] })) {
      for (const test of module.children.allTests()) {
        const name = `${module.relativeModuleId}: ${test.fullName}`
        if (!test.ok()) throw new Error(`${name} is red without a mutant: ${test.result().errors?.[0]?.message}`)
        for (const id of test.meta().kills ?? []) this.#kills.set(id, name)
        for (const id of test.meta().unasked ?? []) this.#undecided.add(id)
      }
    }
  }

  /** A run for each mutant of what is done while modules load: of the tests in the folder of its file. */
  async judgeLoaded(mutants: readonly Mutant[], untilMs: number): Promise<void> {
    for (const { id, file } of mutants) {
      if (this.#kills.has(id)) continue
      if (Date.now() > untilMs) this.#undecided.add(id)
      else {
        const failed = (await this.#run(dirname(file), { always: id })).find((module) => !module.ok())
        if (failed !== undefined) this.#kills.set(id, failed.relativeModuleId)
      }
    }
  }

  async close(): Promise<void> {
    await this.#vitest.close()
  }

  /** @param folder of the sources whose tests are to run. */
  async #run(folder: string, orders: Partial<ProvidedContext>): Promise<readonly Module[]> {
    const { suspects = [], untilMs = 0, work = [0, 0], always = '' } = orders
    this.#vitest.provide('suspects', suspects)
    this.#vitest.provide('untilMs', untilMs)
    this.#vitest.provide('work', work)
    this.#vitest.provide('always', always)
    const specifications = await this.#vitest.globTestSpecifications([`test/${folder}`])
    return (await this.#vitest.runTestSpecifications(specifications)).testModules
  }
}
