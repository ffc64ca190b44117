/** A pool of threads: a task that hangs, leaves, throws or eats all memory costs itself alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { ThreadPool } from '../../platform/pool.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-pool-'))
afterAll(() => rmSync(folder, { recursive: true }))
const entry = join(folder, 'tasks.mjs')
writeFileSync(entry, `
  export async function performTask(task) {
    switch (task) {
      case 'loop': for (;;);
      case 'wait': await new Promise(() => { setTimeout(() => {}, 1e8) })
      case 'leave': process.exit(3)
      case 'eat': { const eaten = []; for (;;) eaten.push(new Array(1000).fill({})) }
      case 'throw': throw new TypeError('oops\\nand more')
      case 'throwLate': setTimeout(() => { throw new Error('late') }, 1); await new Promise((settle) => { setTimeout(settle, 1000) })
      default: return task * 2
    }
  }`)

type Task = number | 'loop' | 'wait' | 'leave' | 'eat' | 'throw' | 'throwLate'
const open = (threads: number, taskMsMax = 1000) =>
  new ThreadPool<Task, number>(pathToFileURL(entry), { threads, taskMsMax, heapMegabytesMax: 32 })

describe.each([1, 2])('a pool of %i', (threads) => {
  it('loses the task that is bad, and no other', async () => {
    const pool = open(threads)
    const bad: readonly (readonly [Task, object])[] = [
      ['loop', { kind: 'hung' }], ['leave', { kind: 'died', message: 'Error: worker exited with code: 3' }],
      ['throw', { kind: 'died', message: 'TypeError: oops' }], ['wait', { kind: 'hung' }],
      ['eat', { kind: 'died', message: expect.stringContaining('memory') as string }],
      ['throwLate', { kind: 'died', message: 'Error: late' }], ['leave', { kind: 'died' }], ['leave', { kind: 'died' }],
    ]
    for (const [task, end] of bad) {
      const others = Array.from({ length: threads - 1 }, () => pool.run(4))
      expect(await pool.run(task), String(task)).toMatchObject(end)
      for (const other of others) expect(await other).toEqual({ kind: 'answered', answer: 8 })
      const after = await Promise.all(Array.from({ length: threads }, (_, index) => pool.run(index)))
      expect(after).toEqual(after.map((_, index) => ({ kind: 'answered', answer: index * 2 })))
    }
    await pool.stop()
  })

  it('loses all at once, and goes on', async () => {
    const pool = open(threads, 500)
    for (const task of ['loop', 'leave'] as const) {
      const ends = await Promise.all(Array.from({ length: threads }, () => pool.run(task)))
      expect(ends.map(({ kind }) => kind)).toEqual(ends.map(() => (task === 'loop' ? 'hung' : 'died')))
      expect(await pool.run(21)).toEqual({ kind: 'answered', answer: 42 })
    }
    await pool.stop()
  })

  it('stops at once, whatever its threads do', async () => {
    const pool = open(threads, 60_000)
    const under = Array.from({ length: threads }, (_, index) => pool.run(index === 0 ? 'loop' : 'wait'))
    const startMs = performance.now()
    await pool.stop()
    for (const end of await Promise.all(under)) expect(end).toEqual({ kind: 'stopped' })
    expect(performance.now() - startMs).toBeLessThan(5000)
  })
})
