/**
 * The simulator's side of `Probe`: marks go to the trace, and whether a fault point happens is a choice of the run, like a packet's
 * loss. Each run draws from its seed which of them can happen in it, and how often, because one fault hides another; in one of four
 * runs all of them do, often. None happens once the network has healed for good.
 */
import { type Chooser, chancePpm, mix32, type Odds, PPM, type Seed } from '../../sim/choice.ts'
import { stream } from '../../sim/random.ts'
import type { NoteData, Trace } from '../../sim/trace.ts'
import type { Probe } from '../../system/ports.ts'
import { FAULT_POINTS, type FaultPointName } from '../../system/telemetry/faultpoints.ts'

export interface ProbesPorts {
  readonly seed: Seed
  readonly chooser: Chooser
  readonly trace: Trace
  readonly nowUs: () => number
}

const ALL_IN = 4
/** What a run multiplies the catalogue's odds by. */
const OFTEN = 4
const STRENGTHS = [0, 0, 1, OFTEN] as const

export class Probes {
  readonly #ports: ProbesPorts
  #odds: ReadonlyMap<FaultPointName, Odds>

  /** @param faultPoints whether any of them can happen. */
  constructor(ports: ProbesPorts, faultPoints: boolean) {
    this.#ports = ports
    this.#odds = faultPoints ? drawnOdds(ports.seed) : new Map()
  }

  /** From here on no fault point happens. */
  rest(): void {
    this.#odds = new Map()
  }

  of(node: number): Probe {
    const { chooser } = this.#ports
    return {
      sometimes: (name) => this.#note(node, 'mark', { event: 'mark', name }),
      happens: (name, keyHi, keyLo) => {
        const odds = this.#odds.get(name)
        if (odds === undefined || chooser.choose(odds, mix32(node, keyHi), keyLo) === 0) return false
        // Right behind the choice, so that whoever tells choices in words finds it there.
        this.#note(node, 'faultPoint', { event: 'faultPoint', name, keyHi: keyHi >>> 0, keyLo: keyLo >>> 0 })
        return true
      },
    }
  }

  #note(node: number, name: string, data: { readonly [field: string]: NoteData }): void {
    const { trace, nowUs } = this.#ports
    trace.record(nowUs(), node, { kind: 'note', name, data })
  }
}

function drawnOdds(seed: Seed): ReadonlyMap<FaultPointName, Odds> {
  const random = stream(seed, 'fault points')
  const isAll = random.int(ALL_IN) === 0
  const odds = new Map<FaultPointName, Odds>()
  for (const name of Object.keys(FAULT_POINTS) as FaultPointName[]) {
    const strength = isAll ? OFTEN : STRENGTHS[random.int(STRENGTHS.length)]
    if (strength > 0) odds.set(name, chancePpm(`point.${name}`, Math.min(PPM, FAULT_POINTS[name].ppm * strength)))
  }
  return odds
}
