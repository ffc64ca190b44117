/**
 * What a process makes once, whoever asks first: runtimes that are the same for every run. What is remembered so must
 * never show in a trace.
 */

/** @param build makes a value other than undefined; called at the first use. */
export function once<T>(build: () => T): () => T {
  let built: T | undefined
  return () => (built ??= build())
}
