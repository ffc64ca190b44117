/** What a user of a swarm may narrow, and whether it makes sense. Whatever is left out is the seed's to draw. */
import { fieldsOf, oneOf, rangeOf, whole, within } from '../arguments.ts'
import { COMPRESSIONS, type JoinCompression } from '../cluster/vocabulary.ts'
import { FAULT_NAMES, type FaultName, FAULTS } from './faults.ts'
import { OPERATION_NAMES, type OperationName } from './grammar.ts'
import { PEER_NAMES, ROLES, TRANSPORTS } from './names.ts'

export type Range = readonly [least: number, most: number]

export interface SwarmNarrowing {
  /** How many peers, 1 to 8 (default 2 to 8). */
  readonly peers?: Range
  /** The transports to draw from. */
  readonly over?: readonly ('quic' | 'webrtc')[]
  /** The roles to draw from. */
  readonly roles?: readonly ('viewer' | 'editor' | 'admin')[]
  /** How far peers can compress, to draw from (default: all, 'none' half of the time). */
  readonly compression?: readonly JoinCompression[]
  /** `false`: never. A range: always, that strong; see FAULTS for the units. Left out: in half of the seeds. */
  readonly faults?: { readonly [Name in FaultName]?: false | Range }
  /** These operations alone, with these weights. Left out: of all of them those that the seed turns on. */
  readonly workload?: { readonly [Name in OperationName]?: number }
  /** How many operations of the workload. */
  readonly operations?: Range
  /** Whether simultaneous events are permuted (default true). */
  readonly ties?: boolean
}

const OPERATIONS_MAX = 1000

/** @throws {TypeError | RangeError} where something in it cannot be. */
export function checkNarrowing(name: string, narrowing: SwarmNarrowing): void {
  const what = (field: string) => `swarm ${name}: ${field}`
  fieldsOf(`swarm ${name}`, narrowing, ['peers', 'over', 'roles', 'compression', 'faults', 'workload', 'operations', 'ties'])
  const { peers, over, roles, compression, faults = {}, workload, operations, ties = true } = narrowing
  const wholes = (field: string, range: Range, least: number, most: number) =>
    rangeOf(what(field), range).forEach((bound) => within(what(field), whole(what(field), bound), least, most))
  const someOf = <Name extends string>(field: string, some: readonly Name[], names: readonly Name[]) => {
    if (!Array.isArray(some) || some.length === 0) throw new RangeError(`${what(field)}: expected some of ${names.join(', ')}`)
    for (const one of some) oneOf(what(field), one, names)
  }
  if (peers !== undefined) wholes('peers', peers, 1, PEER_NAMES.length)
  if (operations !== undefined) wholes('operations', operations, 0, OPERATIONS_MAX)
  if (over !== undefined) someOf('over', over, TRANSPORTS)
  if (roles !== undefined) someOf('roles', roles, ROLES)
  if (compression !== undefined) someOf('compression', compression, COMPRESSIONS)
  fieldsOf(what('faults'), faults, FAULT_NAMES)
  for (const [fault, range] of Object.entries(faults) as [FaultName, false | Range][]) {
    if (range === false) continue
    const [least, most] = FAULTS[fault].bounds
    for (const bound of rangeOf(what(fault), range)) within(what(fault), bound, least, most)
  }
  if (workload !== undefined) {
    fieldsOf(what('workload'), workload, OPERATION_NAMES)
    const weights = Object.entries(workload).map(([operation, weight]) => whole(what(operation), weight))
    if (weights.every((weight) => weight === 0)) throw new RangeError(`${what('workload')}: expected at least one weight above 0`)
  }
  if (typeof ties !== 'boolean') throw new TypeError(`${what('ties')}: expected true or false, got ${String(ties)}`)
}
