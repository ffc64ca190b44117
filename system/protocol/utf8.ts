/** UTF-8 both ways (RFC 3629). `TextEncoder` belongs to the platform, and the pure layers name nothing of the platform. */

const REPLACEMENT = 0xfffd

/** The UTF-8 bytes of `text`. A surrogate without its partner becomes U+FFFD, as in TextEncoder. */
export function utf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    let code = text.codePointAt(i)!
    if (code > 0xffff) i++
    else if (code >= 0xd800 && code <= 0xdfff) code = REPLACEMENT
    if (code < 0x80) {
      bytes[length++] = code
    } else if (code < 0x800) {
      bytes[length++] = 0xc0 | (code >> 6)
      bytes[length++] = 0x80 | (code & 0x3f)
    } else {
      if (code < 0x10000) {
        bytes[length++] = 0xe0 | (code >> 12)
      } else {
        bytes[length++] = 0xf0 | (code >> 18)
        bytes[length++] = 0x80 | ((code >> 12) & 0x3f)
      }
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f)
      bytes[length++] = 0x80 | (code & 0x3f)
    }
  }
  return bytes.slice(0, length)
}

/**
 * The text of the UTF-8 bytes in [from, to), or undefined where they are no well-formed UTF-8 (RFC 3629 section 4: no
 * overlong form, no surrogate, nothing above U+10FFFF). Peers must not be able to send two forms of one text.
 */
export function utf8Text(bytes: Uint8Array, from: number, to: number): string | undefined {
  let text = ''
  for (let i = from; i < to; ) {
    const lead = bytes[i++]
    const tailBytes = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1
    if (tailBytes < 0 || i + tailBytes > to) return undefined
    let code = tailBytes === 0 ? lead : lead & (0x3f >> tailBytes)
    for (const end = i + tailBytes; i < end; i++) {
      if ((bytes[i] & 0xc0) !== 0x80) return undefined
      code = (code << 6) | (bytes[i] & 0x3f)
    }
    const overlong = (tailBytes === 2 && code < 0x800) || (tailBytes === 3 && code < 0x10000)
    if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
    text += String.fromCodePoint(code)
  }
  return text
}
