/**
 * A client's interest on its way into force: what its user wants, and what the host was told of it last. One interest is under way at a
 * time; it is in force with the first frame that carries its mark.
 */
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { INTEREST_TIMEOUT_US } from '../limits.ts'
import type { Cell, InterestSet } from '../protocol/messages.ts'
import { cellsOf, EVERYTHING, type Interest, interestOf } from '../replication/interest.ts'
import type { Intent } from './peer.ts'

interface Wish {
  readonly interest: Interest
  readonly cells: readonly Cell[]
  readonly tools: readonly number[]
}
const ALL: Wish = { interest: EVERYTHING, cells: [], tools: [] }

export class Subscription {
  #wish = ALL
  #told = ALL
  #toldAtUs = -Infinity

  /** The user wants to see this region and to hear of these tools. False, and nothing is changed, where one message cannot say it. */
  want({ min, max, tools }: Extract<Intent, { readonly kind: 'subscribeToRegion' }>): boolean {
    const cells = cellsOf(min, max)
    if (cells === undefined || tools.length > COUNT_MAX.InterestSet.tools) return false
    this.#wish = { interest: interestOf({ everything: false, cells }), cells, tools }
    return true
  }
  /** The user wants everything. */
  wantAll(): void {
    this.#wish = ALL
  }

  /** Another connection begins with everything. */
  begin(): void {
    this.#told = ALL
    this.#toldAtUs = -Infinity
  }

  /** The interest that a frame may bring into force. */
  named(mark: number): Interest | undefined {
    return [EVERYTHING, this.#told.interest].find((interest) => interest.mark === mark)
  }

  /** What to tell the host now, with the interest of this mark in force. */
  due(mark: number, epoch: number, nowUs: number): InterestSet | undefined {
    if (this.#told.interest.mark !== mark) {
      if (nowUs - this.#toldAtUs < INTEREST_TIMEOUT_US) return undefined
    } else {
      if (this.#told === this.#wish) return undefined
      this.#told = this.#wish
    }
    this.#toldAtUs = nowUs
    const { interest, cells, tools } = this.#told
    return { kind: 'InterestSet', epoch, everything: interest === EVERYTHING, cells, tools }
  }
}
