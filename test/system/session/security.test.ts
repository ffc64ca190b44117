/** What members may send, how much of it, and who may send whom away. */
import { beforeAll, describe, expect, it } from 'vitest'
import { memberEntity, memberRole, toolActivate } from '../../../system/commands/registry.ts'
import { signingBytes } from '../../../system/commands/signing.ts'
import { Entity, Member } from '../../../system/ecs/components.ts'
import { MEMBERS_MAX, OFFENCE_BURST, REQUEST_BURST, STRANGERS_MAX, TRAFFIC_BYTES_BURST } from '../../../system/limits.ts'
import type { CommandEntry, Message, MessageName, Role } from '../../../system/protocol/messages.ts'
import { provesEquivocation } from '../../../system/security/equivocation.ts'
import { maySend } from '../../../system/session/permissions.ts'
import {
  type Actor, disagreement, EPOCH, Loopback, type LoopbackOptions, prepare, publicKeyOf, SESSION_ID, tagSigner, tagVerifier,
} from '../../support/loopback.ts'
import { entryOf } from '../commands/entries.ts'
import { SAMPLES } from '../protocol/samples.ts'

beforeAll(prepare)

const SPAWN = { kind: 'spawn', x: 0, y: 0, z: 0, hx: 9, hy: 9, hz: 9 } as const
const signedBy = (name: string, entry: CommandEntry): CommandEntry =>
  ({ ...entry, signature: tagSigner(publicKeyOf(name)).sign(signingBytes(SESSION_ID, entry)) })

/** Ana has this role, and ben is an editor; both are live. */
function withRole(role: Role, options: LoopbackOptions = {}) {
  const loopback = new Loopback(options)
  const ana = loopback.join('ana', { requestedRole: role })
  const [ben] = loopback.joined('ben')
  loopback.settle()
  return { loopback, ana, ben, say: (message: Message) => loopback.inject(ana, loopback.host, message) }
}
const refusals = (actor: Actor) => actor.heard('messageRefused').map(({ cause, reason }) => `${cause}: ${reason}`)
const roleOf = (actor: Actor<never> | Loopback['host'], author: number) => actor.peer.world.get(memberEntity(author), Member)?.role

describe('who may say what', () => {
  const names = Object.keys(SAMPLES) as MessageName[]
  const sendable = (role: 'stranger' | Role) => names.filter((name) => maySend(role, name))

  it('R-SEC-1 the table, role by role', () => {
    const members = [
      'AssetRequest', 'EditorEvent', 'Heartbeat', 'InputPredictiveState', 'InterestSet', 'LogRangeRequest', 'NackRequest', 'SessionControl',
      'TelemetryReport',
    ]
    expect(sendable('stranger')).toEqual(['SessionHello'])
    expect(sendable('viewer').toSorted()).toEqual(members)
    expect(sendable('editor').toSorted()).toEqual(['AssetNotice', 'AssetTransfer', 'CommandLogEntry', ...members].toSorted())
    expect(sendable('admin')).toEqual(sendable('editor'))
  })

  it.each(names.filter((name) => !maySend('admin', name)))('R-SEC-1 %s of a member is refused, whoever it is', (name) => {
    const { loopback, say } = withRole('admin')
    const bytes = loopback.host.peer.world.canonicalBytes()
    say(SAMPLES[name])
    expect(refusals(loopback.host)).toEqual([`forbidden: ${name} of a member`])
    expect(loopback.host.peer.world.canonicalBytes()).toEqual(bytes)
  })

  it('R-SEC-1 a viewer\'s commands are refused by name, and nothing of them is verified', () => {
    let verified = 0
    const verifier = { verify: (...all: Parameters<typeof tagVerifier.verify>) => (verified++, tagVerifier.verify(...all)) }
    const { loopback, ana, ben, say } = withRole('viewer', { verifier })
    ana.intend(SPAWN)
    expect(ana.peer.log!.depth).toBe(1)
    loopback.settle()
    expect(loopback.host.heard('commandRefused')).toMatchObject([{ author: 1, reason: 'role' }])
    expect(ana.heard('commandRefused')).toMatchObject([{ author: 1, reason: 'role', at: 'peer' }])
    expect(ana.peer.log!.depth).toBe(0)
    expect(refusals(loopback.host)).toEqual(['forbidden: CommandLogEntry of a viewer'])
    const before = verified
    say({ kind: 'CommandLogEntry', entries: [signedBy('ana', entryOf(1, 90, toolActivate, { tool: 1 }))] })
    say({ ...SAMPLES.AssetTransfer })
    expect(verified).toBe(before)
    expect(refusals(loopback.host).at(-1)).toBe('forbidden: AssetTransfer of a viewer')
    expect([ana, ben].map(({ peer }) => peer.state)).toEqual(['live', 'live'])
  })

  it('R-SEC-1 a member may give commands as soon as the log says so, before that is closed', () => {
    const { loopback, ana } = withRole('viewer')
    loopback.host.intend({ kind: 'role', author: 1, role: 'editor' })
    loopback.run(2)
    ana.intend(SPAWN)
    loopback.settle()
    expect(loopback.host.heard('commandRefused')).toEqual([])
    expect(loopback.host.peer.world.entities(Entity)).toHaveLength(1)
  })

  it('R-SEC-1 what a stranger says before its hello is lost', () => {
    const loopback = new Loopback()
    const stranger = loopback.stranger()
    for (const name of names) if (name !== 'SessionHello') expect(stranger.say(SAMPLES[name])).toEqual([])
    expect(refusals(loopback.host)).toEqual([])
  })
})

