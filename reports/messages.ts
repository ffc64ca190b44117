/** Messages and their bytes by sender, receiver, channel and type. */
import type { MessageSent } from './input.ts'
import type { Members } from './members.ts'

export interface MessageRow {
  readonly from: string
  readonly to: string
  readonly channel: string
  readonly message: string
  readonly count: number
  readonly bytes: number
}
interface Tally {
  readonly node: number
  readonly peer: number
  readonly channel: string
  readonly message: string
  count: number
  bytes: number
}

export class Messages {
  readonly #byNode = new Map<number, Map<number, Map<string, Tally[]>>>()

  sent(node: number, { peer, message, channel, bytes }: MessageSent): void {
    const byMessage = nested(nested(this.#byNode, node), peer)
    let tallies = byMessage.get(message)
    if (tallies === undefined) byMessage.set(message, (tallies = []))
    // A type of message has one channel, and seldom a second: repair goes over the control channel.
    let tally = tallies.find((one) => one.channel === channel)
    if (tally === undefined) tallies.push((tally = { node, peer, channel, message, count: 0, bytes: 0 }))
    tally.count++
    tally.bytes += bytes
  }

  rows(members: Members): MessageRow[] {
    const rows = new Map<string, { -readonly [K in keyof MessageRow]: MessageRow[K] }>()
    for (const byPeer of this.#byNode.values()) for (const byMessage of byPeer.values()) for (const tallies of byMessage.values()) {
      for (const { node, peer, channel, message, count, bytes } of tallies) {
        const from = members.nodeName(node)
        // A peer talks to nobody but the host, and knows so before the handshake has named it.
        const to = node === members.host ? members.authorName(peer) : members.nodeName(members.host)
        const key = JSON.stringify([from, to, channel, message])
        const row = rows.get(key)
        if (row === undefined) rows.set(key, { from, to, channel, message, count, bytes })
        else {
          row.count += count
          row.bytes += bytes
        }
      }
    }
    return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  }
}

function nested<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let inner = map.get(key)
  if (inner === undefined) map.set(key, (inner = new Map<L, V>()))
  return inner
}
