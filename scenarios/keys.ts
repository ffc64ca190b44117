/** Keys of simulated peers. Anyone who knows the seed knows them: for tests only. */
import { sha512 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'

const DOMAIN = 'theta-sim/test-key/1'
const SECRET_KEY_BYTES = 32

/** A 32-byte Ed25519 secret key, another one for each seed and label. The seed 7 and the seed '7' are the same. */
export const keyFromSeed = (seed: string | number, label: string): Uint8Array =>
  sha512(utf8ToBytes(JSON.stringify([DOMAIN, String(seed), label]))).slice(0, SECRET_KEY_BYTES)
