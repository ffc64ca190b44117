/** Versions and features: what two builds settle on, by themselves and in a session. */
import { beforeAll, describe, expect, it } from 'vitest'
import { CBOR_BODIES, type Feature, FEATURES, FEATURES_OFFERED, settleFeatures } from '../../../system/protocol/features.ts'
import { openEnvelope } from '../../../system/protocol/envelope.ts'
import { MessageType } from '../../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../../system/protocol/version.ts'
import { type Carriage, LATENCY_US, Loopback, ONCE, prepare, publicKeyOf, sealed, tagSigner } from '../../support/loopback.ts'
import { SAMPLES } from '../protocol/samples.ts'
import { acknowledgeBytes } from '../../../system/session/handshake.ts'
import type { SessionAcknowledge, SessionHello } from '../../../system/protocol/messages.ts'

beforeAll(prepare)

describe('two builds', () => {
  const OLD: Feature = { bit: 1, name: 'old', sinceMinor: 0 }
  const NEW: Feature = { bit: 2, name: 'new', sinceMinor: 3 }
  const known = [OLD, NEW]

  it.each([
    ['alike use all', { features: 3, minor: 3 }, { features: 3, minor: 3 }, 3, ''],
    ['an older client has what its minor version has', { features: 1, minor: 2 }, { features: 3, minor: 3 }, 1, ''],
    ['an older client that claims more is denied it', { features: 3, minor: 2 }, { features: 3, minor: 3 }, 1, /new needs minor version 3/],
    ['a newer client is held to the lower', { features: 3, minor: 9 }, { features: 3, minor: 2 }, 1, /the lower one is 2/],
    ['bits that nobody here knows', { features: 0x80000001, minor: 9 }, { features: 3, minor: 3 }, 1, /0x80000000 are not known/],
    ['what the host switched off is denied', { features: 3, minor: 3 }, { features: 2, minor: 3 }, 2, /old is switched off/],
    ['an offer of nothing is granted nothing', { features: 0, minor: 3 }, { features: 3, minor: 3 }, 0, ''],
  ])('R-SESSION-7 %s', (_what, offer, own, granted, hint) => {
    const settled = settleFeatures(offer, own, known)
    expect(settled.features).toBe(granted)
    expect(settled.featuresDenied).toBe((offer.features & ~granted) >>> 0)
    if (typeof hint === 'string') expect(settled.hint).toBe(hint)
    else expect(settled.hint).toMatch(hint)
  })

  it('what is for debugging is not offered unasked', () => {
    expect(FEATURES & CBOR_BODIES).not.toBe(0)
    expect(FEATURES_OFFERED & CBOR_BODIES).toBe(0)
  })
})

describe('a session', () => {
  it('R-SESSION-7 runs without what is denied, and says so', () => {
    const loopback = new Loopback()
    const ana = loopback.join('ana', { features: 0x40000000 })
    loopback.run(20)
    expect([ana.peer.state, ana.peer.features]).toEqual(['live', 0])
    const [{ message }] = loopback.all('SessionAcknowledge')
    expect(message).toMatchObject({ features: 0, featuresDenied: 0x40000000, hint: expect.stringMatching(/not known/) as string })
  })

  it('R-SESSION-7 a client leaves where a feature is denied that it requires', () => {
    const loopback = new Loopback({ host: { features: 0 } })
    const [ana, ben] = [loopback.join('ana', { requiredFeatures: CBOR_BODIES }), loopback.join('ben', { features: CBOR_BODIES })]
    loopback.run(30)
    expect([ana.peer.state, ben.peer.state]).toEqual(['closed', 'live'])
    expect(ana.last('sessionRefused')).toMatchObject({ code: 'protocolVersion', hint: expect.stringMatching(/switched off/) as string })
    expect(loopback.all('SessionHello').filter(({ carried }) => carried.from === 'ana')).toHaveLength(1)
  })

  it.each<[string, Partial<SessionAcknowledge>]>([
    ['more than it offered', { features: 1 }], ['an answer to another offer', { featuresDenied: 2 }],
  ])('R-SESSION-7 a client leaves a host that settles %s', (_what, lie) => {
    const loopback = new Loopback()
    let hello: SessionHello | undefined
    loopback.carry = (carried): Carriage => {
      hello ??= carried.as('SessionHello')
      const message = carried.as('SessionAcknowledge')
      if (message === undefined) return ONCE
      const changed = { ...message, ...lie }
      const binding = Uint8Array.from({ length: 32 }, (_, i) => carried.on + 1 + i)
      const signature = tagSigner(publicKeyOf('host')).sign(acknowledgeBytes(changed, hello!.clientNonce, binding))
      return [{ delayUs: LATENCY_US, bytes: sealed({ ...changed, signature }) }]
    }
    const ana = loopback.join('ana')
    loopback.run(10)
    expect(ana.last('sessionClosed')).toMatchObject({ code: 'protocolError' })
  })

  /** Ana and Ben edit, Cat comes late; the host's bytes in the end, and every message that was sent. */
  const edited = (features: number) => {
    const loopback = new Loopback()
    const [ana, ben] = ['ana', 'ben'].map((name) => loopback.join(name, { features }))
    loopback.run(20)
    ana.intend({ kind: 'spawn', x: 0, y: 512, z: 0, hx: 9, hy: 9, hz: 9 })
    ben.intend({ kind: 'toolActivate', tool: 3 })
    ana.intend({ kind: 'chat', text: 'bonjour à tous' })
    loopback.host.intend({ kind: 'spawn', x: 0, y: 900, z: 0, hx: 9, hy: 9, hz: 9, body: { shape: 'box', massGrams: 5, restitution: 1 } })
    loopback.run(30)
    const cat = loopback.join('cat', { features })
    loopback.settle()
    expect(cat.peer.world.canonicalBytes()).toEqual(loopback.host.peer.world.canonicalBytes())
    return { bytes: ben.peer.world.canonicalBytes(), sent: loopback.sent, features: ana.peer.features, chat: ben.peer.presence.chat }
  }

  it('R-WIRE-8 runs wholly in the debug form, to the same world', () => {
    const [plain, debug] = [edited(0), edited(CBOR_BODIES)]
    expect([plain.features, debug.features]).toEqual([0, CBOR_BODIES])
    expect(debug.bytes).toEqual(plain.bytes)
    expect(debug.chat).toEqual(plain.chat)
    const forms = (sent: typeof plain.sent) => new Set(sent.map(({ bytes }) => {
      const opened = openEnvelope(bytes, SCHEMA_HASH)
      if (opened.kind !== 'opened') throw new Error(opened.why)
      const isGreeting = opened.type === MessageType.SessionHello || opened.type === MessageType.SessionAcknowledge
      return isGreeting ? `greeting ${opened.form}` : opened.form
    }))
    expect(forms(plain.sent)).toEqual(new Set(['greeting flatbuffers', 'flatbuffers']))
    expect(forms(debug.sent)).toEqual(new Set(['greeting flatbuffers', 'cbor']))
    const counts = (sent: typeof plain.sent) => sent.map(({ from, bytes }) => `${from} ${bytes[1]}`)
    expect(counts(debug.sent)).toEqual(counts(plain.sent))
  })

  it('R-WIRE-8 the debug form of one that was not granted it is refused by name', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    loopback.injectCbor(ana, loopback.host, { ...SAMPLES.EditorEvent, author: 1 })
    expect(loopback.host.last('messageRefused')).toMatchObject({ reason: 'form' })
    expect(loopback.host.heard('editorEventRelayed')).toEqual([])
  })
})
