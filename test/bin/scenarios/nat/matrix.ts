/** A NAT matrix of one meeting, which fails with seed 2. */
import type { NatMatrix } from '../../../../reports/natmatrix.ts'

export const natMatrix = (seed: number, dropPpm: number): NatMatrix => ({
  kinds: ['none'],
  cells: [{
    caller: 'none', callee: 'none', shared: 'no', turn: false, isExpected: true, isConnected: seed !== 2,
    pair: seed === 2 ? undefined : ['host', 'host'], milliseconds: 150 + dropPpm, checks: 3,
  }],
})
