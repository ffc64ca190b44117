/**
 * Rows told by a range coder: whole, against the row that was told before it; or as the change from what both sides have, against the
 * prediction of its motion. What is told is lossless, whatever a row holds, and one description serves both directions: an encoder
 * reads the row, a decoder fills it.
 *
 *     update   position   for each part, what the prediction missed, in steps; contexts by unrest and by the prediction's fraction
 *              rotation   whether it is one of the stream's; if so the largest part, whether it is the one foreseen, and what the
 *                         prediction of the other three missed, in levels; otherwise four parts of 16 bits
 *              values     for each field whether it changed; if so, by how much
 *     whole    every field against the row before, the revision, and the track where there is motion
 */
import { FIELD_RANGE, readField, writeField } from '../ecs/canonical.ts'
import { type AnyComponent, type Field, FIELDS_MAX } from '../ecs/component.ts'
import { ROTATION_ONE } from '../ecs/components.ts'
import { predicted, type Track, TRACK_PARTS, trackWords, UNREST_MAX, unrestAt } from '../ecs/motion.ts'
import { largestPart, levelsOfParts, partsOfLevels, ROTATION_LEVEL_MAX, ROTATION_LEVELS } from '../ecs/rotation.ts'
import { codeInteger, codeSplitInteger, INTEGER_CONTEXTS } from './numbers.ts'
import { beginAs, type Coder, type Contexts, newContexts, startAt } from './rangecoder.ts'

const FRACTIONS = 4
const UNRESTS = UNREST_MAX + 1
/** Contexts of what a prediction missed: zero and sign by unrest and fraction, the magnitude by unrest. */
const MISS_CONTEXTS = UNRESTS * (2 * FRACTIONS + INTEGER_CONTEXTS)
const PART_BITS = 16
const PART_SPAN = 2 ** PART_BITS
const UNREST_BITS = 3
const PARTS = 4
/** Words that differ so much in size that each has contexts of its own: offset, velocity, acceleration. */
const TRACK_KINDS = 3
const U32_MAX = 0xffffffff

// Contexts of an update, beside those of its fields.
const POSITION_AT = 0
const ROTATION_AT = POSITION_AT + MISS_CONTEXTS
const IS_OTHER_AT = ROTATION_AT + MISS_CONTEXTS
const IS_FORESEEN_AT = IS_OTHER_AT + 1
const VALUES_AT = IS_FORESEEN_AT + 1
// Contexts of a whole row, beside those of its fields.
const REVISION_AT = 0
const HAS_TRACK_AT = REVISION_AT + INTEGER_CONTEXTS
const TRACK_AT = HAS_TRACK_AT + 1
const FIELDS_AT = TRACK_AT + 2 * TRACK_KINDS * INTEGER_CONTEXTS

/*
 * What is likely before a segment has told anything, in 1/256: how often each came first to fourth in its segment, over four seeds each of
 * loopback-120, late-join, partition-heals and swarm and 300 frames of 250 bodies that circle and bounce, rounded.
 */
/** Nothing missed, by unrest. */
const NONE_STARTS = [150, 140, 80, 40, 50, 60, 50, 25]
/** A miss above zero, by fraction, while there is little unrest: the number was rounded the other way. */
const ABOVE_STARTS = [30, 85, 165, 225]
const LITTLE_UNREST = 2
/** No further bit of the magnitude, by unrest and by how many there are. */
const LAST_BIT_STARTS = [
  [190, 140], [200, 200], [120, 220, 160], [50, 100, 200], [70, 60, 80, 130], [80, 70, 80, 100], [40, 25, 40, 90], [30, 25, 30, 80],
]
const SAME_START = 250

/** Contexts of an update of so many values, and of a whole row of so many fields. */
const updateContexts = (values: number): number => VALUES_AT + values * (1 + INTEGER_CONTEXTS)
const wholeContexts = (fields: number): number => FIELDS_AT + fields * INTEGER_CONTEXTS

