/** The first write in which the histories of one row part, at the host and at a peer. */
import type { Write } from './explain-writes.ts'

export type WriteParting =
  | { readonly kind: 'missing'; readonly side: 'host' | 'peer'; readonly write: Write; readonly instead?: Write }
  | { readonly kind: 'bytes'; readonly host: Write; readonly peer: Write }

/**
 * Compares the histories after a frame at which both rows were the same. What the host's runtime did in a frame is what its delta
 * brings; a snapshot stands for all that the host wrote up to its frame, whether or not it found this row as it was.
 * @param sameFrame -1 to compare from the beginning. @param snapshotFrame of the last snapshot that the peer took; -1 for none.
 */
export function firstParting(
  hostWrites: readonly Write[], peerWrites: readonly Write[], sameFrame: number, snapshotFrame: number,
): WriteParting | undefined {
  const [host, peer] = [steps(hostWrites), steps(peerWrites)]
  const from = Math.max(sameFrame, snapshotFrame)
  if (snapshotFrame > sameFrame) {
    const [ours, theirs] = [host, peer].map((writes) => writes.findLast(({ frame }) => frame <= snapshotFrame))
    if (!same(ours, theirs)) {
      if (ours === undefined) return { kind: 'missing', side: 'host', write: theirs! }
      return theirs?.cause.by === 'snapshot' ? { kind: 'bytes', host: ours, peer: theirs } : { kind: 'missing', side: 'peer', write: ours }
    }
  }
  const ours = host.filter(({ frame }) => frame > from)
  const theirs = peer.filter(({ frame, cause }) => frame > from && cause.by !== 'snapshot')
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    const [a, b] = [ours[i], theirs[i]]
    const order = compare(a, b)
    if (order === 0) {
      if (!same(a, b)) return { kind: 'bytes', host: a, peer: b }
      continue
    }
    const [side, write, other] = order < 0 ? ['peer', a, b] as const : ['host', b, a] as const
    return { kind: 'missing', side, write, ...(other?.frame === write.frame && { instead: other }) }
  }
  return undefined
}

/** One write for each cause, as it left the row, without those that left it as it was. */
function steps(writes: readonly Write[]): Write[] {
  const last: Write[] = []
  for (const write of writes) {
    const before = last.at(-1)
    if (before !== undefined && compare(before, write) === 0) last.pop()
    last.push(write)
  }
  return last.filter((write, index) => write.cause.by === 'snapshot' || !same(last[index - 1], write))
}

/** By frame; within one, entries in the order of the log come before what the stream has. Whatever is there comes before nothing. */
function compare(a: Write | undefined, b: Write | undefined): number {
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1
  const [x, y] = [a.cause, b.cause]
  const inLog = x.by === 'command' && y.by === 'command' ? x.lamport - y.lamport || x.author - y.author : rank(a) - rank(b)
  return a.frame - b.frame || inLog
}
const rank = ({ cause: { by } }: Write): number => (by === 'snapshot' ? 0 : by === 'command' ? 1 : 2)

/** A row that is not there and one that never was are the same. */
const same = (a: Write | undefined, b: Write | undefined): boolean => {
  const [x, y] = [a?.bytes, b?.bytes]
  return x === undefined || y === undefined ? x === y : x.length === y.length && x.every((byte, i) => byte === y[i])
}
