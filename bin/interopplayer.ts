/** A thread of `theta-sim interop`: plays one case with one seed. */
import type { InteropRow } from '../reports/interop.ts'
import { INTEROP_CASES } from '../scenarios/interop/cases.ts'
import { playCase } from '../scenarios/interop/matrix.ts'

export interface InteropTask {
  readonly case: string
  readonly seed: number
}

/** Called by the pool. */
export function performTask({ case: name, seed }: InteropTask): InteropRow {
  const found = INTEROP_CASES.find((one) => one.name === name)
  if (found === undefined) throw new RangeError(`no interop case ${name}`)
  return playCase(found, seed)
}
