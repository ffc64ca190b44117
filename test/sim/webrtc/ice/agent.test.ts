import { describe, expect, it } from 'vitest'
import { NAT_SETTINGS } from '../../../../sim/net/nat.ts'
import type { IceEvent } from '../../../../sim/webrtc/ice/events.ts'
import { DISTURBED_US, NOMINATION_US, PACING_US, PATIENCE_US, PATIENCE_US_MAX } from '../../../../sim/webrtc/ice/limits.ts'
import { StunAttribute, StunClass, StunError } from '../../../../sim/webrtc/stun/constants.ts'
import { shortTermKey } from '../../../../sim/webrtc/stun/integrity.ts'
import { decodeStun, errorCodeOf, isStun, placeOf, u64Of } from '../../../../sim/webrtc/stun/message.ts'
import { StunWriter } from '../../../../sim/webrtc/stun/writer.ts'
import { ICE_PORT, IceWorld, type Peer, SERVER } from './world.ts'

const SECOND = 1_000_000
const both = <T>(world: IceWorld, of: (peer: Peer) => T): T[] => world.peers.map(of)
const contents = (world: IceWorld, from: number): string[] =>
  world.sent.flatMap(({ from: sender, label }) => (sender === from ? [label.contents] : []))
const talks = (world: IceWorld): void => {
  for (const peer of world.peers) {
    const before = world.other(peer).data.length
    expect(world.send(peer, `from ${peer.index}`)).toBe(true)
    world.run(world.nowUs + SECOND, () => world.other(peer).data.length > before)
    expect(world.other(peer).data.at(-1)).toBe(`from ${peer.index}`)
  }
}