function updateStarts(): Contexts {
  const contexts = newContexts(updateContexts(FIELDS_MAX))
  for (const at of [POSITION_AT, ROTATION_AT]) {
    for (let unrest = 0; unrest < UNRESTS; unrest++) {
      for (let fraction = 0; fraction < FRACTIONS; fraction++) {
        const zeroAt = at + (unrest * FRACTIONS + fraction) * 2
        startAt(contexts, zeroAt, NONE_STARTS[unrest])
        if (unrest <= LITTLE_UNREST) startAt(contexts, zeroAt + 1, ABOVE_STARTS[fraction])
      }
      const magnitudeAt = at + UNRESTS * 2 * FRACTIONS + unrest * INTEGER_CONTEXTS
      LAST_BIT_STARTS[unrest].forEach((start, bits) => startAt(contexts, magnitudeAt + bits, start))
    }
  }
  for (const at of [IS_OTHER_AT, IS_FORESEEN_AT]) startAt(contexts, at, SAME_START)
  for (let index = 0; index < FIELDS_MAX; index++) startAt(contexts, VALUES_AT + index * (1 + INTEGER_CONTEXTS), SAME_START)
  return contexts
}

// Made once and copied for each segment, as far as its rows have fields.
const UPDATE_STARTS = updateStarts()
const WHOLE_STARTS = newContexts(wholeContexts(FIELDS_MAX))

/** The number that prediction foresaw, and where between two numbers it was: 0 to FRACTIONS - 1. */
interface Foresight {
  readonly value: number
  readonly fraction: number
}
const foresight = (parts: number, unit: number): Foresight => {
  const value = Math.floor(parts / unit + 0.5)
  const fraction = Math.floor(((parts - value * unit) / unit + 0.5) * FRACTIONS)
  return { value, fraction: Math.max(0, Math.min(FRACTIONS - 1, fraction)) }
}

/** Tells rows of one component, one after the other. */
export class RowCoder {
  #coder: Coder
  readonly #component: AnyComponent
  /** Begun when they are needed: most segments tell updates, or whole rows, not both. */
  #updates: Contexts | undefined
  #wholes: Contexts | undefined
  #hasUpdates = false
  #hasWholes = false
  /** The row that was told whole last, of zeros before the first. */
  readonly #last: Uint8Array
  #lastRevision = 0
  readonly #parts = new Int32Array(PARTS)
  readonly #foreseen = new Float64Array(PARTS)
  readonly #levels = new Int32Array(PARTS - 1)

  constructor(coder: Coder, component: AnyComponent) {
    this.#coder = coder
    this.#component = component
    this.#last = new Uint8Array(component.stride)
  }

  /** Forgets what was told, and goes on with another coder in the same memory. */
  restart(coder: Coder): void {
    this.#coder = coder
    this.#hasUpdates = this.#hasWholes = false
    this.#last.fill(0)
    this.#lastRevision = 0
  }

