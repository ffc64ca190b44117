/** A thread of `theta-sim canary`: looks for one canary, and shrinks what it finds. */
import { hunt, type Hunted } from '../scenarios/canaries/hunt.ts'
import { CANARIES } from '../scenarios/canaries/index.ts'

export interface HuntTask {
  readonly canary: string
  readonly seedsMax: number
  /** Where its plan will stand. */
  readonly planSource: string
}

/** Called by the pool. */
export async function performTask({ canary: name, ...options }: HuntTask): Promise<Hunted> {
  const canary = CANARIES.find((one) => one.name === name)
  if (canary === undefined) throw new RangeError(`no canary ${name}`)
  return hunt(canary, options)
}
