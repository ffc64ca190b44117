import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { captured } from '../../platform/traps.ts'
import { INSTANT_WAITS_MAX, SCRIPT_WAITS_MAX, VIRTUAL_US_MAX } from '../../sim/limits.ts'
import { callSite, drive, ScriptClock, type ScriptEnd } from '../../sim/script.ts'
import { Trace } from '../../sim/trace.ts'
import { Kernel } from '../../sim/world.ts'

const HERE = fileURLToPath(import.meta.url)
const isOurs = (file: string): boolean => !file.endsWith('/test/sim/script.test.ts')
/** The place of a line of this file, by a text that stands in it alone. */
const lineOf = (text: string): string => {
  const lines = readFileSync(HERE, 'utf8').split('\n')
  const rows = lines.flatMap((line, i) => (line.includes(text) && !line.includes('lineOf(') ? [i + 1] : []))
  expect(rows.length).toBe(1)
  return `${HERE}:${rows[0]}`
}

interface Stage {
  readonly clock: ScriptClock
  readonly kernel: Kernel<string>
  readonly log: string[]
}

function stage(): Stage {
  const log: string[] = []
  const kernel = new Kernel<string>({ trace: new Trace('digest'), undelivered() {} })
  kernel.addNode({ deliver: (datagram, nowUs) => { log.push(`${nowUs} ${datagram}`) }, wake() {}, nextWakeUs: () => Infinity })
  return { kernel, log, clock: new ScriptClock(kernel) }
}

const driven = (on: Stage, script: () => Promise<void>): Promise<ScriptEnd> =>
  drive({ time: on.kernel, clock: on.clock, script, yieldMacrotask: captured.yieldMacrotask, isOurs })

