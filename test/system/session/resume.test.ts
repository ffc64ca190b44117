/** Members that come, go and come back: who they are then, and what becomes of what they did. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Entity, HeadPose, Member } from '../../../system/ecs/components.ts'
import { memberEntity } from '../../../system/commands/registry.ts'
import { entityAuthor } from '../../../system/ids.ts'
import { HANDSHAKE_TIMEOUT_US, HEARTBEAT_TIMEOUT_US, RECONNECT_DELAY_US, RECONNECTS_MAX } from '../../../system/limits.ts'
import type { Message } from '../../../system/protocol/messages.ts'
import { disagreement, LATENCY_US, Loopback, NEVER, ONCE, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const
const tool = (id: number) => ({ kind: 'toolActivate', tool: id }) as const
const spawnedBy = (loopback: Loopback, author: number) =>
  loopback.host.peer.world.entities(Entity).filter((entity) => entityAuthor(entity) === author)
const denials = (loopback: Loopback) => loopback.host.heard('commandFolded').filter(({ outcome }) => outcome === 'denied')

describe('resuming', () => {
  it('R-SESSION-4 a member that lost its connection resumes as the same author, and its log and numbers go on', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    ana.intend(SPAWN)
    loopback.settle()
    loopback.sever(ana)
    expect(ana.peer.state).toBe('lost')
    ana.intend(SPAWN)
    loopback.run(3)
    expect(loopback.host.peer.world.get(memberEntity(1), Member)?.present).toBe(1)
    loopback.settle()
    expect(ana.heard('sessionOpened')).toMatchObject([{ author: 1, resumed: false }, { author: 1, resumed: true }])
    expect(ana.heard('sessionClosed')).toMatchObject([{ code: 'timeout', by: 'timeout' }])
    expect(spawnedBy(loopback, 1)).toHaveLength(2)
    const presences = ben.heard('commandFolded').filter(({ command }) => command.startsWith('member.')).map(({ command }) => command)
    expect(presences.slice(-2)).toEqual(['member.left', 'member.joined'])
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SESSION-4 what was on its way when the connection went is applied once, admitted or not', () => {
    for (const lostTo of ['host', 'ana']) {
      const loopback = new Loopback()
      const [ana] = loopback.joined('ana', 'ben')
      // The command does not reach the host, or the news of its admission does not come back.
      loopback.carry = (carried) => (carried.as('CommandLogEntry') !== undefined && carried.to === lostTo ? NEVER : ONCE)
      ana.intend(SPAWN)
      loopback.run(2)
      loopback.sever(ana)
      loopback.carry = () => ONCE
      loopback.settle()
      expect(spawnedBy(loopback, 1), `lost to ${lostTo}`).toHaveLength(1)
      expect(disagreement(loopback)).toBeUndefined()
    }
  })

  it('R-SESSION-4 one that the host still believes to be there takes its own place, and nothing that it does meanwhile is denied', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    loopback.abandon(ana)
    for (let i = 0; i < 3; i++) ana.intend(SPAWN)
    ben.intend(tool(1))
    loopback.run(2)
    ben.intend(tool(2))
    loopback.settle()
    expect(ana.last('sessionOpened')).toMatchObject({ author: 1, resumed: true })
    expect(denials(loopback)).toEqual([])
    expect(spawnedBy(loopback, 1)).toHaveLength(3)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SESSION-4 who comes back has the role and the capabilities that the log gives by now, whatever the token is good for', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    const { world } = loopback.host.peer
    const member = world.get(memberEntity(1), Member)!
    expect(ana.last('sessionOpened')).toMatchObject({ role: 'editor' })
    world.set(memberEntity(1), Member, { ...member, role: 0, capabilities: 0 })
    loopback.sever(ana)
    loopback.run(60)
    expect(ana.last('sessionOpened')).toMatchObject({ resumed: true, role: 'viewer', capabilities: 0 })
    expect(world.get(memberEntity(1), Member)).toMatchObject({ role: 0, capabilities: 0 })
  })

  it('R-SESSION-4 after a crash, a departed key comes back as the same author and repeats no number', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana', 'ben')
    ana.intend(SPAWN)
    loopback.settle()
    loopback.sever(ana)
    loopback.clients.splice(loopback.clients.indexOf(ana), 1)
    loopback.run(5)
    const again = loopback.join('ana again', { key: 'ana' })
    loopback.run(20)
    expect(again.last('sessionOpened')).toMatchObject({ author: 1, resumed: false })
    again.intend(SPAWN)
    loopback.settle()
    expect(spawnedBy(loopback, 1)).toHaveLength(2)
    expect(loopback.host.heard('commandRefused').filter(({ reason }) => reason !== 'late')).toEqual([])
  })

  it('R-SESSION-4 a second device with a key that is present is refused, and the first one stays', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    const twin = loopback.join('twin', { key: 'ana' })
    loopback.run(20)
    expect(twin.heard('sessionRefused')).toMatchObject([{ code: 'duplicateKey' }])
    expect([ana.peer.state, twin.peer.state]).toEqual(['live', 'lost'])
    // It asks again, and gives up in the end: the first one is no ghost.
    loopback.until(() => twin.peer.state === 'closed')
    expect(twin.heard('sessionRefused')).toHaveLength(1 + RECONNECTS_MAX)
    expect(ana.peer.state).toBe('live')
  })

  it('R-SESSION-2 a resuming member leaves a host with another key than before', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    loopback.sever(ana)
    const impostor = new Loopback({ signerOf: (name) => loopback.signerOf(name === 'host' ? 'eve' : name) })
    loopback.replaceHost(impostor)
    loopback.run(60)
    expect(ana.last('sessionClosed')).toMatchObject({ code: 'authentication', by: 'local' })
  })

  it('R-SESSION-3 a new session at the same place starts from nothing: its roster, its log and its numbers', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana', 'ben')
    ana.intend(SPAWN)
    loopback.settle()
    for (const client of loopback.clients) loopback.sever(client)
    loopback.replaceHost(new Loopback({ host: { sessionId: new Uint8Array(16).fill(3) } }))
    loopback.run(60)
    ana.intend(SPAWN)
    loopback.settle()
    expect(ana.last('sessionOpened')).toMatchObject({ resumed: false })
    expect(loopback.host.peer.world.entities(Entity)).toHaveLength(1)
    expect(ana.peer.world.canonicalBytes()).toEqual(loopback.host.peer.world.canonicalBytes())
  })
})

describe('leaving', () => {
  it('R-SESSION-3 who has left stays in the roster, and a late joiner can verify what it did', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana', 'ben')
    ana.intend(SPAWN)
    loopback.run(1)
    ana.intend({ kind: 'leave' })
    const cleo = loopback.join('cleo')
    loopback.settle()
    expect(ana.peer.state).toBe('closed')
    const [roster] = loopback.all('KeyRoster').filter(({ carried }) => carried.to === 'cleo').slice(-1)
    expect(roster.message.members.map(({ author, present }) => [author, present])).toEqual([[0, true], [1, false], [2, true], [3, true]])
    expect(cleo.heard('commandFolded')).toContainEqual(expect.objectContaining({ author: 1, command: 'entity.spawn', outcome: 'applied' }))
    expect(cleo.heard('commandRefused')).toEqual([])
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SESSION-3 versions rise by one, and every member hears of every change', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana', 'ben')
    loopback.sever(ana)
    loopback.settle()
    const heard = loopback.all('KeyRoster').filter(({ carried }) => carried.to === 'ben').map(({ message }) => message.version)
    expect(heard).toEqual([3, 4, 5])
  })

  const moments = ['before its first frame', 'while it connects', 'while it greets', 'while it joins', 'while it is lost'] as const
  it.each(moments)('R-SESSION-4 who leaves %s does not come back', (when) => {
    const loopback = new Loopback()
    const ana = loopback.join('ana')
    const awaited = when === 'while it greets' ? 'SessionAcknowledge' : 'WorldSnapshot'
    loopback.carry = (carried) => (when !== 'while it is lost' && carried.as(awaited) !== undefined ? NEVER : ONCE)
    if (when === 'while it connects') loopback.run(1)
    if (when === 'while it greets') loopback.until(() => ana.peer.state === 'greeting', 5)
    if (when === 'while it joins') loopback.until(() => ana.peer.state === 'joining', 5)
    if (when === 'while it is lost') {
      loopback.run(20)
      loopback.sever(ana)
    }
    ana.intend({ kind: 'leave' })
    loopback.run(60)
    expect(ana.peer.state).toBe('closed')
    expect(loopback.connectionsOf(ana)).toBe(0)
    expect(loopback.host.peer.world.get(memberEntity(1), Member)?.present ?? 0).toBe(0)
  })

  it('R-SESSION-4 who is removed by the host is told, and stays away', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    loopback.host.intend({ kind: 'kick', author: 1 })
    loopback.run(120)
    expect(ana.heard('sessionRefused')).toMatchObject([{ code: 'kicked' }])
    expect([ana.peer.state, ben.peer.state]).toEqual(['closed', 'live'])
    expect(loopback.all('SessionHello')).toHaveLength(2)
  })
})

describe('silence', () => {
  it('R-SESSION-5 a peer that is silent for too long is given up by the other side, and comes back when it is heard again', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    const sinceUs = loopback.nowUs
    loopback.carry = ({ from, to }) => (from === 'ana' || to === 'ana' ? NEVER : ONCE)
    loopback.until(() => ana.peer.state === 'lost' && loopback.host.last('sessionClosed') !== undefined)
    expect(loopback.nowUs - sinceUs).toBeLessThan(HEARTBEAT_TIMEOUT_US + 100_000)
    expect(loopback.nowUs - sinceUs).toBeGreaterThanOrEqual(HEARTBEAT_TIMEOUT_US - 2 * LATENCY_US)
    expect(loopback.host.last('sessionClosed')).toMatchObject({ author: 1, code: 'timeout' })
    loopback.carry = () => ONCE
    loopback.settle()
    expect(ana.heard('joined')).toHaveLength(2)
    expect(ben.heard('sessionClosed')).toEqual([])
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SESSION-5 heartbeats alone keep an idle connection, and measure it', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    loopback.carry = (carried) => [{ delayUs: carried.as('Heartbeat') === undefined ? LATENCY_US : 15_000 }]
    loopback.run(Math.ceil((1.2 * HEARTBEAT_TIMEOUT_US * 90) / 1e6))
    expect(ana.heard('sessionClosed')).toEqual([])
    for (const actor of [ana, loopback.host]) expect(actor.last('heartbeat')?.rttUs).toBeGreaterThan(28_000)
    expect(ana.last('heartbeat')?.rttUs).toBeLessThan(32_000)
  })

  it('R-SESSION-5 a handshake that gets no answer is tried again, a limited number of times', () => {
    const loopback = new Loopback()
    loopback.carry = () => NEVER
    const ana = loopback.join('ana')
    const tries = 1 + RECONNECTS_MAX
    // A try takes its two times, each rounded up to a frame.
    const framesMax = tries * (Math.ceil(((HANDSHAKE_TIMEOUT_US + RECONNECT_DELAY_US) * 90) / 1e6) + 2)
    loopback.until(() => ana.peer.state === 'closed', framesMax)
    expect(loopback.all('SessionHello')).toHaveLength(tries)
    expect(ana.heard('sessionClosed').map(({ code }) => code)).toEqual(Array.from({ length: tries }, () => 'timeout'))
  })
})

describe('poses', () => {
  it('R-SESSION-4 the poses of who has gone leave the stream', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    const pose = { x: 1, y: 2, z: 3, qx: 0, qy: 0, qz: 0, qw: 32767 }
    const input: Message = {
      kind: 'InputPredictiveState', sequence: 0, frame: 1, horizonUs: 0, gesture: 0, head: pose, left: pose, right: pose,
    }
    loopback.inject(ana, loopback.host, input)
    loopback.settle()
    expect(ben.peer.world.get(memberEntity(1), HeadPose)).toEqual(pose)
    loopback.inject(ana, loopback.host, { ...input, head: { ...pose, x: 9 } })
    loopback.run(2)
    expect(loopback.host.peer.world.get(memberEntity(1), HeadPose)).toEqual(pose)
    loopback.sever(ana)
    loopback.run(Math.floor((RECONNECT_DELAY_US * 90) / 1e6) - 3)
    expect(ben.peer.world.entities(HeadPose)).toEqual([])
    loopback.settle()
    expect(disagreement(loopback)).toBeUndefined()
  })
})