describe('an ICE agent', () => {
  it('RFC 8445, 7 and 8: two hosts in the open check, nominate and select; then data flows', () => {
    const world = new IceWorld({ stun: false }).begin()
    expect(world.connect()).toBe(true)
    expect(both(world, ({ types }) => types)).toEqual(['host host', 'host host'])
    // 10 ms for the check, Ta until the nomination, which reaches the other side after 5 ms and is answered after 10.
    expect(both(world, ({ agent }) => agent.isControlling)).toEqual([true, false])
    expect(both(world, (peer) => peer.last('selected')!.atUs)).toEqual([PACING_US + 10_000, PACING_US + 5_000])
    expect(both(world, (peer) => peer.last('selected')!.rttUs)).toEqual([10_000, 10_000])
    talks(world)
  })

  it('RFC 8445, 7.1: a check carries user name, priority, role and integrity, and a nomination USE-CANDIDATE', () => {
    const world = new IceWorld({ stun: false }).begin()
    world.connect()
    const requests = world.sent.map(({ bytes }) => decodeStun(bytes)).filter((message) => message?.class === StunClass.request)
    expect(requests.length).toBeGreaterThan(2)
    for (const message of requests) {
      const { username, priority, messageIntegrity } = StunAttribute
      for (const type of [username, priority, messageIntegrity]) expect(placeOf(message!, type)).toBeDefined()
      expect(message!.hasFingerprint).toBe(true)
      const controlling = u64Of(message!, StunAttribute.iceControlling)
      expect([controlling ?? u64Of(message!, StunAttribute.iceControlled)]).toEqual([controlling === undefined ? [1, 1] : [1, 0]])
    }
    expect(requests.filter((message) => placeOf(message!, StunAttribute.useCandidate) !== undefined)).toHaveLength(1)
  })

  it('RFC 8445, 14.2: checks leave Ta apart', () => {
    const world = new IceWorld({ stun: false })
    world.signalled = () => false
    const [controlling] = world.begin().peers
    for (let i = 10; i < 14; i++) {
      controlling.agent.addRemoteCandidate({ type: 'host', address: { address: i, port: 1 }, foundation: String(i), priority: i }, 0)
    }
    world.settle()
    world.run(400_000)
    const firsts = controlling.events.flatMap((event) =>
      (event.kind === 'transmit' && event.datagram.label.attempt === 0 ? [event.atUs] : []))
    expect(firsts).toEqual([0, 50_000, 100_000, 150_000])
  })

  it('RFC 8445, 7.3.1.1: two that control settle it by their tie-breakers with a 487', () => {
    for (const roles of [[true, true], [false, false]]) {
      for (const stronger of [0, 1]) {
        const world = new IceWorld({
          config: (index) => ({ isControlling: roles[index], tieBreaker: [index === stronger ? 9 : 3, 0] }),
        }).begin()
        expect(world.connect()).toBe(true)
        expect(both(world, ({ agent }) => agent.isControlling)).toEqual([stronger === 0, stronger === 1])
        const errors = world.sent.flatMap(({ bytes }) => errorCodeOf(decodeStun(bytes)!) ?? [])
        expect(errors.every((code) => code === StunError.roleConflict)).toBe(true)
        talks(world)
      }
    }
  })

  it('RFC 8445, 7.3.1.3 and 7.2.5.3.1: learns peer-reflexive candidates of both sides from checks', () => {
    const world = new IceWorld({ nats: ['symmetric', undefined], stun: false }).begin()
    expect(world.connect()).toBe(true)
    expect(both(world, ({ types }) => types)).toEqual(['prflx host', 'host prflx'])
    expect(world.peers[1].agent.selected!.remote.address.address).toBeGreaterThanOrEqual(3_840)
    talks(world)
  })

  it('RFC 8445, 5.1.1.2: server-reflexive and relayed candidates are told as they are found, then their end', () => {
    const world = new IceWorld({ nats: ['fullCone', 'fullCone'], turn: true }).begin()
    world.run(100_000)
    const told = world.peers[0].events.flatMap((event) => (event.kind === 'candidate' ? [event.candidate] : []))
    expect(told.map(({ type, priority }) => [type, priority])).toEqual([
      ['host', 126 * 2 ** 24 + 65_535 * 256 + 255], ['srflx', 100 * 2 ** 24 + 65_535 * 256 + 255], ['relay', 65_535 * 256 + 255],
    ])
    expect(new Set(told.map(({ foundation }) => foundation)).size).toBe(3)
    expect(told.map(({ related }) => related?.address)).toEqual([undefined, 0, told[1].address.address])
    expect(world.peers[0].last('gathered')).toBeDefined()
  })

  it('RFC 8445, 6.1.2.5 and 5.1: lists have bounds, whatever the other side tells', () => {
    const localAddresses = [0, 1].map((i) => ({ address: 0, port: ICE_PORT + i }))
    const world = new IceWorld({ stun: false, config: (index) => (index === 0 ? { localAddresses } : {}) }).begin()
    for (let i = 0; i < 300; i++) {
      const address = { address: 100 + i, port: 1 + i }
      world.peers[0].agent.addRemoteCandidate({ type: 'host', address, foundation: String(i), priority: 2 ** 31 - 1 }, 0)
    }
    expect(world.peers[0].agent.pairs.length).toBeLessThanOrEqual(100)
  })

  it('RFC 8489, 9.1.3: neither strangers nor wrong passwords get in', () => {
    const world = new IceWorld({ stun: false }).begin()
    world.connect()
    const [ana, ben] = world.peers
    const writer = new StunWriter()
    const write = (username: string, password: string): Uint8Array => writer.begin(1, StunClass.request, [1, 1, 1])
      .text(StunAttribute.username, username).u32(StunAttribute.priority, 5).u64(StunAttribute.iceControlled, [0, 0])
      .integrity(shortTermKey(password)).finish()
    const from = { ...world.sent[0], from: 7, fromPort: 7, to: 0, toPort: ICE_PORT }
    const good = `${ana.credentials.ufrag}:${ben.credentials.ufrag}`
    expect(ana.agent.receive({ ...from, bytes: write('eve:eve', 'x') }, world.nowUs)).toBe(false)
    expect(ana.agent.receive({ ...from, bytes: write(good, 'x') }, world.nowUs)).toBe(true)
    expect(ana.agent.pairs.every(({ remote }) => remote.address.address === 1)).toBe(true)
    const answer = ana.agent.poll() as Extract<IceEvent, { kind: 'transmit' }>
    expect(errorCodeOf(decodeStun(answer.datagram.bytes)!)).toBe(StunError.unauthenticated)
    expect(ana.agent.receive({ ...from, bytes: write(good, ana.credentials.password) }, world.nowUs)).toBe(true)
    expect(ana.agent.pairs.some(({ remote }) => remote.address.address === 7)).toBe(true)
  })

  it('RFC 8445, 7.2.5.2.1: a response that comes another way than its request went makes the pair fail', () => {
    const world = new IceWorld({ stun: false })
    const [ana, ben] = world.peers
    let isTurned = false
    world.before = (node, datagram) => {
      if (node !== 0 || isTurned || decodeStun(datagram.bytes)?.class !== StunClass.success) return
      isTurned = true
      expect(ana.agent.receive({ ...datagram, fromPort: 9 }, world.nowUs)).toBe(true)
      expect(ana.agent.pairs.map(({ state }) => state)).toEqual(['failed'])
    }
    world.signalled = (from) => from === ben
    world.begin()
    world.run(SECOND)
    expect(isTurned).toBe(true)
  })

  it('moves to another interface when the first is switched off', () => {
    const second = { address: 2_048, port: ICE_PORT }
    const localAddresses = [{ address: 0, port: ICE_PORT }, second]
    const world = new IceWorld({ stun: false, config: (index) => (index === 0 ? { localAddresses } : {}) })
    expect(world.net.addInterface(0)).toBe(second.address)
    world.begin()
    world.connect()
    expect(world.peers[0].agent.selected!.local.base.address).toBe(0)
    world.net.switch(0, false)
    const startUs = world.nowUs
    const hasMoved = (): boolean => world.peers[0].agent.selected!.local.base.address === second.address
      && world.peers[1].agent.selected!.remote.address.address === second.address
    expect(world.run(startUs + DISTURBED_US + 2 * SECOND, hasMoved)).toBe(true)
    talks(world)
  })

  it('RFC 8863, 4: fails when no pair works, but not before a transaction has run its course', () => {
    const world = new IceWorld({ nats: ['symmetric', 'symmetric'] }).begin()
    expect(world.connect(PATIENCE_US - 1)).toBe(false)
    expect(both(world, ({ kinds }) => kinds)).toEqual([[], []])
    world.run(2 * PATIENCE_US)
    expect(both(world, ({ kinds }) => kinds)).toEqual([['failed'], ['failed']])
    expect(both(world, ({ agent }) => agent.nextWakeUs())).toEqual([Infinity, Infinity])
  })

  it('candidates that trickle in late are still tried', () => {
    const world = new IceWorld({ stun: false })
    const late: (() => void)[] = []
    world.signalled = (from, event) => {
      if (event.kind === 'candidate') late.push(() => world.other(from).agent.addRemoteCandidate(event.candidate, world.nowUs))
      return false
    }
    world.begin()
    world.run(5 * SECOND)
    expect(contents(world, 0)).toEqual([])
    late[0]()
    expect(world.connect()).toBe(true)
    expect(world.nowUs).toBeLessThan(6 * SECOND)
  })

  it('nominates a relayed pair only after the others had their second try, and a reflexive one after a moment', () => {
    const direct = new IceWorld({ nats: ['fullCone', 'fullCone'], turn: true }).begin()
    direct.connect()
    expect(both(direct, ({ types }) => types)).toEqual(['srflx srflx', 'srflx srflx'])
    expect(direct.nowUs).toBeLessThan(NOMINATION_US * 2)
    const relayed = new IceWorld({ nats: ['symmetric', 'symmetric'], turn: true }).begin()
    relayed.connect()
    expect(both(relayed, ({ types }) => types!.includes('relay'))).toEqual([true, true])
    expect(relayed.nowUs).toBeGreaterThan(800_000)
    expect(relayed.nowUs).toBeLessThan(1_100_000)
    talks(relayed)
  })

  it('connects at 10% and at 30% loss, over many seeds', () => {
    // The doubling of retransmissions (RFC 8489, section 6.2.1) makes the few that lose several in a row wait half a minute and more.
    for (const [dropPpm, untilUs] of [[100_000, 8 * SECOND], [300_000, PATIENCE_US_MAX]] as const) {
      for (let seed = 1; seed <= 25; seed++) {
        const nats = ['portRestricted', 'portRestricted'] as const
        const world = new IceWorld({ seed, nats, turn: true, links: { dropPpm, latencyUsMax: 20_000 } }).begin()
        expect(world.connect(untilUs), `seed ${seed}`).toBe(true)
      }
    }
  })
})

