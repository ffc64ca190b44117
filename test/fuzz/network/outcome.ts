/** What a case of mutated datagrams is made from and comes to, and the pace that is kept in it. */
export const KINDS = ['quic tag', 'quic aead', 'quic programs', 'webrtc', 'data channels', 'turn'] as const
export type Kind = (typeof KINDS)[number]

export interface Outcome {
  /** Ordinals of the mutants that were sent. */
  readonly mutants: readonly number[]
  /** Mutants by the state of the connection that they came to; 'before' where there was none. */
  readonly states: Readonly<Record<string, number>>
  /** How it ended, once for each end: 'remote protocolViolation', 'survived'. */
  readonly endings: readonly string[]
  /** Why datagrams were discarded. */
  readonly discarded: Readonly<Record<string, number>>
  /** What mutants came to, beyond every tag: names of coverage.ts. */
  readonly reached: Readonly<Record<string, number>>
  readonly slowestMs: number
  /** What the heap had grown by at its most; 0 where nobody measures. */
  readonly heapGrowthBytes: number
  /** What must not happen and did. */
  readonly breach: string | undefined
}

export interface CaseOptions {
  readonly kind: Kind
  /** Below 2^21. */
  readonly seed: number
  /** A wall clock, to find what hangs. */
  readonly nowMs: () => number
  /** The bytes in use, after what is in no use was collected. */
  readonly heapBytes?: (() => number) | undefined
  /** Of the mutants only these. */
  readonly only?: ReadonlySet<number>
}

/** Something that must never happen. */
export class Breach extends Error {}

const breachOf = (error: unknown): string =>
  error instanceof Breach ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)

/** A case that can be played. */
export interface Played extends Outcome {
  breach: string | undefined
  play(): void
  /** Gives back what it has taken over, however it ended. */
  free?(): void
}

/** Plays it; what it throws is its breach. */
export function played(stage: Played): Outcome {
  try {
    stage.play()
  } catch (error) {
    stage.breach = breachOf(error)
  } finally {
    stage.free?.()
  }
  return stage
}

/** One datagram or wake takes no longer. */
const STEP_MS_MAX = 50
/** Whatever happens in one instant happens in so many steps. */
const INSTANT_STEPS_MAX = 20_000

/** Virtual time goes on, and no step of it takes long. */
export class Pace {
  slowestMs = 0
  steps = 0
  #instantUs = -1
  #instantSteps = 0

  /** A step ended at that instant, and took so long by the wall clock. */
  step(nowUs: number, tookMs: number): void {
    this.steps++
    this.slowestMs = Math.max(this.slowestMs, tookMs)
    if (tookMs > STEP_MS_MAX) throw new Breach(`one step took ${Math.round(tookMs)} ms`)
    if (nowUs > this.#instantUs) {
      this.#instantUs = nowUs
      this.#instantSteps = 0
    } else if (++this.#instantSteps > INSTANT_STEPS_MAX) {
      throw new Breach(`more than ${INSTANT_STEPS_MAX} steps at ${nowUs} us`)
    }
  }
}
