/** The cryptography of a run, by the implementation that was asked for: they give the same signatures and the same verdicts. */
import { memoised, memoisedSigner, nodeSigner, nodeVerifier, PROCESS_SIGNATURES, PROCESS_VERDICTS } from '../../platform/ed25519.ts'
import type { Seed } from '../../sim/choice.ts'
import { admissibleKey, nobleSigner, nobleVerifier, noopSigner, noopVerifier, smallOrder } from '../../system/commands/signature.ts'
import type { Signer, Verifier } from '../../system/ports.ts'
import { keyFromSeed } from '../keys.ts'
import type { VerifierName } from './outcome.ts'

export interface RunCrypto {
  readonly verifier: Verifier
  readonly signer: (label: string) => Signer
}

/** One key a name, made when it is first asked for; signatures and verdicts are pure, so that the process may remember them. */
export function cryptoOf(name: VerifierName, seed: Seed): RunCrypto {
  const signers = new Map<string, Signer>()
  return {
    verifier: verifierOf(name),
    signer(label) {
      let signer = signers.get(label)
      if (signer === undefined) signers.set(label, (signer = signerOf(name, seed, label)))
      return signer
    },
  }
}

function signerOf(name: VerifierName, seed: Seed, label: string): Signer {
  const secret = keyFromSeed(seed, label)
  switch (name) {
    case 'noble': return memoisedSigner(nobleSigner(secret), PROCESS_SIGNATURES)
    case 'node': return memoisedSigner(nodeSigner(secret), PROCESS_SIGNATURES)
    case 'none': return noopSigner(keyFromSeed(seed, `${label} public`))
  }
}

function verifierOf(name: VerifierName): Verifier {
  switch (name) {
    case 'noble': return memoised(nobleVerifier(), PROCESS_VERDICTS)
    case 'node': return memoised(nodeVerifier({ admissibleKey, smallOrder }), PROCESS_VERDICTS)
    case 'none': return noopVerifier()
  }
}
