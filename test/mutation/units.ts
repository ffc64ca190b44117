/** The second judge of `system/` and the first one of `sim/`: the unit tests. */
import { dirname } from 'node:path'
import type { ProvidedContext } from 'vitest'
import { BaseSequencer, createVitest, type TestModule, type TestSpecification, type Vitest } from 'vitest/node'
import { type Mutant, type Mutated, ROOT } from './mutants.ts'
import type { Half } from './parts.ts'

export interface UnitVerdicts {
  /** By mutant's id, the test that killed it. */
  readonly kills: ReadonlyMap<string, string>
  /** Ids of mutants for which the time was too short. */
  readonly undecided: ReadonlySet<string>
}

/** What a test takes, milliseconds: the quick ones are asked first. A test may take a little more or less the next time. */
const WORK = { small: [0, 50], middling: [40, 500], large: [400, Infinity] } as const
export type Size = keyof typeof WORK

/** Which tests are asked. */
export interface Choice {
  /** None that takes longer, milliseconds. */
  readonly testMsMax: number
  /** Those alone whose module's path has one of these in it. */
  readonly paths: readonly string[]
}

type Module = Pick<TestModule, 'ok' | 'relativeModuleId' | 'children'>

/** What a module of tests is known to do. */
interface Reach {
  readonly reached: Set<string>
  readonly loaded: Set<string>
  /** Of all its tests, and of the one that takes longest. */
  ms: number
  msMax: number
}

/** In the order in which they are given. */
class Sequencer extends BaseSequencer {
  override sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(specifications)
  }
}

export class Units {
  readonly #vitest: Vitest
  readonly #choice: Choice
  readonly #undecided = new Set<string>()
  readonly #kills = new Map<string, string>()
  /** By module's path; of those that have been run. */
  readonly #reaches = new Map<string, Reach>()

  private constructor(vitest: Vitest, choice: Choice) {
    this.#vitest = vitest
    this.#choice = choice
  }

  static async open(sources: Mutated['sources'], { tests }: Half, choice: Choice): Promise<Units> {
    return new Units(await createVitest('test', {
      root: ROOT, config: false, watch: false, reporters: [{}], include: [...tests], testTimeout: Infinity,
      pool: 'threads', isolate: false, maxWorkers: 1, setupFiles: './test/mutation/setup.ts', sequence: { sequencer: Sequencer },
      // A test that runs again and again listens to its one signal as often.
      execArgv: ['--disable-warning=MaxListenersExceededWarning'],
    }, {
      plugins: [{ name: 'mutants', enforce: 'pre', load: (id: string) => sources.get(id.slice(ROOT.length)) }],
    }), choice)
  }

