/** Entries divided into messages: by count, and by bytes, since a payload may fill a message almost alone. */
import { assert } from '../assert.ts'
import { COMMAND_PAYLOAD_BYTES_MAX, ENTRIES_PER_MESSAGE_MAX } from '../limits.ts'
import { BODY_BYTES_MAX } from '../protocol/envelope.ts'
import type { CommandEntry } from '../protocol/messages.ts'

/** What an entry takes beside its payload, at the most; a message's own table is less than one of these. */
export const ENTRY_OVERHEAD_BYTES_MAX = 256
const ENTRIES_BYTES_MAX = BODY_BYTES_MAX - ENTRY_OVERHEAD_BYTES_MAX

assert(COMMAND_PAYLOAD_BYTES_MAX + ENTRY_OVERHEAD_BYTES_MAX <= ENTRIES_BYTES_MAX, 'the largest entry fits a message')

/** In order; none is empty. */
export function entryBatches(entries: readonly CommandEntry[]): CommandEntry[][] {
  const batches: CommandEntry[][] = []
  let bytes = Infinity
  for (const entry of entries) {
    const entryBytes = entry.payload.length + ENTRY_OVERHEAD_BYTES_MAX
    const last = batches.at(-1)
    if (last === undefined || last.length === ENTRIES_PER_MESSAGE_MAX || bytes + entryBytes > ENTRIES_BYTES_MAX) {
      batches.push([entry])
      bytes = entryBytes
    } else {
      last.push(entry)
      bytes += entryBytes
    }
  }
  return batches
}
