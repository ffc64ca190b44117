/**
 * What of a run the users of the package see besides its report. It stands apart from the run itself, so that their type
 * check meets no simulator and no package of ours.
 */

/**
 * 0 converged, 1 diverged or another safety check failed, 2 did not settle, 3 a fault of ours, 4 the scenario or its
 * arguments, 5 not deterministic.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5

export const VERIFIERS = ['noble', 'node', 'none'] as const
export type VerifierName = (typeof VERIFIERS)[number]

export interface Performance {
  readonly startUpMs: number
  /** Wall milliseconds of the storm: the scenario's own frames. */
  readonly realMs: number
  readonly virtualMs: number
  readonly virtualOverReal: number
  /** Handled by the kernel meanwhile. */
  readonly events: number
  readonly eventsPerSecond: number
  readonly frameMs: { readonly p50: number; readonly p90: number; readonly p99: number }
  readonly partsMs: Readonly<Record<string, number>>
}

/** From the beginning of this frame on, chance is another seed's. */
export interface Branch {
  readonly frame: number
  readonly seed: string | number
}

export interface TamperRequest {
  readonly peer: string
  readonly frame: number
}
export interface Tampered {
  readonly kind: 'value' | 'vanished' | 'appeared'
  readonly entity: number
  readonly component: string
  /** Of a flipped bit: the field, and its values before and after, decimal: a flipped u64 may fit no number. */
  readonly field?: string
  readonly before?: string
  readonly after?: string
  readonly atUs: number
}
