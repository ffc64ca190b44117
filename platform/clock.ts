/**
 * Real time, for what only real time can tell: how long a run took, part by part, and the one macrotask that the
 * kernel yields to a script. Nothing read here may reach the trace or the report; it goes to `perf.json`.
 */

/** Milliseconds since some fixed moment, with microsecond resolution. */
export function wallClockMs(): number {
  return performance.now()
}

/** Settles after everything that is already queued has run: promises first, then one turn of the event loop. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve) })
}

/**
 * Does something while `performance` stands still, and puts it back. WebAssembly that looks for a clock when it first runs
 * keeps the one that it finds: it reads none of the machine's ever after.
 */
export function withStillClock(act: () => void): void {
  const real = Object.getOwnPropertyDescriptor(globalThis, 'performance')!
  Object.defineProperty(globalThis, 'performance', { value: { now: () => 0 }, configurable: true })
  try {
    act()
  } finally {
    Object.defineProperty(globalThis, 'performance', real)
  }
}

/**
 * Wall time by part. Parts nest: time inside an inner part is the inner part's alone, so that the totals add up to
 * what was measured. Serves as a `Meter` of system/ports.ts.
 */
export class PartClock<Part extends string> {
  readonly #totalsMs = new Map<Part, number>()
  readonly #open: Part[] = []
  #sinceMs = 0

  begin(part: Part): void {
    this.#settle()
    this.#open.push(part)
  }

  /** @throws {RangeError} when `part` is not the innermost open one. */
  end(part: Part): void {
    const innermost = this.#open.at(-1)
    if (innermost !== part) throw new RangeError(`expected the end of ${innermost ?? 'nothing'}, got the end of ${part}`)
    this.#settle()
    this.#open.pop()
  }

  /** Milliseconds by part, in the order in which the parts first began. */
  totalsMs(): ReadonlyMap<Part, number> {
    return this.#totalsMs
  }

  #settle(): void {
    const nowMs = wallClockMs()
    const part = this.#open.at(-1)
    if (part !== undefined) this.#totalsMs.set(part, (this.#totalsMs.get(part) ?? 0) + nowMs - this.#sinceMs)
    this.#sinceMs = nowMs
  }
}
