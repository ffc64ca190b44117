/**
 * The compression dictionaries of this build: schemas/dictionaries/<version>.dictionary, raw content that `theta-sim train` chose. Peers
 * negotiate versions; a version's bytes never change, and a better dictionary is a new one.
 */

export interface DictionaryRecord {
  /** Above 0. */
  readonly version: number
  /** Hexadecimal, of the whole file. */
  readonly sha256: string
}

/** The best first. */
export const DICTIONARIES: readonly DictionaryRecord[] = [
  { version: 1, sha256: '0ca6d0e6bc24d13fe65cccec5573f935873547ad3f50359766d0d37541d208ba' },
]
