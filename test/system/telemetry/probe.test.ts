/** The probe: what peers tell it and ask it, and that they do not depend on who listens. */
import { beforeAll, describe, expect, it } from 'vitest'
import { RESIGN_MAX } from '../../../system/limits.ts'
import { NO_PROBE, type Probe } from '../../../system/ports.ts'
import { FAULT_POINTS, type FaultPointName } from '../../../system/telemetry/faultpoints.ts'
import { type MarkName, MARKS } from '../../../system/telemetry/marks.ts'
import { disagreement, LATENCY_US, Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'
import { parseSource, readTree, type SourceFile, walk } from '../../tidy/source.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const

/** Remembers every mark, and says yes where `takes` does. */
class Listener {
  readonly marks = new Map<MarkName, number>()
  readonly asked: string[] = []
  readonly probe: Probe

  constructor(takes: (point: FaultPointName) => boolean = () => false) {
    this.probe = {
      sometimes: (mark) => void this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1),
      happens: (point, keyHi, keyLo) => {
        this.asked.push(`${point} ${keyHi} ${keyLo}`)
        return takes(point)
      },
    }
  }
}

/** Two members that edit, one of them over a connection that loses every third frame and breaks once. */
function edited(probeOf: (name: string) => Probe): Loopback {
  const loopback = new Loopback({ probeOf })
  const [ana, ben] = loopback.joined('ana', 'ben')
  loopback.carry = (carried) => {
    const frame = carried.to === 'ben' && carried.channel === 'replication' ? carried.as('ComponentDelta')?.frame : undefined
    return frame !== undefined && frame % 3 === 0 ? NEVER : ONCE
  }
  for (let i = 0; i < 6; i++) {
    ana.intend({ ...SPAWN, x: i })
    ben.intend({ ...SPAWN, x: -i })
    loopback.run(5)
    if (i === 3) loopback.sever(ben)
  }
  loopback.carry = () => ONCE
  loopback.settle()
  return loopback
}

describe('the probe of production', () => {
  it('R-PROBE-1 does nothing and says no', () => {
    expect(NO_PROBE.sometimes('a gap beyond the ring')).toBe(undefined)
    for (const name of Object.keys(FAULT_POINTS) as FaultPointName[]) expect(NO_PROBE.happens(name, 1, 2)).toBe(false)
  })

  it('R-PROBE-1 leads to the same bytes as one that listens and says no', () => {
    const listener = new Listener()
    const [silent, heard] = [edited(() => NO_PROBE), edited(() => listener.probe)]
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    const bytes = ({ sent }: Loopback) => sent.map((carried) => `${carried.atUs} ${carried.from} ${hex(carried.bytes)}`)
    expect(bytes(heard)).toEqual(bytes(silent))
    expect(listener.marks.size).toBeGreaterThan(3)
    expect(new Set(listener.asked).size).toBeGreaterThan(100)
    for (const loopback of [silent, heard]) loopback.free()
  })
})

describe('a fault point', () => {
  /** What this small session has no occasion for. */
  const ELSEWHERE: readonly string[] = ['a snapshot goes out backwards', 'entries are told one by one']

  it.each(Object.keys(FAULT_POINTS) as FaultPointName[])('R-PROBE-3 that happens twice in three leaves the worlds equal: %s', (name) => {
    let asked = 0
    const listener = new Listener((point) => point === name && asked < 60 && asked++ % 3 !== 0)
    const loopback = edited(() => listener.probe)
    if (!ELSEWHERE.includes(name)) expect(asked).toBeGreaterThan(1)
    expect(disagreement(loopback)).toBe(undefined)
    for (const { peer } of loopback.clients) expect(peer.world.canonicalBytes()).toEqual(loopback.host.peer.world.canonicalBytes())
    loopback.free()
  })
})

