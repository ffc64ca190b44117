/** Tells of queues of commands that grow long: at half their bound, and again when they have fallen to a quarter of it. */
import { BACKLOG_RELIEF_SHARE, BACKLOG_WARNING_SHARE, OWN_ENTRIES_MAX, PENDING_ENTRIES_MAX } from '../limits.ts'
import type { CommandQueue, SystemEvent } from './events.ts'

const BOUNDS: { readonly [queue in CommandQueue]: number } = { pending: PENDING_ENTRIES_MAX, own: OWN_ENTRIES_MAX }

export class Backlog {
  readonly #report: (event: SystemEvent) => void
  readonly #long = new Set<CommandQueue>()

  constructor(report: (event: SystemEvent) => void) {
    this.#report = report
  }

  /** To be called every frame. */
  look({ depth, ownDepth }: { readonly depth: number; readonly ownDepth: number }): void {
    this.#watch('pending', depth)
    this.#watch('own', ownDepth)
  }

  #watch(queue: CommandQueue, depth: number): void {
    const bound = BOUNDS[queue]
    const isLong = this.#long.has(queue)
    if (isLong ? depth >= bound * BACKLOG_RELIEF_SHARE : depth < bound * BACKLOG_WARNING_SHARE) return
    if (isLong) this.#long.delete(queue)
    else this.#long.add(queue)
    this.#report({ event: 'commandBacklog', queue, state: isLong ? 'relieved' : 'long', depth, bound })
  }
}