  get verdicts(): UnitVerdicts {
    return { kills: this.#kills, undecided: new Set([...this.#undecided].filter((id) => !this.#kills.has(id))) }
  }

  /** Whether it is passed while modules are loaded. */
  isLoaded({ id }: Mutant): boolean {
    return [...this.#reaches.values()].some(({ loaded }) => loaded.has(id))
  }

  /**
   * Puts mutants that can be switched at any time to the tests of that size: first to those in the folders of their files.
   * @throws {Error} where a test is red without any mutant.
   */
  async judge(mutants: readonly Mutant[], size: Size, untilMs: number): Promise<void> {
    const [msMin, msMax] = [WORK[size][0], Math.min(WORK[size][1], this.#choice.testMsMax)]
    if (mutants.length === 0 || msMin >= msMax) return
    const folders = new Set(mutants.map(({ file }) => `test/${dirname(file)}/`))
    const isNear = (path: string): boolean => [...folders].some((folder) => path.startsWith(folder))
    for (const near of [true, false]) {
      const suspects = mutants.map(({ id }) => id).filter((id) => !this.#kills.has(id))
      if (suspects.length === 0) return
      const modules = await this.#run((path) => {
        const reach = this.#reaches.get(path)
        return isNear(path) === near && (reach === undefined || (reach.msMax >= msMin && suspects.some((id) => reach.reached.has(id))))
      }, { suspects, untilMs, work: [msMin, msMax] })
      for (const module of modules) {
        if (!module.ok()) await this.#check(module.relativeModuleId)
        this.#note(module)
      }
    }
  }

  /** What a mutant has done to the constants of a test may make a later test red; without mutants all must be green. */
  async #check(path: string): Promise<void> {
    for (const module of await this.#run((one) => one === path, {})) {
      const red = [...module.children.allTests()].find((test) => !test.ok())
      if (red === undefined) continue
      throw new Error(`${path}: ${red.fullName} is red without a mutant: ${red.result().errors?.[0]?.message}`)
    }
  }

  #note(module: Module): void {
    const reach: Reach = { reached: new Set(), loaded: new Set(), ms: 0, msMax: 0 }
    for (const test of module.children.allTests()) {
      const name = `${module.relativeModuleId}: ${test.fullName}`
      const { kills = [], unasked = [], reached = [], loaded = [], ms = 0 } = test.meta()
      for (const id of kills) this.#kills.set(id, name)
      for (const id of unasked) this.#undecided.add(id)
      for (const id of reached) reach.reached.add(id)
      for (const id of loaded) reach.loaded.add(id)
      reach.ms += ms
      reach.msMax = Math.max(reach.msMax, ms)
    }
    this.#reaches.set(module.relativeModuleId, reach)
  }

  /**
   * A run for each mutant of what is done while modules load: of the quick modules of tests in the folder of its file that reach
   * something of the file, those first that reach most of it; of all of them where the file does nothing later.
   * @param siblings all mutants.
   */
  async judgeLoaded(mutants: readonly Mutant[], siblings: readonly Mutant[], untilMs: number): Promise<void> {
    for (const { id, file } of mutants) {
      if (this.#kills.has(id)) continue
      if (Date.now() > untilMs) {
        this.#undecided.add(id)
        continue
      }
      const ids = siblings.filter((mutant) => mutant.file === file).map((mutant) => mutant.id)
      const near = [...this.#reaches].filter(([path, { msMax }]) =>
        path.startsWith(`test/${dirname(file)}/`) && msMax < this.#choice.testMsMax)
      const counted = near.map(([path, { reached }]) => ({ path, count: ids.filter((one) => reached.has(one)).length }))
      const asked = counted.some(({ count }) => count > 0) ? counted.filter(({ count }) => count > 0) : counted
      for (const { path } of asked.toSorted((x, y) => y.count - x.count)) {
        const modules = await this.#run((one) => one === path, { always: id })
        if (modules.every((module) => module.ok())) continue
        this.#kills.set(id, path)
        break
      }
    }
  }

  async close(): Promise<void> {
    await this.#vitest.close()
  }

  /** @param isAsked whether that module is to run, by its path from the root. */
  async #run(isAsked: (path: string) => boolean, orders: Partial<ProvidedContext>): Promise<readonly Module[]> {
    const { suspects = [], untilMs = 0, work = [0, 0], always = '' } = orders
    this.#vitest.provide('suspects', suspects)
    this.#vitest.provide('untilMs', untilMs)
    this.#vitest.provide('work', work)
    this.#vitest.provide('always', always)
    const pathOf = ({ moduleId }: TestSpecification): string => moduleId.slice(ROOT.length)
    const msOf = (one: TestSpecification): number => this.#reaches.get(pathOf(one))?.ms ?? 0
    const isChosen = (path: string): boolean => this.#choice.paths.some((part) => path.includes(part))
    const all = await this.#vitest.globTestSpecifications()
    const specifications = all.filter((one) => isChosen(pathOf(one)) && isAsked(pathOf(one)))
    if (specifications.length === 0) return []
    return (await this.#vitest.runTestSpecifications(specifications.toSorted((a, b) => msOf(a) - msOf(b)))).testModules
  }
}
