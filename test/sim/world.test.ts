import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededChooser } from '../../sim/choice.ts'
import { HELD_EVENTS_MAX, INSTANT_EVENTS_MAX, VIRTUAL_US_MAX } from '../../sim/limits.ts'
import { Trace } from '../../sim/trace.ts'
import { frameFrom, frameUs, Kernel, type SimNode } from '../../sim/world.ts'

/** Writes down what happens to it; its wishes to be woken are set from outside. */
class Recorder implements SimNode<string> {
  readonly log: string[] = []
  wakeUs = Infinity

  deliver(datagram: string, nowUs: number): void {
    this.log.push(`${nowUs} ${datagram}`)
  }

  wake(nowUs: number): void {
    this.log.push(`${nowUs} wake`)
    this.wakeUs = Infinity
  }

  nextWakeUs(): number {
    return this.wakeUs
  }

  frame(index: number, nowUs: number): void {
    this.log.push(`${nowUs} frame ${index}`)
  }

  event(kind: number, slot: number, nowUs: number): void {
    this.log.push(`${nowUs} event ${kind} ${slot}`)
  }

  crash(): void {
    this.log.push('crash')
  }
}

interface Fixture {
  readonly kernel: Kernel<string>
  readonly a: Recorder
  readonly b: Recorder
  readonly lost: string[]
  readonly trace: Trace
}

function fixture(ties?: SeededChooser): Fixture {
  const trace = new Trace('digest')
  const lost: string[] = []
  const undelivered = (datagram: string, node: number, why: string): void => { lost.push(`${datagram} ${node} ${why}`) }
  const kernel = new Kernel<string>(ties === undefined ? { trace, undelivered } : { trace, undelivered, ties })
  const [a, b] = [new Recorder(), new Recorder()]
  kernel.addNode(a)
  kernel.addNode(b)
  return { kernel, a, b, lost, trace }
}

