/**
 * The compression dictionaries of this build: schemas/dictionaries/<version>.dictionary, raw content that `theta-sim train` chose. Peers
 * negotiate versions; a version's bytes never change, and a better dictionary is a new one. The first was of protocol 2.0.0's bodies.
 */

export interface DictionaryRecord {
  /** Above 0. */
  readonly version: number
  /** Hexadecimal, of the whole file. */
  readonly sha256: string
}

/** The best first. */
export const DICTIONARIES: readonly DictionaryRecord[] = [
  { version: 2, sha256: '9c3ebb4f9c093de4ce2f9dafe8e63ff2e5680f45e742c506a2f11b461ff5e060' },
]
