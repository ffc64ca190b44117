/**
 * Traps for everything that would make a run depend on the machine: clocks, timers, randomness. While they are set, a call
 * is recorded with its place and throws. What the harness itself needs of them it takes from {@link captured}.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'

const require = createRequire(import.meta.url)
const realDate = Date
const realSetImmediate = setImmediate
const realNow = performance.now.bind(performance)

/** The originals, taken before any trap can be set. Nothing read here may reach a trace. */
export const captured = {
  /** Milliseconds of the real clock since some fixed moment. */
  now: (): number => realNow(),
  /** Resolves in the next turn of the event loop, after every promise that can settle by itself. */
  yieldMacrotask: (): Promise<void> => new Promise((resolve) => { realSetImmediate(resolve) }),
}

/** Thrown by a trapped function. */
export class EntropyError extends Error {
  override readonly name = 'EntropyError'
}

export interface EntropyTraps {
  /** Puts the originals back; a second call does nothing. Traps set one within the other are released in reverse order. */
  release(): void
  /** 'Math.random at functionName (file:line:column)', one for each call, even where somebody caught the error. */
  readonly hits: string[]
}

/** Owners of trapped functions, under the name by which a hit tells them. */
function sources(): readonly [name: string, owner: object, functions: readonly string[]][] {
  const timers = ['setTimeout', 'setInterval', 'setImmediate']
  return [
    ['Date', realDate, ['now']],
    ['Math', Math, ['random']],
    ['performance', performance, ['now']],
    // A trap keeps the properties of what it replaces, so that what they lead to comes first.
    ['timers/promises', require('node:timers/promises') as object, timers],
    ['timers', require('node:timers') as object, timers],
    ['', globalThis, timers],
    ['process.hrtime', process.hrtime, ['bigint']],
    ['process', process, ['hrtime', 'uptime']],
    ['crypto', globalThis.crypto, ['getRandomValues', 'randomUUID']],
    ['crypto.subtle', globalThis.crypto.subtle, ['generateKey']],
    ['crypto', require('node:crypto') as object, [
      'getRandomValues', 'randomUUID', 'randomBytes', 'pseudoRandomBytes', 'randomInt', 'randomFill', 'randomFillSync',
      'generateKey', 'generateKeySync', 'generateKeyPair', 'generateKeyPairSync', 'generatePrime', 'generatePrimeSync',
    ]],
  ]
}

/**
 * Sets the traps of this thread. `new Date(value)` stays: it reads no clock. Callers whose place ('name (file:line:column)')
 * is exempt get the original: whatever else lives in the thread, a test runner's messages for one.
 */
export function trapEntropy(isExempt: (place: string) => boolean = () => false): EntropyTraps {
  const hits: string[] = []
  const restorations: (() => void)[] = []

  /** Throws unless the caller of the trap is exempt. */
  const spring = (name: string): void => {
    // Lines of the stack: the message, this function, the trap, its callers, of which Node's own say nothing.
    const callers = new Error('spring').stack?.split('\n').slice(3) ?? []
    const caller = (callers.find((line) => !line.includes('node:')) ?? 'an unknown place').replace(/^\s*at /, '')
    if (isExempt(caller)) return
    hits.push(`${name} at ${caller}`)
    throw new EntropyError(`${name} was called during a run, at ${caller}`)
  }
  const replace = (owner: object, key: string, value: unknown): void => {
    const original = Object.getOwnPropertyDescriptor(owner, key)
    Object.defineProperty(owner, key, { value, configurable: true, writable: true, enumerable: original?.enumerable ?? false })
    restorations.push(() => {
      if (original === undefined) Reflect.deleteProperty(owner, key)
      else Object.defineProperty(owner, key, original)
    })
  }
  for (const [name, owner, functions] of sources()) {
    for (const key of functions) {
      const original: unknown = Reflect.get(owner, key)
      // What cannot be replaced is a getter of node:crypto that leads to the global crypto, which is trapped itself.
      if (typeof original !== 'function' || Object.getOwnPropertyDescriptor(owner, key)?.configurable === false) continue
      const label = name === '' ? key : `${name}.${key}`
      const trap = function (this: unknown, ...values: unknown[]): unknown {
        spring(label)
        return Reflect.apply(original, this, values)
      }
      replace(owner, key, Object.assign(trap, original))
    }
  }
  replace(globalThis, 'Date', new Proxy(realDate, {
    apply(target, self, values) {
      spring('Date()')
      return Reflect.apply(target, self, values)
    },
    construct(target, values, made) {
      if (values.length === 0) spring('new Date()')
      return Reflect.construct(target, values, made) as object
    },
  }))
  syncBuiltinESMExports()
  return {
    hits,
    release() {
      for (let restore = restorations.pop(); restore !== undefined; restore = restorations.pop()) restore()
      syncBuiltinESMExports()
    },
  }
}