describe('patience', () => {
  const limits = { offenceBurst: 5, offencesPerSecond: 1 }

  it('R-SEC-2 a member that goes on with what it may not send is disconnected, and the others are not', () => {
    const { loopback, ana, ben, say } = withRole('editor', { host: { limits } })
    for (let i = 0; i < 5; i++) say(SAMPLES.KeyRoster)
    expect(loopback.host.heard('sessionClosed')).toEqual([])
    say(SAMPLES.KeyRoster)
    expect(loopback.host.heard('sessionClosed')).toMatchObject([{ author: 1, code: 'protocolError', by: 'local' }])
    loopback.run(3)
    expect(ana.last('sessionRefused')).toMatchObject({ code: 'protocolError' })
    expect(ben.peer.state).toBe('live')
    loopback.until(() => ana.peer.state === 'live')
    // It is back, and what it did is not forgotten.
    for (let i = 0; i < 4; i++) say(SAMPLES.KeyRoster)
    expect(loopback.host.heard('sessionClosed')).toHaveLength(2)
  })

  it.each([
    ['an entry that nobody signed', { kind: 'CommandLogEntry', entries: [entryOf(1, 90, toolActivate, { tool: 1 })] }],
    ['no entries', { kind: 'CommandLogEntry', entries: [] }],
    ['a control of the host\'s', { ...SAMPLES.SessionControl, control: 'migrationIntent' }],
    ['a kick', { ...SAMPLES.SessionControl, code: 'kicked', author: 2 }],
  ] as const)('R-SEC-2 %s wears it out', (_, message) => {
    const { loopback, say } = withRole('editor', { host: { limits } })
    for (let i = 0; i < 6; i++) say(message)
    expect(loopback.host.heard('sessionClosed')).toMatchObject([{ code: 'protocolError' }])
  })

  it('R-SEC-2 a stranger that only makes noise is disconnected', () => {
    const loopback = new Loopback()
    const stranger = loopback.stranger()
    const said = Array.from({ length: OFFENCE_BURST + 1 }, () => stranger.say(new Uint8Array(30))).flat()
    expect(said).toMatchObject([{ kind: 'SessionControl', code: 'protocolError' }])
    expect(loopback.host.peer.seats).toEqual([])
  })
})

