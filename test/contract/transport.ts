/**
 * What any driver of the transport port owes to the state machines above it. Each implementation runs this suite; nothing in it
 * knows a simulator, and time is whatever the driver has.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChannelSpec, TransportInput, TransportOutput } from '../../sim/port.ts'

export const CONTRACT_CHANNELS: readonly ChannelSpec[] = [
  { label: 'control', ordered: true, delivery: { kind: 'reliable' }, priority: 0 },
  { label: 'assets', ordered: true, delivery: { kind: 'reliable' }, priority: 2 },
  { label: 'replication', ordered: false, delivery: { kind: 'retransmits', max: 2 }, priority: 1 },
  { label: 'input', ordered: false, delivery: { kind: 'retransmits', max: 0 }, priority: 1 },
  { label: 'fresh', ordered: true, delivery: { kind: 'lifetime', maxUs: 200_000 }, priority: 1 },
]
const [CONTROL, ASSETS, REPLICATION, INPUT, FRESH] = [0, 1, 2, 3, 4] as const

export interface ContractNode {
  send(output: TransportOutput): void
  /** Everything the node was told, in order; received bytes are copies. */
  readonly inputs: readonly TransportInput[]
}
export interface ContractDriver {
  /** Two nodes; `host` answers to {@link hostEndpoint}. */
  readonly host: ContractNode
  readonly client: ContractNode
  readonly hostEndpoint: string
  readonly nobodyEndpoint: string
  /** Lets time pass until the condition holds; false if it does not within ten seconds of the driver's time. */
  until(condition: () => boolean): Promise<boolean>
  /** Lets so much of the driver's time pass. */
  pass(milliseconds: number): Promise<void>
  /** Loses everything from the client until healed; only where the driver can. */
  readonly partition?: () => void
  readonly heal?: () => void
  close(): Promise<void> | void
}

const pattern = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >>> 8)) & 0xff)
const equal = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0
type Of<K extends TransportInput['kind']> = Extract<TransportInput, { kind: K }>
const of = <K extends TransportInput['kind']>(node: ContractNode, kind: K): Of<K>[] =>
  node.inputs.filter((input): input is Of<K> => input.kind === kind)
const received = (node: ContractNode, on: number, channel: number): Uint8Array[] =>
  of(node, 'message').flatMap((input) => (input.on === on && input.channel === channel ? [input.bytes] : []))