describe('the kernel', () => {
  it('delivers at the instant given, in the order of queueing, and stops before the instant asked for', () => {
    const { kernel, a, b } = fixture()
    kernel.deliver(20, 0, 'late')
    kernel.deliver(10, 0, 'one')
    kernel.deliver(10, 1, 'other')
    kernel.deliver(10, 0, 'two')
    expect(kernel.run(20)).toEqual({ kind: 'reached' })
    expect([a.log, b.log, kernel.nowUs]).toEqual([['10 one', '10 two'], ['10 other'], 20])
    kernel.run(21)
    expect(a.log.at(-1)).toBe('20 late')
    expect(kernel.events).toBe(4)
  })

  it('stops where the predicate holds, asked before every event', () => {
    const { kernel, a } = fixture()
    for (let i = 1; i <= 5; i++) kernel.deliver(i, 0, `${i}`)
    expect(kernel.run(100, () => a.log.length === 3)).toEqual({ kind: 'satisfied' })
    expect([a.log.length, kernel.nowUs]).toEqual([3, 3])
    expect(kernel.run(100, () => false)).toEqual({ kind: 'reached' })
  })

  it('wakes a node once, at its earliest wish, whatever it wished before', () => {
    const { kernel, a } = fixture()
    for (const wish of [50, 30, 40]) {
      a.wakeUs = wish
      kernel.touch(0)
    }
    kernel.run(100)
    expect(a.log).toEqual(['40 wake'])
    a.wakeUs = 5
    kernel.touch(0)
    a.wakeUs = 200
    kernel.touch(0)
    a.wakeUs = Infinity
    kernel.run(300)
    expect(a.log).toEqual(['40 wake'])
  })

  it('spends one event on a wish that stays, and asks nothing for those that were overtaken', () => {
    const { kernel, a } = fixture()
    let asked = 0
    a.nextWakeUs = (): number => {
      asked++
      return a.wakeUs
    }
    a.wakeUs = 50
    for (let i = 0; i < 10; i++) kernel.touch(0)
    kernel.run(100)
    expect([a.log, kernel.events]).toEqual([['50 wake'], 1])
    for (let wish = 300; wish > 200; wish--) {
      a.wakeUs = wish
      kernel.touch(0)
    }
    asked = 0
    kernel.run(1000)
    expect(a.log).toEqual(['50 wake', '201 wake'])
    // Whether it is time, and then what is next; the other 99 wakes are stale.
    expect([kernel.events, asked]).toEqual([101, 2])
  })

  it('wakes a node that resumes, if its time has come', () => {
    const { kernel, a } = fixture()
    a.wakeUs = 20
    kernel.touch(0)
    kernel.pause(0)
    kernel.run(30)
    kernel.resume(0)
    kernel.run(40)
    expect(a.log).toEqual(['30 wake'])
  })

  it('asks for the next wish after every call, and takes one of the past as now', () => {
    const { kernel, a } = fixture()
    kernel.deliver(10, 0, 'datagram')
    a.deliver = (_, nowUs): void => { a.wakeUs = nowUs - 7 }
    kernel.run(11)
    expect(a.log).toEqual(['10 wake'])
  })

  it('never wakes early or twice for a wish, for any wishes', () => {
    fc.assert(fc.property(fc.array(fc.record({ atUs: fc.nat(100), wish: fc.nat(120) }), { maxLength: 60 }), (wishes) => {
      const { kernel, a } = fixture()
      const woken: number[] = []
      a.deliver = (wish): void => { a.wakeUs = Number(wish) }
      a.wake = (nowUs): void => {
        expect(nowUs).toBe(Math.max(a.wakeUs, askedUs))
        woken.push(nowUs)
        a.wakeUs = Infinity
      }
      let askedUs = 0
      for (const { atUs, wish } of wishes.toSorted((x, y) => x.atUs - y.atUs)) {
        kernel.run(atUs)
        askedUs = atUs
        a.wakeUs = wish
        kernel.touch(0)
      }
      kernel.run(1000)
      expect(a.wakeUs).toBe(Infinity)
      expect(new Set(woken).size === woken.length || wishes.some(({ atUs, wish }) => wish <= atUs)).toBe(true)
    }), { seed: 1, numRuns: 200 })
  })

  it('begins frame k at floor(k * 1e6 / hz), until the frames are stopped', () => {
    const { kernel, a } = fixture()
    kernel.run(15_000)
    kernel.startFrames(0, 90, frameFrom(15_000, 90))
    kernel.run(frameUs(4, 90))
    expect(a.log).toEqual(['22222 frame 2', '33333 frame 3'])
    kernel.stopFrames(0)
    kernel.run(100_000)
    expect(a.log.length).toBe(2)
    for (const hz of [30, 72, 90, 120, 1000]) {
      const frames = Array.from({ length: 3000 }, (_, frame) => frame)
      const begins = frames.map((frame) => frameUs(frame, hz))
      expect(begins).toEqual(frames.map((frame) => Number((BigInt(frame) * 1_000_000n) / BigInt(hz))))
      expect(begins.map((atUs) => frameFrom(atUs, hz))).toEqual(frames)
      expect(begins.map((atUs) => frameFrom(atUs + 1, hz))).toEqual(frames.map((frame) => frame + 1))
    }
  })

  it('begins frames once, however often they are started', () => {
    const { kernel, a } = fixture()
    kernel.startFrames(0, 90, 0)
    kernel.stopFrames(0)
    kernel.startFrames(0, 90, 0)
    kernel.run(20_000)
    expect(a.log).toEqual(['0 frame 0', '11111 frame 1'])
  })

  it('holds what comes to a paused node, and hands it over in order when it resumes', () => {
    const { kernel, a, b } = fixture()
    kernel.startFrames(0, 90, 0)
    a.wakeUs = 500
    kernel.touch(0)
    kernel.run(1)
    expect(kernel.pause(0)).toBe(true)
    kernel.deliver(10, 0, 'x')
    kernel.schedule(20, 16, 0, -5)
    kernel.deliver(11_200, 0, 'y')
    kernel.deliver(12_000, 1, 'unaffected')
    kernel.run(12_500)
    expect([a.log, b.log]).toEqual([['0 frame 0'], ['12000 unaffected']])
    expect(kernel.resume(0)).toBe(true)
    kernel.run(30_000)
    expect(a.log.slice(1)).toEqual(['12500 x', '12500 event 16 -5', '12500 frame 1', '12500 y', '12500 wake', '22222 frame 2'])
    expect(kernel.resume(0)).toBe(false)
  })

  it('hands over what it held before what comes in the instant in which it resumes', () => {
    const { kernel, a } = fixture()
    kernel.startFrames(0, 90, 0)
    kernel.deliver(33_333, 0, 'x')
    kernel.run(1)
    kernel.pause(0)
    kernel.run(33_333)
    kernel.resume(0)
    kernel.run(33_334)
    expect(a.log).toEqual(['0 frame 0', '33333 frame 1', '33333 frame 2', '33333 x', '33333 frame 3'])
  })

  it('loses datagrams to a node that is down, and its pending events; a new one in its place starts fresh', () => {
    const { kernel, a, lost, trace } = fixture()
    kernel.startFrames(0, 90, 1)
    kernel.schedule(40, 17, 0, 1)
    kernel.deliver(50, 0, 'x')
    kernel.deliver(5000, 0, 'y')
    a.wakeUs = 60
    kernel.touch(0)
    kernel.pause(0)
    kernel.deliver(1, 0, 'held')
    kernel.run(10)
    expect(kernel.crash(0)).toBe(true)
    expect(kernel.crash(0)).toBe(false)
    expect([kernel.pause(0), kernel.resume(0)]).toEqual([false, false])
    kernel.run(2000)
    expect(a.log).toEqual(['crash'])
    expect(lost).toEqual(['held 0 down', 'x 0 down'])
    const fresh = new Recorder()
    fresh.wakeUs = 3000
    expect(kernel.restart(0, fresh)).toBe(true)
    expect(kernel.restart(0, fresh)).toBe(false)
    kernel.run(20_000)
    expect(fresh.log).toEqual(['3000 wake', '5000 y'])
    expect(a.log).toEqual(['crash'])
    const changes = trace.records().flatMap((one) => (one.kind === 'node' && one.node === 0 ? [`${one.atUs} ${one.change}`] : []))
    expect(changes).toEqual(['0 started', '0 paused', '10 crashed', '2000 started'])
  })

  it('overflows the buffer of a paused node by losing datagrams, and ends the run where another event would be lost', () => {
    const { kernel, a, lost } = fixture()
    kernel.pause(0)
    for (let i = 0; i < HELD_EVENTS_MAX + 2; i++) kernel.deliver(i, 0, `${i}`)
    expect(kernel.run(HELD_EVENTS_MAX + 10)).toEqual({ kind: 'reached' })
    expect(lost).toEqual([`${HELD_EVENTS_MAX} 0 full`, `${HELD_EVENTS_MAX + 1} 0 full`])
    kernel.schedule(kernel.nowUs, 16, 0, 0)
    expect(kernel.run(kernel.nowUs + 1)).toEqual({ kind: 'limit', limit: 'HELD_EVENTS_MAX' })
    expect(a.log).toEqual([])
  })

  it('ends a run at a bound, by its name', () => {
    const standing = fixture()
    standing.a.wake = (): void => {}
    standing.a.wakeUs = 5
    standing.kernel.touch(0)
    expect(standing.kernel.run(10)).toEqual({ kind: 'limit', limit: 'INSTANT_EVENTS_MAX' })
    expect([standing.kernel.nowUs, standing.kernel.events]).toEqual([5, INSTANT_EVENTS_MAX])
    const busy = fixture()
    busy.a.deliver = (datagram, nowUs): void => busy.kernel.deliver(nowUs + 1, 0, datagram)
    for (let i = 0; i < 100; i++) busy.kernel.deliver(0, 0, 'x')
    expect(busy.kernel.run(INSTANT_EVENTS_MAX / 100 + 10)).toEqual({ kind: 'reached' })
    expect(fixture().kernel.run(VIRTUAL_US_MAX + 1)).toEqual({ kind: 'limit', limit: 'VIRTUAL_US_MAX' })
    expect(fixture().kernel.run(VIRTUAL_US_MAX)).toEqual({ kind: 'reached' })
  })

  it('gives every datagram out once, however their slots are used again', () => {
    const { kernel, a } = fixture()
    a.deliver = (datagram, nowUs): void => {
      a.log.push(datagram)
      if (nowUs < 1000) kernel.deliver(nowUs + 1, 0, `${nowUs + 1}`)
    }
    for (let i = 0; i < 3; i++) kernel.deliver(0, 0, '0')
    kernel.run(2000)
    expect(a.log).toEqual(Array.from({ length: 3003 }, (_, i) => `${Math.floor(i / 3)}`))
  })

  it('permutes simultaneous events of different nodes where ties are given', () => {
    const orders = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const { kernel, a, b } = fixture(new SeededChooser(seed))
      const log: string[] = []
      a.deliver = (datagram): void => { log.push(`a${datagram}`) }
      b.deliver = (datagram): void => { log.push(`b${datagram}`) }
      for (const datagram of ['1', '2']) for (const node of [0, 1]) kernel.deliver(7, node, datagram)
      kernel.run(8)
      orders.add(log.join())
    }
    expect([...orders].toSorted()).toEqual(['a1,a2,b1,b2', 'a1,b1,a2,b2', 'b1,b2,a1,a2'])
  })

  it('refuses what lies in the past or outside its ranges', () => {
    const { kernel } = fixture()
    kernel.run(10)
    expect(() => kernel.deliver(9, 0, 'x')).toThrow(RangeError)
    expect(() => kernel.deliver(10.5, 0, 'x')).toThrow(RangeError)
    expect(() => kernel.deliver(10, 2, 'x')).toThrow('node: expected an index of [0, 2), got 2')
    expect(() => kernel.schedule(10, 15, 0, 0)).toThrow(RangeError)
    expect(() => kernel.schedule(10, 16, 0, 2 ** 31)).toThrow(RangeError)
    expect(() => kernel.startFrames(0, 0, 1)).toThrow(RangeError)
    expect(() => kernel.startFrames(0, 90, 0)).toThrow(RangeError)
  })
})
