/** The host's gate by itself: each reason to refuse, its order, and the arithmetic of the limiter. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RefusalReason as REASONS } from '../../../schemas/generated/flatbuffers/refusal-reason.ts'
import { Admission, TokenBucket } from '../../../system/commands/admission.ts'
import { toolActivate } from '../../../system/commands/registry.ts'
import { signingBytes } from '../../../system/commands/signing.ts'
import { COMMAND_BURST, COMMAND_PAYLOAD_BYTES_MAX, COMMANDS_PER_SECOND, LAMPORT_LEAD_MAX } from '../../../system/limits.ts'
import type { CommandEntry, RefusalReason } from '../../../system/protocol/messages.ts'
import { EPOCH, publicKeyOf, SESSION_ID, tagSigner, tagVerifier } from '../../support/loopback.ts'
import { ANA, BEN, entryOf } from './entries.ts'

const KEYS: Readonly<Record<number, Uint8Array>> = { [ANA]: publicKeyOf('ana'), [BEN]: publicKeyOf('ben') }
const LOG = { closedLamport: 10, clock: 20, has: (lamport: number, author: number) => lamport === 15 && author === ANA }

const gate = () => new Admission({ sessionId: SESSION_ID, epoch: EPOCH, verifier: tagVerifier, publicKey: (author) => KEYS[author] })
const signed = (author: number, lamport: number, over: Partial<CommandEntry> = {}): CommandEntry => {
  const entry = entryOf(author, lamport, toolActivate, { tool: 1 }, { nonce: 5n, ...over })
  return { ...entry, signature: tagSigner(publicKeyOf(author === ANA ? 'ana' : 'ben')).sign(signingBytes(SESSION_ID, entry)) }
}
const forged = (entry: CommandEntry): CommandEntry => ({ ...entry, signature: entry.signature.map((byte) => byte ^ 1) })

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
  const cases: readonly [RefusalReason, CommandEntry, (() => Admission)?][] = [
    ['size', signed(ANA, 12, { payload: new Uint8Array(COMMAND_PAYLOAD_BYTES_MAX + 1) })],
    ['epoch', signed(ANA, 12, { epoch: EPOCH + 1 })],
    ['author', signed(3, 12)],
    ['rate', signed(ANA, 12), exhausted],
    ['malformed', signed(ANA, LOG.clock + LAMPORT_LEAD_MAX + 1)],
    ['signature', forged(signed(ANA, 12))],
    ['signature', { ...signed(ANA, 12), author: BEN }],
    ['nonce', signed(ANA, 13), spent],
    ['nonce', signed(ANA, 13, { nonce: 4n }), spent],
    ['late', signed(ANA, 10)],
    ['duplicate', signed(ANA, 15)],
  ]

  it.each(cases)('R-LOG-3 refused as %s', (reason, entry, made = gate) => {
    expect(made().judge(entry, entry.author, 0, LOG)).toBe(reason)
  })
  it('R-LOG-3 every name that the wire has is given', () => {
    const names = Object.keys(REASONS).filter((name) => Number.isNaN(Number(name)))
    expect(new Set(cases.map(([reason]) => reason))).toEqual(new Set(names))
  })

  it('R-LOG-3 what is in order is admitted, once', () => {
    const admission = gate()
    expect(admission.judge(signed(ANA, 11), ANA, 0, LOG)).toBeUndefined()
    expect(admission.judge(signed(ANA, 11), ANA, 0, LOG)).toBe('nonce')
    expect(admission.judge(signed(BEN, 11), BEN, 0, LOG)).toBeUndefined()
    expect(admission.judge(signed(ANA, LOG.clock + LAMPORT_LEAD_MAX, { nonce: 6n }), ANA, 0, LOG)).toBeUndefined()
    const largest = { nonce: 7n, payload: new Uint8Array(COMMAND_PAYLOAD_BYTES_MAX) }
    expect(admission.judge(signed(ANA, 12, largest), ANA, 0, LOG)).toBeUndefined()
    expect(admission.nonceHighWater(ANA)).toBe(7n)
  })

  it('R-LOG-3 nothing that is refused spends a nonce', () => {
    for (const [reason, entry, made = gate] of cases) {
      if (reason === 'nonce') continue
      const admission = made()
      admission.judge(entry, entry.author, 0, LOG)
      expect(admission.nonceHighWater(entry.author)).toBe(0n)
    }
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

  it('R-LOG-9 the budget is the sender\'s, and a forger spends its own', () => {
    const admission = gate()
    for (let i = 0; i < COMMAND_BURST; i++) expect(admission.judge(forged(signed(ANA, 12)), BEN, 0, LOG)).toBe('signature')
    expect(admission.judge(signed(BEN, 12), BEN, 0, LOG)).toBe('rate')
    expect(admission.judge(signed(ANA, 12), ANA, 0, LOG)).toBeUndefined()
  })
})
