import { describe, expect, test } from 'vitest'
import { mix32 } from '../../../sim/choice.ts'
import { Codel } from '../../../sim/net/codel.ts'
import { Ecn } from '../../../sim/net/datagram.ts'
import type { LinkSettings } from '../../../sim/net/settings.ts'
import { datagram, network } from './network.ts'

const TARGET_US = 5_000
const INTERVAL_US = 100_000
const RATE = 1_000_000
const BYTES = 1_000
const MTU = 1_472
/** Of one datagram at the rate. */
const SERVICE_US = 1_000
const SECOND = 1_000_000

const CODEL: Partial<LinkSettings> = {
  latencyUsMin: 0, latencyUsMax: 0, bandwidthBytesPerSecond: RATE, queueBytesMax: 10_000_000, mtuBytes: MTU,
  queue: { kind: 'codel', targetUs: TARGET_US, intervalUs: INTERVAL_US },
}

/** Arrivals every `gapUs`, each moved by up to `moveUs`. */
function arrivalsOf(gapUs: number, moveUs: number, untilUs: number): number[] {
  return Array.from({ length: Math.floor(untilUs / gapUs) }, (_, i) => i * gapUs + (mix32(i, 1) % (moveUs + 1)))
}

function run(settings: Partial<LinkSettings>, atUs: readonly number[], ecn: Ecn = Ecn.notCapable) {
  const net = network(settings)
  for (const [key, nowUs] of atUs.entries()) net.fabric.send(datagram(key, BYTES, 0, 1, ecn), nowUs)
  const waits = net.arrivals.map(({ atUs: outUs, datagram: { id } }) => ({ outUs, waitUs: outUs - SERVICE_US - atUs[id] }))
  return { ...net, waits }
}

/** The pseudocode of RFC 8289, sections 5.5 and 5.6, as it stands there, with a real queue: it decides when a datagram leaves. */
function reference(atUs: readonly number[]): number[] {
  const queue: number[] = []
  const dropped: number[] = []
  let [firstAbove, dropNext, count, lastCount, dropping] = [0, 0, 0, 0, false]
  let [next, freeUs] = [0, 0]
  const controlLaw = (t: number) => t + Math.floor(INTERVAL_US / Math.sqrt(count))
  const doDequeue = (now: number) => {
    const key = queue.shift()
    let okToDrop = false
    if (key === undefined) firstAbove = 0
    else if (now - atUs[key] < TARGET_US || queue.length * BYTES <= MTU) firstAbove = 0
    else if (firstAbove === 0) firstAbove = now + INTERVAL_US
    else if (now >= firstAbove) okToDrop = true
    return { key, okToDrop }
  }
  const drop = (key: number | undefined) => { if (key !== undefined) dropped.push(key) }
  const dequeue = (now: number) => {
    let r = doDequeue(now)
    if (dropping) {
      if (!r.okToDrop) dropping = false
      while (now >= dropNext && dropping) {
        drop(r.key)
        count++
        r = doDequeue(now)
        if (!r.okToDrop) dropping = false
        else dropNext = controlLaw(dropNext)
      }
    } else if (r.okToDrop) {
      drop(r.key)
      r = doDequeue(now)
      dropping = true
      const delta = count - lastCount
      count = delta > 1 && now - dropNext < 16 * INTERVAL_US ? delta : 1
      dropNext = controlLaw(now)
      lastCount = count
    }
    return r.key
  }
  while (next < atUs.length || queue.length > 0) {
    if (queue.length === 0) freeUs = Math.max(freeUs, atUs[next])
    while (next < atUs.length && atUs[next] <= freeUs) queue.push(next++)
    if (dequeue(freeUs) !== undefined) freeUs += SERVICE_US
  }
  return dropped
}

