/** What the checker of the log's order lets a client fold in another frame than the host did: entries of frames that a leap skips. */
import { describe, expect, it } from 'vitest'
import { LogOrder } from '../../scenarios/cluster/checkers.ts'
import { Horizon } from '../../scenarios/cluster/horizon.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'

const [HOST, ANA, BEN] = [0, 1, 2]
type Fold = Extract<SystemEvent, { readonly event: 'commandFolded' }>

/** A host that folded one entry in each of the frames 5 to 7. */
function folded() {
  const order = new LogOrder((node) => `node ${node}`, new Horizon(() => [], false))
  const fold = (node: number, lamport: number, frame: number, outcome: Fold['outcome'] = 'applied') =>
    order.event(node, { event: 'commandFolded', lamport, author: 1, frame, outcome } as Fold)
  for (const frame of [5, 6, 7]) fold(HOST, frame, frame)
  const skip = (node: number, fromFrame: number, toFrame: number, snapshotId = 0) =>
    order.event(node, { event: 'framesSkipped', fromFrame, toFrame, snapshotId })
  return { fold, skip, fields: () => order.failures.map(({ details }) => `${details.lamport} ${details.field}`) }
}

describe('the order of the log', () => {
  it('R-LEAP-3 lets the entries of skipped frames be folded in the frame of the leap', () => {
    const { fold, skip, fields } = folded()
    for (const lamport of [5, 6, 7]) fold(ANA, lamport, 7)
    expect(fields()).toEqual(['5 outcome', '6 outcome'])
    skip(ANA, 5, 6)
    expect(fields()).toEqual([])
  })

  it.each([
    ['of frames that it does not skip', 6, 6, 0, ANA, '5 outcome'],
    ['in another frame than its own', 5, 7, 0, ANA, '5 outcome'],
    ['where a snapshot skips them', 5, 6, 9, ANA, '5 outcome'],
    ['where somebody else leaps', 5, 6, 0, BEN, '5 outcome'],
  ] as const)('R-LEAP-3 and none %s', (_, from, to, snapshotId, leaper, field) => {
    const { fold, skip, fields } = folded()
    fold(ANA, 5, 7)
    skip(leaper, from, to, snapshotId)
    expect(fields()).toEqual([field])
  })

  it('R-LEAP-3 and none in another order or to another outcome', () => {
    const { fold, skip, fields } = folded()
    fold(ANA, 6, 7)
    fold(ANA, 5, 7)
    fold(ANA, 7, 7, 'rejected')
    skip(ANA, 5, 6)
    expect(fields()).toEqual(['5 order', '7 outcome'])
  })
})