describe('consent', () => {
  it('RFC 7675, 5.1: is asked for every 5 s times 0.8 to 1.2', () => {
    const world = new IceWorld({ stun: false }).begin()
    world.connect()
    world.run(120 * SECOND)
    const asked = world.peers[0].events.flatMap((event) =>
      (event.kind === 'transmit' && event.datagram.label.contents === 'ice consent' ? [event.atUs] : []))
    const gaps = asked.slice(1).map((atUs, i) => atUs - asked[i])
    expect(gaps.every((gapUs) => gapUs >= 4 * SECOND && gapUs < 6 * SECOND)).toBe(true)
    expect(new Set(gaps).size).toBeGreaterThan(15)
    expect(both(world, ({ kinds }) => kinds)).toEqual([['selected'], ['selected']])
  })

  it('RFC 7675, 5.1: ends after 30 s without an answer: nothing is sent any more', () => {
    const world = new IceWorld({ stun: false }).begin()
    world.connect()
    const startUs = world.nowUs
    for (const link of world.net.links) link.set({ down: true })
    world.run(startUs + DISTURBED_US + SECOND)
    expect(both(world, ({ kinds }) => kinds)).toEqual([['selected', 'disconnected'], ['selected', 'disconnected']])
    expect(world.run(startUs + 31 * SECOND, () => both(world, ({ kinds }) => kinds.at(-1)).every((kind) => kind === 'failed'))).toBe(true)
    expect(world.nowUs).toBeGreaterThan(startUs + 29 * SECOND)
    const sent = world.sent.length
    expect(world.send(world.peers[0], 'x')).toBe(false)
    world.run(startUs + 300 * SECOND)
    expect(world.sent.length).toBe(sent)
  })

  it('is not shaken by 10% loss for an hour, relayed or not', () => {
    // Over a relay a check and its response cross four links, so that a third of them gets lost; four times in a row, 1 in 75; three
    // such checks in a row, and the other side's too, never in an hour.
    for (const nats of [['fullCone', 'restricted'], ['symmetric', 'symmetric']] as const) {
      for (let seed = 1; seed <= 3; seed++) {
        const world = new IceWorld({ seed, nats, turn: true, links: { dropPpm: 100_000 } }).begin()
        world.connect()
        world.run(3_600 * SECOND)
        for (const { kinds } of world.peers) expect(kinds.filter((kind) => kind !== 'selected')).toEqual([])
      }
    }
  })

  it('comes back after a cut of 20 s, on the same path or another', () => {
    const world = new IceWorld({ nats: ['portRestricted', 'portRestricted'] }).begin()
    world.connect()
    for (const link of world.net.links) link.set({ down: true })
    world.run(world.nowUs + 20 * SECOND)
    world.net.heal()
    world.run(world.nowUs + 20 * SECOND)
    expect(both(world, ({ kinds }) => kinds.includes('recovered') && !kinds.includes('failed'))).toEqual([true, true])
    talks(world)
  })

  it('follows a NAT that has forgotten everything, on either side: a path change', () => {
    for (const forgetful of [0, 1]) {
      const world = new IceWorld({ nats: ['fullCone', 'fullCone'] }).begin()
      world.connect()
      world.run(10 * SECOND)
      const before = world.peers[1 - forgetful].agent.selected!.remote.address
      world.net.natOf(forgetful)!.rebind()
      world.run(60 * SECOND)
      expect(world.peers[1 - forgetful].agent.selected!.remote.address).not.toEqual(before)
      expect(world.peers[1 - forgetful].kinds.filter((kind) => kind === 'selected').length).toBeGreaterThan(1)
      expect(both(world, ({ kinds }) => kinds.includes('failed'))).toEqual([false, false])
      talks(world)
    }
  })

  it('keeps a mapping alive that lives for 30 s, for an hour', () => {
    const short = { ...NAT_SETTINGS.portRestricted, lifetimeUs: 30 * SECOND, inboundRefresh: false }
    const world = new IceWorld({ nats: [short, short], turn: true }).begin()
    world.connect()
    world.run(3_600 * SECOND)
    expect(both(world, ({ kinds }) => kinds)).toEqual([['selected'], ['selected']])
    talks(world)
  })
})