describe('budgets', () => {
  it('R-SEC-3 traffic above the budget is not read, and its member\'s commands still are', () => {
    const { loopback, ana, ben, say } = withRole('editor')
    const where = { entity: 1, tool: 1, panel: 1, scale: 0, pose: undefined }
    const event: Message = { kind: 'EditorEvent', author: 1, event: 'panel', detail: 'x'.repeat(250), ...where }
    const floodBytes = 2 * TRAFFIC_BYTES_BURST
    for (let sent = 0; sent < floodBytes && refusals(loopback.host).length < 100; sent += 400) say(event)
    expect(new Set(refusals(loopback.host))).toEqual(new Set(['budget: traffic']))
    const relayed = loopback.all('EditorEvent').filter(({ carried }) => carried.from === 'host').length
    expect(relayed).toBeLessThan(TRAFFIC_BYTES_BURST / 300)
    expect(loopback.host.peer.allowanceOf(1).trafficBytes).toBeLessThan(500)
    expect(loopback.host.peer.allowanceOf(2).trafficBytes).toBeGreaterThan(TRAFFIC_BYTES_BURST - 20_000)
    ana.intend(SPAWN)
    ben.intend(SPAWN)
    loopback.settle()
    expect(loopback.host.peer.world.entities(Entity)).toHaveLength(2)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SEC-3 requests whose answers are large have a budget of their own', () => {
    const { loopback, say } = withRole('viewer')
    for (let i = 0; i < REQUEST_BURST + 7; i++) say({ kind: 'LogRangeRequest', epoch: EPOCH, afterLamport: 0, upToLamport: 99 })
    expect(refusals(loopback.host)).toEqual(Array.from({ length: 7 }, () => 'budget: requests'))
    expect(loopback.host.peer.allowanceOf(1).requests).toBe(0)
  })

  it('R-SEC-3 the host\'s configuration sets them', () => {
    const { loopback, ana } = withRole('editor', { host: { limits: { commandBurst: 2, commandsPerSecond: 1 } } })
    expect(loopback.host.peer.allowanceOf(1)).toMatchObject({ commands: 2, offences: OFFENCE_BURST })
    for (let i = 0; i < 4; i++) ana.intend(SPAWN)
    loopback.settle()
    expect(loopback.host.heard('commandRefused').map(({ reason }) => reason)).toEqual(['rate', 'rate'])
    loopback.run(90)
    ana.intend(SPAWN)
    loopback.settle()
    expect(loopback.host.peer.world.entities(Entity)).toHaveLength(3)
  })

  it('R-SEC-7 a host has room for so many strangers, and its members come in all the same', () => {
    const loopback = new Loopback()
    const strangers = Array.from({ length: STRANGERS_MAX + 9 }, () => loopback.stranger())
    const nothing = { members: 0, conducts: 0, proofs: 0, later: 0, assets: 0, assetBytes: 0 }
    expect(loopback.host.peer.holdings).toEqual({ ...nothing, strangers: STRANGERS_MAX, pending: 1 })
    expect(loopback.host.heard('sessionRefused')).toHaveLength(9)
    expect(strangers.at(-1)!.say(SAMPLES.SessionHello)).toEqual([])
    // Who does not say hello has its time.
    loopback.run(460)
    expect(loopback.host.peer.holdings.strangers).toBe(0)
    loopback.joined('ana')
    expect(loopback.host.peer.holdings).toMatchObject({ members: 1, conducts: 1 })
    expect(MEMBERS_MAX).toBeGreaterThan(1)
  })
})

