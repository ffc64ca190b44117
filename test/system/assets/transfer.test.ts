/** Assets between a host and its members: offered, fetched, broken off and gone on with, and what is not taken. */
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { assetNumber, assetOf } from '../../../system/assets/asset.ts'
import { IncomingAsset } from '../../../system/assets/incoming.ts'
import {
  ASSET_BYTES_MAX, ASSET_CHUNK_BYTES, ASSET_CHUNKS_PER_FRAME, ASSET_STALL_US, ASSET_TRANSFERS_MAX, ASSET_WINDOW_CHUNKS, FRAMES_PER_SECOND,
} from '../../../system/limits.ts'
import { OutgoingAssets } from '../../../system/assets/outgoing.ts'
import type { AssetNotice, AssetTransfer, Message } from '../../../system/protocol/messages.ts'
import type { Client } from '../../../system/session/client.ts'
import { type Actor, disagreement, EPOCH, Loopback, NEVER, ONCE, prepare, SESSION_ID } from '../../support/loopback.ts'

beforeAll(prepare)

const NO_TOKEN = new Uint8Array(0)
const bytesOf = (length: number, first = 1): Uint8Array => Uint8Array.from({ length }, (_, i) => (first + i * 7 + (i >> 8)) & 0xff)
const numberOf = (bytes: Uint8Array): number => createHash('sha256').update(bytes).digest().readUInt32LE()
const BIG = bytesOf(200 * ASSET_CHUNK_BYTES + 5)

const offer = (actor: Actor<Client> | Loopback['host'], bytes: Uint8Array) => actor.intend({ kind: 'assetOffer', bytes })
const fetch = (actor: Actor<Client>, bytes: Uint8Array) => actor.intend({ kind: 'assetFetch', asset: numberOf(bytes) })
const has = (actor: Actor<Client> | Loopback['host'], bytes: Uint8Array): boolean => {
  const { assets } = actor.peer
  const kept = ('library' in assets ? assets.library : assets).numbered(numberOf(bytes))
  return kept !== undefined && Buffer.compare(kept.bytes, bytes) === 0
}
const refusals = (actor: Actor) => actor.heard('assetRefused').map(({ reason }) => reason)
const offerOf = (bytes: Uint8Array, fields: Partial<AssetNotice> = {}): AssetNotice => ({
  kind: 'AssetNotice', notice: 'offered', refusal: 'none', totalBytes: bytes.length, sha256: assetOf(bytes).sha256, resumeToken: NO_TOKEN,
  ...fields,
})
/** All chunks of an asset, in the name of another one where there is one. */
const chunksOf = (bytes: Uint8Array, { sha256 } = assetOf(bytes)): AssetTransfer[] => {
  const chunkCount = Math.ceil(bytes.length / ASSET_CHUNK_BYTES)
  return Array.from({ length: chunkCount }, (_, chunk) => ({
    kind: 'AssetTransfer', assetId: assetNumber(sha256), chunk, chunkCount, totalBytes: bytes.length, sha256, resumeToken: NO_TOKEN,
    body: bytes.slice(chunk * ASSET_CHUNK_BYTES, (chunk + 1) * ASSET_CHUNK_BYTES),
  }))
}
/** Ana and ben are there, and what ana says by herself goes to the host. */
function session() {
  const loopback = new Loopback()
  const [ana, ben] = loopback.joined('ana', 'ben')
  const { host } = loopback
  const toAna = () => loopback.all('AssetNotice').filter(({ carried }) => carried.to === 'ana')
  const answers = (): AssetNotice[] => toAna().map(({ message }) => message)
  const say = (...all: Message[]) => all.forEach((message) => loopback.inject(ana, host, message))
  return { loopback, host, ana, ben, answers, say }
}

