/** RFC 8489, section 6.2.1: when a request is sent again, when it has failed, and whose response it takes. */
import { describe, expect, it } from 'vitest'
import type { TransactionId } from '../../../../sim/webrtc/stun/message.ts'
import {
  type RetransmissionSchedule, retransmission, STUN_RTO_US, TRANSACTION_US, Transactions,
} from '../../../../sim/webrtc/stun/transactions.ts'

const idOf = (number: number): TransactionId => [number, 1, 2]

class Agent {
  readonly sent: (readonly [context: string, attempt: number, sentUs: number])[] = []
  readonly failed: (readonly [context: string, atUs: number])[] = []
  onFailure: (context: string) => void = () => {}
  readonly transactions = new Transactions<string>(
    ({ context, attempt, sentUs }, nowUs) => {
      if (sentUs !== nowUs) throw new Error(`sent at ${sentUs}, told at ${nowUs}`)
      this.sent.push([context, attempt, nowUs])
    },
    (context, nowUs) => {
      this.failed.push([context, nowUs])
      this.onFailure(context)
    },
  )
  #count = 0

  begin(context: string, schedule: RetransmissionSchedule = retransmission(), nowUs = 0): TransactionId {
    const id = idOf(this.#count++)
    this.transactions.begin(id, new Uint8Array(4), context, schedule, nowUs)
    return id
  }
  run(untilUs = Infinity): void {
    for (let atUs = this.transactions.nextWakeUs(); atUs <= untilUs && atUs < Infinity; atUs = this.transactions.nextWakeUs()) {
      this.transactions.wake(atUs - 1)
      this.transactions.wake(atUs)
    }
  }
  get times(): number[] {
    return this.sent.map(([, , atUs]) => atUs)
  }
}

describe('a request', () => {
  it('RFC 8489, 6.2.1: is sent at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms, and has failed at 39500 ms', () => {
    const agent = new Agent()
    agent.begin('a')
    agent.run()
    expect(agent.times).toEqual([0, 500_000, 1_500_000, 3_500_000, 7_500_000, 15_500_000, 31_500_000])
    expect(agent.sent.map(([, attempt]) => attempt)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect([agent.failed, TRANSACTION_US, STUN_RTO_US]).toEqual([[['a', 39_500_000]], 39_500_000, 500_000])
    expect(agent.transactions.nextWakeUs()).toBe(Infinity)
  })

  it('RFC 8445, 14.3: may have a longer RTO, and a bound on its waits', () => {
    const agent = new Agent()
    agent.begin('a', retransmission(1_000_000))
    agent.run()
    expect([agent.times.at(-1), agent.failed]).toEqual([63_000_000, [['a', 79_000_000]]])
    const bounded = new Agent()
    bounded.begin('a', { rtoUs: 500_000, waitUsMax: 800_000, sendsMax: 3, lastWaitUs: 10 })
    bounded.run()
    expect([bounded.times, bounded.failed]).toEqual([[0, 500_000, 1_300_000], [['a', 1_300_010]]])
    const once = new Agent()
    once.begin('a', { rtoUs: 500_000, waitUsMax: 800_000, sendsMax: 1, lastWaitUs: 10 }, 5)
    once.run()
    expect([once.times, once.failed]).toEqual([[5], [['a', 15]]])
  })

  it('takes the response with its id, once, and waits no more', () => {
    const agent = new Agent()
    const [first, second] = [agent.begin('a'), agent.begin('b')]
    expect(agent.transactions.find(second)?.context).toBe('b')
    for (const other of [[second[0], 7, 2], [second[0], 1, 7], [7, 1, 2]] as const) {
      expect([agent.transactions.find(other), agent.transactions.answered(other)]).toEqual([undefined, undefined])
    }
    expect(agent.transactions.answered(second)?.context).toBe('b')
    expect(agent.transactions.answered(second)).toBeUndefined()
    agent.run(2_000_000)
    expect(agent.sent.filter(([context]) => context === 'b').length).toBe(1)
    expect(agent.transactions.answered(first)).toMatchObject({ context: 'a', attempt: 2, sentUs: 1_500_000 })
  })

  it('RFC 8445, 7.3.1.4: that is silenced is sent no more, fails without a word, and still takes its response', () => {
    const agent = new Agent()
    const [first] = [agent.begin('a'), agent.begin('b')]
    agent.transactions.silence((context) => context === 'a')
    agent.run(20_000_000)
    expect(agent.sent.filter(([context]) => context === 'a').length).toBe(1)
    expect(agent.sent.filter(([context]) => context === 'b').length).toBe(6)
    expect(agent.transactions.find(first)?.context).toBe('a')
    agent.run()
    expect(agent.failed.map(([context]) => context)).toEqual(['b'])
    expect(agent.transactions.find(first)).toBeUndefined()
  })

  it('that is forgotten is neither sent nor fails, also where another\'s failure forgets it', () => {
    const agent = new Agent()
    for (const context of ['a', 'b', 'c']) agent.begin(context)
    agent.transactions.forget((context) => context === 'a')
    agent.onFailure = () => agent.transactions.forget((context) => context === 'c')
    agent.run()
    expect(agent.failed).toEqual([['b', 39_500_000]])
    expect(agent.sent.filter(([context]) => context === 'a').length).toBe(1)
  })

  it('256 wait at once', () => {
    const agent = new Agent()
    for (let i = 0; i < 255; i++) agent.begin('a')
    expect(agent.transactions.isFull).toBe(false)
    const last = agent.begin('a')
    expect(agent.transactions.isFull).toBe(true)
    expect(() => agent.begin('a')).toThrow('the transactions stay within their bound')
    agent.transactions.answered(last)
    expect(agent.transactions.isFull).toBe(false)
  })
})
