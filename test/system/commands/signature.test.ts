import { etc, Point, verify } from '@noble/ed25519'
import { describe, expect, test } from 'vitest'
import { keyFromSeed } from '../../../scenarios/keys.ts'
import { admissibleKey, nobleSigner, nobleVerifier, noopSigner, noopVerifier, smallOrder } from '../../../system/commands/signature.ts'
import { craftedSignatures, NON_CANONICAL, TORSION } from '../../support/craftedsignatures.ts'

const hex = etc.hexToBytes

// RFC 8032 section 7.1, tests 1 to 3: secret key, public key, message, signature.
const RFC_8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

describe('the strict rule', () => {
  test('gives_the_vectors_of_RFC_8032', () => {
    const verifier = nobleVerifier()
    for (const [secretKey, publicKey, message, signature] of RFC_8032) {
      const signer = nobleSigner(hex(secretKey))
      expect(etc.bytesToHex(signer.publicKey)).toBe(publicKey)
      expect(etc.bytesToHex(signer.sign(hex(message)))).toBe(signature)
      expect(verifier.verify(hex(signature), hex(message), hex(publicKey))).toBe(true)
    }
  })

  test('R-LOG-6 decides_each_crafted_signature_as_its_construction_says', () => {
    const verifier = nobleVerifier()
    const wrong = craftedSignatures()
      .filter(({ signature, message, publicKey, valid }) => verifier.verify(signature, message, publicKey) !== valid)
    expect(wrong.map(({ name }) => name)).toEqual([])
  })

  test('is_stricter_than_the_cofactored_verdicts_of_noble_itself', () => {
    const wellFormed = craftedSignatures().filter(({ signature, publicKey }) => signature.length === 64 && publicKey.length === 32)
    const laxer = wellFormed.filter(({ signature, message, publicKey, valid }) => !valid && verify(signature, message, publicKey))
    // At least every pair of torsions that does not cancel: the cases are no empty threat.
    expect(laxer.length).toBeGreaterThan(100)
  })

  test('R-LOG-6 admits_no_key_of_small_order_nor_one_that_is_not_canonical', () => {
    expect(TORSION.filter((point) => admissibleKey(point.toBytes()))).toEqual([])
    expect(NON_CANONICAL.filter(admissibleKey)).toEqual([])
    expect(new Set(TORSION.map((point) => point.toHex())).size).toBe(8)
    expect(TORSION.every((point) => smallOrder(point.toBytes()))).toBe(true)
    expect([0, 31, 33].filter((length) => admissibleKey(new Uint8Array(length).fill(1)))).toEqual([])
  })

  test('admits_a_key_with_a_torsion_component', () => {
    expect(TORSION.every((point) => admissibleKey(Point.BASE.add(point).toBytes()))).toBe(true)
  })
})

test('a_signer_keeps_a_copy_of_its_secret', () => {
  const secretKey = keyFromSeed('seven', 'ana')
  const signer = nobleSigner(secretKey)
  const before = signer.sign(Uint8Array.of(1))
  secretKey.fill(0)
  expect(signer.sign(Uint8Array.of(1))).toEqual(before)
  expect(() => nobleSigner(new Uint8Array(31))).toThrow(RangeError)
})

test('keys_differ_by_seed_and_by_label_and_by_nothing_else', () => {
  const names = [[1, 'ana'], [2, 'ana'], [1, 'ben'], ['1"', 'ana'], ['1', '"ana']] as const
  expect(new Set(names.map(([seed, label]) => etc.bytesToHex(keyFromSeed(seed, label)))).size).toBe(names.length)
  expect(keyFromSeed(7, 'ana')).toEqual(keyFromSeed('7', 'ana'))
  expect(keyFromSeed(7, 'ana').length).toBe(32)
})

test('the_noop_verifier_accepts_the_noop_signer_alone', () => {
  const signer = noopSigner(new Uint8Array(32))
  const signature = signer.sign(Uint8Array.of(1, 2))
  const verifier = noopVerifier()
  expect(signature.length).toBe(64)
  expect(verifier.verify(signature, Uint8Array.of(3), signer.publicKey)).toBe(true)
  expect(verifier.verify(signature.subarray(1), Uint8Array.of(3), signer.publicKey)).toBe(false)
  expect(verifier.verify(new Uint8Array(64), Uint8Array.of(3), signer.publicKey)).toBe(false)
})
