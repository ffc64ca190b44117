/** What a placement commit does, the obvious way: every change onto a copy, which becomes the world if nothing stands against it. */
import type { CommandEntry, DraftChange, PlacementCommit, PlacementState } from '../../system/protocol/messages.ts'
import { isFree, LOG_COMPONENTS, type Row, type Rows, table } from './rows.ts'

/** What became of a commit, as it is told. */
export interface Settled {
  readonly status: 'APPLIED' | 'REJECTED'
  readonly changes: number
  readonly merged: number
  /** Kind and placement of each, those that the plan resolves included; sorted. */
  readonly conflicts: readonly string[]
}

const CHANGES = 256
const [APPLIED, REJECTED] = [2, 3]
const TRANSFORM = ['x', 'y', 'z', 'qx', 'qy', 'qz', 'qw', 'scale'] as const
const differs = (a: PlacementState | Row, b: PlacementState | Row): boolean =>
  TRANSFORM.some((part) => (a as Row)[part] !== (b as Row)[part])
const overlap = (a: Row, b: Row): boolean =>
  (['x', 'y', 'z'] as const).every((axis) => Math.abs(a[axis] - b[axis]) * 256 < 128 * (a.scale + b.scale))

/** A change that no live state could make sense of. */
function isMalformed({ change, before, after }: DraftChange, region: number): boolean {
  if ((before === undefined) !== (change === 'ADD') || (after === undefined) !== (change === 'REMOVE')) return true
  if ([before, after].some((state) => state !== undefined && state.region !== region)) return true
  return before !== undefined && after !== undefined && before.asset !== after.asset
}

/** @param lacks how many capabilities its author lacks. Undefined: the commit's entity is not its author's, and nothing was done. */
export function foldCommit(rows: Rows, { author, lamport }: CommandEntry, asked: PlacementCommit, lacks: number): Settled | undefined {
  const { commit, region, changes } = asked
  const record = table(rows, 'CommitRecord').get(commit)
  if (record?.author === author) {
    return { status: record.status === APPLIED ? 'APPLIED' : 'REJECTED', changes: 0, merged: 0, conflicts: [] }
  }
  if (!isFree(rows, commit, author)) return undefined
  const live = table(rows, 'Placement')
  const after = new Map([...live].map(([entity, row]) => [entity, { ...row }]))
  const touched = new Set<number>()
  const added: number[] = []
  const conflicts: string[] = Array.from({ length: lacks }, () => 'PERMISSION_CONFLICT 0')
  let merged = 0
  let isRejected = lacks > 0
  const clash = (kind: string, placement: number): void => {
    isRejected = true
    conflicts.push(`${kind} ${placement}`)
  }
  if (changes.length > CHANGES) clash('UNKNOWN', 0)
  for (const change of changes.slice(0, CHANGES)) {
    const { placement, before, after: wanted } = change
    if (touched.has(placement) || isMalformed(change, region)) {
      touched.add(placement)
      clash('UNKNOWN', placement)
      continue
    }
    touched.add(placement)
    const now = live.get(placement)
    if (before === undefined) {
      const isTaken = now !== undefined || placement === commit || table(rows, 'CommitRecord').has(placement)
      if (isTaken || !isFree(rows, placement, author)) clash('UNKNOWN', placement)
      after.set(placement, { ...wanted! })
      added.push(placement)
      continue
    }
    if (wanted === undefined) after.delete(placement)
    else after.set(placement, { ...wanted })
    if (now === undefined) clash('DELETION_CONFLICT', placement)
    else if (now.region !== before.region || now.asset !== before.asset) clash('UNKNOWN', placement)
    else if (wanted === undefined) {
      if (differs(now, before)) clash('TRANSFORM_CONFLICT', placement)
      if (now.tags !== before.tags) clash('TAG_CONFLICT', placement)
    } else {
      const [moves, hasMoved] = [differs(before, wanted), differs(before, now)]
      if (moves && hasMoved) clash('TRANSFORM_CONFLICT', placement)
      const [flips, hasFlipped] = [before.tags ^ wanted.tags, before.tags ^ now.tags]
      if ((flips & hasFlipped) !== 0) clash('TAG_CONFLICT', placement)
      // Other tags of it: both are kept, and it is told.
      else if (flips !== 0 && hasFlipped !== 0) conflicts.push(`TAG_CONFLICT ${placement}`)
      if (hasMoved || hasFlipped !== 0) merged += 1
      const moved = moves ? Object.fromEntries(TRANSFORM.map((part) => [part, wanted[part]])) : {}
      after.set(placement, { ...now, ...moved, tags: (now.tags ^ flips) >>> 0 })
    }
  }
  for (const entity of added) {
    const isBefore = (other: number): boolean => !added.includes(other) || added.indexOf(other) < added.indexOf(entity)
    const isMet = [...after].some(([other, row]) =>
      other !== entity && isBefore(other) && row.region === region && overlap(row, after.get(entity)!))
    if (isMet) clash('TRANSFORM_CONFLICT', entity)
  }
  if (!isRejected) {
    rows.set('theta.Placement', after)
    for (const { change, placement } of changes) {
      if (change === 'ADD') table(rows, 'Entity').set(placement, { kind: 3, creator: author })
      if (change === 'REMOVE') for (const component of LOG_COMPONENTS) rows.get(component.name)!.delete(placement)
    }
  }
  const counts = { changes: isRejected ? 0 : changes.length, conflicts: conflicts.length }
  table(rows, 'CommitRecord').set(commit, { status: isRejected ? REJECTED : APPLIED, author, lamport, ...counts })
  return {
    status: isRejected ? 'REJECTED' : 'APPLIED', changes: counts.changes, merged: isRejected ? 0 : merged, conflicts: conflicts.toSorted(),
  }
}
