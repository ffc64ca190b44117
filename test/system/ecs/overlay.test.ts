import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bounds, COMPONENTS, Selection } from '../../../system/ecs/components.ts'
import { Overlay } from '../../../system/ecs/overlay.ts'
import { World } from '../../../system/ecs/world.ts'
import { apply, arbitraryWrites, ENTITIES } from './worlds.ts'

const property = { seed: 20261121, numRuns: 60 }

describe('overlay', () => {
  it('R-ECS-4 is_what_applying_the_same_writes_to_a_copy_is', () => {
    fc.assert(fc.property(arbitraryWrites(), arbitraryWrites(), arbitraryWrites(), (below, over, later) => {
      const world = new World()
      apply(world, below)
      const copy = new World()
      copy.copyFrom(world)
      const overlay = new Overlay(world)
      const upper = new Overlay(overlay)
      apply(overlay, over)
      apply(copy, over)
      apply(upper, later)
      apply(copy, later)
      const before = world.canonicalBytes()
      for (const component of COMPONENTS) {
        expect(upper.entities(component)).toEqual(copy.entities(component))
        for (const entity of ENTITIES) {
          expect(upper.has(entity, component)).toBe(copy.has(entity, component))
          expect(upper.get(entity, component)).toEqual(copy.get(entity, component))
        }
      }
      overlay.rewind(0)
      for (const component of COMPONENTS) expect(overlay.entities(component)).toEqual(world.entities(component))
      expect(world.canonicalBytes()).toEqual(before)
    }), property)
  })

  it('R-ECS-4 layers_are_taken_back_from_the_top_and_settled_from_below', () => {
    const layers = fc.array(arbitraryWrites(COMPONENTS, 12), { minLength: 1, maxLength: 8 })
    const steps = fc.array(fc.tuple(fc.constantFrom('rewind', 'settle', 'write'), fc.nat()), { maxLength: 12 })
    fc.assert(fc.property(layers, steps, (written, plan) => {
      const world = new World()
      const overlay = new Overlay(world)
      let kept: (typeof written)[number][] = []
      const write = (writes: (typeof written)[number]) => {
        overlay.begin()
        apply(overlay, writes)
        kept.push(writes)
      }
      written.forEach(write)
      for (const [kind, draw] of plan) {
        const count = draw % (kept.length + 1)
        if (kind === 'write') write(written[draw % written.length])
        else if (kind === 'rewind') {
          overlay.rewind(count)
          kept = kept.slice(0, count)
        } else {
          for (const writes of kept.splice(0, count)) apply(world, writes)
          overlay.settle(count)
        }
        expect(overlay.depth).toBe(kept.length)
        const copy = new World()
        copy.copyFrom(world)
        for (const writes of kept) apply(copy, writes)
        for (const component of COMPONENTS) {
          expect(overlay.entities(component)).toEqual(copy.entities(component))
          for (const entity of ENTITIES) expect(overlay.get(entity, component)).toEqual(copy.get(entity, component))
        }
      }
    }), property)
  })

  it('keeps_no_hold_of_the_row_it_was_given_and_refuses_what_a_world_refuses', () => {
    const overlay = new Overlay(new World())
    const row = { hx: 1, hy: 2, hz: 3 }
    overlay.set(1, Bounds, row)
    row.hx = 9
    expect(overlay.get(1, Bounds)).toEqual({ hx: 1, hy: 2, hz: 3 })
    expect(() => overlay.set(1, Bounds, { hx: -1, hy: 0, hz: 0 })).toThrow(RangeError)
    expect(overlay.get(1, Bounds)).toEqual({ hx: 1, hy: 2, hz: 3 })
  })

  it('shows_what_changes_underneath', () => {
    const world = new World()
    const overlay = new Overlay(world)
    overlay.set(1, Selection, { author: 1 })
    world.set(1, Selection, { author: 8 })
    world.set(2, Selection, { author: 9 })
    expect(overlay.get(1, Selection)).toEqual({ author: 1 })
    expect(overlay.get(2, Selection)).toEqual({ author: 9 })
    expect(overlay.entities(Selection)).toEqual([1, 2])
  })
})
