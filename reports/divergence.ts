/** Where two worlds part, in the words of the component manifest, with the bytes around it. */
import { hexdump } from './hexdump.ts'
import type { RunDivergence, WriteStory } from './input.ts'
import { differences, firstDifference, type ManifestComponent, type WorldDifference } from './worlddiff.ts'

/** Two lines of a hexdump to each side, and the row they are in. */
const CONTEXT_BYTES = 32

export interface DivergenceSection {
  readonly frame: number
  readonly peer: string
  /** Null where the bytes are the same: then the digests are wrong, not the world. */
  readonly place: {
    readonly entity: number
    readonly component: string
    /** Null where one side lacks the row. */
    readonly field: string | null
    /** In the canonical bytes of the world. */
    readonly offset: number
    readonly host: string
    readonly peer: string
  } | null
  readonly hexdump: readonly string[]
  readonly hostWrite: WriteStory | null
  readonly peerWrite: WriteStory | null
}

/** The difference that a divergence is named by. @throws {RangeError} where the bytes are not canonical. */
export function namedDifference(divergence: RunDivergence, manifest: readonly ManifestComponent[]): WorldDifference | undefined {
  const { hostBytes, peerBytes, cause } = divergence
  if (cause === undefined) return firstDifference(hostBytes, peerBytes, manifest)
  return [...differences(hostBytes, peerBytes, manifest)]
    .find(({ entity, component }) => entity === cause.entity && component === cause.component)
}

/** @throws {RangeError} where the bytes are not canonical. */
export function divergenceSection(divergence: RunDivergence, manifest: readonly ManifestComponent[]): DivergenceSection {
  const { frame, peer, hostBytes, peerBytes, hostWrite = null, peerWrite = null } = divergence
  const difference = namedDifference(divergence, manifest)
  if (difference === undefined) return { frame, peer, place: null, hexdump: [], hostWrite, peerWrite }
  const { kind, entity, component, offset, field = null } = difference
  const sides = kind === 'value'
    ? { host: difference.valueA, peer: difference.valueB }
    : { host: kind === 'missing in a' ? 'no such row' : 'present', peer: kind === 'missing in b' ? 'no such row' : 'present' }
  const place = { entity, component, field, offset, ...sides }
  return { frame, peer, place, hexdump: hexdump(hostBytes, peerBytes, offset, CONTEXT_BYTES), hostWrite, peerWrite }
}
