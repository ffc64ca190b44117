/** The kinds of fault that a swarm turns on and off, and how strong each may be where nothing narrows it. */
import type { LinkOptions } from '../cluster/vocabulary.ts'

/** Of the network, set once for every link, from the first frame to the last. */
interface LinkFault {
  readonly is: 'link'
  readonly unit: string
  readonly range: readonly [least: number, most: number]
  /** Of what a range may be narrowed to. */
  readonly bounds: readonly [least: number, most: number]
  readonly settings: (strength: number) => LinkOptions
}
/** `delay`: of each link, on top of what it has. `happening`: its strength is how often it happens. */
interface OtherFault {
  readonly is: 'delay' | 'happening'
  readonly unit: string
  readonly range: readonly [least: number, most: number]
  readonly bounds: readonly [least: number, most: number]
}

/** What a queue holds of its link's own rate: an eighth of a second. */
const QUEUE_SHARE = 8
const SHARE = [0, 0.5] as const
const OFTEN = [0, 16] as const
const share = (range: readonly [number, number], settings: LinkFault['settings']): LinkFault =>
  ({ is: 'link', unit: 'share of datagrams', range, bounds: SHARE, settings })
const happening = (range: readonly [number, number], unit: string): OtherFault => ({ is: 'happening', unit, range, bounds: OFTEN })

export const FAULTS = {
  drop: share([0.005, 0.15], (drop) => ({ drop })),
  duplicate: share([0.005, 0.1], (duplicate) => ({ duplicate })),
  reorder: share([0.01, 0.2], (reorder) => ({ reorder })),
  corrupt: share([0.002, 0.05], (corrupt) => ({ corrupt })),
  bandwidth: {
    is: 'link', unit: 'bytes a second', range: [200_000, 800_000], bounds: [100_000, 1_000_000_000],
    settings: (bytesPerSecond) => ({ bytesPerSecond, queueBytes: Math.floor(bytesPerSecond / QUEUE_SHARE) }),
  },
  jitter: { is: 'delay', unit: 'milliseconds', range: [2, 60], bounds: [0, 1000] },
  cut: happening([1, 4], 'cuts of a link, in one direction or in both'),
  sever: happening([1, 2], 'connections that break'),
  roam: happening([1, 3], 'times that a peer goes to another network'),
  pause: happening([1, 3], 'pauses of a peer or of the host'),
  crash: happening([1, 3], 'crashes of a peer'),
  hostCrash: happening([1, 2], 'crashes of the host, where its node has a disk'),
} as const satisfies { readonly [name: string]: LinkFault | OtherFault }

export type FaultName = keyof typeof FAULTS
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[]
