/** Where two worlds part, in the words of the component manifest, with the bytes around it. */
import { hexdump } from './hexdump.ts'
import type { RunDivergence, Side, WriteStory } from './input.ts'
import { type Names, writeInWords } from './names.ts'
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
  /** Whose row changed though nothing wrote it, where that was overwritten by the end of the frame: shown beside what was written. */
  readonly within: Side | null
  /** The last writes of the row, in the order of the trace. */
  readonly history: readonly HistoryRow[]
}

export interface HistoryRow {
  readonly side: Side
  readonly write: string
  readonly frame: number
  readonly atUs: number
  /** Records of the trace before it. */
  readonly record: number
}

/** The difference that a divergence is named by. @throws {RangeError} where the bytes are not canonical. */
export function namedDifference(divergence: RunDivergence, manifest: readonly ManifestComponent[]): WorldDifference | undefined {
  const { hostBytes, peerBytes, cause } = divergence
  if (cause === undefined) return firstDifference(hostBytes, peerBytes, manifest)
  return [...differences(hostBytes, peerBytes, manifest)]
    .find(({ entity, component }) => entity === cause.entity && component === cause.component)
}

/** One line that says where two worlds part first. */
export function placeInWords({ frame, peer, within, parting }: RunDivergence, place: WorldDifference | undefined): string {
  if (place === undefined) return `${peer} and the host have different digests of frame ${frame} over the same bytes`
  const { kind, entity, component, field, offset } = place
  const what = kind === 'value' ? `${component}.${field}` : component
  const [host, other] = kind === 'value'
    ? [place.valueA, place.valueB]
    : kind === 'missing in a' ? ['no such row', 'one'] : ['the row', 'none']
  const isHost = parting?.kind === 'judged' || (parting?.kind === 'unwritten' && parting.side === 'host')
  const where = `${isHost ? 'the host went wrong' : `${peer} diverged`} in frame ${frame}: entity ${entity}, ${what}, byte offset ${offset}`
  if (within === undefined) return `${where}: the host has ${host}, ${peer} has ${other}`
  const [found, written] = within === 'host' ? [host, other] : [other, host]
  return `${where}: it had ${found}, and ${written} was written`
}

/** @throws {RangeError} where the bytes are not canonical. */
export function divergenceSection(divergence: RunDivergence, manifest: readonly ManifestComponent[], names: Names): DivergenceSection {
  const { frame, peer, hostBytes, peerBytes, hostWrite = null, peerWrite = null, within = null } = divergence
  const section = { frame, peer, hostWrite, peerWrite, within, history: historyOf(divergence, names) }
  const difference = namedDifference(divergence, manifest)
  if (difference === undefined) return { ...section, place: null, hexdump: [] }
  const { kind, entity, component, offset, field = null } = difference
  const sides = kind === 'value'
    ? { host: difference.valueA, peer: difference.valueB }
    : { host: kind === 'missing in a' ? 'no such row' : 'present', peer: kind === 'missing in b' ? 'no such row' : 'present' }
  const place = { entity, component, field, offset, ...sides }
  return { ...section, place, hexdump: hexdump(hostBytes, peerBytes, offset, CONTEXT_BYTES) }
}

function historyOf({ history }: RunDivergence, names: Names): HistoryRow[] {
  if (history === undefined) return []
  const rows = (['host', 'peer'] as const).flatMap((side) => history[side].map((write): HistoryRow =>
    ({ side, write: writeInWords(write, names), frame: write.frame, atUs: write.atUs, record: write.record })))
  return rows.sort((a, b) => a.record - b.record)
}