describe('RFC 8289', () => {
  // 5% more than the rate.
  const overload = arrivalsOf(952, 400, 30 * SECOND)

  test('section 3: in every second of a constant overload somebody has waited less than the target', () => {
    const { waits, count } = run(CODEL, overload)
    // 50 of 1050 datagrams a second are too many: one every 20 ms, which is INTERVAL / sqrt(25): reached after 25 drops, in
    // 100 ms * (1 + 1/sqrt(2) + ... + 1/sqrt(25)) = 0.86 s, and with them a queue of at most 0.86 * 50 = 43 datagrams, 43 ms.
    for (let second = 2; second < 30; second++) {
      const within = waits.filter(({ outUs }) => outUs >= second * SECOND && outUs < (second + 1) * SECOND).map(({ waitUs }) => waitUs)
      expect(Math.min(...within), `second ${second}`).toBeLessThan(TARGET_US)
      expect(Math.max(...within), `second ${second}`).toBeLessThan(INTERVAL_US)
    }
    const mean = waits.reduce((sum, { waitUs }) => sum + waitUs, 0) / waits.length
    expect(mean).toBeLessThan(4 * TARGET_US)
    // What is too much, and hardly more: the link is not left idle.
    expect(Math.abs(count('lost') / (overload.length - 30_000) - 1)).toBeLessThan(0.05)
  })

  test('tail drop with the same queue lets everybody wait as long as it is', () => {
    const { waits } = run({ ...CODEL, queue: { kind: 'tailDrop', markBytes: 0 }, queueBytesMax: 500_000 }, overload)
    expect(waits.at(-1)?.waitUs).toBeGreaterThan(495_000)
  })

  test.each([[952, 400], [900, 0], [800, 1_000]])('drops what the pseudocode drops: every %i us, moved by %i', (gapUs, moveUs) => {
    const atUs = arrivalsOf(gapUs, moveUs, 20 * SECOND).sort((a, b) => a - b)
    const { fates } = run(CODEL, atUs)
    const ours = fates(atUs.length).flatMap((isLost, key) => (isLost ? [key] : []))
    const theirs = reference(atUs)
    expect(theirs.length).toBeGreaterThan(200)
    // Only at the very end, where nobody comes any more, do the backlog that was found and the one that is left differ.
    expect(ours.slice(0, theirs.length)).toEqual(theirs)
    expect(ours.length - theirs.length).toBeLessThanOrEqual(1)
  })

  describe('step by step', () => {
    /** What strikes at these instants where everybody waits that long; a minus is an instant at which nobody waits. */
    const struck = (turnsUs: readonly number[], sojournUs = TARGET_US, backlogBytes = MTU + 1): number[] => {
      const codel = new Codel()
      return turnsUs.filter((turnUs) =>
        codel.strikes(Math.abs(turnUs), turnUs < 0 ? 0 : sojournUs, backlogBytes, MTU, TARGET_US, INTERVAL_US))
    }
    // From 10 ms on: an interval later, one more, then 100 / sqrt(2), 100 / sqrt(3), 100 / sqrt(4) ms.
    const first = [10_000, 109_999, 110_000, 209_999, 210_000, 280_709, 280_710, 338_444, 338_445, 388_444, 388_445]

    test('section 5.3: first after an interval, then after interval / sqrt(count)', () => {
      expect(struck(first)).toEqual([110_000, 210_000, 280_710, 338_445, 388_445])
    })

    test('section 5.4: the target is too long, a little less is not; one datagram is no queue', () => {
      expect(struck(first, TARGET_US - 1)).toEqual([])
      expect(struck(first, TARGET_US, MTU)).toEqual([])
    })

    test('section 5.4: a queue that was short in between is asked anew', () => {
      expect(struck([10_000, -100_000, 110_000, 209_999, 210_000])).toEqual([210_000])
    })

    test('section 5.5: dropping that begins again within 16 intervals goes on with as many as there were, later from one', () => {
      // Five struck, one of them to begin with: four. The next would have been at 388,445 + 100,000 / sqrt(5) = 433,166.
      const again = 433_166 + 16 * INTERVAL_US
      const rest = (atUs: number) => struck([...first, -400_000, atUs - INTERVAL_US, atUs, atUs + 49_999, atUs + 50_000]).slice(5)
      expect(rest(again - 1)).toEqual([again - 1, again + 49_999])
      expect(rest(again)).toEqual([again])
      expect(rest(600_000)).toEqual([600_000, 650_000])
    })
  })

  test('section 4: a queue that drains within an interval is left alone, however long it was', () => {
    // 90 at once wait up to 89 ms, every 200 ms.
    const bursts = Array.from({ length: 90 * 20 }, (_, i) => Math.floor(i / 90) * 200_000)
    expect(run(CODEL, bursts).count('lost')).toBe(0)
  })

  test('RFC 3168: what can be marked is marked, and nothing of it is lost', () => {
    const marked = run(CODEL, arrivalsOf(952, 400, 3 * SECOND), Ecn.ect0)
    expect(marked.count('lost')).toBe(0)
    // Marks are as many as the control law has in 3 s where nobody answers to them: sqrt(k) * 2 * 100 ms = 2.9 s, k about 210.
    expect(marked.count('marked')).toBeGreaterThan(150)
    expect(marked.count('marked')).toBeLessThan(270)
    expect(marked.arrivals.filter(({ datagram: { ecn } }) => ecn === Ecn.congestionExperienced).length).toBe(marked.count('marked'))
  })
})
