import * as crypto from 'node:crypto'
import { promisify } from 'node:util'
import * as timers from 'node:timers'
import * as timersPromises from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { captured, type EntropyTraps, EntropyError, trapEntropy } from '../../platform/traps.ts'

let traps: EntropyTraps | undefined
afterEach(() => {
  traps?.release()
  traps = undefined
})

const SOURCES: readonly [name: string, call: () => unknown][] = [
  ['Date()', () => Date()],
  ['new Date()', () => new Date()],
  ['Date.now', () => Date.now()],
  ['Math.random', () => Math.random()],
  ['performance.now', () => performance.now()],
  ['setTimeout', () => setTimeout(() => {}, 0)],
  ['setInterval', () => setInterval(() => {}, 0)],
  ['setImmediate', () => setImmediate(() => {})],
  ['timers.setTimeout', () => timers.setTimeout(() => {}, 0)],
  ['timers/promises.setTimeout', () => timersPromises.setTimeout(0)],
  ['timers/promises.setTimeout', () => promisify(setTimeout)(0)],
  ['process.hrtime', () => process.hrtime()],
  ['process.hrtime.bigint', () => process.hrtime.bigint()],
  ['process.uptime', () => process.uptime()],
  ['crypto.getRandomValues', () => globalThis.crypto.getRandomValues(new Uint8Array(1))],
  ['crypto.getRandomValues', () => crypto.webcrypto.getRandomValues(new Uint8Array(1))],
  ['crypto.getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))],
  ['crypto.randomUUID', () => globalThis.crypto.randomUUID()],
  ['crypto.randomUUID', () => crypto.randomUUID()],
  ['crypto.randomBytes', () => crypto.randomBytes(1)],
  ['crypto.randomInt', () => crypto.randomInt(2)],
  ['crypto.randomFillSync', () => crypto.randomFillSync(new Uint8Array(1))],
  ['crypto.generateKeyPairSync', () => crypto.generateKeyPairSync('ed25519')],
  ['crypto.subtle.generateKey', () => globalThis.crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])],
]

describe('the traps', () => {
  it.each(SOURCES)('catch %s, by name and place', (name, call) => {
    traps = trapEntropy()
    expect(call).toThrow(EntropyError)
    const { hits } = traps
    traps.release()
    expect(hits.length).toBe(1)
    expect(hits[0]).toMatch(new RegExp(`^${name.replaceAll(/[()./]/g, String.raw`\$&`)} at .*traps\\.test\\.ts:\\d+`))
  })

  it('remember a hit that somebody swallowed', () => {
    traps = trapEntropy()
    try { Math.random() } catch { /* as a library might */ }
    expect(traps.hits.length).toBe(1)
  })

  it('let an exempt caller have the original', () => {
    traps = trapEntropy((place) => place.includes('traps.test'))
    expect([typeof Math.random(), typeof Date.now(), typeof process.hrtime.bigint()]).toEqual(['number', 'number', 'bigint'])
    expect([new Date() instanceof Date, crypto.randomBytes(2).length]).toEqual([true, 2])
    expect(globalThis.crypto.getRandomValues(new Uint8Array(3)).length).toBe(3)
    expect(traps.hits).toEqual([])
  })

  it('leave alone what reads no clock and no entropy', () => {
    traps = trapEntropy()
    expect(new Date(86_400_000).toISOString()).toBe('1970-01-02T00:00:00.000Z')
    expect(new Date(0) instanceof Date).toBe(true)
    expect([Date.UTC(1970, 0, 2), crypto.createHash('sha256').update('a').digest('hex').length]).toEqual([86_400_000, 64])
    expect(traps.hits).toEqual([])
  })

  it('put back every original when they are released, once', () => {
    // Compared, never called.
    /* eslint-disable @typescript-eslint/unbound-method */
    const functions = (): unknown[] => [
      Date, Date.now, Math.random, performance.now, setTimeout, setImmediate, timers.setTimeout, process.hrtime, process.hrtime.bigint,
      crypto.randomBytes, globalThis.crypto.getRandomValues,
    ]
    /* eslint-enable @typescript-eslint/unbound-method */
    const keys = (): string[][] => [performance, globalThis.crypto, globalThis].map((owner) => Object.keys(owner))
    const before = functions()
    const keysBefore = keys()
    traps = trapEntropy()
    const inner = trapEntropy()
    inner.release()
    expect(() => Math.random()).toThrow(EntropyError)
    traps.release()
    traps.release()
    expect(functions().map((value, i) => value === before[i])).toEqual(before.map(() => true))
    expect(keys()).toEqual(keysBefore)
    expect(SOURCES.filter(([name]) => !name.includes('generateKey')).every(([, call]) => call() !== undefined)).toBe(true)
  })

  it('leave the harness its own clock and macrotask', async () => {
    traps = trapEntropy()
    const startMs = captured.now()
    const order: string[] = []
    void Promise.resolve().then(() => order.push('promise'))
    await captured.yieldMacrotask()
    order.push('macrotask')
    expect(order).toEqual(['promise', 'macrotask'])
    expect(captured.now()).toBeGreaterThan(startMs)
    expect(traps.hits).toEqual([])
  })
})
