/** A session that changes its host: members bring what they signed to its end, and go on with the successor as who they were. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Entity } from '../../../system/ecs/components.ts'
import { FRAMES_PER_SECOND, HANDOVER_US, LATE_WINDOW_FRAMES } from '../../../system/limits.ts'
import { READY, rendezvous } from '../../../system/session/notices.ts'
import { loadSession } from '../../../system/session/saved.ts'
import { disagreement, EPOCH, Loopback, NEVER, ONCE, prepare, publicKeyOf, SESSION_ID } from '../../support/loopback.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 512, z: 0, hx: 9, hy: 9, hz: 9 } as const
const SUCCESSOR = 'the successor'
const HAND_OVER = { kind: 'handOver', endpoint: 'elsewhere', successorKey: publicKeyOf(SUCCESSOR) } as const
const DEADLINE_FRAMES = Math.ceil((HANDOVER_US * FRAMES_PER_SECOND) / 1e6)

/** The host that goes on from what the one of this loopback has handed over, with this name's key. */
function successorOf(loopback: Loopback, name = SUCCESSOR): Loopback {
  const loaded = loadSession(loopback.host.peer.handedOver!)
  if (loaded.kind === 'refused') throw new Error(loaded.why)
  const signerOf = (who: string) => loopback.signerOf(who === 'host' ? name : who)
  return new Loopback({ signerOf, host: { saved: loaded.session, sessionId: SESSION_ID, epoch: EPOCH + 1 } })
}
function session() {
  const loopback = new Loopback()
  const [ana, ben] = loopback.joined('ana', 'ben')
  return { loopback, host: loopback.host, ana, ben }
}
const commandsOf = (loopback: Loopback, from: string) =>
  loopback.all('CommandLogEntry').flatMap(({ carried, message }) => (carried.from === from ? message.entries : []))

