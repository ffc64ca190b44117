/** `theta-sim decode` in this process: what it prints of packets, whole and broken, in every form. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../bin/engine.ts'
import { main } from '../../bin/main.ts'
import type { Hash64 } from '../../system/ids.ts'
import { decodePacket } from '../../scenarios/packet.ts'
import { categoryOf } from '../../system/protocol/channels.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { type BodyForm, sealEnvelope } from '../../system/protocol/envelope.ts'
import { type Message, type MessageName, MessageType } from '../../system/protocol/messages.ts'
import { SCHEMA_HASH } from '../../system/protocol/version.ts'
import { SAMPLES } from '../system/protocol/samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'theta-decode-'))
afterAll(() => rmSync(folder, { recursive: true }))

const codec = new Codec()
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const packet = (message: Message, form: BodyForm = 'flatbuffers', hash: Hash64 = SCHEMA_HASH) => {
  const body = form === 'cbor' ? codec.encodeCbor(message) : codec.encode(message)
  return sealEnvelope(MessageType[message.kind], categoryOf(message.kind), 7, body, hash, 'none', form)
}
const engine = { decodePacket: (bytes: Uint8Array) => Promise.resolve(decodePacket(bytes)) } as unknown as Engine

async function call(...argv: string[]) {
  let [stdout, stderr] = ['', '']
  const exit = await main(['decode', ...argv], engine, {
    stdout: (text) => { stdout += text }, stderr: (text) => { stderr += text }, isWatched: false, folder,
  })
  return { exit, stdout, stderr }
}

describe('decode', () => {
  const nack = packet(SAMPLES.NackRequest)

  it('shows a packet from hexadecimal, from its bytes in a file, and from text in a file', async () => {
    writeFileSync(join(folder, 'packet.bin'), nack)
    writeFileSync(join(folder, 'packets.txt'), `${hex(nack)}\n\n${hex(packet(SAMPLES.Heartbeat, 'cbor')).replace(/(..)/g, '$1 ')}\n`)
    const { exit, stdout } = await call(hex(nack))
    expect(exit).toBe(0)
    expect(stdout).toContain(`NackRequest, control 7, ${nack.length} bytes, ${nack.length - 24} of FlatBuffers\n  {\n    "epoch": 1,`)
    expect(await call('packet.bin')).toEqual({ exit, stdout, stderr: '' })
    const two = await call('packets.txt')
    expect(two.stdout.startsWith(stdout)).toBe(true)
    expect(two.stdout).toMatch(/Heartbeat, control 7, \d+ bytes, \d+ of CBOR/)
  })

  it.each(Object.keys(SAMPLES) as MessageName[])('shows a %s alike in both forms', async (name) => {
    const [plain, debug] = [await call(hex(packet(SAMPLES[name])), '--json'), await call(hex(packet(SAMPLES[name], 'cbor')), '--json')]
    const [one, other] = [plain, debug].map(({ stdout }) => JSON.parse(stdout) as { readonly form: string; readonly body: object })
    expect([one.form, other.form]).toEqual(['flatbuffers', 'cbor'])
    expect(other.body).toEqual(one.body)
    const cbor = await call(hex(packet(SAMPLES[name])), '--cbor')
    expect(cbor).toEqual({ exit: 0, stdout: `${hex(codec.encodeCbor(SAMPLES[name]))}\n`, stderr: '' })
  })

  it('says of bytes, hashes and large integers what JSON can hold', async () => {
    const { stdout } = await call(hex(packet(SAMPLES.SessionAcknowledge)), '--json')
    const body = { nonceHighWater: '18446744073709551615', sessionId: '0708090a0b0c0d0e0f10111213141516' }
    expect(JSON.parse(stdout)).toMatchObject({ body })
    const hello = await call(hex(packet(SAMPLES.SessionHello)), '--json')
    expect(JSON.parse(hello.stdout)).toMatchObject({ body: { schemaHash: 'fedcba9876543210' } })
  })

  const other = { hi: 1, lo: 2 }
  const sealed = (body: Uint8Array, form: BodyForm = 'flatbuffers') =>
    sealEnvelope(MessageType.NackRequest, 'control', 7, body, SCHEMA_HASH, 'none', form)
  it.each<[what: string, bytes: Uint8Array, says: string]>([
    ['a damaged packet', nack.with(30, 99), 'refused, crc:'],
    ['half a packet', nack.subarray(0, 40), 'refused, length:'],
    ['the beginning of one', nack.subarray(0, 10), 'refused, short:'],
    ['another build’s', packet(SAMPLES.Heartbeat, 'flatbuffers', other), 'refused, schemaHash: '],
    ['a body that is none', sealed(new Uint8Array(9)), 'the body cannot be read: NackRequest'],
    ['no CBOR', sealed(Uint8Array.of(0xff), 'cbor'), 'the body cannot be read'],
  ])('says what is wrong with %s, and ends with 4', async (_what, bytes, says) => {
    const { exit, stdout } = await call(hex(bytes))
    expect(exit).toBe(4)
    expect(stdout).toContain(says)
    expect((await call(hex(bytes), '--json')).exit).toBe(4)
  })

  it('reads the hello of another build, and says that it is one', async () => {
    const { exit, stdout } = await call(hex(packet(SAMPLES.SessionHello, 'flatbuffers', other)))
    expect(exit).toBe(0)
    expect(stdout).toContain('of FlatBuffers, of another schema\n')
  })

  it.each([
    [['absent.bin'], 'theta-sim: cannot read absent.bin: no such file or directory\n'],
    [['words.txt'], 'theta-sim: words.txt, line 1: neither a packet nor hexadecimal digits in pairs\n'],
    [['empty.txt'], 'theta-sim: empty.txt is empty\n'],
    [[], 'theta-sim: decode wants a FILE|HEX|-; see theta-sim decode --help\n'],
    [['00', '--json', '--cbor'], 'theta-sim: --json and --cbor exclude each other\n'],
  ])('%j is of no use', async (argv, line) => {
    writeFileSync(join(folder, 'words.txt'), 'a packet\n')
    writeFileSync(join(folder, 'empty.txt'), '\n')
    expect(await call(...argv)).toEqual({ exit: 4, stdout: '', stderr: line })
  })

  it('has help', async () => {
    const help = await call('--help')
    expect(help).toMatchObject({ exit: 0, stdout: expect.stringContaining('theta-sim decode <FILE|HEX|-> [flags]') as string })
  })
})