describe('assets', () => {
  it('R-ASSET-1 an asset has the number of its digest at whoever has it, and whoever joins later is told of it', () => {
    const { loopback, host, ana, ben } = session()
    offer(ana, BIG)
    loopback.settle()
    expect(has(host, BIG)).toBe(true)
    const [cleo] = loopback.joined('cleo')
    for (const member of [ben, cleo]) fetch(member, BIG)
    loopback.settle()
    expect([has(ben, BIG), has(cleo, BIG)]).toEqual([true, true])
    expect(ben.heard('assetHeld').map(({ asset, bytes }) => [asset, bytes])).toEqual([[numberOf(BIG), BIG.length]])
    expect(ana.heard('assetAccepted').length).toBe(1)
    expect(disagreement(loopback)).toBeUndefined()
  })

  it.each([1, ASSET_CHUNK_BYTES - 1, ASSET_CHUNK_BYTES, ASSET_CHUNK_BYTES + 1, (ASSET_WINDOW_CHUNKS + 1) * ASSET_CHUNK_BYTES])(
    'R-ASSET-1 %i bytes come as they were', (length) => {
      const { loopback, host, ana, ben } = session()
      const bytes = bytesOf(length, 9)
      offer(ana, bytes)
      loopback.settle()
      fetch(ben, bytes)
      loopback.settle()
      expect([has(host, bytes), has(ben, bytes)]).toEqual([true, true])
    })

  it('R-ASSET-1 what the host\'s own user offers is held at once', () => {
    const { loopback, host, ben } = session()
    offer(host, BIG)
    offer(host, BIG)
    expect(host.heard('assetHeld').length).toBe(1)
    loopback.settle()
    fetch(ben, BIG)
    loopback.settle()
    expect(has(ben, BIG)).toBe(true)
    offer(host, new Uint8Array(0))
    expect(refusals(host)).toEqual(['size'])
  })

  it('R-ASSET-2 the host keeps nothing whose digest does not hold, and says so', () => {
    const { host, answers, say } = session()
    const [honest, other] = [bytesOf(3000), bytesOf(3000, 2)]
    say(offerOf(honest), ...chunksOf(other, assetOf(honest)))
    expect(host.peer.assets.size).toBe(0)
    expect(answers().map(({ refusal }) => refusal)).toEqual(['digest'])
    say(offerOf(honest), ...chunksOf(honest))
    expect(has(host, honest)).toBe(true)
  })

  it('R-ASSET-2 a client keeps nothing whose digest does not hold', () => {
    const { loopback, ana, ben } = session()
    offer(ana, BIG)
    loopback.settle()
    let damaged = 0
    loopback.carry = (carried) => {
      const chunk = carried.as('AssetTransfer')
      if (chunk === undefined || carried.to !== 'ben') return ONCE
      const bytes = carried.bytes.slice()
      if (chunk.chunk === 150) damaged++
      loopback.inject(loopback.host, ben, chunk.chunk === 150 ? { ...chunk, body: chunk.body.with(3, chunk.body[3] ^ 1) } : chunk)
      return bytes.length === 0 ? ONCE : NEVER
    }
    fetch(ben, BIG)
    loopback.settle()
    expect([damaged, has(ben, BIG), refusals(ben)]).toEqual([1, false, ['digest']])
  })

  it.each<[string, (chunks: AssetTransfer[]) => AssetTransfer]>([
    ['out of its order', ([, second]) => second],
    ['of another length', ([first]) => ({ ...first, body: first.body.slice(1) })],
    ['of another size', ([first]) => ({ ...first, totalBytes: first.totalBytes + 1 })],
    ['of another count', ([first]) => ({ ...first, chunkCount: first.chunkCount + 1 })],
  ])('R-ASSET-3 a chunk %s is refused', (_, which) => {
    const { host, ana, say } = session()
    const bytes = bytesOf(3000)
    const before = host.peer.allowanceOf(ana.peer.author!).offences
    say(offerOf(bytes), which(chunksOf(bytes)))
    expect(host.heard('messageRefused').map(({ reason }) => reason)).toEqual(['AssetTransfer out of turn'])
    expect(host.peer.allowanceOf(ana.peer.author!).offences).toBe(before - 1)
    // And the transfer goes on.
    say(...chunksOf(bytes))
    expect(has(host, bytes)).toBe(true)
  })

  it('R-ASSET-3 a chunk that nobody asked for is refused, and so is one beyond those that were asked for', () => {
    const { host, say } = session()
    say(chunksOf(BIG)[0])
    expect(host.heard('messageRefused').length).toBe(1)
    const incoming = new IncomingAsset(assetOf(BIG).sha256, BIG.length)
    expect(incoming.due()).toEqual({ fromChunk: 0, toChunk: ASSET_WINDOW_CHUNKS })
    const results = chunksOf(BIG).slice(0, ASSET_WINDOW_CHUNKS + 1).map((chunk) => incoming.put(chunk))
    expect(results).toEqual([...Array.from({ length: ASSET_WINDOW_CHUNKS }, () => 'taken'), 'unasked'])
  })

  it('R-ASSET-3 what several members bring is taken from whoever is first', () => {
    const { loopback, host, ana, ben } = session()
    offer(ana, BIG)
    loopback.run(5)
    offer(ben, BIG)
    loopback.settle()
    expect(host.heard('assetHeld').length).toBe(1)
    expect([ana, ben].map((actor) => actor.heard('assetAccepted').length)).toEqual([1, 1])
    expect(host.heard('messageRefused')).toEqual([])
  })

  it('R-ASSET-3 a viewer offers nothing, and fetches', () => {
    const { loopback, host, ana } = session()
    const vic = loopback.join('vic', { requestedRole: 'viewer' })
    loopback.run(20)
    offer(vic, bytesOf(10))
    offer(ana, BIG)
    loopback.settle()
    expect(refusals(vic)).toEqual(['role'])
    fetch(vic, BIG)
    loopback.settle()
    expect(has(vic, BIG)).toBe(true)
    expect(host.heard('messageRefused')).toEqual([])
    loopback.inject(vic, host, offerOf(bytesOf(10)))
    expect(host.heard('messageRefused').map(({ reason }) => reason)).toEqual(['AssetNotice of a viewer'])
  })

  it('R-ASSET-3 an editor that becomes a viewer offers no more', () => {
    const { loopback, host, ana } = session()
    offer(ana, BIG)
    loopback.run(10)
    host.intend({ kind: 'role', author: ana.peer.author!, role: 'viewer' })
    loopback.settle()
    expect(refusals(ana)).toEqual(['role'])
    expect(has(host, BIG)).toBe(false)
    expect(ana.peer.state).toBe('live')
  })
})

