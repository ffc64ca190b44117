import { describe, expect, it } from 'vitest'
import { LINK_DEFAULTS } from '../../sim/net/settings.ts'
import { PRESET_NAMES, presetOf } from '../../sim/net/presets.ts'
import { linksOf } from '../../scenarios/cluster/links.ts'
import type { LinkOptions } from '../../scenarios/cluster/vocabulary.ts'
import { scenario } from '../../scenarios/scenario.ts'
import { run } from '../support/runs.ts'

/** What JavaScript may pass that TypeScript would not. */
const wrong = (value: unknown): never => value as never

describe('what a story says of a link', () => {
  it('is milliseconds and shares there, integers in the network', () => {
    const { up, down } = linksOf({
      latencyMs: [5, 80], jitter: { kind: 'normal', meanMs: 20, deviationMs: 2.5, correlation: 0.25 }, drop: 0.01,
      lossBursts: { begin: 0.01, end: 0.5 }, bytesPerSecond: 125_000, burstBytes: 3_000, queuePackets: 25, mtuBytes: 1_200,
      queue: { kind: 'codel' }, flapping: { upMs: 900, downMs: 100 },
      up: { queue: { kind: 'tailDrop', markBytes: 9_000 } }, down: { lossPerBlock: [1, 10], trace: { text: '1\n2\n' } },
    })
    const both = {
      latencyUsMin: 5_000, latencyUsMax: 80_000, dropPpm: 10_000, burstBytes: 3_000, queuePacketsMax: 25, mtuBytes: 1_200,
      jitter: { kind: 'normal', meanUs: 20_000, deviationUs: 2_500, correlationPpm: 250_000 },
      flapping: { upUs: 900_000, downUs: 100_000, offsetUs: 0 },
    }
    const bursts = { kind: 'gilbertElliott', pPpm: 10_000, rPpm: 500_000, goodLossPpm: 0, badLossPpm: 1_000_000 }
    expect(up).toEqual({
      ...both, bandwidthBytesPerSecond: 125_000, trace: undefined, loss: bursts, queue: { kind: 'tailDrop', markBytes: 9_000 },
    })
    expect(down.trace?.length).toBe(2)
    expect({ ...down, trace: undefined }).toEqual({
      ...both, bandwidthBytesPerSecond: 0, trace: undefined, loss: { kind: 'perBlock', lost: 1, block: 10 },
      queue: { kind: 'codel', targetUs: 5_000, intervalUs: 100_000 },
    })
  })

  it('names nothing that it does not say', () => {
    expect(linksOf({})).toEqual({ up: {}, down: {} })
    expect(linksOf({ latencyMs: [1, 2] }).up).toEqual({ latencyUsMin: 1_000, latencyUsMax: 2_000 })
  })

  it('is a preset and what differs from it', () => {
    const { up, down } = linksOf({ preset: 'satellite', drop: 0.5, down: { bytesPerSecond: 1_000 } })
    const known = presetOf('satellite')
    expect(up).toEqual({ ...known.up, dropPpm: 500_000 })
    expect(down).toEqual({ ...known.down, dropPpm: 500_000, bandwidthBytesPerSecond: 1_000 })
    expect(Object.keys(up).length).toBe(Object.keys(LINK_DEFAULTS).length - 1)
  })

  it.each<[options: LinkOptions, why: string]>([
    [{ preset: wrong('dialup') }, 'set: preset: expected one of lan, home-wifi, bad-wifi, lte, lte-driving, satellite'],
    [wrong({ up: { preset: 'lte' } }), "set: up: there is no 'preset', only latencyMs"],
    [wrong({ down: true }), 'set: down: expected an object with latencyMs'],
    [wrong({ jitter: 'normal' }), 'jitter: expected an object with kind'],
    [wrong({ jitter: { kind: 'gauss' } }), 'jitter: kind: expected one of tail, uniform, normal, pareto, paretonormal, got gauss'],
    [wrong({ jitter: { kind: 'uniform', meanMs: 4 } }), "jitter: there is no 'meanMs', only kind, correlation"],
    [wrong({ jitter: { kind: 'normal', meanMs: 4 } }), 'ms: expected at least 0, got undefined'],
    [wrong({ lossBursts: 'cable' }), 'lossBursts: expected one of wifi, lossyWifi, cellular, satellite, congested, got cable'],
    [wrong({ lossBursts: { begin: 2, end: 1 } }), 'lossBursts: begin: expected 0 to 1, got 2'],
    [wrong({ lossPerBlock: 3 }), 'lossPerBlock: expected [lost, block], got 3'],
    [wrong({ queue: { kind: 'red' } }), 'queue: kind: expected one of tailDrop, codel, got red'],
    [wrong({ queue: { kind: 'codel', markBytes: 1 } }), "queue: there is no 'markBytes', only kind, targetMs, intervalMs"],
    [wrong({ trace: 'cable' }), 'trace: expected one of steady, lteWalking, lteDriving, wifiShared, got cable'],
    [{ trace: { text: '3\n2' } }, 'delivery trace, line 2: 2 comes after 3'],
    [wrong({ trace: {} }), 'trace: expected a text, got undefined'],
    [wrong({ flapping: { every: 3 } }), "flapping: there is no 'every', only upMs, downMs, offsetMs"],
  ])('refuses %j in one line', (options, why) => {
    expect(() => linksOf(options)).toThrow(why)
  })
})

describe('a story', () => {
  const SETTINGS = { frames: 60, hz: 90 } as const

  it.each(PRESET_NAMES)('is at one over %s, to its end and for whoever joins on it', async (preset) => {
    const settings = { frames: 150, hz: 90, settleMs: 20_000 } as const
    const { exit, verdict, report } = await run(scenario('told', settings, async ({ host, join, net, frame }) => {
      const ana = await join('ana', { over: 'webrtc', role: 'editor' })
      net.all.set({ preset })
      ana.click(host.spawn({ at: [0, 1, -2] }))
      ana.spawn({ at: [0, 1, -3] })
      const ben = await join('ben', { over: 'quic', role: 'editor' })
      ben.spawn({ at: [0, 1, -4] })
      await frame(150)
    }))
    expect([exit, verdict]).toEqual([0, 'converged'])
    expect(report.counters.commandsApplied).toBeGreaterThan(2)
  })

  it.each<[options: LinkOptions, why: string]>([
    [{ jitter: { kind: 'normal', meanMs: 20, deviationMs: 2 } }, 'link jitter.meanUs: expected a latency of the link, 5000 to 5000'],
  ])('ends where it says what cannot be: %j', async (options, why) => {
    const { exit, verdict } = await run(scenario('told', SETTINGS, async ({ join, net }) => {
      await join('ana', { over: 'quic', role: 'editor' })
      net.all.set(options)
    }))
    expect(verdict).toContain(why)
    expect(exit).toBe(4)
  })

  it.each([['up', true], ['down', false]] as const)('loses %s alone, whoever is named first', async (direction, isSeen) => {
    const seen: boolean[] = []
    const { exit } = await run(scenario('told', SETTINGS, async ({ host, join, net, frames }) => {
      const ana = await join('ana', { over: 'quic', role: 'editor' })
      for (const link of [net.link(host, ana), net.link(ana, host)]) {
        link.set({ [direction]: { drop: 1 } })
        const known = ana.entities().length
        host.spawn({ at: [0, 1, -2] })
        await frames(8)
        seen.push(ana.entities().length > known)
        net.heal()
        await frames(8)
      }
    }))
    expect(exit).toBe(0)
    // What is lost on its way up does not keep the host's entity from coming down.
    expect(seen).toEqual([isSeen, isSeen])
  })
})