describe('equivocation', () => {
  it('R-SEC-5 the log keeps the first, the second is refused, and both are a proof for anyone', () => {
    const { loopback, say, ben } = withRole('editor')
    const { clock } = loopback.host.peer.log
    const [first, second, third] = [1, 2, 3].map((tool) =>
      signedBy('ana', entryOf(1, clock + 1, toolActivate, { tool }, { nonce: 40n + BigInt(tool % 2) })))
    say({ kind: 'CommandLogEntry', entries: [first, second] })
    loopback.settle()
    say({ kind: 'CommandLogEntry', entries: [third] })
    expect(loopback.host.heard('commandRefused').map(({ reason }) => reason)).toEqual(['duplicate', 'duplicate'])
    expect(loopback.host.peer.proofs.size).toBe(1)
    const proof = loopback.host.peer.proofs.of(1)!
    expect(proof).toEqual({ first, second })
    const holds = (over: Partial<typeof proof>, name = 'ana') =>
      provesEquivocation({ ...proof, ...over }, SESSION_ID, publicKeyOf(name), tagVerifier)
    expect(holds({})).toBe(true)
    expect(holds({}, 'ben')).toBe(false)
    expect(holds({ second: first })).toBe(false)
    expect(holds({ second: { ...second, signature: first.signature } })).toBe(false)
    expect(holds({ second: signedBy('ana', { ...second, lamport: clock + 2 }) })).toBe(false)
    expect(loopback.host.heard('equivocation')).toHaveLength(2)
    expect(ben.peer.log!.entryAt(clock + 1, 1)).toEqual(first)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it('R-SEC-5 a member that is told two by its host finds out as well', () => {
    const { loopback, ben } = withRole('editor')
    const clock = ben.peer.log!.clock
    const [first, second] = [1, 2].map((tool) => signedBy('ana', entryOf(1, clock + 1, toolActivate, { tool })))
    loopback.inject(loopback.host, ben, { kind: 'CommandLogEntry', entries: [first, second] })
    expect(ben.heard('equivocation')).toMatchObject([{ author: 1, lamport: clock + 1, first, second }])
  })
})

describe('nonces', () => {
  it('R-SEC-4 members know what is spent, and a new host that is told refuses the replays of the old one\'s', () => {
    const { loopback, ana, ben } = withRole('editor')
    for (let i = 0; i < 3; i++) ana.intend(SPAWN)
    ben.intend(SPAWN)
    loopback.settle()
    const known = [...ben.peer.nonces]
    // A spawn takes two numbers: its entity's and its own.
    expect(known).toEqual([[0, expect.any(BigInt)], [1, 6n], [2, 2n]])
    expect([...ana.peer.nonces].slice(1)).toEqual(known.slice(1))
    // Somebody who joins now is told by the roster alone.
    const [cleo] = loopback.joined('cleo')
    expect([...cleo.peer.nonces].filter(([author]) => author === 1)).toEqual([[1, 6n]])

    const replays = loopback.host.peer.log.entriesSince(0).filter(({ author }) => author === 1)
    const replayedAt = (nonces: Iterable<readonly [number, bigint]>) => {
      const next = withRole('editor', { host: { nonces } })
      next.say({ kind: 'CommandLogEntry', entries: replays })
      return next.loopback.host.heard('commandRefused').map(({ reason }) => reason)
    }
    expect(replayedAt(cleo.peer.nonces)).toEqual(['nonce', 'nonce', 'nonce'])
    expect(replayedAt([])).not.toContain('nonce')
  })
})

describe('members', () => {
  it('R-SEC-6 an admin kicks, and who was kicked may come again by itself', () => {
    const { loopback, ana, ben } = withRole('admin')
    ana.intend({ kind: 'kick', author: 2 })
    loopback.run(10)
    expect(ben.last('sessionRefused')).toMatchObject({ code: 'kicked', hint: 'kicked by an admin' })
    expect(ben.peer.state).toBe('closed')
    expect(loopback.join('ben again', { key: 'ben' }).name).toBe('ben again')
    loopback.run(20)
    expect(loopback.clients.at(-1)!.peer.author).toBe(2)
  })

  it('R-SEC-6 an admin bans, present or not, and the key is never let in again', () => {
    const { loopback, ana, ben } = withRole('admin')
    const [cleo] = loopback.joined('cleo')
    cleo.intend({ kind: 'leave' })
    loopback.run(10)
    for (const author of [2, 3]) ana.intend({ kind: 'ban', author })
    loopback.run(10)
    expect(ben.last('sessionRefused')).toMatchObject({ code: 'banned' })
    const again = ['ben', 'cleo'].map((key) => loopback.join(`${key} again`, { key }))
    loopback.run(20)
    const fates = again.map((actor) => [actor.peer.state, actor.last('sessionRefused')?.code])
    expect(fates).toEqual([['closed', 'banned'], ['closed', 'banned']])
    const [roster] = loopback.all('KeyRoster').slice(-1)
    expect(roster.message.members.map(({ banned }) => banned)).toEqual([false, false, true, true])
  })

  it.each(['viewer', 'editor'] as const)('R-SEC-6 a %s neither kicks, nor bans, nor changes a role', (role) => {
    const { loopback, ana, ben } = withRole(role)
    ana.intend({ kind: 'kick', author: 2 })
    ana.intend({ kind: 'ban', author: 2 })
    ana.intend({ kind: 'role', author: 1, role: 'admin' })
    loopback.settle()
    expect(ben.peer.state).toBe('live')
    expect(refusals(loopback.host)).toEqual(expect.arrayContaining([
      'forbidden: SessionControl kicked of a member', 'forbidden: SessionControl banned of a member',
    ]))
    expect(roleOf(loopback.host, 1)).toBe(role === 'viewer' ? 0 : 1)
  })

  it('R-SEC-6 nobody sends the host away, and nobody who is not there', () => {
    const { loopback, ana } = withRole('admin')
    ana.intend({ kind: 'kick', author: 0 })
    ana.intend({ kind: 'ban', author: 0 })
    ana.intend({ kind: 'kick', author: 77 })
    ana.intend({ kind: 'ban', author: 77 })
    loopback.settle()
    expect(refusals(loopback.host)).toHaveLength(2)
    expect(loopback.host.heard('sessionClosed')).toEqual([])
  })

  it('R-SEC-6 an admin changes a role in the log, and the member is told', () => {
    const { loopback, ana, ben } = withRole('admin')
    ana.intend({ kind: 'role', author: 2, role: 'viewer' })
    loopback.settle()
    expect(roleOf(loopback.host, 2)).toBe(0)
    expect(ben.heard('roleChanged')).toEqual([{ event: 'roleChanged', author: 2, role: 'viewer' }])
    expect(ana.heard('roleChanged')).toEqual([])
    expect(loopback.host.heard('commandFolded').at(-1)).toMatchObject({ command: memberRole.name, outcome: 'applied', author: 1 })
  })
})
