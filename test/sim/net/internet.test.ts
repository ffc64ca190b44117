import { describe, expect, it } from 'vitest'
import { SeededChooser } from '../../../sim/choice.ts'
import type { Datagram } from '../../../sim/net/datagram.ts'
import { Internet } from '../../../sim/net/internet.ts'
import { NAT_SETTINGS } from '../../../sim/net/nat.ts'
import type { NetRecord } from '../../../sim/net/records.ts'

type Arrival = { readonly node: number; readonly datagram: Datagram }

/** Sends one datagram and waits for it; what the node gets of it, or undefined. */
class Lab {
  readonly records: NetRecord[] = []
  readonly internet: Internet
  nowUs = 0
  #due: { readonly atUs: number; readonly node: number; readonly datagram: Datagram }[] = []
  #id = 0

  constructor() {
    this.internet = new Internet({
      chooser: new SeededChooser(1),
      deliver: (atUs, node, datagram) => this.#due.push({ atUs, node, datagram }),
      sink: (record) => this.records.push(record),
    })
  }
  pass(from: number, fromPort: number, to: number, toPort: number): Arrival | undefined {
    this.send(from, fromPort, to, toPort)
    return this.next()
  }
  send(from: number, fromPort: number, to: number, toPort: number): void {
    const label = { protocol: 'test', contents: 'x', connection: 0, channel: 0, start: 0, end: 0, attempt: 0 }
    const id = this.#id++
    this.internet.send({ id, from, to, fromPort, toPort, ecn: 0, keyHi: 1, keyLo: id, bytes: new Uint8Array(10), label }, this.nowUs)
  }
  next(): Arrival | undefined {
    const due = this.#due.shift()
    if (due === undefined) return undefined
    this.nowUs = Math.max(this.nowUs, due.atUs)
    const datagram = this.internet.arrived(due.datagram, this.nowUs)
    return datagram && { node: due.node, datagram }
  }
  get lost(): readonly string[] {
    return this.records.flatMap((record) => (record.kind === 'lost' ? [record.why] : []))
  }
}

