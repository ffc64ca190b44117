import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { RunResult, Scenario } from '../../scenarios/index.ts'
import { run, STORIES, storyOf } from '../support/runs.ts'

const SEED = 11

/** The run of each story to which all others are compared, once. */
const FIRSTS = new Map<Scenario, Promise<RunResult>>()
function firstOf(story: Scenario): Promise<RunResult> {
  const first = FIRSTS.get(story) ?? run(story, { seed: SEED })
  FIRSTS.set(story, first)
  return first
}

/** A module of the compiled package: Node 20 runs no TypeScript. */
const compiled = (path: string): string => new URL(`../../dist/${path}`, import.meta.url).href

/** What a script prints in a process of its own. */
function child(flags: readonly string[], environment: NodeJS.ProcessEnv, script: string): Promise<string> {
  return new Promise((settle, fail) => {
    const started = spawn(process.execPath, [...flags, '--input-type=module', '--eval', script], {
      env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'],
    })
    const chunks: Buffer[] = []
    started.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    started.on('close', (exit) => {
      if (exit === 0) settle(Buffer.concat(chunks).toString())
      else fail(new Error(`the child process ended with ${exit}; it runs the compiled package: npm run build`))
    })
  })
}

describe('the same seed', () => {
  it.each(STORIES)('gives %s the same bytes twice in a process', async (_name, story) => {
    const [first, second] = [await firstOf(story), await run(story, { seed: SEED })]
    expect(second.reportJson).toBe(first.reportJson)
    expect(second.planJson).toBe(first.planJson)
  })

  it('gives the same bytes to runs that take turns in one process', async () => {
    const stories = STORIES.map(([, story]) => story)
    const together = await Promise.all(stories.map((story) => run(story, { seed: SEED })))
    for (const [index, story] of stories.entries()) expect(together[index].traceDigest).toBe((await firstOf(story)).traceDigest)
  })

  it('gives the same bytes in another process, under another time zone and locale, and with the garbage collector provoked', async () => {
    const elsewhere = { TZ: 'Asia/Kathmandu', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }
    const reports = await child(['--expose-gc'], elsewhere, `
      import { CATALOGUE, simulate } from '${compiled('scenarios/index.js')}'
      for (const { scenario } of CATALOGUE) {
        const onProgress = (frame) => frame % 40 === 0 && globalThis.gc()
        const { reportJson } = await simulate(scenario, { seed: ${SEED}, verifier: 'node', onProgress })
        process.stdout.write(reportJson)
      }`)
    expect(reports.match(/"exit": 0/g)?.length).toBe(STORIES.length)
    // And the compiled package's are those of its source here.
    expect(reports).toBe((await Promise.all(STORIES.map(([, story]) => firstOf(story)))).map(({ reportJson }) => reportJson).join(''))
  }, 180_000)

  it('gives the same bytes whoever verifies, but for the verifier’s name', async () => {
    const story = storyOf('late-join')
    const [node, noble] = [await firstOf(story), await run(story, { seed: SEED, verifier: 'noble' })]
    const { run: header, ...rest } = noble.report
    expect({ run: { ...header, verifier: 'node' }, ...rest }).toEqual(node.report)
    expect(noble.traceDigest).toBe(node.traceDigest)
  })

  it('gives the same bytes whether or not time is measured', async () => {
    const story = storyOf('loopback-120')
    const [still, measured] = [await firstOf(story), await run(story, { seed: SEED, measure: true })]
    expect(measured.reportJson).toBe(still.reportJson)
    expect([still.perf, typeof measured.perf?.virtualOverReal]).toEqual([undefined, 'number'])
  })
})

describe('two seeds', () => {
  it.each(STORIES)('give %s two traces', async (_name, story) => {
    expect((await run(story, { seed: 1 })).traceDigest).not.toBe((await firstOf(story)).traceDigest)
  })
})

describe('a run', () => {
  it('asks no clock, timer or source of entropy', async () => {
    // The harness's own stopwatch and turn of the event loop are no part of the run.
    const hits = await child([], {}, `
      import { CATALOGUE, scenario, simulate } from '${compiled('scenarios/index.js')}'
      import { trapEntropy } from '${compiled('platform/traps.js')}'
      const guilty = scenario('guilty', { frames: 9, hz: 90 }, async ({ frame }) => frame(Math.floor(Math.random() * 9)))
      const options = { seed: ${SEED}, verifier: 'node' }
      // What is prepared before the first run of all may look at its machine.
      await simulate(CATALOGUE[0].scenario, options)
      for (const story of [...CATALOGUE.map(({ scenario }) => scenario), guilty]) {
        const traps = trapEntropy((place) => place.includes('/platform/clock.js'))
        const trapped = await simulate(story, options).finally(() => traps.release())
        console.log(story.name, trapped.exit, trapped.traceDigest, traps.hits.map((hit) => hit.split(' ')[0]).join())
      }`)
    const innocent = await Promise.all(STORIES.map(async ([name, story]) => `${name} 0 ${(await firstOf(story)).traceDigest} `))
    expect(hits.trim().split('\n')).toEqual([...innocent, expect.stringMatching(/^guilty 4 \w+ Math\.random/)])
  })
})
