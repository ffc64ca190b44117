/** The signals that ask a process to end. */
import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
export type EndSignal = (typeof SIGNALS)[number]

/**
 * From now on such a signal is told, and ends nothing by itself.
 * @param act may be called more than once.
 * @returns what puts it back as it was.
 */
export function onEndSignal(act: (signal: EndSignal) => void): () => void {
  for (const signal of SIGNALS) process.on(signal, act)
  return () => { for (const signal of SIGNALS) process.off(signal, act) }
}

/** What a shell says of a process that a signal ended: 130 for SIGINT, 143 for SIGTERM. */
export const exitCodeOf = (signal: EndSignal): number => 128 + constants.signals[signal]
