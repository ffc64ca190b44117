import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SocketAddress } from '../../../sim/net/datagram.ts'
import { Nat, NAT_SETTINGS, type NatDependence, type NatSettings } from '../../../sim/net/nat.ts'

const at = (address: number, port: number): SocketAddress => ({ address, port })
const INSIDE = at(1, 5_000)
const REMOTE = at(7, 443)
const OTHER_PORT = at(7, 444)
const OTHER_ADDRESS = at(8, 443)
const nat = (change: Partial<NatSettings> = {}): Nat => new Nat(3_840, { ...NAT_SETTINGS.fullCone, ...change })
const socket = fc.record({ address: fc.nat(3), port: fc.integer({ min: 1_024, max: 1_030 }) })

describe('a translator', () => {
  const mappings: readonly (readonly [NatDependence, boolean, boolean])[] = [
    ['endpointIndependent', true, true], ['addressDependent', true, false], ['addressAndPortDependent', false, false],
  ]
  for (const [mapping, samePort, sameAddress] of mappings) {
    it(`RFC 4787, 4.1: ${mapping} mapping`, () => {
      const it = nat({ mapping })
      const first = it.outbound(INSIDE, REMOTE, 0)
      expect(it.outbound(INSIDE, REMOTE, 1)).toBe(first)
      expect(it.outbound(INSIDE, OTHER_PORT, 2) === first).toBe(samePort)
      expect(it.outbound(INSIDE, OTHER_ADDRESS, 3) === first).toBe(sameAddress)
    })
  }

  const filters: readonly (readonly [NatDependence, boolean, boolean])[] = [
    ['endpointIndependent', true, true], ['addressDependent', true, false], ['addressAndPortDependent', false, false],
  ]
  for (const [filtering, samePort, sameAddress] of filters) {
    it(`RFC 4787, 5: ${filtering} filtering`, () => {
      const it = nat({ filtering })
      const port = it.outbound(INSIDE, REMOTE, 0)
      expect(it.inbound(port, REMOTE, 1)).toEqual(INSIDE)
      expect(it.inbound(port, OTHER_PORT, 1) !== undefined).toBe(samePort)
      expect(it.inbound(port, OTHER_ADDRESS, 1) !== undefined).toBe(sameAddress)
      expect(it.inbound(port + 1, REMOTE, 1)).toBeUndefined()
    })
  }

  it('RFC 4787, 4.2.1: keeps the port of the inside socket where that is free, else takes another', () => {
    const it = nat()
    expect(it.outbound(INSIDE, REMOTE, 0)).toBe(5_000)
    expect(it.outbound(at(2, 5_000), REMOTE, 0)).not.toBe(5_000)
    expect(nat({ portPreservation: false }).outbound(INSIDE, REMOTE, 0)).not.toBe(5_000)
  })

  it('RFC 4787, 4.3: a mapping lives as long as it is used; outbound traffic refreshes it, inbound traffic where it is set so', () => {
    const lifetimeUs = 30_000_000
    for (const inboundRefresh of [true, false]) {
      const it = nat({ lifetimeUs, inboundRefresh })
      const port = it.outbound(INSIDE, REMOTE, 0)
      it.outbound(INSIDE, REMOTE, lifetimeUs - 1)
      expect(it.inbound(port, REMOTE, lifetimeUs * 2 - 2)).toEqual(INSIDE)
      expect(it.inbound(port, REMOTE, lifetimeUs * 3 - 3) !== undefined).toBe(inboundRefresh)
      expect(it.inbound(port, REMOTE, lifetimeUs * 5)).toBeUndefined()
    }
  })

  it('forgets everything when it starts anew, and gives other ports', () => {
    const it = nat()
    const port = it.outbound(INSIDE, REMOTE, 0)
    it.rebind()
    expect(it.inbound(port, REMOTE, 1)).toBeUndefined()
    const next = it.outbound(INSIDE, REMOTE, 2)
    expect(next).not.toBe(port)
    expect(it.inbound(next, REMOTE, 3)).toEqual(INSIDE)
  })

  it('never gives one port to two sockets, and leads every answer back to the one who asked', () => {
    const settings = fc.record({
      mapping: fc.constantFrom('endpointIndependent', 'addressDependent', 'addressAndPortDependent'),
      filtering: fc.constantFrom('endpointIndependent', 'addressDependent', 'addressAndPortDependent'),
      portPreservation: fc.boolean(), hairpinning: fc.boolean(), lifetimeUs: fc.integer({ min: 1, max: 50 }), inboundRefresh: fc.boolean(),
    } as const)
    const traffic = fc.array(fc.record({ inside: socket, remote: socket, afterUs: fc.nat(20) }), { maxLength: 60 })
    fc.assert(fc.property(settings, traffic, (chosen, steps) => {
      const it = new Nat(3_840, chosen)
      const owners = new Map<number, { readonly inside: SocketAddress; readonly untilUs: number }>()
      let nowUs = 0
      for (const { inside, remote, afterUs } of steps) {
        nowUs += afterUs
        const port = it.outbound(inside, remote, nowUs)
        const owner = owners.get(port)
        if (owner !== undefined && owner.untilUs > nowUs) expect(owner.inside).toEqual(inside)
        owners.set(port, { inside, untilUs: nowUs + chosen.lifetimeUs })
        expect(it.inbound(port, remote, nowUs)).toEqual(inside)
      }
    }))
  })

  it('RFC 4787, 4.3: a mapping that has outlived its time takes with it whom it let answer', () => {
    const it = nat({ filtering: 'addressAndPortDependent', lifetimeUs: 1_000 })
    const port = it.outbound(INSIDE, REMOTE, 0)
    expect(it.insideOf(port, 999)).toEqual(INSIDE)
    expect([it.insideOf(port, 1_000), it.inbound(port, REMOTE, 1_000)]).toEqual([undefined, undefined])
    const next = it.outbound(INSIDE, OTHER_PORT, 1_000)
    expect(it.inbound(next, REMOTE, 1_001)).toBeUndefined()
    expect(it.inbound(next, OTHER_PORT, 1_001)).toEqual(INSIDE)
    expect(it.mappings).toBe(1)
  })

  it('is bounded: the mapping used least recently gives way, of several the one made first', () => {
    const it = new Nat(3_840, NAT_SETTINGS.symmetric)
    const ports = Array.from({ length: 4_096 }, (_, i) => it.outbound(INSIDE, at(9, i + 1), i < 10 ? 0 : i))
    const owners = (nowUs: number) => ports.slice(0, 4).map((port) => it.insideOf(port, nowUs) !== undefined)
    expect(owners(5_000)).toEqual([true, true, true, true])
    it.outbound(INSIDE, at(9, 1), 5_001)
    it.outbound(INSIDE, at(9, 5_000), 5_002)
    expect(owners(5_003)).toEqual([true, false, true, true])
    it.outbound(INSIDE, at(9, 5_001), 5_004)
    expect(owners(5_005)).toEqual([true, false, false, true])
    expect(it.mappings).toBe(4_096)
  })

  it('is bounded: a mapping lets 1,024 remote sockets answer, and forgets the one that it sent to first', () => {
    const it = nat({ filtering: 'addressAndPortDependent' })
    const port = it.outbound(INSIDE, at(9, 1), 0)
    for (let remote = 2; remote <= 1_024; remote++) it.outbound(INSIDE, at(9, remote), 1)
    for (let remote = 1; remote <= 1_024; remote++) it.outbound(INSIDE, at(9, remote), 2)
    const answers = () => [1, 2, 1_024].map((remote) => it.inbound(port, at(9, remote), 3) !== undefined)
    expect(answers()).toEqual([true, true, true])
    it.outbound(INSIDE, at(9, 1_025), 3)
    expect(answers()).toEqual([false, true, true])
    expect(it.inbound(port, at(9, 1_025), 3)).toEqual(INSIDE)
  })

  it('RFC 4787, 4.2.2: no two mappings share a port, and all are from 1024 on, in no order', () => {
    const it = new Nat(3_840, NAT_SETTINGS.symmetric)
    const ports = Array.from({ length: 4_096 }, (_, i) => it.outbound(at(1 + (i % 3), 5_000), at(9, i), 0))
    expect(new Set(ports).size).toBe(4_096)
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(1_024)
    expect(Math.max(...ports)).toBeLessThan(65_536)
    // A neighbour by chance: 4,096 times 2 / 64,512 for one on either side: 0.13; sixteen thirds of it.
    expect(ports.filter((port, i) => i > 0 && Math.abs(port - ports[i - 1]) <= 1).length).toBeLessThan(8)
    const numbers = (from: number, to: number) => ports.filter((port) => port >= from && port < to).length
    // A quarter of the range each: 1,024 expected, standard deviation 28; six of those.
    for (let from = 1_024; from < 65_536; from += 16_128) expect(Math.abs(numbers(from, from + 16_128) - 1_024)).toBeLessThan(170)
  })

  it('goes on with the first port where the last one is taken', () => {
    const settings = { ...NAT_SETTINGS.symmetric, portPreservation: true }
    const probed = (remote: SocketAddress): number => {
      const it = new Nat(3_840, settings)
      it.outbound(at(2, 5_000), REMOTE, 0)
      return it.outbound(INSIDE, remote, 0)
    }
    let found: SocketAddress | undefined
    for (let i = 0; found === undefined; i++) if (probed(at(9 + (i >>> 16), i & 0xffff)) === 65_535) found = at(9 + (i >>> 16), i & 0xffff)
    const it = new Nat(3_840, settings)
    expect([it.outbound(at(2, 5_000), REMOTE, 0), it.outbound(at(2, 65_535), REMOTE, 0)]).toEqual([5_000, 65_535])
    expect(it.outbound(INSIDE, found, 0)).toBe(1_024)
  })

  it.each([
    ['fullCone', true, true, true], ['restricted', true, true, false], ['portRestricted', true, false, false],
    ['symmetric', false, false, false],
  ] as const)('RFC 3489, 5: %s: one port for all %s; lets answer another port %s, another address %s', (kind, ...expected) => {
    const it = new Nat(3_840, NAT_SETTINGS[kind])
    const port = it.outbound(INSIDE, REMOTE, 0)
    const answers = [OTHER_PORT, OTHER_ADDRESS].map((remote) => it.inbound(port, remote, 1) !== undefined)
    expect([it.outbound(INSIDE, OTHER_PORT, 2) === port, ...answers]).toEqual(expected)
    expect(port === INSIDE.port).toBe(kind !== 'symmetric')
    // Section 6 of RFC 4787, and 4.3: two minutes, which inbound traffic makes longer.
    expect(it.settings.hairpinning).toBe(true)
    expect(it.inbound(port, REMOTE, 119_999_999)).toEqual(INSIDE)
    expect(it.inbound(port, REMOTE, 239_999_998)).toEqual(INSIDE)
    expect(it.inbound(port, REMOTE, 359_999_998)).toBeUndefined()
  })

  it('refuses a lifetime that is none', () => {
    for (const lifetimeUs of [0, -1, 0.5]) {
      expect(() => nat({ lifetimeUs })).toThrow(`nat lifetimeUs: expected a positive integer, got ${lifetimeUs}`)
    }
    expect(nat({ lifetimeUs: 1 }).settings.lifetimeUs).toBe(1)
  })
})
