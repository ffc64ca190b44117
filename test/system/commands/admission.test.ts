/** The host's gate by itself: each reason to refuse, its order, and the arithmetic of the limiter. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RefusalReason as REASONS } from '../../../schemas/generated/flatbuffers/refusal-reason.ts'
import { Admission, type LogState, type Sender } from '../../../system/commands/admission.ts'
import { toolActivate } from '../../../system/commands/registry.ts'
import { signingBytes } from '../../../system/commands/signing.ts'
import { COMMAND_BURST, COMMAND_PAYLOAD_BYTES_MAX, COMMANDS_PER_SECOND, LAMPORT_LEAD_MAX } from '../../../system/limits.ts'
import type { CommandEntry, RefusalReason } from '../../../system/protocol/messages.ts'
import { NonceMarks } from '../../../system/security/nonces.ts'
import { TokenBucket } from '../../../system/security/tokenbucket.ts'
import { EPOCH, publicKeyOf, SESSION_ID, tagSigner, tagVerifier } from '../../support/loopback.ts'
import { ANA, BEN, entryOf } from './entries.ts'

const KEYS: Readonly<Record<number, Uint8Array>> = { [ANA]: publicKeyOf('ana'), [BEN]: publicKeyOf('ben') }
const AUTHORS = [ANA, BEN]

/** An admission whose senders have budgets of their own. */
class Gate {
  readonly nonces: NonceMarks
  readonly #admission: Admission
  readonly #buckets = new Map<number, TokenBucket>()

  constructor(nonces = new NonceMarks(), epoch = EPOCH) {
    this.nonces = nonces
    this.#admission = new Admission({ sessionId: SESSION_ID, epoch, verifier: tagVerifier, nonces, publicKey: (author) => KEYS[author] })
  }
  judge(entry: CommandEntry, sender: number, nowUs: number, log: LogState): RefusalReason | undefined {
    const bucket = this.#buckets.get(sender) ?? new TokenBucket(COMMAND_BURST, COMMANDS_PER_SECOND)
    this.#buckets.set(sender, bucket)
    const purse: Sender = { mayCommand: (atUs) => bucket.take(atUs) }
    return this.#admission.judge(entry, purse, nowUs, log)
  }
  nonceHighWater(author: number): bigint {
    return this.nonces.of(author)
  }
}
const gate = () => new Gate()
const signed = (author: number, lamport: number, over: Partial<CommandEntry> = {}): CommandEntry => {
  const entry = entryOf(author, lamport, toolActivate, { tool: 1 }, { nonce: 5n, ...over })
  return { ...entry, signature: tagSigner(publicKeyOf(author === ANA ? 'ana' : 'ben')).sign(signingBytes(SESSION_ID, entry)) }
}
const forged = (entry: CommandEntry): CommandEntry => ({ ...entry, signature: entry.signature.map((byte) => byte ^ 1) })
/** Ana has one entry at 15, and one that is closed at 9. */
const TAKEN = [signed(ANA, 15, { nonce: 4n }), signed(ANA, 9, { nonce: 3n })]
const LOG: LogState = {
  closedLamport: 10, clock: 20, entryAt: (lamport, author) => TAKEN.find((entry) => entry.lamport === lamport && entry.author === author),
}