describe('a host that hands over', () => {
  it('R-SESSION-9 has its members bring to an end what they signed, give no more, and be ready', () => {
    const { loopback, host, ana, ben } = session()
    ana.intend(SPAWN)
    host.intend(HAND_OVER)
    host.intend(HAND_OVER)
    loopback.run(2)
    for (const member of [ana, ben]) expect(member.heard('sessionSuspended').length).toBe(1)
    ana.intend(SPAWN)
    host.intend(SPAWN)
    for (const actor of [ana, host]) expect(actor.heard('commandDeclined').map(({ command }) => command)).toEqual(['entity.spawn'])
    expect([ana.heard('handOverReady').length, ben.heard('handOverReady').length]).toEqual([0, 1])
    loopback.run(LATE_WINDOW_FRAMES + 4)
    expect(ana.heard('handOverReady').length).toBe(1)
    expect(host.heard('handedOver').length).toBe(1)
    expect(host.peer.world.entities(Entity).length).toBe(1)
    expect(host.heard('handOverBegun').length).toBe(1)
  })

  it('R-SESSION-9 waits so long for a member that is not ready, and takes nothing more then', () => {
    const { loopback, host, ana } = session()
    host.intend(HAND_OVER)
    loopback.carry = (carried) => (carried.as('SessionControl')?.control === 'ready' ? NEVER : ONCE)
    loopback.run(DEADLINE_FRAMES - 1)
    expect(host.peer.handedOver).toBeUndefined()
    loopback.run(4)
    expect(host.heard('handedOver').length).toBe(1)
    expect(ana.heard('sessionMoved')).toEqual([{ event: 'sessionMoved', endpoint: 'elsewhere' }])
  })

  it('R-SESSION-9 closes its log over all that it let in, also of those who were not ready', () => {
    const { loopback, host, ana } = session()
    host.intend(HAND_OVER)
    loopback.carry = (carried) => (carried.as('SessionControl')?.control === 'migrationIntent' ? NEVER : ONCE)
    for (let frame = 0; frame < DEADLINE_FRAMES + 2; frame++) {
      if (frame % 20 === 0) ana.intend(SPAWN)
      loopback.run(1)
    }
    const admitted = host.heard('commandAdmitted').filter(({ entry }) => entry.author === ana.peer.author)
    expect(admitted.length).toBeGreaterThan(5)
    expect(host.peer.log.depth).toBe(0)
    expect(host.peer.world.entities(Entity).length).toBe(admitted.length)
    const loaded = loadSession(host.peer.handedOver!)
    expect(loaded).toMatchObject({ kind: 'session', session: { closedLamport: host.heard('handedOver')[0].closedLamport } })
  })

  it('R-SESSION-9 is not told to be ready by anybody whom it has not asked', () => {
    const { loopback, host, ana } = session()
    loopback.inject(ana, host, READY)
    expect(host.heard('messageRefused').map(({ reason }) => reason)).toEqual(['SessionControl ready of a member'])
  })

  it('R-SESSION-10 tells where the session goes on and says goodbye, also to who comes back or comes later', () => {
    const { loopback, host, ana, ben } = session()
    loopback.carry = (carried) => (carried.to === 'ben' && carried.as('SessionControl') !== undefined ? NEVER : ONCE)
    host.intend(HAND_OVER)
    loopback.run(DEADLINE_FRAMES + 5)
    expect(ana.heard('sessionMoved').length).toBeGreaterThan(0)
    expect(ben.heard('sessionMoved')).toEqual([])
    const { closedLamport } = host.heard('handedOver')[0]
    loopback.carry = () => ONCE
    const cat = loopback.join('cat')
    loopback.run(300)
    for (const actor of [ben, cat]) expect(actor.heard('sessionMoved')[0]).toEqual({ event: 'sessionMoved', endpoint: 'elsewhere' })
    // And nothing comes into its log any more.
    expect(host.heard('commandAdmitted').every(({ entry }) => entry.lamport <= closedLamport)).toBe(true)
    expect(host.peer.log.position.closedLamport).toBe(closedLamport)
  })

  it('R-SESSION-11 its members go on with the successor, as the same authors, with all that was there', () => {
    const { loopback, host, ana, ben } = session()
    ana.intend(SPAWN)
    ben.intend({ ...SPAWN, x: 2048 })
    loopback.settle()
    const authors = [ana, ben].map(({ peer }) => peer.author)
    const nonces = [...ana.peer.nonces]
    const things = host.peer.world.entities(Entity)
    host.intend(HAND_OVER)
    loopback.until(() => host.peer.handedOver !== undefined)
    const next = successorOf(loopback)
    loopback.replaceHost(next)
    loopback.until(() => [ana, ben].every((member) => member.heard('joined').length === 2))
    expect([ana, ben].map(({ peer }) => peer.author)).toEqual(authors)
    ana.intend({ ...SPAWN, x: 4096 })
    loopback.settle()
    const { world } = next.host.peer
    expect(world.entities(Entity).length).toBe(things.length + 1)
    expect(world.entities(Entity)).toEqual(expect.arrayContaining([...things]))
    for (const { peer } of [ana, ben]) expect(peer.world.canonicalBytes()).toEqual(world.canonicalBytes())
    // No number comes twice, and what was signed for the epoch before is worth nothing.
    for (const [author, nonce] of nonces) expect(new Map(ana.peer.nonces).get(author)).toBeGreaterThanOrEqual(nonce)
    const entries = commandsOf(loopback, 'ana')
    expect(new Set(entries.map(({ nonce }) => nonce)).size).toBe(entries.length)
    const [first] = entries
    loopback.inject(ana, loopback.host, { kind: 'CommandLogEntry', entries: [first] })
    expect(loopback.host.heard('commandRefused').at(-1)).toMatchObject({ reason: 'epoch' })
  })

  it('R-SESSION-11 they stay with no other than the rendezvous named', () => {
    const { loopback, host, ana, ben } = session()
    host.intend(HAND_OVER)
    loopback.until(() => host.peer.handedOver !== undefined)
    loopback.replaceHost(successorOf(loopback, 'somebody else'))
    loopback.run(60)
    for (const member of [ana, ben]) expect([member.peer.state, member.last('sessionClosed')?.code]).toEqual(['closed', 'authentication'])
  })

  it('R-SESSION-11 where none was named, nobody of another key is the host of their session', () => {
    const { loopback, ana } = session()
    const signerOf = (who: string) => loopback.signerOf(who === 'host' ? 'somebody else' : who)
    loopback.replaceHost(new Loopback({ signerOf, host: { sessionId: SESSION_ID, epoch: EPOCH + 1 } }))
    loopback.sever(ana)
    loopback.run(60)
    expect([ana.peer.state, ana.last('sessionClosed')?.code]).toEqual(['closed', 'authentication'])
  })

  it('R-SESSION-11 a rendezvous is taken from no host that has not been believed', () => {
    const loopback = new Loopback()
    const ana = loopback.join('ana')
    loopback.carry = (carried) => (carried.to === 'ana' && carried.as('SessionAcknowledge') !== undefined ? NEVER : ONCE)
    loopback.run(8)
    loopback.inject(loopback.host, ana, rendezvous('elsewhere', publicKeyOf('mal')))
    expect([ana.peer.state, ana.heard('sessionMoved')]).toEqual(['greeting', []])
  })

  it('R-SESSION-9 a member whose connection was lost meanwhile gives commands again until it is told once more', () => {
    const { loopback, host, ana } = session()
    host.intend(HAND_OVER)
    loopback.carry = (carried) => (carried.as('SessionControl')?.control === 'ready' ? NEVER : ONCE)
    loopback.run(4)
    loopback.sever(ana)
    loopback.run(60)
    expect(ana.heard('sessionSuspended').length).toBe(2)
    expect(ana.peer.state).toBe('live')
    expect(disagreement(loopback)).toBeUndefined()
  })
})
