/** What an author gave first stands first in the log, whatever is refused on its way. */
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { LATE_WINDOW_FRAMES, RESIGN_MAX } from '../../../system/limits.ts'
import { disagreement, LATENCY_US, Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const WINDOW_US = (LATE_WINDOW_FRAMES * 1e6) / 90
const tool = (id: number) => ({ kind: 'toolActivate', tool: id }) as const
/** The tools that Ana took up, in the order of the closed log. */
const closedTools = (loopback: Loopback) => {
  const admitted = loopback.host.heard('commandAdmitted').filter(({ entry }) => entry.author === 1)
  return loopback.host.heard('commandFolded').filter(({ author }) => author === 1)
    .map(({ lamport }) => admitted.find(({ entry }) => entry.lamport === lamport)!.entry.scope)
}

describe('an author\'s order', () => {
  it('R-LOG-15 what is behind an entry that came late is refused by its order, and signed anew behind it', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    let messages = 0
    // Her first message is slow, and the others are not; the clock goes on meanwhile.
    loopback.carry = (carried) => {
      if (carried.from !== 'ana' || carried.as('CommandLogEntry') === undefined) return ONCE
      return messages++ === 0 ? [{ delayUs: 2 * WINDOW_US }] : [{ delayUs: LATENCY_US }]
    }
    for (let frame = 0; frame < 60; frame++) {
      if (frame % 6 === 0 && frame < 30) ana.intend(tool(1 + frame / 6))
      if (frame % 4 === 0) ben.intend(tool(90 + frame))
      loopback.run(1)
    }
    loopback.settle()
    const reasons = loopback.host.heard('commandRefused').map(({ reason }) => reason)
    expect(new Set(reasons)).toEqual(new Set(['order', 'late']))
    expect(closedTools(loopback)).toEqual([1, 2, 3, 4, 5])
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-LOG-15 a command that is refused for good leaves those behind it in their order', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    for (let i = 1; i <= 3; i++) ana.intend(tool(i))
    // One that the host cannot have wanted: its receipt is forged, and the entry itself is lost on its way.
    loopback.carry = (carried) => (carried.from === 'ana' && carried.as('CommandLogEntry') !== undefined ? NEVER : ONCE)
    loopback.run(1)
    loopback.carry = () => ONCE
    const [{ lamport, nonce }] = ana.heard('commandSigned')
    loopback.inject(loopback.host, ana, { kind: 'CommandReceipt', lamport, nonce, refusal: 'size', closedLamport: 0 })
    ana.intend(tool(4))
    loopback.settle()
    expect(closedTools(loopback)).toEqual([2, 3, 4])
    expect(ana.peer.log!.depth).toBe(0)
  })

  it('R-LOG-15 over any delays, losses of a connection and doublings, nothing is overtaken and nothing comes twice', () => {
    let resigned = 0
    const delays = fc.array(fc.integer({ min: 1_000, max: 3 * WINDOW_US }), { minLength: 12, maxLength: 12 })
    fc.assert(fc.property(delays, fc.array(fc.nat(11), { maxLength: 3 }), fc.nat(40), (draws, doubled, severAt) => {
      const loopback = new Loopback()
      const [ana, ben] = loopback.joined('ana', 'ben')
      let messages = 0
      loopback.carry = (carried) => {
        const isOwn = carried.from === 'ana' && carried.as('CommandLogEntry') !== undefined
        const isReceipt = carried.to === 'ana' && carried.as('CommandReceipt') !== undefined
        if (!isOwn && !isReceipt) return ONCE
        const delayUs = Math.floor(draws[messages++ % 12])
        return doubled.includes(messages % 12) ? [{ delayUs }, { delayUs: delayUs + 9_000 }] : [{ delayUs }]
      }
      for (let frame = 0; frame < 60; frame++) {
        if (frame % 5 === 0) ana.intend(tool(1 + frame / 5))
        if (frame % 4 === 0) ben.intend(tool(90 + frame))
        if (frame === 20 + severAt) loopback.sever(ana)
        loopback.run(1)
      }
      loopback.carry = () => ONCE
      loopback.settle()
      const tools = closedTools(loopback)
      expect(tools).toEqual([...new Set(tools)].sort((a, b) => a - b))
      // An author gives up after so many refusals of one command, and else loses nothing.
      const worst = Math.max(...draws) < 2 * WINDOW_US ? 12 : 12 - RESIGN_MAX
      expect(tools.length).toBeGreaterThanOrEqual(worst)
      expect(disagreement(loopback)).toBeUndefined()
      resigned += ana.heard('commandSigned').filter(({ resignedFrom }) => resignedFrom !== 0).length
      loopback.free()
    }), { seed: 51, numRuns: 25 })
    expect(resigned).toBeGreaterThan(100)
  }, 60_000)
})
