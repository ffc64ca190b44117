/** Two byte strings side by side, for people. */

const LINE_BYTES = 16

/**
 * Lines around `offset`, at least `contextBytes` to each side: one where both sides are the same, else one for each, with
 * an asterisk behind each byte that differs and `--` where a side has ended.
 *
 *     00000010  both  02 00 00 00 ...
 *     00000020  host  01 00 07*00 ...
 *               peer  01 00 05*00 ...
 */
export function hexdump(host: Uint8Array, peer: Uint8Array, offset: number, contextBytes: number): string[] {
  const lines: string[] = []
  const from = Math.max(0, offset - contextBytes)
  const to = Math.min(Math.max(host.length, peer.length), offset + contextBytes + 1)
  for (let at = from - (from % LINE_BYTES); at < to; at += LINE_BYTES) {
    const place = at.toString(16).padStart(8, '0')
    const [hostLine, peerLine] = [hexLine(host, peer, at), hexLine(peer, host, at)]
    if (hostLine === peerLine) lines.push(`${place}  both  ${hostLine}`)
    else lines.push(`${place}  host  ${hostLine}`, `${' '.repeat(place.length)}  peer  ${peerLine}`)
  }
  return lines
}

function hexLine(bytes: Uint8Array, other: Uint8Array, from: number): string {
  let line = ''
  for (let at = from; at < from + LINE_BYTES && (at < bytes.length || at < other.length); at++) {
    const byte = bytes[at]
    line += byte === undefined ? '--' : byte.toString(16).padStart(2, '0')
    line += byte === other[at] ? ' ' : '*'
  }
  return line.trimEnd()
}
