/** Thrown by {@link assert}: a bug of ours, never something a peer sent. The driver ends the run with exit 3. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** States an invariant of our own. Always on. Bytes from a peer must never reach one that they can falsify. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new AssertionError(why)
}
