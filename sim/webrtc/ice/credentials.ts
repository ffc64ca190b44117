/** What the checks of one generation are signed with (RFC 8445, section 5.3). */
import { mix32 } from '../../choice.ts'

export interface IceCredentials {
  /** At least 24 bits: 4 to 256 letters, digits, + and /. */
  readonly ufrag: string
  /** At least 128 bits: 22 to 256 of the same. */
  readonly password: string
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** What libwebrtc draws. */
const UFRAG_LETTERS = 4
const PASSWORD_LETTERS = 24

/** Those that follow from an unsigned 32-bit integer, of the first generation (0) and of each after a restart. */
export function iceCredentials(secret: number, generation: number): IceCredentials {
  const basis = mix32(secret, generation)
  const letters = (from: number, count: number): string => {
    let text = ''
    for (let i = from; i < from + count; i++) text += LETTERS[mix32(basis, i) & 63]
    return text
  }
  return { ufrag: letters(0, UFRAG_LETTERS), password: letters(UFRAG_LETTERS, PASSWORD_LETTERS) }
}
