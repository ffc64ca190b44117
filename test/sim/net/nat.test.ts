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

  it('is bounded: the mapping used least recently gives way', () => {
    const it = new Nat(3_840, NAT_SETTINGS.symmetric)
    const first = it.outbound(INSIDE, at(9, 1), 0)
    for (let port = 2; port < 5_000; port++) it.outbound(INSIDE, at(9, port), port)
    expect(it.mappings).toBe(4_096)
    expect(it.inbound(first, at(9, 1), 5_000)).toBeUndefined()
  })

  it('refuses a lifetime that is none', () => {
    expect(() => nat({ lifetimeUs: 0 })).toThrow('nat lifetimeUs: expected a positive integer, got 0')
  })
})
