/**
 * From much that fails to the least that does: delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
 * Failure-Inducing Input", 2002), from coarse to fine: whole groups first, then runs of items of half the size each time, then
 * single items, over and over until nothing more can go. The result is 1-minimal: without any one of its items it fails no more.
 */

export interface Minimise<T> {
  readonly items: readonly T[]
  /** Whether these items alone, in the order of `items`, fail the same way. Has to give the same answer each time. */
  readonly fails: (kept: readonly T[]) => Promise<boolean>
  /** Groups to try whole, the coarsest first: items with the same answer go together. */
  readonly groups: readonly ((item: T) => string)[]
  /** Asked before every try; true ends the search with what it has. */
  readonly isOver?: () => boolean
}

export interface Minimised<T> {
  readonly items: readonly T[]
  /** Whether every one of them has been seen to be needed. */
  readonly isMinimal: boolean
  readonly tries: number
}

/** `items` as a whole must fail. */
export async function minimise<T>({ items, fails, groups: groupings, isOver = () => false }: Minimise<T>): Promise<Minimised<T>> {
  let kept = items
  let tries = 0
  /** Leaves these out, where it fails without them, too. */
  const drop = async (gone: ReadonlySet<T>): Promise<boolean> => {
    const rest = kept.filter((item) => !gone.has(item))
    tries++
    if (!(await fails(rest))) return false
    kept = rest
    return true
  }
  for (;;) {
    const before = kept.length
    for (const groupOf of groupings) {
      const groups = new Map<string, T[]>()
      for (const item of kept) {
        const group = groups.get(groupOf(item))
        if (group === undefined) groups.set(groupOf(item), [item])
        else group.push(item)
      }
      // The largest first: what is frequent tells least, and what is rare had better stay.
      for (const group of [...groups.values()].sort((a, b) => b.length - a.length)) {
        if (isOver()) return { items: kept, isMinimal: false, tries }
        await drop(new Set(group))
      }
    }
    for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      // From the end: what comes last is least likely to be needed by what is left.
      for (let end = kept.length; end > 0; end -= size) {
        if (isOver()) return { items: kept, isMinimal: false, tries }
        await drop(new Set(kept.slice(Math.max(0, end - size), end)))
      }
    }
    // The last sweep of single items left them all: each was tried against exactly the others.
    if (kept.length === before) return { items: kept, isMinimal: true, tries }
  }
}
