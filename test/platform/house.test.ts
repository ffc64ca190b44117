/** The platform's small parts: whole files, seals, digests, the clock of parts, the thread that stops answering. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { PartClock, macrotask } from '../../platform/clock.ts'
import { SEAL_BLANK, digestOfCode, digestOfFiles, isSealed, seal } from '../../platform/digests.ts'
import { checkFolder, reasonOf, temporaryFolder, writeFiles } from '../../platform/files.ts'
import { ThreadEnd, WatchedThread } from '../../platform/watchdog.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-platform-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('writeFiles', () => {
  it('replaces files whole and leaves others alone', () => {
    const target = join(folder, 'a/b')
    writeFiles(target, { one: '1', two: '2' })
    writeFileSync(join(target, 'other'), 'kept')
    writeFiles(target, { one: '3' })
    expect(readdirSync(target).sort()).toEqual(['one', 'other', 'two'])
    expect(readFileSync(join(target, 'one'), 'utf8')).toBe('3')
  })

  it('changes nothing when one of them cannot be written', () => {
    const target = join(folder, 'c')
    writeFiles(target, { one: '1' })
    expect(() => writeFiles(target, { one: '2', 'no/such/folder': '' })).toThrow('ENOENT')
    expect(readdirSync(target)).toEqual(['one'])
    expect(readFileSync(join(target, 'one'), 'utf8')).toBe('1')
  })
})

describe('files and folders', () => {
  it('removes what is not to be there any more', () => {
    const target = join(folder, 'd')
    writeFiles(target, { one: '1', two: '2' })
    writeFiles(target, { one: undefined, two: '3', three: undefined })
    expect(readdirSync(target)).toEqual(['two'])
  })

  // Node 20's own recursive mkdir never returns there.
  it.skipIf(!existsSync('/proc/self'))('gives up where no folder can be made', () => {
    expect(() => writeFiles('/proc/theta/deep', { one: '1' })).toThrow('ENOENT')
  })

  it('say why in few words', () => {
    writeFileSync(join(folder, 'file'), '')
    const reason = (action: () => unknown): string => {
      try { action() } catch (error) { return reasonOf(error) }
      return 'none'
    }
    expect(reason(() => readFileSync(join(folder, 'absent')))).toBe('no such file or directory')
    expect(reason(() => readFileSync(folder))).toBe('it is a folder')
    expect(reason(() => checkFolder(join(folder, 'file/deep')))).toBe('a file stands in its way')
    expect(reason(() => checkFolder(join(folder, 'not/yet')))).toBe('none')
    expect(existsSync(join(folder, 'not'))).toBe(false)
  })

  it('a temporary folder goes with what is in it, and stops listening to signals', () => {
    const listeners = (): number => process.listenerCount('SIGINT') + process.listenerCount('exit')
    const before = listeners()
    const { path, remove } = temporaryFolder('theta-test-')
    writeFileSync(join(path, 'file'), '')
    remove()
    expect(existsSync(path)).toBe(false)
    expect(listeners()).toBe(before)
  })
})

describe('seal', () => {
  it('vouches for every byte', () => {
    const text = seal(JSON.stringify({ a: 'x', seal: SEAL_BLANK, z: [1, 2] }, undefined, 1))
    expect(isSealed(text)).toBe(true)
    for (let index = 0; index < text.length; index++) {
      const changed = text.slice(0, index) + String.fromCharCode(text.charCodeAt(index) ^ 1) + text.slice(index + 1)
      expect(isSealed(changed), changed).toBe(false)
      expect(isSealed(text.slice(0, index))).toBe(false)
    }
  })

  it('wants a blank', () => expect(() => seal('{"seal":"1"}')).toThrow(RangeError))
})

describe('digests', () => {
  it('see names and contents, and no order', () => {
    const digest = digestOfFiles(new Map([['a', '1'], ['b', '2']]))
    expect(digestOfFiles(new Map([['b', '2'], ['a', '1']]))).toBe(digest)
    expect(digestOfFiles(new Map([['a', '2'], ['b', '1']]))).not.toBe(digest)
    expect(digestOfFiles(new Map([['a', '1'], ['c', '2']]))).not.toBe(digest)
  })

  it('see code in subfolders, not declarations or maps', () => {
    mkdirSync(join(folder, 'code/deep'), { recursive: true })
    const digest = (): string => digestOfCode(folder, ['code'])
    const empty = digest()
    for (const name of ['a.d.ts', 'a.js.map', '.tsbuildinfo']) writeFileSync(join(folder, 'code', name), '1')
    expect(digest()).toBe(empty)
    writeFileSync(join(folder, 'code/deep/a.js'), '1')
    expect(digest()).not.toBe(empty)
  })
})

describe('PartClock', () => {
  it('counts the time of an inner part once', async () => {
    const clock = new PartClock<'outer' | 'inner'>()
    const startMs = performance.now()
    clock.begin('outer')
    clock.begin('inner')
    await sleep(20)
    clock.end('inner')
    clock.end('outer')
    const spentMs = performance.now() - startMs
    const totals = clock.totalsMs()
    expect([...totals.keys()].sort()).toEqual(['inner', 'outer'])
    expect(totals.get('inner')! + totals.get('outer')!).toBeLessThanOrEqual(spentMs)
    expect(totals.get('outer')!).toBeLessThan(totals.get('inner')!)
  })

  it('wants parts ended inside out', () => {
    const clock = new PartClock()
    clock.begin('outer')
    clock.begin('inner')
    expect(() => clock.end('outer')).toThrow(new RangeError('expected the end of inner, got the end of outer'))
    expect(() => new PartClock().end('outer')).toThrow(RangeError)
  })
})

describe('macrotask', () => {
  it('comes after every promise that is already on its way', async () => {
    const order: string[] = []
    void (async () => { for (let i = 0; i < 50; i++) await Promise.resolve(); order.push('promises') })()
    await macrotask()
    expect(order).toEqual(['promises'])
  })
})

describe('WatchedThread', () => {
  it('ends a thread that waits for something that never comes', async () => {
    const entry = join(folder, 'waits.mjs')
    writeFileSync(entry, "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => {})")
    const thread = new WatchedThread(new URL(`file://${entry}`), { silenceMsMax: 300, onOutput: () => {} })
    const end = await thread.ask('anything', () => {}).catch((error: unknown) => error)
    expect(end).toBeInstanceOf(ThreadEnd)
    expect(end).toMatchObject({ kind: 'silent', place: undefined, message: 'gave no sign for 300 ms' })
  })
})