describe('refusals', () => {
  const spent = () => {
    const admission = gate()
    admission.judge(signed(ANA, 12), ANA, 0, LOG)
    return admission
  }
  const exhausted = () => {
    const admission = gate()
    for (let i = 0; i < COMMAND_BURST; i++) admission.judge(forged(signed(ANA, 12)), ANA, 0, LOG)
    return admission
  }
  const cases: readonly [RefusalReason, CommandEntry, (() => Gate)?][] = [
    ['size', signed(ANA, 12, { payload: new Uint8Array(COMMAND_PAYLOAD_BYTES_MAX + 1) })],
    ['epoch', signed(ANA, 12, { epoch: EPOCH + 1 })],
    ['author', signed(3, 12)],
    ['rate', signed(ANA, 12), exhausted],
    ['malformed', signed(ANA, LOG.clock + LAMPORT_LEAD_MAX + 1)],
    ['signature', forged(signed(ANA, 12))],
    ['signature', { ...signed(ANA, 12), author: BEN }],
    ['nonce', signed(ANA, 13), spent],
    ['nonce', signed(ANA, 13, { nonce: 4n }), spent],
    ['order', signed(ANA, 13, { nonce: 7n, previousNonce: 6n }), spent],
    ['order', signed(ANA, 13, { nonce: 7n, previousNonce: 4n }), spent],
    ['order', signed(ANA, 13, { nonce: 7n, previousNonce: 6n })],
    ['late', signed(ANA, 10)],
    ['duplicate', signed(ANA, 15)],
    ['duplicate', signed(ANA, 15, { nonce: 4n, scope: 7 }), spent],
    ['duplicate', signed(ANA, 9, { nonce: 6n })],
  ]

  it.each(cases)('R-LOG-3 refused as %s', (reason, entry, made = gate) => {
    expect(made().judge(entry, entry.author, 0, LOG)).toBe(reason)
  })
  it('R-LOG-3 every name that the wire has is given, but the one that is given before anything is judged', () => {
    const names = Object.keys(REASONS).filter((name) => Number.isNaN(Number(name)) && name !== 'role')
    expect(new Set(cases.map(([reason]) => reason))).toEqual(new Set(names))
  })

  it('R-LOG-3 what is in order is admitted, once', () => {
    const admission = gate()
    expect(admission.judge(signed(ANA, 11), ANA, 0, LOG)).toBeUndefined()
    expect(admission.judge(signed(ANA, 11), ANA, 0, LOG)).toBe('nonce')
    expect(admission.judge(signed(BEN, 11), BEN, 0, LOG)).toBeUndefined()
    expect(admission.judge(signed(ANA, LOG.clock + LAMPORT_LEAD_MAX, { nonce: 6n, previousNonce: 5n }), ANA, 0, LOG)).toBeUndefined()
    const largest = { nonce: 9n, previousNonce: 6n, payload: new Uint8Array(COMMAND_PAYLOAD_BYTES_MAX) }
    expect(admission.judge(signed(ANA, 12, largest), ANA, 0, LOG)).toBeUndefined()
    expect(admission.nonceHighWater(ANA)).toBe(9n)
  })

  it('R-LOG-3 nothing that is refused spends a nonce', () => {
    for (const [reason, entry, made = gate] of cases) {
      const admission = made()
      const before = admission.nonceHighWater(entry.author)
      expect(admission.judge(entry, entry.author, 0, LOG)).toBe(reason)
      expect(admission.nonceHighWater(entry.author)).toBe(before)
    }
  })
})

describe('nonces', () => {
  const LAST = 2n ** 64n - 1n
  const judge = (admission: Gate, nonce: bigint, lamport = 12) =>
    admission.judge(signed(ANA, lamport, { nonce, previousNonce: admission.nonceHighWater(ANA) }), ANA, 0, LOG)

  it('R-SEC-4 a nonce is spent once, and none below it afterwards', () => {
    const admission = gate()
    expect([5n, 5n, 4n, 1n, 0n, 6n, 9n, 7n].map((nonce, i) => judge(admission, nonce, 11 + (i === 4 ? 9 : i % 4)) ?? 'admitted'))
      .toEqual(['admitted', 'nonce', 'nonce', 'nonce', 'nonce', 'admitted', 'admitted', 'nonce'])
    expect(admission.nonceHighWater(ANA)).toBe(9n)
  })

  it('R-SEC-4 after the last nonce nothing of its author is admitted, and others go on', () => {
    const admission = gate()
    expect(judge(admission, LAST)).toBeUndefined()
    for (const nonce of [LAST, 0n, 1n, LAST - 1n]) expect(judge(admission, nonce)).toBe('nonce')
    expect(admission.judge(signed(BEN, 12, { nonce: 1n }), BEN, 0, LOG)).toBeUndefined()
  })

  it('R-SEC-4 a new host that knows what a client knows refuses the replays of the old one\'s', () => {
    const old = gate()
    const said = AUTHORS.flatMap((author) => [11, 12, 13].map((lamport, i) =>
      signed(author, lamport, { nonce: BigInt(lamport), previousNonce: i === 0 ? 0n : BigInt(lamport - 1) })))
    for (const entry of said) expect(old.judge(entry, entry.author, 0, LOG)).toBeUndefined()
    const known = new NonceMarks()
    for (const { author, nonce } of said) known.raise(author, nonce)
    const empty = { closedLamport: 0, clock: 20, entryAt: () => undefined }
    const next = new Gate(new NonceMarks(known))
    expect(said.map((entry) => next.judge(entry, entry.author, 0, empty))).toEqual(said.map(() => 'nonce'))
    expect(next.judge(signed(ANA, 14, { nonce: 14n, previousNonce: 13n }), ANA, 0, empty)).toBeUndefined()
    // Where the epoch has risen, as it does with each host, they do not even come so far.
    const later = new Gate(new NonceMarks(known), EPOCH + 1)
    expect(said.map((entry) => later.judge(entry, entry.author, 0, empty))).toEqual(said.map(() => 'epoch'))
  })
})