describe('the internet', () => {
  it('carries datagrams between open nodes as they are', () => {
    const lab = new Lab()
    expect(lab.pass(1, 10, 2, 20)).toMatchObject({ node: 2, datagram: { from: 1, fromPort: 10, to: 2, toPort: 20 } })
  })

  it('shows a node behind a translator by its public socket, and leads the answer back over the link of the two nodes', () => {
    const lab = new Lab()
    const nat = lab.internet.addNat('portRestricted', [1])
    lab.internet.link(1, 2).set({ latencyUsMin: 7_000, latencyUsMax: 7_000 })
    const there = lab.pass(1, 10, 2, 20)!
    expect(lab.nowUs).toBe(7_000)
    expect(there.datagram).toMatchObject({ from: nat.publicAddress, to: 2, toPort: 20 })
    lab.internet.link(2, 1).set({ latencyUsMin: 1_000, latencyUsMax: 1_000 })
    const back = lab.pass(2, 20, there.datagram.from, there.datagram.fromPort)!
    expect(lab.nowUs).toBe(8_000)
    expect(back).toMatchObject({ node: 1, datagram: { from: 2, fromPort: 20, to: 1, toPort: 10 } })
    // The trace names the nodes that are meant, whatever stands in the header.
    const ends = lab.records.flatMap((record) => (record.kind === 'sent' || record.kind === 'delivered' ? [[record.from, record.to]] : []))
    expect(ends).toEqual([[1, 2], [1, 2], [2, 1], [2, 1]])
  })

  it('filters what nobody asked for, and knows no way to an inside address from outside', () => {
    const lab = new Lab()
    lab.internet.addNat('portRestricted', [1])
    const there = lab.pass(1, 10, 2, 20)!
    expect(lab.pass(3, 20, there.datagram.from, there.datagram.fromPort)).toBeUndefined()
    expect(lab.pass(2, 20, there.datagram.from, there.datagram.fromPort + 1)).toBeUndefined()
    expect(lab.pass(2, 20, 1, 10)).toBeUndefined()
    expect(lab.lost).toEqual(['nat', 'nat', 'nat'])
  })

  it('lets nodes behind one translator meet inside it, and by its public address only where it hairpins', () => {
    for (const hairpinning of [true, false]) {
      const lab = new Lab()
      const nat = lab.internet.addNat({ ...NAT_SETTINGS.restricted, hairpinning }, [1, 2])
      expect(lab.pass(1, 10, 2, 20)).toMatchObject({ datagram: { from: 1, fromPort: 10 } })
      const first = lab.pass(1, 10, 9, 1)!.datagram.fromPort
      const second = lab.pass(2, 20, 9, 1)!.datagram.fromPort
      // The first asks the second, whose answer the filter then lets in.
      lab.pass(2, 20, nat.publicAddress, first)
      const met = lab.pass(1, 10, nat.publicAddress, second)
      if (hairpinning) expect(met).toMatchObject({ node: 2, datagram: { from: nat.publicAddress, fromPort: first, to: 2, toPort: 20 } })
      else expect(met).toBeUndefined()
    }
  })

  it('judges the filter when the datagram arrives: a mapping that has died meanwhile lets nothing in', () => {
    const lab = new Lab()
    lab.internet.addNat({ ...NAT_SETTINGS.fullCone, lifetimeUs: 20_000 }, [1])
    const there = lab.pass(1, 10, 2, 20)!
    lab.internet.link(2, 1).set({ latencyUsMin: 19_000, latencyUsMax: 19_000 })
    expect(lab.pass(2, 20, there.datagram.from, there.datagram.fromPort)).toBeUndefined()
    expect(lab.lost).toEqual(['nat'])
  })

  it('gives a translator another public address: what goes to the old one is lost', () => {
    const lab = new Lab()
    const nat = lab.internet.addNat('fullCone', [1])
    const before = lab.pass(1, 10, 2, 20)!.datagram
    lab.internet.readdress(nat)
    const after = lab.pass(1, 10, 2, 20)!.datagram
    expect(after.from).not.toBe(before.from)
    expect(lab.pass(2, 20, before.from, before.fromPort)).toBeUndefined()
    expect(lab.pass(2, 20, after.from, after.fromPort)).toMatchObject({ node: 1, datagram: { to: 1, toPort: 10 } })
  })

  it('does not give to one node what was on its way to another when the port changed hands', () => {
    const lab = new Lab()
    const nat = lab.internet.addNat({ ...NAT_SETTINGS.fullCone, lifetimeUs: 20_000 }, [1, 2])
    lab.pass(1, 10, 9, 1)
    lab.internet.link(9, 1).set({ latencyUsMin: 19_000, latencyUsMax: 19_000 })
    lab.send(9, 1, nat.publicAddress, 10)
    lab.nowUs += 16_000
    // The first mapping is dead by now; the second node gets its port.
    expect(nat.outbound({ address: 2, port: 10 }, { address: 9, port: 1 }, lab.nowUs)).toBe(10)
    expect(lab.next()).toBeUndefined()
    expect(lab.lost).toEqual(['nat'])
  })

  it('gives a node further interfaces, each with links of its own, that can be switched off and on', () => {
    const lab = new Lab()
    const cellular = lab.internet.addInterface(1)
    expect(lab.pass(2, 20, cellular, 10)).toMatchObject({ node: 1, datagram: { to: cellular } })
    lab.internet.switch(cellular, false)
    expect(lab.pass(2, 20, cellular, 10)).toBeUndefined()
    expect(lab.pass(cellular, 10, 2, 20)).toBeUndefined()
    expect(lab.lost).toEqual(['down', 'down'])
    lab.internet.heal()
    expect(lab.pass(cellular, 10, 2, 20)).toBeUndefined()
    lab.internet.switch(cellular, true)
    expect(lab.pass(cellular, 10, 2, 20)).toMatchObject({ node: 2 })
  })

  it('hands a node what it sends to itself at once, and sends what is for another of its interfaces over the network', () => {
    const lab = new Lab()
    const nat = lab.internet.addNat('fullCone', [1])
    const other = lab.internet.addInterface(1)
    expect(lab.pass(1, 10, 1, 20)).toMatchObject({ node: 1, datagram: { from: 1, to: 1 } })
    expect(lab.nowUs).toBe(0)
    // A server on the same machine, outside of the translator, sees the public socket.
    expect(lab.pass(1, 10, other, 20)).toMatchObject({ node: 1, datagram: { from: nat.publicAddress, to: other } })
    expect(lab.nowUs).toBe(5_000)
  })

  it('loses at once what is for a port of nobody, and for an address of nobody', () => {
    const lab = new Lab()
    const nat = lab.internet.addNat('fullCone', [1])
    for (const to of [nat.publicAddress, nat.publicAddress + 1]) lab.send(2, 20, to, 10)
    expect(lab.lost).toEqual(['nat', 'nat'])
    expect(lab.next()).toBeUndefined()
  })

  it('loses what is under way when an interface goes dark or a translator moves, and names the link that it was on', () => {
    const lab = new Lab()
    const nat = lab.internet.addNat('fullCone', [1])
    const { from, fromPort } = lab.pass(1, 10, 2, 20)!.datagram
    lab.send(2, 20, from, fromPort)
    lab.internet.readdress(nat)
    expect(lab.next()).toBeUndefined()
    lab.send(3, 30, 4, 40)
    lab.internet.switch(4, false)
    expect(lab.next()).toBeUndefined()
    lab.internet.switch(4, true)
    expect(lab.pass(3, 30, 4, 40)).toMatchObject({ node: 4 })
    const losses = lab.records.flatMap((record) => (record.kind === 'lost' ? [[record.why, record.from, record.to]] : []))
    expect(losses).toEqual([['nat', 2, 1], ['down', 3, 4]])
  })

  it('tells of a datagram that gets no further that it was sent, and lost', () => {
    const lab = new Lab()
    const label = { protocol: 'test', contents: 'x', connection: 0, channel: 0, start: 0, end: 0, attempt: 0 }
    const bytes = new Uint8Array(10)
    lab.internet.lose({ id: 5, from: 1, to: 2, fromPort: 1, toPort: 1, ecn: 0, keyHi: 1, keyLo: 1, bytes, label }, 'down')
    expect(lab.records).toMatchObject([
      { kind: 'sent', datagram: 5, from: 1, to: 2, bytes: 10 }, { kind: 'lost', datagram: 5, from: 1, to: 2, why: 'down' },
    ])
  })

  it('has 1,792 further interfaces, and 256 public addresses', () => {
    const { internet } = new Lab()
    const interfaces = Array.from({ length: 1_792 }, (_, i) => internet.addInterface(i % 7))
    expect([interfaces[0], interfaces[1], interfaces.at(-1)]).toEqual([2_048, 2_049, 3_839])
    expect(() => internet.addInterface(1)).toThrow('interfaces: expected at most 1792 further ones')
    expect(interfaces.every((address, i) => internet.nodeOf(address) === i % 7)).toBe(true)
    const nats = Array.from({ length: 256 }, (_, i) => internet.addNat('fullCone', [i]).publicAddress)
    expect([nats[0], nats.at(-1)]).toEqual([3_840, 4_095])
    expect(() => internet.addNat('fullCone', [256])).toThrow('nat: expected at most 256 public addresses')
  })

  it('refuses a second translator for one interface', () => {
    const lab = new Lab()
    lab.internet.addNat('symmetric', [1])
    expect(() => lab.internet.addNat('symmetric', [1])).toThrow('nat: interface 1 is behind a translator already')
  })
})
