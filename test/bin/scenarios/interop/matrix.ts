/** Plays the interop cases that are over at once. */
import type { InteropRow } from '../../../../reports/interop.ts'

export function playCase({ name }: { readonly name: string }, seed: number): InteropRow {
  if (name === 'broken') throw new Error('out of order')
  const passed = name === 'steady' || seed % 3 !== 0
  return {
    name, seed, passed, finding: passed ? 'all well' : 'one of three', tookUs: seed * 1_000, datagrams: 10, lost: 0, corrupted: 0,
    goodputBytesPerSecond: name === 'steady' ? 1_250_000 - seed : undefined, digest: name === 'steady' ? 'd0' : `d${seed}`,
  }
}