describe('a restart', () => {
  it('RFC 8445, 9: has other credentials, and keeps the old path until the new one is there', () => {
    const world = new IceWorld({ nats: ['fullCone', 'portRestricted'], turn: true }).begin()
    world.connect()
    world.run(2 * SECOND)
    const [ana] = world.peers
    const startUs = world.nowUs
    world.restart()
    expect(world.send(ana, 'meanwhile')).toBe(true)
    const isDone = (): boolean => world.peers.every(({ kinds }) => kinds.filter((kind) => kind === 'selected').length === 2)
    expect(world.run(startUs + 5 * SECOND, isDone)).toBe(true)
    expect(world.peers[1].data).toEqual(['meanwhile'])
    talks(world)
    world.run(startUs + 60 * SECOND)
    expect(both(world, ({ kinds }) => kinds)).toEqual([['selected', 'selected'], ['selected', 'selected']])
  })

  it('RFC 8445, 9 and RFC 7675, 5.1: the old path keeps its consent as long as nothing new works', () => {
    const world = new IceWorld({ stun: false }).begin()
    world.connect()
    world.signalled = () => false
    for (const peer of world.peers) peer.agent.restart({ ufrag: 'newu', password: 'x'.repeat(24) }, world.nowUs)
    world.settle()
    world.run(100 * SECOND)
    expect(both(world, ({ kinds }) => kinds)).toEqual([['selected'], ['selected']])
    talks(world)
  })

  it('brings back what has failed', () => {
    const world = new IceWorld({ nats: ['fullCone', 'symmetric'], turn: true }).begin()
    world.connect()
    for (const link of world.net.links) link.set({ down: true })
    world.run(60 * SECOND)
    expect(both(world, ({ kinds }) => kinds.at(-1))).toEqual(['failed', 'failed'])
    world.net.heal()
    world.restart()
    expect(world.connect(70 * SECOND)).toBe(true)
    talks(world)
  })
})

