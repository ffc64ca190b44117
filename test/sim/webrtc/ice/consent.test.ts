/** RFC 7675, section 5.1: when consent is asked for, and when it is over. */
import { describe, expect, it } from 'vitest'
import { Consent } from '../../../../sim/webrtc/ice/consent.ts'

const SECOND_US = 1_000_000

describe('consent', () => {
  it('is asked for every 4 to 6 s, not in step with another\'s', () => {
    const times = (secret: number): number[] => {
      const consent = new Consent(secret, 0)
      const asked: number[] = []
      for (let nowUs = consent.nextWakeUs(); asked.length < 200; nowUs = consent.nextWakeUs()) {
        if (consent.ask(nowUs)) asked.push(nowUs)
        consent.answered(nowUs)
      }
      return asked
    }
    const gaps = times(1).map((atUs, i, all) => atUs - (all[i - 1] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4 * SECOND_US)
    expect(Math.max(...gaps)).toBeLessThan(6 * SECOND_US)
    // Uniform: mean 5 s, standard deviation 0.577 s / sqrt(200) = 0.041 s; five of those.
    expect(Math.abs(gaps.reduce((sum, gap) => sum + gap, 0) / 200 - 5 * SECOND_US)).toBeLessThan(204_000)
    expect(times(2)).not.toEqual(times(1))
  })

  it('is not asked for before its time, and once then', () => {
    const consent = new Consent(1, 0)
    const atUs = consent.nextWakeUs()
    expect([consent.ask(atUs - 1), consent.ask(atUs), consent.ask(atUs)]).toEqual([false, true, false])
    expect(consent.nextWakeUs()).toBeGreaterThanOrEqual(atUs + 4 * SECOND_US)
  })

  it('is disturbed where nothing was heard for 12 s, and expires 30 s after the last answer', () => {
    const consent = new Consent(1, 0)
    const judge = (nowUs: number) => [consent.judge(nowUs), consent.state]
    expect(judge(12 * SECOND_US - 1)).toEqual([false, 'given'])
    expect(judge(12 * SECOND_US)).toEqual([true, 'disturbed'])
    expect(judge(13 * SECOND_US)).toEqual([false, 'disturbed'])
    // A question of the other side is a sign of life, and no answer.
    consent.heard(14 * SECOND_US)
    expect(judge(14 * SECOND_US)).toEqual([true, 'given'])
    consent.heard(29 * SECOND_US)
    expect(judge(30 * SECOND_US - 1)).toEqual([false, 'given'])
    expect(judge(30 * SECOND_US)).toEqual([true, 'expired'])
    consent.answered(31 * SECOND_US)
    expect([judge(32 * SECOND_US), consent.ask(60 * SECOND_US), consent.nextWakeUs()]).toEqual([[false, 'expired'], false, Infinity])
  })

  it('an answer gives it for another 30 s', () => {
    const consent = new Consent(1, 0)
    consent.answered(20 * SECOND_US)
    expect([consent.judge(50 * SECOND_US - 1), consent.state]).toEqual([true, 'disturbed'])
    expect([consent.judge(50 * SECOND_US), consent.state]).toEqual([true, 'expired'])
  })

  it('wakes for what comes first: the next question, the disturbance, the end', () => {
    const consent = new Consent(1, 0)
    while (consent.nextWakeUs() < 12 * SECOND_US) consent.ask(consent.nextWakeUs())
    expect(consent.nextWakeUs()).toBe(12 * SECOND_US)
    consent.judge(12 * SECOND_US)
    while (consent.nextWakeUs() < 30 * SECOND_US) consent.ask(consent.nextWakeUs())
    expect(consent.nextWakeUs()).toBe(30 * SECOND_US)
  })
})
