/** Heartbeats by themselves: round-trip time, jitter, silence. */
import { describe, expect, it } from 'vitest'
import { HEARTBEAT_INTERVAL_US, HEARTBEAT_TIMEOUT_US } from '../../../system/limits.ts'
import { HeartbeatMonitor } from '../../../system/session/heartbeat.ts'

describe('a monitor', () => {
  it('R-SESSION-5 pings at an interval', () => {
    const monitor = new HeartbeatMonitor(1000)
    expect(monitor.ping(1000)).toMatchObject({ pong: false, sequence: 0, sentAtUs: 1000, rttUs: 0, jitterUs: 0 })
    expect(monitor.ping(1000 + HEARTBEAT_INTERVAL_US - 1)).toBeUndefined()
    expect(monitor.ping(1000 + HEARTBEAT_INTERVAL_US)).toMatchObject({ sequence: 1 })
  })

  it('R-SESSION-5 measures by its own clock, whatever the other side\'s says', () => {
    const [near, far] = [new HeartbeatMonitor(0), new HeartbeatMonitor(777_000_000)]
    const sample = (sentAtUs: number, rttUs: number) => {
      const pong = far.receive(near.ping(sentAtUs)!, 777_000_000 + sentAtUs)!
      expect(near.receive(pong, sentAtUs + rttUs)).toBeUndefined()
      return [near.rttUs, near.jitterUs]
    }
    expect(sample(0, 40_000)).toEqual([40_000, 20_000])
    // rtt (7 * 40,000 + 48,000) / 8; jitter (3 * 20,000 + 8,000) / 4
    expect(sample(HEARTBEAT_INTERVAL_US, 48_000)).toEqual([41_000, 17_000])
    expect(far.rttUs).toBe(0)
  })

  it('R-SESSION-5 an echo of what was never sent, from the future or too old, says nothing', () => {
    const monitor = new HeartbeatMonitor(0)
    const ping = monitor.ping(0)!
    for (const echo of [{ sequence: 1 }, { sentAtUs: 10_000_000 }]) monitor.receive({ ...ping, ...echo, pong: true }, 5_000)
    monitor.receive({ ...ping, pong: true }, HEARTBEAT_TIMEOUT_US + 1)
    expect([monitor.rttUs, monitor.jitterUs]).toEqual([0, 0])
  })

  it('R-SESSION-5 is silent after a time in which nothing was heard', () => {
    const monitor = new HeartbeatMonitor(0)
    monitor.heard(1000)
    expect(monitor.silent(1000 + HEARTBEAT_TIMEOUT_US - 1)).toBe(false)
    expect(monitor.silent(1000 + HEARTBEAT_TIMEOUT_US)).toBe(true)
  })
})