describe('resuming', () => {
  it('R-ASSET-4 an offer and a fetch go on at the first chunk that is missing', () => {
    const { loopback, host, ana, ben } = session()
    offer(ana, BIG)
    loopback.run(30)
    loopback.sever(ana)
    loopback.settle()
    const [{ chunk }] = host.heard('assetResumed')
    expect(chunk).toBeGreaterThan(20)
    const ofAna = loopback.all('AssetTransfer').filter(({ carried, message }) => carried.from === 'ana' && message.chunk < chunk)
    expect(ofAna.map(({ message }) => message.chunk)).toEqual(Array.from({ length: chunk }, (_, before) => before))
    fetch(ben, BIG)
    loopback.run(30)
    loopback.abandon(ben)
    loopback.settle()
    expect(ben.heard('assetResumed')[0].chunk).toBeGreaterThan(20)
    expect([has(host, BIG), has(ben, BIG)]).toEqual([true, true])
  })

  it('R-ASSET-4 a token that the host has not given for this very transfer is refused by name', () => {
    const { loopback, host, ana, ben, answers, say } = session()
    offer(host, BIG)
    loopback.settle()
    const { sha256 } = assetOf(BIG)
    const request = { kind: 'AssetRequest', sha256, fromChunk: 3, toChunk: 9 } as const
    say({ ...request, resumeToken: NO_TOKEN }, { ...request, resumeToken: bytesOf(16) })
    say({ ...request, fromChunk: 0, resumeToken: bytesOf(3) })
    const refused = () => answers().filter(({ notice }) => notice === 'refused').map(({ refusal }) => refusal)
    expect(refused()).toEqual(['token', 'token', 'token'])
    fetch(ben, BIG)
    loopback.settle()
    const stolen = loopback.all('AssetTransfer').find(({ carried }) => carried.to === 'ben')!.message.resumeToken
    say({ ...request, resumeToken: stolen })
    expect(refused()).toEqual(['token', 'token', 'token', 'token'])
    loopback.run(2)
    fetch(ana, BIG)
    loopback.settle()
    const own = loopback.all('AssetTransfer').find(({ carried }) => carried.to === 'ana')!.message.resumeToken
    say({ ...request, resumeToken: own })
    expect(refused().length).toBe(4)
    say(offerOf(bytesOf(10), { resumeToken: own }))
    expect(refused().at(-1)).toBe('token')
  })

  it('R-ASSET-4 with another host, which knows no token of the one before, transfers begin anew', () => {
    const { loopback, ana, ben } = session()
    const small = bytesOf(5000)
    offer(ana, small)
    loopback.settle()
    fetch(ben, small)
    offer(ana, BIG)
    loopback.until(() => loopback.all('AssetTransfer').some(({ carried }) => carried.to === 'ben'))
    const signerOf = (name: string) => loopback.signerOf(`${name} of another house`)
    loopback.replaceHost(new Loopback({ signerOf, host: { sessionId: SESSION_ID.toReversed(), epoch: EPOCH } }))
    for (const client of [ana, ben]) loopback.sever(client)
    loopback.settle()
    expect([has(loopback.host, small), has(loopback.host, BIG), has(ben, small)]).toEqual([true, true, true])
  })
})

