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
  /** Confirmed, but with another digest than the host's. */
  readonly differing: number[]
  readonly skipped: EventNamed<'framesSkipped'>[]
}

export class Convergence {
  /** The host's digests by frame, and by frame and interest of those who see a part of the world. */
  readonly #digests = new Map<number, string>()
  readonly #cut = new Map<string, string>()
  readonly #peers = new Map<number, PeerFrames>()

  closed({ frame, digest }: EventNamed<'frameClosed'>): void {
    this.#digests.set(frame, digest)
  }
  cut({ frame, interest, digest }: EventNamed<'frameCut'>): void {
    this.#cut.set(`${frame} ${interest}`, digest)
  }
  confirmed(node: number, { frame, interest, digest }: EventNamed<'frameConfirmed'>): void {
    const peer = this.#peer(node)
    peer.confirmed.push(frame)
    const expected = interest === 0 ? this.#digests.get(frame) : this.#cut.get(`${frame} ${interest}`)
    if (digest !== expected) peer.differing.push(frame)
  }
  skipped(node: number, event: EventNamed<'framesSkipped'>): void {
    this.#peer(node).skipped.push(event)
  }

  section(members: Members, finalFrame: number): ConvergenceSection {
    const peers = members.peers.map(({ id, name, transport }) => {
      const { confirmed, differing, skipped } = this.#peers.get(id) ?? { confirmed: [], differing: [], skipped: [] }
      // One that left owes nothing after its last frame.
      const until = members.present.has(id) ? finalFrame : confirmed.reduce((last, frame) => Math.max(last, frame), -1)
      return {
        peer: name, transport, count: new Set(confirmed).size, confirmed: frameRuns(confirmed),
        differing: frameRuns(differing),
        skipped: skipped.map(({ fromFrame, toFrame, snapshotId }) =>
          ({ frames: runText(fromFrame, toFrame), count: toFrame - fromFrame + 1, snapshotId })),
        missing: frameRuns(missingFrames(confirmed, skipped, until)),
      }
    })
    return { closed: frameRuns([...this.#digests.keys()]), peers }
  }

  #peer(node: number): PeerFrames {
    let peer = this.#peers.get(node)
    if (peer === undefined) this.#peers.set(node, (peer = { confirmed: [], differing: [], skipped: [] }))
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