describe('the limiter', () => {
  const SECOND_US = 1_000_000

  it('R-LOG-9 a hundred at once, then one every tenth of a second', () => {
    const bucket = new TokenBucket(COMMAND_BURST, COMMANDS_PER_SECOND)
    const taken = (atUs: number) => Array.from({ length: 300 }, () => bucket.take(atUs)).filter(Boolean).length
    expect(taken(0)).toBe(100)
    expect(taken(99_999)).toBe(0)
    expect(taken(100_000)).toBe(1)
    expect(taken(350_000)).toBe(2)
    expect(taken(400_000)).toBe(1)
    expect(taken(3600 * SECOND_US)).toBe(100)
  })

  it('R-LOG-9 in no span of time more than the burst and ten a second', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 2 * SECOND_US }), { minLength: 50, maxLength: 400 }), (steps) => {
      const bucket = new TokenBucket(COMMAND_BURST, COMMANDS_PER_SECOND)
      const times: number[] = []
      let nowUs = 0
      for (const step of steps) if (bucket.take((nowUs += step % 7 === 0 ? step : step % 1000))) times.push(nowUs)
      // The worst span: what was taken in it, less what its length gives.
      const excess = times.map((fromUs, first) =>
        Math.max(...times.slice(first).map((toUs, count) => count + 1 - ((toUs - fromUs) * COMMANDS_PER_SECOND) / SECOND_US)))
      expect(Math.max(...excess)).toBeLessThanOrEqual(COMMAND_BURST)
    }), { seed: 12, numRuns: 20 })
  })

  it('R-LOG-9 a clock that is set back gives nothing, and a gap of any length fills the bucket, no more', () => {
    const bucket = new TokenBucket(3, 2)
    const taken = (atUs: number) => Array.from({ length: 9 }, () => bucket.take(atUs)).filter(Boolean).length
    expect(taken(10 * SECOND_US)).toBe(3)
    expect(taken(4 * SECOND_US)).toBe(0)
    expect(taken(3 * SECOND_US)).toBe(0)
    expect(taken(3.5 * SECOND_US)).toBe(1)
    expect(taken(Number.MAX_SAFE_INTEGER)).toBe(3)
    expect(taken(0)).toBe(0)
    expect(taken(0.5 * SECOND_US)).toBe(1)
    expect(bucket.tokens).toBe(0)
    expect(bucket.take(20 * SECOND_US, 4)).toBe(false)
    expect(bucket.tokens).toBe(3)
  })

  it('R-LOG-9 the budget is the sender\'s, and a forger spends its own', () => {
    const admission = gate()
    for (let i = 0; i < COMMAND_BURST; i++) expect(admission.judge(forged(signed(ANA, 12)), BEN, 0, LOG)).toBe('signature')
    expect(admission.judge(signed(BEN, 12), BEN, 0, LOG)).toBe('rate')
    expect(admission.judge(signed(ANA, 12), ANA, 0, LOG)).toBeUndefined()
  })
})