describe('bounds', () => {
  it('R-ASSET-5 what is too large, empty or too much is refused by name before anything is kept for it', () => {
    const { host, answers, say } = session()
    const named = (n: number) => ({ sha256: bytesOf(32, n) })
    say(offerOf(BIG, { totalBytes: ASSET_BYTES_MAX + 1 }), offerOf(BIG, { totalBytes: 0 }))
    for (let n = 0; n <= ASSET_TRANSFERS_MAX; n++) say(offerOf(BIG, { ...named(n), totalBytes: ASSET_BYTES_MAX }))
    expect(answers().map(({ refusal }) => refusal)).toEqual(['size', 'size', 'many'])
    expect(host.peer.holdings).toMatchObject({ assets: ASSET_TRANSFERS_MAX, assetBytes: ASSET_TRANSFERS_MAX * ASSET_BYTES_MAX })
  })

  it('R-ASSET-5 the host keeps no more than its bound, and no two of one number', () => {
    const { loopback, ana, ben, host } = session()
    const full = (actor: Actor<Client>) => {
      for (let n = 0; n < ASSET_TRANSFERS_MAX; n++) {
        loopback.inject(actor, host, offerOf(BIG, { sha256: bytesOf(32, 40 * actor.peer.author! + n), totalBytes: ASSET_BYTES_MAX }))
      }
    }
    full(ana)
    full(ben)
    expect(refusals(host)).toEqual(['full', 'full', 'full', 'full'])
    const another = session()
    offer(another.ana, bytesOf(100))
    another.loopback.settle()
    another.say(offerOf(BIG, { sha256: assetOf(bytesOf(100)).sha256.with(31, 0) }))
    expect(refusals(another.host)).toEqual(['number'])
  })

  it('R-ASSET-5 of a frame assets take their share, and no more waits on its way than a window or two', () => {
    const { loopback, ana } = session()
    const shares = new Map<number, number>()
    let [asked, sent, most] = [0, 0, 0]
    loopback.carry = (carried) => {
      const request = carried.as('AssetRequest')
      if (request !== undefined) asked = Math.max(asked, request.toChunk)
      const chunk = carried.as('AssetTransfer')
      if (chunk !== undefined) {
        shares.set(loopback.frame, (shares.get(loopback.frame) ?? 0) + 1)
        sent = chunk.chunk
      }
      most = Math.max(most, asked - sent)
      return ONCE
    }
    offer(ana, BIG)
    loopback.settle()
    expect(Math.max(...shares.values())).toBe(ASSET_CHUNKS_PER_FRAME)
    expect(most).toBeLessThanOrEqual(ASSET_WINDOW_CHUNKS + 1)
  })

  it('R-ASSET-5 several transfers of a member take turns', () => {
    const { loopback, ana, ben } = session()
    const small = bytesOf(20 * ASSET_CHUNK_BYTES)
    for (const bytes of [BIG, small]) offer(ana, bytes)
    loopback.settle()
    expect(loopback.host.heard('assetHeld').map(({ asset }) => asset)).toEqual([numberOf(small), numberOf(BIG)])
    for (const bytes of [BIG, small]) fetch(ben, bytes)
    loopback.settle()
    expect(ben.heard('assetHeld').map(({ asset }) => asset)).toEqual([numberOf(small), numberOf(BIG)])
  })
})

