/** A fixed seed of the fuzzer, and what it finds where something is wrong. */
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Admission } from '../../system/commands/admission.ts'
import { HeartbeatMonitor } from '../../system/session/heartbeat.ts'
import { prepare } from '../support/loopback.ts'
import { fuzz } from './fuzzer.ts'

beforeAll(prepare)
afterEach(() => void vi.restoreAllMocks())

const MESSAGES = 20_000

describe('mutated messages in valid envelopes', () => {
  it('R-SEC-8 20,000 of them make nobody throw or hang, and let nothing in that nobody signed', () => {
    const { breach, messages, states, outcomes } = fuzz(MESSAGES, 1, () => performance.now())
    expect(breach).toBeUndefined()
    expect(messages).toBe(MESSAGES)
    expect(Object.keys(states)).toHaveLength(6)
    // Or they would have been noise: of what reaches the host many are read, and entries fail for each reason that a forger meets.
    expect(outcomes.read).toBeGreaterThan(MESSAGES / 10)
    expect(outcomes.unreadable).toBeGreaterThan(MESSAGES / 20)
    for (const reason of ['signature', 'nonce', 'epoch', 'author', 'malformed', 'duplicate']) {
      expect(outcomes[`refused: ${reason}`], reason).toBeGreaterThan(0)
    }
    expect(outcomes.admitted).toBeGreaterThan(0)
  }, 180_000)

  it('R-SEC-8 a host that verifies nothing is found out', () => {
    vi.spyOn(Admission.prototype, 'judge').mockImplementation(() => undefined)
    expect(fuzz(MESSAGES, 1, () => 0).breach).toMatch(/was let in that nobody signed/)
  })

  it('R-SEC-8 one that throws is found out', () => {
    vi.spyOn(HeartbeatMonitor.prototype, 'receive').mockImplementation(({ sequence }) => {
      if (sequence > 1000) throw new RangeError('planted')
      return undefined
    })
    expect(fuzz(MESSAGES, 1, () => 0).breach).toMatch(/planted/)
  })

  it('R-SEC-8 one that hangs is found out', () => {
    let nowMs = 0
    expect(fuzz(100, 1, () => (nowMs += 3000)).breach).toMatch(/took 3000 ms/)
  })
})
