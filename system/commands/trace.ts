/** What tells a command apart through all that happens to it: its author, and the Lamport time at which it was first signed. */
import type { Lamport } from '../ids.ts'
import type { CommandEntry } from '../protocol/messages.ts'

export const traceOf = ({ trace, lamport }: Pick<CommandEntry, 'trace' | 'lamport'>): Lamport => (trace === 0 ? lamport : trace)