describe('chunks that were asked for', () => {
  const small = assetOf(bytesOf(10 * ASSET_CHUNK_BYTES))
  const taken = (outgoing: OutgoingAssets) => Array.from({ length: 9 }, () => outgoing.take()?.chunk).filter((chunk) => chunk !== undefined)

  it('R-ASSET-5 a request that goes on from the one before widens it, any other takes its place', () => {
    const outgoing = new OutgoingAssets()
    outgoing.ask(small, { fromChunk: 0, toChunk: 2 }, NO_TOKEN)
    outgoing.ask(small, { fromChunk: 2, toChunk: 3 }, NO_TOKEN)
    expect(taken(outgoing)).toEqual([0, 1, 2])
    outgoing.ask(small, { fromChunk: 0, toChunk: 9 }, NO_TOKEN)
    outgoing.ask(small, { fromChunk: 8, toChunk: 99 }, NO_TOKEN)
    expect(taken(outgoing)).toEqual([8, 9])
    outgoing.ask(small, { fromChunk: 10, toChunk: 11 }, NO_TOKEN)
    expect(taken(outgoing)).toEqual([])
  })

  it('R-ASSET-5 so many assets wait at once, and no more', () => {
    const outgoing = new OutgoingAssets()
    const asked = Array.from({ length: ASSET_TRANSFERS_MAX + 1 }, (_, n) =>
      outgoing.ask(assetOf(bytesOf(10, n)), { fromChunk: 0, toChunk: 1 }, NO_TOKEN))
    expect(asked).toEqual([...Array.from({ length: ASSET_TRANSFERS_MAX }, () => true), false])
  })

  it('R-ASSET-5 however much is asked for, no more than two windows wait', () => {
    const outgoing = new OutgoingAssets()
    const big = assetOf(BIG)
    for (let from = 0; from < 200; from += 20) outgoing.ask(big, { fromChunk: from, toChunk: from + 20 }, NO_TOKEN)
    let waiting = 0
    while (outgoing.take() !== undefined) waiting++
    expect(waiting).toBeLessThanOrEqual(2 * ASSET_WINDOW_CHUNKS)
  })
})

describe('the end of a transfer', () => {
  it('R-ASSET-6 what nobody has is refused at once; what is there already is held at once', () => {
    const { loopback, ana } = session()
    fetch(ana, BIG)
    expect(refusals(ana)).toEqual(['unknown'])
    offer(ana, BIG)
    fetch(ana, BIG)
    expect(ana.heard('assetHeld').length).toBe(1)
    loopback.settle()
  })

  it('R-ASSET-6 where the other side says nothing more, an offer and a fetch end by name', () => {
    const { loopback, host, ana, ben } = session()
    offer(host, BIG)
    loopback.settle()
    loopback.carry = (carried) => (carried.channel === 'assets' ? NEVER : ONCE)
    fetch(ben, BIG)
    offer(ana, bytesOf(10))
    loopback.run(Math.ceil((ASSET_STALL_US * FRAMES_PER_SECOND) / 1e6) + 2)
    expect([refusals(ana), refusals(ben)]).toEqual([['stalled'], ['stalled']])
    expect([ana.peer.idle, ben.peer.idle]).toEqual([true, true])
  })

  it('R-ASSET-6 a request for what the host has not is answered', () => {
    const { answers, say } = session()
    say({ kind: 'AssetRequest', sha256: bytesOf(32), fromChunk: 0, toChunk: 1, resumeToken: NO_TOKEN })
    expect(answers().map(({ refusal }) => refusal)).toEqual(['unknown'])
  })
})
