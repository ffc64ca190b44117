/** What several canaries lie with. */
import type { Bed } from './canary.ts'

/** True every n-th time it is asked, counted anew for each use. */
export function everyNth(n: number): () => boolean {
  let asked = 0
  return () => ++asked % n === 0
}

/** Whether the host is folding what it has just closed: what it reads and writes then is the log's truth. */
export function foldingAtHost(bed: Bed): () => boolean {
  const { log } = bed.cluster.host.peer
  let isFolding = false
  bed.wrap(log, 'closeUpTo', (closeUpTo) => (lamport, frame) => {
    isFolding = true
    try {
      closeUpTo.call(log, lamport, frame)
    } finally {
      isFolding = false
    }
  })
  return () => isFolding
}
