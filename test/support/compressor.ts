/** The compressor of this build, made once. */
import { readDictionaries } from '../../platform/dictionaries.ts'
import { once } from '../../platform/once.ts'
import { type Compressor, zstdCompressor } from '../../platform/zstd.ts'
import { DICTIONARIES } from '../../system/protocol/dictionaries.ts'

export const [{ version: DICTIONARY }] = DICTIONARIES
export const compressorOfThisBuild = once((): Promise<Compressor> => zstdCompressor(readDictionaries(DICTIONARIES)))
