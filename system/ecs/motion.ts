/**
 * Where a row is going: what its last changes tell of the next one. Both ends of a session keep a track beside each row that moves and
 * advance it with every change in the same way, so that a change is told as what the prediction missed. Full rows carry their track:
 * whoever comes late predicts the same. A track is no state: a digest does not cover it, and a wrong one shows in the next change.
 *
 * A track has three words for each part of the motion, the parts of position before those of rotation, and unrest at its end:
 *
 *     offset        where the motion is, seen without rounding, against where the row has it
 *     velocity      of the next change
 *     acceleration  what is added to the velocity with each change
 *     ...
 *     unrest        of each part of position, then of the rotation: bits that the misses of late took, 0 to UNREST_MAX
 *
 * Positions are tracked in 1/64 of their step, rotations in the 1/32767 of their parts, which are finer than their levels.
 */
import { readField } from './canonical.ts'
import type { AnyLayout } from './component.ts'
import { ROTATION_ONE } from './components.ts'
import { ROTATION_LEVELS } from './rotation.ts'

/** Words of a track. */
export type Track = Int32Array

const WORDS_PER_PART = 3
export const UNREST_MAX = 7
/** Parts of a step of position. */
export const TRACK_PARTS = 64
/** A miss of more steps of position, or levels of rotation, is no motion that goes on but a bounce or a jump. */
const JUMP_STEPS = 16
const JUMP_PARTS = JUMP_STEPS * TRACK_PARTS
const JUMP_TURN = Math.floor((JUMP_STEPS * ROTATION_ONE) / ROTATION_LEVELS)

export const trackWords = ({ motion, rotation }: AnyLayout): number =>
  (motion.length + rotation.length) * WORDS_PER_PART + motion.length + Math.min(1, rotation.length)
/** Where the unrest of position stands, a word for each part; that of rotation comes next. */
export const unrestAt = ({ motion, rotation }: AnyLayout): number => (motion.length + rotation.length) * WORDS_PER_PART

/** Where the track has part `part` next, `from` being where the row has it: in the track's own parts. */
export function predicted(track: Track, part: number, from: number): number {
  const at = part * WORDS_PER_PART
  return from + track[at] + track[at + 1] + track[at + 2]
}

const clamped = (word: number): number => Math.max(-0x80000000, Math.min(0x7fffffff, word))

/** Follows one part to where it came, `missed` beyond its prediction. The gains are those of an alpha-beta-gamma filter: 3/4, 3/8, 1/8. */
function follow(track: Track, part: number, moved: number, missed: number, isJump: boolean): void {
  const at = part * WORDS_PER_PART
  const velocity = track[at + 1]
  const acceleration = track[at + 2]
  // Out of rest there is nothing to be smooth with. A jump keeps its acceleration: what bounces goes on falling.
  if (isJump || (velocity === 0 && acceleration === 0)) {
    track[at] = 0
    track[at + 1] = clamped(moved)
    return
  }
  track[at] = clamped(-Math.floor(missed / 4 + 0.5))
  track[at + 1] = clamped(velocity + acceleration + Math.floor((missed * 3) / 8 + 0.5))
  track[at + 2] = clamped(acceleration + Math.floor(missed / 8 + 0.5))
}

/** Unrest after another miss of so many steps: as much as that takes, or somewhat less than before. */
function calmed(unrest: number, steps: number): number {
  const bits = 32 - Math.clz32(Math.min(0x7fffffff, Math.floor(steps + 0.5)))
  return Math.min(UNREST_MAX, Math.max(bits, unrest - 2, 0))
}

/** Advances a track by the change of its row from `before` to `after`. */
export function advanceTrack(layout: AnyLayout, track: Track, before: Uint8Array, after: Uint8Array): void {
  const { motion, rotation } = layout
  const unrest = unrestAt(layout)
  for (let part = 0; part < motion.length; part++) {
    const from = readField(before, 0, motion[part]) * TRACK_PARTS
    const to = readField(after, 0, motion[part]) * TRACK_PARTS
    const missed = to - predicted(track, part, from)
    follow(track, part, to - from, missed, Math.abs(missed) > JUMP_PARTS)
    track[unrest + part] = calmed(track[unrest + part], Math.abs(missed) / TRACK_PARTS)
  }
  if (rotation.length > 0) advanceRotation(layout, track, before, after, unrest + motion.length)
}

/** q and -q are one rotation: the track goes on with the one that is nearer to what it foresaw, and ends with the one that is stored. */
function advanceRotation({ motion, rotation }: AnyLayout, track: Track, before: Uint8Array, after: Uint8Array, unrest: number): void {
  let alike = 0
  for (let k = 0; k < rotation.length; k++) {
    alike += predicted(track, motion.length + k, readField(before, 0, rotation[k])) * readField(after, 0, rotation[k])
  }
  const sign = alike < 0 ? -1 : 1
  let worst = 0
  for (let k = 0; k < rotation.length; k++) {
    const missed = sign * readField(after, 0, rotation[k]) - predicted(track, motion.length + k, readField(before, 0, rotation[k]))
    worst = Math.max(worst, Math.abs(missed))
  }
  for (let k = 0; k < rotation.length; k++) {
    const part = motion.length + k
    const from = readField(before, 0, rotation[k])
    const to = sign * readField(after, 0, rotation[k])
    follow(track, part, to - from, to - predicted(track, part, from), worst > JUMP_TURN)
    if (sign > 0) continue
    for (let word = part * WORDS_PER_PART; word < (part + 1) * WORDS_PER_PART; word++) track[word] = clamped(-track[word])
  }
  track[unrest] = calmed(track[unrest], (worst * ROTATION_LEVELS) / ROTATION_ONE)
}
