/** Hello and acknowledgement: who is let in, who is told to go and why, and whom a client believes. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { nodeSigner, nodeVerifier } from '../../../platform/ed25519.ts'
import { admissibleKey, smallOrder } from '../../../system/commands/signature.ts'
import { manifestHash } from '../../../system/ecs/manifest.ts'
import { ENTITIES_PER_AUTHOR_MAX } from '../../../system/ids.ts'
import { HEARTBEAT_TIMEOUT_US, MEMBERS_MAX } from '../../../system/limits.ts'
import { granted } from '../../../system/protocol/capabilities.ts'
import {
  type DisconnectCode, type Message, MessageType, type SessionAcknowledge, type SessionHello,
} from '../../../system/protocol/messages.ts'
import { MESSAGE_BYTES_MAX, sealEnvelope } from '../../../system/protocol/envelope.ts'
import { PROTOCOL_VERSION, SCHEMA_HASH } from '../../../system/protocol/version.ts'
import { acknowledgeBytes, helloBytes } from '../../../system/session/handshake.ts'
import { goodbye } from '../../../system/session/notices.ts'
import { type Carriage, LATENCY_US, Loopback, ONCE, prepare, publicKeyOf, sealed, SESSION_ID, tagSigner } from '../../support/loopback.ts'

beforeAll(prepare)

const MAJOR = PROTOCOL_VERSION.major
const TOKEN = Uint8Array.of(1, 2, 3)
function helloOf(name: string, binding: Uint8Array, over: Partial<SessionHello> = {}): SessionHello {
  const unsigned = {
    kind: 'SessionHello', protocolMajor: MAJOR, protocolMinor: PROTOCOL_VERSION.minor, protocolPatch: PROTOCOL_VERSION.patch,
    schemaHash: SCHEMA_HASH, manifestHash: manifestHash(), clientNonce: new Uint8Array(16).fill(9), clientPublicKey: publicKeyOf(name),
    requestedCapabilities: 0xff, requestedRole: 'editor', transports: ['quic'], compression: ['none'], displayName: name, authToken: TOKEN,
    resumeSessionId: new Uint8Array(0), features: 0, dictionaries: [], exchangeKey: new Uint8Array(0), ...over,
  } as const
  return { ...unsigned, signature: over.signature ?? tagSigner(unsigned.clientPublicKey).sign(helloBytes(unsigned, binding)) }
}
const strict = () => new Loopback({ host: { authorise: (token, role) => (Buffer.compare(token, TOKEN) === 0 ? role : undefined) } })
const codeOf = (answer: readonly Message[]): DisconnectCode | 'accepted' | undefined => {
  const [first] = answer
  if (first?.kind === 'SessionAcknowledge') return 'accepted'
  return first?.kind === 'SessionControl' && first.control === 'disconnect' ? first.code : undefined
}

describe('the host', () => {
  const hash = { hi: 1, lo: 2 }
  const refusals: readonly [string, DisconnectCode, RegExp, (binding: Uint8Array) => SessionHello | Uint8Array][] = [
    ['another version', 'protocolVersion', /install a build of major version/, (b) => helloOf('ana', b, { protocolMajor: MAJOR + 1 })],
    ['another schema', 'schemaHash', /run the build that the host runs/, (b) => helloOf('ana', b, { schemaHash: hash })],
    ['another manifest', 'schemaHash', /generate both from the same/, (b) => helloOf('ana', b, { manifestHash: hash })],
    ['an envelope of another schema', 'schemaHash', /generate both from the same/, (b) => sealed(helloOf('ana', b), hash)],
    ['no token', 'authentication', /ask its host for one/, (b) => helloOf('ana', b, { authToken: new Uint8Array(0) })],
    ['a false signature', 'authentication', /not signed by its key/, (b) => helloOf('ana', b, { signature: new Uint8Array(64) })],
    ['a hello of another connection', 'authentication', /on this connection/, (b) => helloOf('ana', b.map((byte) => byte + 1))],
    ['a name changed on the way', 'authentication', /not signed by its key/, (b) => ({ ...helloOf('ana', b), displayName: 'eve' })],
    ['a role changed on the way', 'authentication', /not signed by its key/, (b) => ({ ...helloOf('ana', b), requestedRole: 'admin' })],
    ['the host\'s own key', 'duplicateKey', /one key a device/, (b) => helloOf('host', b)],
  ]
  it.each(refusals)('R-SESSION-1 %s is refused with %s and a hint', (_, code, hint, make) => {
    const loopback = strict()
    const stranger = loopback.stranger()
    const answer = stranger.say(make(stranger.binding))
    expect(codeOf(answer)).toBe(code)
    expect(answer).toHaveLength(1)
    expect(answer[0]).toMatchObject({ hint: expect.stringMatching(hint) as string })
    expect(loopback.host.heard('sessionRefused')).toMatchObject([{ code }])
    expect(loopback.host.heard('sessionOpened')).toEqual([])
    // It is gone: nothing that it says is heard any more.
    expect(stranger.say(helloOf('ana', stranger.binding))).toEqual([])
  })

  it('R-WIRE-9 a build of 1.0.0 is told to install a newer one, whatever its schema was', () => {
    const vectors = readFileSync(new URL('../../vectors/1.0.0/messages.json', import.meta.url), 'utf8')
    const { SessionHello: body } = JSON.parse(vectors) as { readonly SessionHello: string }
    const bytes = sealEnvelope(MessageType.SessionHello, 'control', 0, new Uint8Array(Buffer.from(body, 'hex')), hash)
    const answer = strict().stranger().say(bytes)
    const hint = expect.stringMatching(new RegExp(`speaks protocol ${MAJOR}.*install a build of major version ${MAJOR}`)) as string
    expect(answer).toMatchObject([{ kind: 'SessionControl', control: 'disconnect', code: 'protocolVersion', hint }])
  })

  it('R-SESSION-1 what is in order is accepted, with another minor version too, and granted what its role allows', () => {
    for (const over of [{}, { protocolMinor: 99, protocolPatch: 99 }, { requestedRole: 'viewer' }] as const) {
      const stranger = strict().stranger()
      const [acknowledge] = stranger.say(helloOf('ana', stranger.binding, over))
      const role = 'requestedRole' in over ? over.requestedRole : 'editor'
      expect(acknowledge).toMatchObject({ kind: 'SessionAcknowledge', author: 1, assignedRole: role, capabilityMask: granted(0xff, role) })
    }
  })

  it('R-SESSION-1 a session is full with its members, not with strangers', () => {
    const loopback = strict()
    const strangers = Array.from({ length: MEMBERS_MAX + 10 }, () => loopback.stranger())
    const codes = strangers.slice(9).map((stranger, i) => codeOf(stranger.say(helloOf(`m${i}`, stranger.binding))))
    expect(codes).toEqual([...codes.slice(0, MEMBERS_MAX).map(() => 'accepted'), 'full'])
  })

  it('R-SESSION-1 no number of members ever makes the roster too large to send', () => {
    const loopback = strict()
    const codes = new Set<string | undefined>()
    for (let i = 0; i < 257; i++) {
      const stranger = loopback.stranger()
      codes.add(codeOf(stranger.say(helloOf(`member ${i}`, stranger.binding, { displayName: '' }))))
      stranger.say(goodbye('normal', 0, 'viewer', ''))
    }
    expect(codes).toEqual(new Set(['accepted', 'full']))
    const whole = loopback.all('KeyRoster').at(-1)!.message
    const members = whole.members.map((member) => ({ ...member, displayName: 'x'.repeat(64) }))
    expect(sealed({ ...whole, members }).length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
  })

  it('R-SESSION-1 a key that is present is refused, and so is one that resumes another session', () => {
    const loopback = strict()
    const first = loopback.stranger()
    first.say(helloOf('ana', first.binding))
    for (const resumeSessionId of [new Uint8Array(0), SESSION_ID.with(0, 99)]) {
      const second = loopback.stranger()
      expect(codeOf(second.say(helloOf('ana', second.binding, { resumeSessionId })))).toBe('duplicateKey')
    }
  })

  it('R-SESSION-1 before its hello nobody is heard, and none may stay without one', () => {
    const loopback = strict()
    const stranger = loopback.stranger()
    const ping = { kind: 'Heartbeat', pong: false, sequence: 0, sentAtUs: 0, rttUs: 0, jitterUs: 0 } as const
    expect(stranger.say({ kind: 'CommandLogEntry', entries: [] })).toEqual([])
    for (let us = 0; us < HEARTBEAT_TIMEOUT_US; us += 500_000) {
      expect(stranger.say(ping)).toEqual([])
      loopback.run(45)
    }
    loopback.run(5)
    expect(loopback.sent.map(({ message }) => message)).toMatchObject([{ kind: 'SessionControl', code: 'timeout' }])
  })
})

describe('the client', () => {
  /** A join whose acknowledgement is changed on the way, and signed anew by the host's key where `resign`. */
  const joinWith = (change: (acknowledge: SessionAcknowledge) => Partial<SessionAcknowledge>, resign = false) => {
    const loopback = new Loopback()
    let hello: SessionHello | undefined
    loopback.carry = (carried): Carriage => {
      hello ??= carried.as('SessionHello')
      const message = carried.as('SessionAcknowledge')
      if (message === undefined) return ONCE
      const changed = { ...message, ...change(message) }
      const binding = Uint8Array.from({ length: 32 }, (_, i) => carried.on + 1 + i)
      if (!resign) return [{ delayUs: LATENCY_US, bytes: sealed(changed) }]
      const signature = tagSigner(changed.serverPublicKey).sign(acknowledgeBytes(changed, hello!.clientNonce, binding))
      return [{ delayUs: LATENCY_US, bytes: sealed({ ...changed, signature }) }]
    }
    const ana = loopback.join('ana')
    loopback.run(10)
    return ana
  }

  it('R-SESSION-2 an acknowledgement that holds lets it in', () => {
    expect(joinWith(() => ({})).peer.state).toBe('live')
    expect(joinWith(() => ({}), true).peer.state).toBe('live')
  })

  const forgeries: readonly Partial<SessionAcknowledge>[] = [
    { signature: new Uint8Array(64) }, { sessionId: SESSION_ID.with(0, 0) }, { epoch: 8 }, { author: 2 }, { assignedRole: 'admin' },
    { capabilityMask: 0xff }, { serverPublicKey: publicKeyOf('eve') }, { frame: 77 }, { nonceHighWater: 5n },
    { serverNonce: new Uint8Array(16) }, { protocolMajor: MAJOR + 1 }, { protocolMinor: 7 }, { protocolPatch: 7 },
  ]
  it.each(forgeries)('R-SESSION-2 a client leaves an acknowledgement with another %o', (forgery) => {
    const ana = joinWith(() => forgery)
    expect(ana.peer.state).toBe('closed')
    expect(ana.last('sessionClosed')).toMatchObject({ code: 'authentication', by: 'local' })
    expect(ana.peer.world.rowCount).toBe(0)
  })

  it('R-SESSION-2 an acknowledgement of another hello does not hold', () => {
    const loopback = new Loopback()
    const acknowledgements: Message[] = []
    loopback.carry = (carried) => {
      const message = carried.as('SessionAcknowledge')
      if (message === undefined) return ONCE
      acknowledgements.push(message)
      return [{ delayUs: LATENCY_US, bytes: sealed(acknowledgements[0]) }]
    }
    const [ana, ben] = loopback.joined('ana', 'ben')
    expect([ana.peer.state, ben.peer.state]).toEqual(['live', 'closed'])
  })

  it('R-SESSION-2 nonces that leave it none to sign with are no welcome', () => {
    const ana = joinWith(() => ({ nonceHighWater: BigInt(ENTITIES_PER_AUTHOR_MAX) }), true)
    expect(ana.last('sessionClosed')).toMatchObject({ code: 'protocolError' })
  })

  it('R-SESSION-1 a refused client says why, and does not try again', () => {
    const loopback = strict()
    const ana = loopback.join('ana')
    loopback.run(120)
    expect(ana.heard('sessionRefused')).toMatchObject([{ code: 'authentication', hint: expect.stringMatching(/ask its host/) as string }])
    expect(ana.peer.state).toBe('closed')
    expect(loopback.all('SessionHello')).toHaveLength(1)
  })

  it('R-SESSION-2 the handshake holds with real Ed25519, and fails with a stranger\'s', () => {
    const seedOf = (name: string) => Uint8Array.from({ length: 32 }, (_, i) => name.charCodeAt(i % name.length))
    const verifier = nodeVerifier({ admissibleKey, smallOrder })
    const loopback = new Loopback({ verifier, signerOf: (name) => nodeSigner(seedOf(name)) })
    const [ana] = loopback.joined('ana')
    ana.intend({ kind: 'toolActivate', tool: 3 })
    loopback.settle()
    expect(loopback.host.heard('commandFolded').at(-1)).toMatchObject({ author: 1, command: 'tool.activate', outcome: 'applied' })

    const signerOf = (name: string) => {
      const { publicKey } = nodeSigner(seedOf(name === 'host' ? 'eve' : name))
      return { ...nodeSigner(seedOf(name)), publicKey }
    }
    const wrong = new Loopback({ verifier, signerOf })
    const ben = wrong.join('ben')
    wrong.run(10)
    expect(ben.last('sessionClosed')).toMatchObject({ code: 'authentication' })
  })
})