describe('a script', () => {
  it('awaits virtual time, and acts before the events of its instant', async () => {
    const on = stage()
    const { clock, kernel, log } = on
    const end = await driven(on, async () => {
      kernel.deliver(100, 0, 'a')
      kernel.deliver(200, 0, 'b')
      await clock.sleepUntil(150)
      log.push(`${clock.nowUs} script`)
      await clock.sleepUntil(200)
      log.push(`${clock.nowUs} script`)
      kernel.deliver(200, 0, 'c')
      await clock.sleepUntil(201)
    })
    expect(end).toEqual({ kind: 'done' })
    expect(log).toEqual(['100 a', '150 script', '200 script', '200 b', '200 c'])
  })

  it('may wait in several branches at once; they go on in the order of their instants, then of their age', async () => {
    const on = stage()
    const { clock, log } = on
    const branch = async (name: string, ...instants: number[]): Promise<void> => {
      for (const atUs of instants) {
        await clock.sleepUntil(atUs)
        log.push(`${clock.nowUs} ${name}`)
      }
    }
    const end = await driven(on, async () => {
      await Promise.all([branch('a', 30, 40), branch('b', 10, 30, 40), branch('c', 30, 20, 50)])
      log.push('joined')
    })
    expect(end).toEqual({ kind: 'done' })
    expect(log).toEqual(['10 b', '30 a', '30 c', '30 b', '30 c', '40 a', '40 b', '50 c', 'joined'])
  })

  it('may await any promise that settles without time: a chain of them ends within the macrotask', async () => {
    const on = stage()
    const end = await driven(on, async () => {
      for (let i = 0; i < 1000; i++) await Promise.resolve(i)
      await on.clock.sleepUntil(5)
      for (let i = 0; i < 1000; i++) await Promise.all([])
    })
    expect(end).toEqual({ kind: 'done' })
  })

  it('is told to have stalled, and where, when it awaits what the kernel cannot settle', async () => {
    const on = stage()
    const end = await driven(on, async () => {
      await on.clock.sleepUntil(5)
      await on.clock.sleepUntil(9) // the last verb
      await new Promise(() => {})
    })
    expect(end).toEqual({ kind: 'stalled', line: lineOf('// the last verb') })
    expect(on.kernel.nowUs).toBe(9)
  })

  it('is told by the line that called a verb, not by the verb', async () => {
    const on = stage()
    const verb = async (): Promise<void> => {
      on.clock.mark()
      await new Promise(() => {})
    }
    const end = await drive({
      time: on.kernel, clock: on.clock, yieldMacrotask: captured.yieldMacrotask,
      isOurs: (file) => isOurs(file),
      script: async () => {
        await on.clock.sleepUntil(1)
        await verb()
      },
    })
    expect(end).toEqual({ kind: 'stalled', line: lineOf('on.clock.mark()') })
    expect(await driven(stage(), () => new Promise(() => {}))).toEqual({ kind: 'stalled', line: undefined })
  })

  it('may throw, before or after it has waited, and its line is told', async () => {
    const on = stage()
    const error = await driven(on, async () => {
      await on.clock.sleepUntil(5)
      throw new RangeError('thrown here')
    })
    expect(error).toMatchObject({ kind: 'threw', error: { message: 'thrown here' }, line: lineOf("throw new RangeError('thrown here')") })
    const early = await driven(stage(), () => { throw new TypeError('at once') })
    expect(early).toMatchObject({ kind: 'threw', error: { message: 'at once' } })
    const other = stage()
    const bare = await driven(other, async () => {
      await other.clock.sleepUntil(5) // before a bare value
      throw 'text' as unknown as Error
    })
    expect(bare).toEqual({ kind: 'threw', error: 'text', line: lineOf('// before a bare value') })
  })

  it('is told to have overrun, and where, when it waits for what comes after its last instant', async () => {
    const on = stage()
    const end = await drive({
      time: on.kernel, clock: on.clock, yieldMacrotask: captured.yieldMacrotask, isOurs, lastUs: 30,
      script: async () => {
        for (;;) await on.clock.sleepUntil(on.clock.nowUs + 10) // never ends
      },
    })
    expect(end).toEqual({ kind: 'overran', line: lineOf('// never ends') })
    expect(on.kernel.nowUs).toBe(30)
  })

  it('ends at a bound when it loops without letting time pass, waits too often, or sleeps too long', async () => {
    const looping = stage()
    let rounds = 0
    const end = await driven(looping, async () => {
      for (;;) {
        await looping.clock.sleepUntil(0) // over and over
        rounds++
      }
    })
    expect([end, rounds]).toEqual([{ kind: 'spinning', line: lineOf('// over and over') }, INSTANT_WAITS_MAX])
    const crowded = stage()
    const many = await driven(crowded, async () => {
      await Promise.all(Array.from({ length: SCRIPT_WAITS_MAX + 1 }, async () => crowded.clock.sleepUntil(1)))
    })
    expect(many).toMatchObject({ kind: 'threw', error: { name: 'RangeError' } })
    const long = stage()
    expect(await driven(long, async () => long.clock.sleepUntil(VIRTUAL_US_MAX + 1))).toEqual({ kind: 'limit', limit: 'VIRTUAL_US_MAX' })
    const fraction = stage()
    const half = await driven(fraction, async () => fraction.clock.sleepUntil(0.5))
    expect(half).toMatchObject({ kind: 'threw', error: { name: 'RangeError' } })
  })

  it('is not blamed for what a node throws', async () => {
    const on = stage()
    on.kernel.addNode({ deliver() { throw new Error('ours') }, wake() {}, nextWakeUs: () => Infinity })
    on.kernel.deliver(3, 1, 'x')
    await expect(driven(on, async () => on.clock.sleepUntil(5))).rejects.toThrow('ours')
  })
})

describe('a call site', () => {
  const STACK = `Error: mark
    at ScriptClock.mark (file:///home/theta/sim/script.ts:60:5)
    at new Promise (<anonymous>)
    at Promise.all (index 0)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
    at async Object.frame (/home/theta/scenarios/story.ts:7:3)
    at async file:///home/me/my story (1).ts:12:9
    at async drive (/home/theta/sim/script.ts:90:9)`

  it('is the first frame outside our files and the engine', () => {
    expect(callSite(STACK, () => false)).toBe('/home/theta/sim/script.ts:60')
    expect(callSite(STACK, (file) => file.includes('/sim/'))).toBe('/home/theta/scenarios/story.ts:7')
    expect(callSite(STACK, (file) => file.startsWith('/home/theta/'))).toBe('/home/me/my story (1).ts:12')
    expect(callSite(STACK, () => true)).toBeUndefined()
    expect(callSite('no stack', () => false)).toBeUndefined()
  })
})
