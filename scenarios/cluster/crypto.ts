/** The cryptography of a run, by the implementation that was asked for: they give the same signatures and the same verdicts. */
import { Memo, memoised, memoisedSigner, nodeSigner, nodeVerifier, PROCESS_SIGNATURES, PROCESS_VERDICTS } from '../../platform/ed25519.ts'
import type { Seed } from '../../sim/choice.ts'
import { admissibleKey, nobleSigner, nobleVerifier, noopSigner, noopVerifier, smallOrder } from '../../system/commands/signature.ts'
import type { Signer, Verifier } from '../../system/ports.ts'
import { keyFromSeed } from '../keys.ts'
import type { VerifierName } from './outcome.ts'

export interface RunCrypto {
  readonly verifier: Verifier
  readonly signer: (label: string) => Signer
}

interface Memos {
  readonly signatures: Memo<Uint8Array>
  readonly verdicts: Memo<boolean>
}
const OF_PROCESS: Memos = { signatures: PROCESS_SIGNATURES, verdicts: PROCESS_VERDICTS }
/** What a run asks for that nobody runs again: everybody verifies the same entries, within a second or so. */
const LATELY_MAX = 1024

/**
 * One key a name, made when it is first asked for; signatures and verdicts are pure, so that the process may remember them.
 * @param isOnce whether nobody will run the seed again: then it remembers those of late alone.
 */
export function cryptoOf(name: VerifierName, seed: Seed, isOnce: boolean): RunCrypto {
  const signers = new Map<string, Signer>()
  const memos = isOnce ? { signatures: new Memo<Uint8Array>(LATELY_MAX), verdicts: new Memo<boolean>(LATELY_MAX) } : OF_PROCESS
  return {
    verifier: verifierOf(name, memos),
    signer(label) {
      let signer = signers.get(label)
      if (signer === undefined) signers.set(label, (signer = signerOf(name, seed, label, memos)))
      return signer
    },
  }
}

function signerOf(name: VerifierName, seed: Seed, label: string, { signatures, verdicts }: Memos): Signer {
  const secret = keyFromSeed(seed, label)
  switch (name) {
    case 'noble': return memoisedSigner(nobleSigner(secret), signatures, verdicts)
    case 'node': return memoisedSigner(nodeSigner(secret), signatures, verdicts)
    case 'none': return noopSigner(keyFromSeed(seed, `${label} public`))
  }
}

function verifierOf(name: VerifierName, { verdicts }: Memos): Verifier {
  switch (name) {
    case 'noble': return memoised(nobleVerifier(), verdicts)
    case 'node': return memoised(nodeVerifier({ admissibleKey, smallOrder }), verdicts)
    case 'none': return noopVerifier()
  }
}
