/** Which peer confirmed which frame, whether its digest was the host's, and why where it confirmed none. */
import type { EventNamed } from './input.ts'
import type { Members } from './members.ts'

/** Sets of frames are written as runs: '12-61, 98-140'; none is ''. */
export interface PeerConvergence {
  readonly peer: string
  readonly transport: string
  readonly count: number
  readonly confirmed: string
  /** Confirmed, but with another digest than the host's. */
  readonly differing: string
  readonly skipped: readonly { readonly frames: string; readonly count: number; readonly snapshotId: number }[]
  /** After its first one and up to the last that concerns it, neither confirmed nor skipped. */
  readonly missing: string
}
export interface ConvergenceSection {
  /** Frames that the host closed. */
  readonly closed: string
  readonly peers: readonly PeerConvergence[]
}

interface PeerFrames {
  readonly confirmed: number[]
  readonly digests: string[]
  readonly skipped: EventNamed<'framesSkipped'>[]
}

export class Convergence {
  /** The host's digests by frame. */
  readonly #digests = new Map<number, string>()
  readonly #peers = new Map<number, PeerFrames>()

  closed({ frame, digest }: EventNamed<'frameClosed'>): void {
    this.#digests.set(frame, digest)
  }
  confirmed(node: number, { frame, digest }: EventNamed<'frameConfirmed'>): void {
    const peer = this.#peer(node)
    peer.confirmed.push(frame)
    peer.digests.push(digest)
  }
  skipped(node: number, event: EventNamed<'framesSkipped'>): void {
    this.#peer(node).skipped.push(event)
  }

  section(members: Members, finalFrame: number): ConvergenceSection {
    const peers = members.peers.map(({ id, name, transport }) => {
      const { confirmed, digests, skipped } = this.#peers.get(id) ?? { confirmed: [], digests: [], skipped: [] }
      // One that left owes nothing after its last frame.
      const until = members.present.has(id) ? finalFrame : confirmed.reduce((last, frame) => Math.max(last, frame), -1)
      return {
        peer: name, transport, count: new Set(confirmed).size, confirmed: frameRuns(confirmed),
        differing: frameRuns(confirmed.filter((frame, index) => digests[index] !== this.#digests.get(frame))),
        skipped: skipped.map(({ fromFrame, toFrame, snapshotId }) =>
          ({ frames: runText(fromFrame, toFrame), count: toFrame - fromFrame + 1, snapshotId })),
        missing: frameRuns(missingFrames(confirmed, skipped, until)),
      }
    })
    return { closed: frameRuns([...this.#digests.keys()]), peers }
  }

  #peer(node: number): PeerFrames {
    let peer = this.#peers.get(node)
    if (peer === undefined) this.#peers.set(node, (peer = { confirmed: [], digests: [], skipped: [] }))
    return peer
  }
}

function missingFrames(confirmed: readonly number[], skipped: PeerFrames['skipped'], until: number): number[] {
  const known = new Set(confirmed)
  for (const { fromFrame, toFrame } of skipped) for (let frame = fromFrame; frame <= toFrame; frame++) known.add(frame)
  const missing: number[] = []
  if (confirmed.length === 0) return missing
  const first = confirmed.reduce((least, frame) => Math.min(least, frame))
  for (let frame = first; frame <= until; frame++) if (!known.has(frame)) missing.push(frame)
  return missing
}

/** Frames in any order as runs, '3-5, 9'. */
export function frameRuns(frames: readonly number[]): string {
  const ascending = [...new Set(frames)].sort((a, b) => a - b)
  const runs: string[] = []
  for (let at = 0; at < ascending.length; ) {
    const first = at
    while (++at < ascending.length && ascending[at] === ascending[at - 1] + 1);
    runs.push(runText(ascending[first], ascending[at - 1]))
  }
  return runs.join(', ')
}

const runText = (from: number, to: number): string => (from === to ? String(from) : `${from}-${to}`)