  /** The change of a row from `before`, whose track is `track`, to `row`. A decoder is given a copy of `before` and fills it. */
  update(before: Uint8Array, track: Track, row: Uint8Array): void {
    const { motion, rotation, values } = this.#component
    const contexts = this.#updateContexts()
    const unrest = unrestAt(this.#component)
    for (let part = 0; part < motion.length; part++) {
      const foreseen = foresight(predicted(track, part, readField(before, 0, motion[part]) * TRACK_PARTS), TRACK_PARTS)
      this.#fill(motion[part], row, this.#miss(contexts, POSITION_AT, track[unrest + part], foreseen, readField(row, 0, motion[part])))
    }
    if (rotation.length > 0) this.#rotation(contexts, before, track, track[unrest + motion.length], row)
    for (let index = 0; index < values.length; index++) {
      const at = VALUES_AT + index * (1 + INTEGER_CONTEXTS)
      const from = readField(before, 0, values[index])
      const by = readField(row, 0, values[index]) - from
      if (this.#coder.bit(contexts, at, by === 0 ? 0 : 1) === 0) continue
      this.#fill(values[index], row, from + codeInteger(this.#coder, contexts, at + 1, by))
    }
  }

  /** A whole row and its track, which a decoder fills. Returns its revision. */
  whole(row: Uint8Array, revision: number, track: Track): number {
    const { fields } = this.#component
    const contexts = this.#wholeContexts()
    const coder = this.#coder
    for (const field of fields) {
      const last = readField(this.#last, 0, field)
      const by = codeInteger(coder, contexts, FIELDS_AT + field.index * INTEGER_CONTEXTS, readField(row, 0, field) - last)
      this.#fill(field, row, last + by)
      writeField(this.#last, this.#component, field, readField(row, 0, field))
    }
    const told = this.#lastRevision + codeInteger(coder, contexts, REVISION_AT, revision - this.#lastRevision)
    if (told < 0 || told > U32_MAX) coder.fail()
    this.#lastRevision = told
    if (track.length > 0) this.#track(contexts, track)
    return told
  }

  #updateContexts(): Contexts {
    if (this.#updates !== undefined && this.#hasUpdates) return this.#updates
    this.#hasUpdates = true
    return (this.#updates = beginAs(UPDATE_STARTS, updateContexts(this.#component.values.length), this.#updates))
  }
  #wholeContexts(): Contexts {
    if (this.#wholes !== undefined && this.#hasWholes) return this.#wholes
    this.#hasWholes = true
    return (this.#wholes = beginAs(WHOLE_STARTS, wholeContexts(this.#component.fields.length), this.#wholes))
  }

  #track(contexts: Contexts, track: Track): void {
    const coder = this.#coder
    if (coder.bit(contexts, HAS_TRACK_AT, track.some((word) => word !== 0) ? 1 : 0) === 0) return
    const words = unrestAt(this.#component)
    const positionWords = TRACK_KINDS * this.#component.motion.length
    for (let at = 0; at < words; at++) {
      const kind = (at % TRACK_KINDS) + (at < positionWords ? 0 : TRACK_KINDS)
      track[at] = codeInteger(coder, contexts, TRACK_AT + kind * INTEGER_CONTEXTS, track[at])
    }
    for (let at = words; at < trackWords(this.#component); at++) track[at] = coder.raw(UNREST_BITS, track[at])
  }

  #rotation(contexts: Contexts, before: Uint8Array, track: Track, unrest: number, row: Uint8Array): void {
    const coder = this.#coder
    const { motion, rotation } = this.#component
    const [parts, foreseen, levels] = [this.#parts, this.#foreseen, this.#levels]
    for (let k = 0; k < PARTS; k++) {
      foreseen[k] = predicted(track, motion.length + k, readField(before, 0, rotation[k]))
      parts[k] = readField(row, 0, rotation[k])
    }
    const found = coder.isEncoder ? levelsOfParts(parts, levels) : 0
    if (coder.bit(contexts, IS_OTHER_AT, found < 0 ? 1 : 0) === 1) {
      for (let k = 0; k < PARTS; k++) {
        const bits = coder.raw(PART_BITS, (parts[k] + PART_SPAN) % PART_SPAN)
        this.#fill(rotation[k], row, bits < PART_SPAN / 2 ? bits : bits - PART_SPAN)
      }
      return
    }
    const guess = largestPart(foreseen)
    const isForeseen = coder.bit(contexts, IS_FORESEEN_AT, found === guess ? 0 : 1) === 0
    const largest = isForeseen ? guess : coder.raw(2, found)
    // q and -q are one rotation: the one that is told has its largest part above zero.
    const unit = (foreseen[largest] < 0 ? -ROTATION_ONE : ROTATION_ONE) / ROTATION_LEVELS
    for (let k = 0, at = 0; k < PARTS; k++) {
      if (k === largest) continue
      levels[at] = this.#miss(contexts, ROTATION_AT, unrest, foresight(foreseen[k], unit), levels[at])
      if (Math.abs(levels[at++]) > ROTATION_LEVEL_MAX) coder.fail()
    }
    if (coder.isEncoder || coder.isBroken) return
    partsOfLevels(largest, levels, parts)
    for (let k = 0; k < PARTS; k++) writeField(row, this.#component, rotation[k], parts[k])
  }

  #miss(contexts: Contexts, at: number, unrest: number, { value, fraction }: Foresight, wanted: number): number {
    const zeroAt = at + (unrest * FRACTIONS + fraction) * 2
    const magnitudeAt = at + UNRESTS * 2 * FRACTIONS + unrest * INTEGER_CONTEXTS
    return value + codeSplitInteger(this.#coder, contexts, zeroAt, zeroAt + 1, magnitudeAt, wanted - value)
  }

  /** What a decoder found goes into its field, if it can. */
  #fill(field: Field, row: Uint8Array, value: number): void {
    if (this.#coder.isEncoder) return
    const { min, max } = FIELD_RANGE[field.type]
    if (value < min || value > max) this.#coder.fail()
    else writeField(row, this.#component, field, value)
  }
}
