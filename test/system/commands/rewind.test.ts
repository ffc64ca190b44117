/** The speculative view: what it shows is what folding everything anew would show, and it costs what an entry rewinds. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldEntry } from '../../../system/commands/fold.ts'
import type { CommandLog, LogPosition } from '../../../system/commands/log.ts'
import { entityTranslate } from '../../../system/commands/registry.ts'
import { Transform } from '../../../system/ecs/components.ts'
import { Overlay } from '../../../system/ecs/overlay.ts'
import type { ReadStore } from '../../../system/ecs/store.ts'
import type { World } from '../../../system/ecs/world.ts'
import { Codec } from '../../../system/protocol/codec.ts'
import type { CommandEntry } from '../../../system/protocol/messages.ts'
import { storeText } from '../../support/mapstore.ts'
import { ANA, BEN, crate, entryOf, joinedAt, newLog, spawnedAt } from './entries.ts'
import { arbitraryEntry, CLEO, placeOf } from './histories.ts'

const CODEC = new Codec()
const CRATE = crate(ANA, 1)
const textOf = (store: ReadStore): string => storeText(store)

/** Everything that waits, folded over the closed world from nothing. */
function foldedAnew(log: CommandLog, world: World): Overlay {
  const overlay = new Overlay(world)
  for (const { entry } of log.pending) foldEntry(entry, overlay, CODEC)
  return overlay
}

/** Where a log stands that knows nothing but the position and what was admitted since. */
function linkedAnew(log: CommandLog, lamport: number): LogPosition {
  const fresh = newLog()
  fresh.log.adopt(log.position)
  fresh.take(...log.pending.filter(({ admitted }) => admitted).map(({ entry }) => entry))
  return fresh.log.positionAt(lamport)
}

const LAST = 40
/** What happens to a log: an entry comes, an own one is withdrawn, the log closes, a snapshot comes, somebody looks. */
interface Step {
  readonly kind: 'admit' | 'give' | 'told' | 'withdraw' | 'close' | 'adopt' | 'look'
  readonly draw: number
}
const arbitraryStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('admit', 'admit', 'admit', 'admit', 'give', 'give', 'told', 'withdraw', 'close', 'adopt', 'look', 'look'),
  draw: fc.nat(),
})
const arbitraryEntries = fc.uniqueArray(arbitraryEntry(5, LAST), { selector: placeOf, minLength: 10, maxLength: 40 })

function step({ log, world, take }: ReturnType<typeof newLog>, { kind, draw }: Step, left: CommandEntry[], frame: number): void {
  const [entry] = left.length > 0 && (kind === 'admit' || kind === 'give') ? left.splice(draw % left.length, 1) : []
  const own = log.unadmitted()
  const closed = log.position.closedLamport
  switch (kind) {
    case 'admit': if (entry !== undefined) take(entry); return
    case 'give': if (entry !== undefined) log.integrate(entry, false); return
    case 'told': if (own.length > 0) take(own[draw % own.length]); return
    case 'withdraw': {
      const one = own[draw % own.length]
      if (one !== undefined) log.withdraw(one.lamport, one.author)
      return
    }
    case 'close': return log.closeUpTo(Math.min(LAST, closed + (draw % 9)), frame)
    case 'adopt':
      if (draw % 4 !== 0) return
      world.set(CRATE, Transform, { x: draw % 99, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: 1, sx: 1, sy: 1, sz: 1 })
      return log.adopt({ ...log.position, closedLamport: Math.min(LAST, closed + 2) })
    case 'look': log.view.entities(Transform)
  }
}

describe('rewinding', () => {
  it('R-LOG-11 whatever comes, is withdrawn or closes, the view is what folding everything anew shows', () => {
    let rewound = 0
    fc.assert(fc.property(arbitraryEntries, fc.array(arbitraryStep, { minLength: 20, maxLength: 70 }), (entries, steps) => {
      const under = newLog()
      under.take(joinedAt(1, ANA, 'admin'), joinedAt(2, BEN), joinedAt(3, CLEO, 'viewer'), spawnedAt(4, CRATE, ANA))
      const left = [...entries]
      steps.forEach((one, frame) => {
        step(under, one, left, frame)
        expect(under.log.positionAt(5 + (one.draw % LAST))).toEqual(linkedAnew(under.log, 5 + (one.draw % LAST)))
        if (frame % 3 === 0) expect(textOf(under.log.view)).toBe(textOf(foldedAnew(under.log, under.world)))
      })
      expect(textOf(under.log.view)).toBe(textOf(foldedAnew(under.log, under.world)))
      rewound += under.log.depth
      under.log.closeUpTo(LAST, 99)
      // What is left is what nobody admitted; what closed is in the world as the naive order has it.
      expect(textOf(under.log.view)).toBe(textOf(foldedAnew(under.log, under.world)))
    }), { seed: 41, numRuns: 150 })
    expect(rewound).toBeGreaterThan(300)
  })

  /** Moves of a crate at these Lamport times that count how often they are folded: a fold reads the payload once. */
  class Counted {
    reads = 0
    readonly under = newLog()

    constructor(lamports: readonly number[]) {
      this.under.take(joinedAt(1, ANA), spawnedAt(2, CRATE, ANA), ...lamports.map((lamport) => this.move(lamport)))
      this.foldsOfLook()
    }
    move(lamport: number): CommandEntry {
      const { payload, ...entry } = entryOf(ANA, lamport, entityTranslate, { entity: CRATE, dx: 1, dy: 0, dz: 0 })
      const read = () => {
        this.reads++
        return payload
      }
      return { ...entry, get payload() { return read() } }
    }
    foldsOfLook(): number {
      this.reads = 0
      this.under.log.view.get(CRATE, Transform)
      return this.reads
    }
  }
  const tens = (count: number) => Array.from({ length: count }, (_, i) => 10 * (i + 1))

  it.each([[400, 1], [390, 11], [200, 201], [0, 401]])('R-LOG-11 an entry behind %i of 400 has %i folded', (behind, folds) => {
    const counted = new Counted(tens(400))
    counted.under.take(counted.move(10 * behind + 5))
    expect(counted.foldsOfLook()).toBe(folds)
    expect(counted.under.log.view.get(CRATE, Transform)?.x).toBe(401)
  })

  it('R-LOG-11 what closes from below, and what comes on top, has nothing else folded anew', () => {
    const counted = new Counted(tens(100))
    counted.under.log.closeUpTo(500, 0)
    expect(counted.foldsOfLook()).toBe(0)
    counted.under.take(counted.move(2000))
    expect(counted.foldsOfLook()).toBe(1)
    // An own entry that the closed mark passes lies above what closed behind it.
    counted.under.log.integrate(counted.move(505), false)
    counted.under.log.closeUpTo(600, 1)
    expect(counted.foldsOfLook()).toBe(1 + 40 + 1)
    expect(counted.under.log.view.get(CRATE, Transform)?.x).toBe(102)
  })
})