describe('the catalogues', () => {
  /** The names that stand in calls of a method, each with how often. */
  function called(files: readonly SourceFile[], method: 'sometimes' | 'happens'): Map<string, number> {
    const names = new Map<string, number>()
    for (const { body } of files) {
      walk(body, (node) => {
        const callee = node.callee as { readonly property?: { readonly name?: string } } | undefined
        if (node.type !== 'CallExpression' || callee?.property?.name !== method) return
        const [argument] = node.arguments as readonly { readonly value?: unknown }[]
        const name = String(argument?.value)
        names.set(name, (names.get(name) ?? 0) + 1)
      })
    }
    return names
  }
  const system = readTree().filter(({ path }) => path.startsWith('system/'))

  it('R-PROBE-2 have no mark that no peer can tell of, and miss none', () => {
    expect([...called(system, 'sometimes').keys()].sort()).toEqual(Object.keys(MARKS).sort())
  })
  it('R-PROBE-2 have no fault point that nobody asks for, and each is asked for one purpose', () => {
    const asked = called(system, 'happens')
    expect([...asked.keys()].sort()).toEqual(Object.keys(FAULT_POINTS).sort())
    const twice = [...asked].filter(([, times]) => times > 1).map(([name]) => name)
    expect(twice).toEqual(['a heartbeat is left out'])
  })
  it('see a name that is computed, and one that stands in a text only', () => {
    const file = parseSource('system/a.ts', "probe.sometimes('a'); probe.sometimes(name); const text = \"probe.sometimes('b')\"")
    expect([...called([file], 'sometimes').keys()]).toEqual(['a', 'undefined'])
  })

  it('have at least 25 marks and 10 points, with odds and budgets that make sense', () => {
    expect(Object.keys(MARKS).length).toBeGreaterThanOrEqual(25)
    expect(Object.keys(FAULT_POINTS).length).toBeGreaterThanOrEqual(10)
    for (const { about, seedsMax } of Object.values(MARKS)) expect([about.length > 10, seedsMax >= 50]).toEqual([true, true])
    for (const { about, ppm } of Object.values(FAULT_POINTS)) expect([about.length > 10, ppm > 0 && ppm <= 250_000]).toEqual([true, true])
  })
})

describe('a mark', () => {
  it('is reached by an entry that comes after the change of role behind which it stands', () => {
    const listener = new Listener()
    const loopback = new Loopback({ probeOf: (name) => (name === 'host' ? listener.probe : NO_PROBE) })
    const [ana] = loopback.joined('ana')
    // The entry is under way when the host, which does not know of it, takes the role away at a later position.
    loopback.host.intend(SPAWN)
    ana.intend(SPAWN)
    loopback.host.intend({ kind: 'role', author: 1, role: 'viewer' })
    loopback.settle()
    expect([...listener.marks.keys()]).toContain('a role held at the position of an entry and not at its arrival')
    expect(ana.heard('commandFolded').filter(({ author }) => author === 1).map(({ outcome }) => outcome)).toEqual(['applied'])
    ana.intend(SPAWN)
    loopback.settle()
    expect(ana.last('commandRefused')).toMatchObject({ reason: 'role' })
    expect(disagreement(loopback)).toBe(undefined)
    loopback.free()
  })

  it('is reached by a command that is late again and again', () => {
    const listener = new Listener()
    const loopback = new Loopback({ probeOf: (name) => (name === 'ana' ? listener.probe : NO_PROBE) })
    const [ana] = loopback.joined('ana')
    // 300 ms one way is more than the late window, and the host's own entries keep its clock running.
    const slowUs = 300_000 - LATENCY_US
    loopback.carry = ({ from }) => (from === 'ana' ? [{ delayUs: LATENCY_US + slowUs }] : ONCE)
    ana.intend(SPAWN)
    for (let frame = 0; frame < (RESIGN_MAX + 2) * 40; frame++) {
      loopback.host.intend(SPAWN)
      loopback.run(1)
    }
    expect([...listener.marks]).toContainEqual(['an own command refused for good', 1])
    expect(listener.marks.get('a command signed anew')).toBe(RESIGN_MAX)
    expect(ana.peer.log!.unadmitted()).toEqual([])
    loopback.free()
  })
})
