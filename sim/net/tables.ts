/**
 * Distributions in netem's form: by rank, in 4096 ranks of equal probability, a deviation from the mean in units of which 8192 are one
 * standard deviation. They are made by + - * / alone, which every engine does alike (logarithms and powers are not).
 *
 * - `normal`: the quantiles in the middle of each rank.
 * - `pareto`: of a Pareto distribution of shape 3, as netem makes it: mean 3/2, scaled by 4/3, cut at 4.
 * - `paretonormal`: a quarter of the normal one and three quarters of Pareto's, rank by rank, as netem mixes them.
 */
export const RANKS = 4096
/** One standard deviation in a table. */
export const TABLE_DEVIATION = 8192
const TABLE_MAX = 32767

const rounded = (deviations: number): number => Math.min(TABLE_MAX, Math.floor(deviations * TABLE_DEVIATION + 0.5))

/**
 * Goes along the bell curve from its middle, in steps of h. Its density falls from one step to the next by a factor that itself falls
 * by exp(-h^2); the sum (trapezoids, wrong by less than 1e-7) is the probability, and every rank lies within one step of it.
 */
function normal(): Int16Array {
  const h = 1 / 1024
  const t = h * h
  const exp = (y: number): number => 1 + y + (y * y) / 2 + (y * y * y) / 6
  const fall = exp(-t)
  let factor = exp(-t / 2)
  let density = 0.3989422804014327
  let probability = 0.5
  let x = 0
  let share = 0
  const table = new Int16Array(RANKS)
  for (let rank = RANKS / 2; rank < RANKS; rank++) {
    const wanted = (rank + 0.5) / RANKS
    while (probability + share < wanted) {
      probability += share
      if (share !== 0) x += h
      share = (h * density * (1 + factor)) / 2
      density *= factor
      factor *= fall
    }
    table[rank] = rounded(x + (h * (wanted - probability)) / share)
    table[RANKS - 1 - rank] = -table[rank]
  }
  return table
}

/** (1 - rank / RANKS)^(-1/3) by Newton's method, from below, where it only rises. */
function pareto(): Int16Array {
  let root = 1
  return Int16Array.from({ length: RANKS }, (_, rank) => {
    const u = 1 - rank / RANKS
    for (let next = root; ; root = next) {
      next = (root * (4 - u * root * root * root)) / 3
      if (next <= root) return rounded(((root - 1.5) * 4) / 3)
    }
  })
}

const NORMAL = normal()
const PARETO = pareto()

export const TABLES: Readonly<Record<'normal' | 'pareto' | 'paretonormal', Readonly<Int16Array>>> = {
  normal: NORMAL, pareto: PARETO,
  paretonormal: NORMAL.map((bell, rank) => Math.floor((bell + 3 * PARETO[rank] + 2) / 4)),
}