describe('relayed paths', () => {
  it('RFC 8656, 12: data goes by channel once it is bound, and comes out as it went in', () => {
    const world = new IceWorld({ nats: ['symmetric', 'symmetric'], turn: true }).begin()
    world.connect()
    world.run(world.nowUs + SECOND)
    for (let i = 0; i < 5; i++) talks(world)
    const wrapped = world.sent.filter(({ to, label, bytes }) => to === SERVER && label.contents === 'data' && !isStun(bytes))
    expect(wrapped.length).toBeGreaterThan(0)
  })

  it('survive an hour: allocations, permissions and channels are refreshed', () => {
    const world = new IceWorld({ nats: ['symmetric', 'symmetric'], turn: true }).begin()
    world.connect()
    world.run(3_600 * SECOND)
    expect(both(world, ({ kinds }) => kinds)).toEqual([['selected'], ['selected']])
    talks(world)
  })

  it('are given back at the end', () => {
    const world = new IceWorld({ nats: ['symmetric', 'symmetric'], turn: true }).begin()
    world.connect()
    for (const { agent } of world.peers) agent.close(world.nowUs)
    world.settle()
    world.run(world.nowUs + SECOND)
    expect(world.server.allocations).toBe(0)
    expect(both(world, ({ agent }) => agent.nextWakeUs())).toEqual([Infinity, Infinity])
  })
})

describe('names of datagrams', () => {
  it('are unique on their way, and a repeated run is the same to the byte', () => {
    const run = (): IceWorld => {
      const world = new IceWorld({ seed: 3, nats: ['portRestricted', 'symmetric'], turn: true, links: { dropPpm: 200_000 } }).begin()
      world.run(60 * SECOND)
      return world
    }
    const [first, second] = [run(), run()]
    expect(second.sent).toEqual(first.sent)
    const names = first.sent.map(({ from, to, fromPort, toPort, keyHi, keyLo }) => [from, to, fromPort, toPort, keyHi, keyLo].join())
    expect(new Set(names).size).toBe(names.length)
  })

  it('suppressing one loss leaves the names of what went before as they were', () => {
    const attempts = new IceWorld({ seed: 4, links: { dropPpm: 500_000 } }).begin()
    attempts.run(20 * SECOND)
    const checks = attempts.sent.filter(({ label }) => label.contents === 'ice check')
    // One pair in each direction: one high half for each, whatever the attempt.
    expect(new Set(checks.map(({ keyHi }) => keyHi)).size).toBe(2)
  })
})
