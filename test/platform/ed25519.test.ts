import { describe, expect, test } from 'vitest'
import { Memo, memoised, memoisedSigner, nodeSigner, nodeVerifier, type Signer, type Verifier } from '../../platform/ed25519.ts'
import { keyFromSeed } from '../../scenarios/keys.ts'
import { admissibleKey, nobleSigner, smallOrder } from '../../system/commands/signature.ts'
import { craftedSignatures } from '../support/craftedsignatures.ts'

describe('node:crypto behind the rule for points', () => {
  const cases = craftedSignatures()

  test('R-LOG-6 decides_each_crafted_signature_as_its_construction_says_and_so_as_noble_does', () => {
    expect(cases.length).toBeGreaterThan(500)
    expect(cases.filter(({ valid }) => valid).length).toBeGreaterThan(30)
    const verifier = nodeVerifier({ admissibleKey, smallOrder })
    const wrong = cases.filter(({ signature, message, publicKey, valid }) => verifier.verify(signature, message, publicKey) !== valid)
    expect(wrong.map(({ name }) => name)).toEqual([])
  })

  test('asks_the_rule_once_a_key_and_obeys_it', () => {
    const { signature, message, publicKey } = cases.find(({ valid }) => valid)!
    let asked = 0
    const verifierOf = (admissible: boolean, small: boolean) =>
      nodeVerifier({ admissibleKey: () => (asked++, admissible), smallOrder: (R) => R.length === 32 && small })
    for (const [admissible, small] of [[true, false], [false, false], [true, true]] as const) {
      const verifier = verifierOf(admissible, small)
      expect(verifier.verify(signature, message, publicKey)).toBe(admissible && !small)
      expect(verifier.verify(signature, message, publicKey)).toBe(admissible && !small)
    }
    expect(asked).toBe(2)
  })

  test('signs_what_noble_signs', () => {
    for (let label = 0; label < 8; label++) {
      const secretKey = keyFromSeed('signs', `${label}`)
      const message = new Uint8Array(label * 9).fill(label)
      const [noble, node] = [nobleSigner(secretKey), nodeSigner(secretKey)]
      expect(node.publicKey).toEqual(noble.publicKey)
      expect(node.sign(message)).toEqual(noble.sign(message))
    }
    expect(() => nodeSigner(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('the memo', () => {
  /** Accepts a signature that begins as the message does, and counts how often it was asked. */
  function countingVerifier(): Verifier & { calls: number } {
    return {
      calls: 0,
      verify(signature, message) {
        this.calls += 1
        return signature[0] === message[0]
      },
    }
  }

  test('asks_once_for_each_combination_of_all_input_bytes', () => {
    const counting = countingVerifier()
    const verifier = memoised(counting, new Memo())
    const bytes = [Uint8Array.of(), Uint8Array.of(1), Uint8Array.of(1, 2), Uint8Array.of(49, 58)]
    for (let round = 0; round < 2; round++) {
      for (const signature of bytes) for (const message of bytes) for (const key of bytes) {
        expect(verifier.verify(signature, message, key)).toBe(signature[0] === message[0])
      }
    }
    expect(counting.calls).toBe(bytes.length ** 3)
  })

  test('reads_a_view_of_a_larger_buffer_as_its_own_bytes', () => {
    const counting = countingVerifier()
    const verifier = memoised(counting, new Memo())
    const buffer = Uint8Array.of(1, 2, 3)
    expect(verifier.verify(buffer.subarray(0, 1), buffer, buffer)).toBe(true)
    expect(verifier.verify(buffer.subarray(1, 2), buffer, buffer)).toBe(false)
    expect(verifier.verify(Uint8Array.of(1), buffer, buffer)).toBe(true)
    expect(counting.calls).toBe(2)
  })

  test('stays_within_its_bound_and_forgets', () => {
    const counting = countingVerifier()
    const verifier = memoised(counting, new Memo(2))
    const ask = (byte: number) => verifier.verify(Uint8Array.of(byte), Uint8Array.of(byte), Uint8Array.of())
    for (const byte of [1, 2, 1, 2]) ask(byte)
    expect(counting.calls).toBe(2)
    for (const byte of [3, 1]) ask(byte)
    expect(counting.calls).toBe(4)
  })

  test('signs_once_a_key_and_message_and_gives_each_caller_bytes_of_its_own', () => {
    let calls = 0
    const signatures = new Memo<Uint8Array>()
    const signerOf = (label: string): Signer => {
      const signer = nodeSigner(keyFromSeed('memo', label))
      return memoisedSigner({ ...signer, sign: (message) => (calls++, signer.sign(message)) }, signatures, new Memo())
    }
    const message = Uint8Array.of(1, 2, 3)
    const first = signerOf('ana').sign(message)
    first.fill(0)
    expect(signerOf('ana').sign(message)).toEqual(nodeSigner(keyFromSeed('memo', 'ana')).sign(message))
    expect(calls).toBe(1)
    expect(signerOf('ben').sign(message)).not.toEqual(signerOf('ana').sign(message))
    expect(calls).toBe(2)
  })

  test('knows_what_its_own_signers_sign_to_be_valid_once_a_verifier_has_found_their_first_to_be_and_nothing_else', () => {
    let calls = 0
    const node = nodeVerifier({ admissibleKey, smallOrder })
    const verdicts = new Memo<boolean>()
    const verifier = memoised({ verify: (...inputs) => (calls++, node.verify(...inputs)) }, verdicts)
    const ana = memoisedSigner(nodeSigner(keyFromSeed('memo', 'ana')), new Memo(), verdicts)
    const [first, second] = [Uint8Array.of(1), Uint8Array.of(2)]
    expect(verifier.verify(ana.sign(first), first, ana.publicKey)).toBe(true)
    expect(calls).toBe(1)
    const ofSecond = ana.sign(second)
    expect(verifier.verify(ofSecond, second, ana.publicKey)).toBe(true)
    expect(calls).toBe(1)
    const ben = nodeSigner(keyFromSeed('memo', 'ben'))
    expect(verifier.verify(ofSecond, first, ana.publicKey)).toBe(false)
    expect(verifier.verify(ofSecond, second, ben.publicKey)).toBe(false)
    expect(verifier.verify(ofSecond.map((byte, i) => (i === 40 ? byte ^ 1 : byte)), second, ana.publicKey)).toBe(false)
    expect(calls).toBe(4)
  })

  test('does_not_know_a_signature_to_be_valid_whose_key_is_not_its_signers', () => {
    const verdicts = new Memo<boolean>()
    const verifier = memoised(nodeVerifier({ admissibleKey, smallOrder }), verdicts)
    const { publicKey } = nodeSigner(keyFromSeed('memo', 'ben'))
    const forger = memoisedSigner({ ...nodeSigner(keyFromSeed('memo', 'ana')), publicKey }, new Memo(), verdicts)
    for (const message of [Uint8Array.of(1), Uint8Array.of(2)]) {
      expect(verifier.verify(forger.sign(message), message, publicKey)).toBe(false)
    }
  })
})