export function transportContract(name: string, make: () => Promise<ContractDriver> | ContractDriver): void {
  describe(`transport contract: ${name}`, () => {
    let driver: ContractDriver
    let ticket = 100
    beforeAll(async () => {
      driver = await make()
    })
    afterAll(() => driver.close())

    /** A fresh connection: the client's and the host's name for it. */
    async function connect(): Promise<{ readonly here: Of<'opened'>; readonly there: Of<'opened'> }> {
      const own = ++ticket
      const before = of(driver.host, 'opened').length
      driver.client.send({ kind: 'open', ticket: own, endpoint: driver.hostEndpoint })
      const isOpen = (): boolean =>
        of(driver.client, 'opened').some((input) => input.ticket === own) && of(driver.host, 'opened').length > before
      expect(await driver.until(isOpen)).toBe(true)
      return { here: of(driver.client, 'opened').find((input) => input.ticket === own)!, there: of(driver.host, 'opened')[before] }
    }

    test('opens with the ticket, a direction, and one binding of 32 bytes at both ends', async () => {
      const { here, there } = await connect()
      expect(here.incoming).toBe(false)
      expect(there.incoming).toBe(true)
      expect(here.binding.length).toBe(32)
      expect(equal(here.binding, there.binding)).toBe(true)
      expect(here.messageBytesMax).toBeGreaterThanOrEqual(60 * 1024)
    })

    test('two connections have different names and different bindings', async () => {
      const first = await connect()
      const second = await connect()
      expect(first.here.on).not.toBe(second.here.on)
      expect(first.there.on).not.toBe(second.there.on)
      expect(equal(first.here.binding, second.here.binding)).toBe(false)
    })

    test('an ordered reliable channel carries everything both ways, once and in order', async () => {
      const { here, there } = await connect()
      for (let i = 0; i < 50; i++) {
        driver.client.send({ kind: 'message', on: here.on, channel: CONTROL, bytes: pattern(20 + i * 13, i) })
        driver.host.send({ kind: 'message', on: there.on, channel: CONTROL, bytes: pattern(10 + i * 7, i) })
      }
      const isThere = (): boolean =>
        received(driver.host, there.on, CONTROL).length >= 50 && received(driver.client, here.on, CONTROL).length >= 50
      expect(await driver.until(isThere)).toBe(true)
      await driver.pass(50)
      const atHost = received(driver.host, there.on, CONTROL)
      const atClient = received(driver.client, here.on, CONTROL)
      expect(atHost.length).toBe(50)
      expect(atClient.length).toBe(50)
      expect(atHost.every((bytes, i) => equal(bytes, pattern(20 + i * 13, i)))).toBe(true)
      expect(atClient.every((bytes, i) => equal(bytes, pattern(10 + i * 7, i)))).toBe(true)
    })

    test('a message of 60 KiB arrives whole, beside small ones of another channel', async () => {
      const { here, there } = await connect()
      const big = pattern(60 * 1024, 5)
      driver.client.send({ kind: 'message', on: here.on, channel: ASSETS, bytes: big.slice() })
      driver.client.send({ kind: 'message', on: here.on, channel: CONTROL, bytes: pattern(8, 1) })
      const isThere = (): boolean => [ASSETS, CONTROL].every((channel) => received(driver.host, there.on, channel).length === 1)
      expect(await driver.until(isThere)).toBe(true)
      expect(equal(received(driver.host, there.on, ASSETS)[0], big)).toBe(true)
      expect(equal(received(driver.host, there.on, CONTROL)[0], pattern(8, 1))).toBe(true)
    })

    test('channels that may lose carry what they carry whole and at most once', async () => {
      const { here, there } = await connect()
      for (let i = 0; i < 40; i++) {
        for (const channel of [REPLICATION, INPUT, FRESH]) {
          driver.client.send({ kind: 'message', on: here.on, channel, bytes: pattern(100, i) })
        }
        await driver.pass(2)
      }
      await driver.pass(300)
      const all = Array.from({ length: 40 }, (_, i) => pattern(100, i))
      for (const channel of [REPLICATION, INPUT, FRESH]) {
        const numbers = received(driver.host, there.on, channel).map((bytes) => all.findIndex((sent) => equal(bytes, sent)))
        expect(numbers).not.toContain(-1)
        expect(new Set(numbers).size).toBe(numbers.length)
        // 10% loss, no retransmission: 36 of 40, standard deviation 2.
        expect(numbers.length).toBeGreaterThan(26)
      }
    })

    test('a close is told to both sides with its code, after what was sent before it, and nothing follows', async () => {
      const { here, there } = await connect()
      driver.client.send({ kind: 'message', on: here.on, channel: CONTROL, bytes: pattern(30, 2) })
      expect(await driver.until(() => received(driver.host, there.on, CONTROL).length === 1)).toBe(true)
      driver.client.send({ kind: 'close', on: here.on, code: 42 })
      driver.client.send({ kind: 'message', on: here.on, channel: CONTROL, bytes: pattern(30, 3) })
      const isTold = (node: ContractNode, name: number): boolean => of(node, 'closed').some(({ on }) => on === name)
      expect(await driver.until(() => isTold(driver.host, there.on) && isTold(driver.client, here.on))).toBe(true)
      driver.host.send({ kind: 'message', on: there.on, channel: CONTROL, bytes: pattern(30, 4) })
      await driver.pass(200)
      expect(of(driver.client, 'closed').filter(({ on }) => on === here.on)).toMatchObject([{ by: 'local', code: 42, ticket: here.ticket }])
      expect(of(driver.host, 'closed').filter(({ on }) => on === there.on)).toMatchObject([{ by: 'remote', code: 42 }])
      expect(driver.host.inputs.filter((input) => input.on === there.on).at(-1)!.kind).toBe('closed')
      expect(driver.client.inputs.filter((input) => input.on === here.on).at(-1)!.kind).toBe('closed')
      expect(received(driver.host, there.on, CONTROL).length).toBe(1)
    })

    test('an endpoint that nobody has is closed as refused, with the ticket', async () => {
      const own = ++ticket
      driver.client.send({ kind: 'open', ticket: own, endpoint: driver.nobodyEndpoint })
      expect(await driver.until(() => of(driver.client, 'closed').some((input) => input.ticket === own))).toBe(true)
      expect(of(driver.client, 'closed').find((input) => input.ticket === own)).toMatchObject({ by: 'refused' })
    })

    test('loss on one channel does not delay another (where the driver can lose at will)', async ({ skip }) => {
      const { partition, heal } = driver
      if (partition === undefined || heal === undefined) return skip()
      const { here, there } = await connect()
      partition()
      driver.client.send({ kind: 'message', on: here.on, channel: ASSETS, bytes: pattern(300, 1) })
      await driver.pass(1)
      heal()
      driver.client.send({ kind: 'message', on: here.on, channel: CONTROL, bytes: pattern(300, 2) })
      expect(await driver.until(() => received(driver.host, there.on, CONTROL).length === 1)).toBe(true)
      expect(received(driver.host, there.on, ASSETS).length).toBe(0)
      expect(await driver.until(() => received(driver.host, there.on, ASSETS).length === 1)).toBe(true)
    })
  })
}
