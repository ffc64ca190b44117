/** Key logs in the format of NSS, which capture readers take for TLS and QUIC: a line `label random secret`, in hexadecimal, a secret. */

/** What several ends of the same connections logged, each line once, in the order of their first appearance. */
export function keyLogText(lines: Iterable<string>): string {
  let text = ''
  for (const line of new Set(lines)) text += `${line}\n`
  return text
}
