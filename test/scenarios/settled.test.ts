/** What checkers forget, and that whoever comes back to it is told. */
import { describe, expect, it } from 'vitest'
import { Convergence } from '../../scenarios/cluster/convergence.ts'
import { Delivery } from '../../scenarios/cluster/delivery.ts'
import { Durability } from '../../scenarios/cluster/durability.ts'
import { Embodiment } from '../../scenarios/cluster/embodiment.ts'
import { Horizon } from '../../scenarios/cluster/horizon.ts'
import { Ledger } from '../../scenarios/cluster/ledger.ts'
import type { ClientNode } from '../../scenarios/cluster/nodes.ts'
import type { Headset } from '../../sim/xr/headset.ts'
import type { World } from '../../system/ecs/world.ts'
import { channelsFor } from '../../system/protocol/channels.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'

/** As many as a ledger lets come together before it looks. */
const MANY = 256
const FRAMES = 64

const state = (frame: number, digest = `digest of ${frame}`) =>
  ({ frame, epoch: 1, closedLamport: 10 * frame, admittedCount: 0, digest, logDigest: '', streamDigest: '' })
const closed = (frame: number): SystemEvent => ({ event: 'frameClosed', worldBytes: 0, rows: 0, ...state(frame) })
const confirmed = (frame: number, digest?: string): SystemEvent => ({ event: 'frameConfirmed', interest: 0, ...state(frame, digest) })

/** A client as far as the horizon looks at it. */
interface Standing {
  readonly id: number
  crashed: boolean
  own: readonly { readonly lamport: number }[]
  readonly peer: { state: string; readonly log: { unadmitted(): readonly { readonly lamport: number }[] } }
}
function client(id: number): Standing {
  const standing: Standing = { id, crashed: false, own: [], peer: { state: 'live', log: { unadmitted: () => standing.own } } }
  return standing
}
function watched(clients: readonly Standing[], hasDisks = false) {
  const horizon = new Horizon(() => clients as unknown as readonly ClientNode[], hasDisks)
  const convergence = new Convergence(horizon)
  const tell = (node: number, event: SystemEvent): void => {
    horizon.event(node, event)
    convergence.event(node, event)
  }
  let frame = 0
  const close = (upTo: number): void => {
    for (; frame < upTo; frame++) tell(0, closed(frame))
  }
  return { horizon, convergence, tell, close }
}

describe('the horizon', () => {
  it('is where the slowest client is that is there', () => {
    const [ana, ben] = [client(1), client(2)]
    const { horizon, tell, close } = watched([ana, ben])
    close(FRAMES)
    for (let frame = 0; frame < 50; frame++) tell(1, confirmed(frame))
    for (let frame = 0; frame < 20; frame++) tell(2, confirmed(frame))
    close(FRAMES + 17)
    expect([horizon.settledFrame, horizon.settledLamport]).toEqual([19, 190])
    ben.crashed = true
    close(FRAMES + 34)
    expect([horizon.settledFrame, horizon.settledLamport]).toEqual([49, 490])
    ana.peer.state = 'closed'
    close(FRAMES + 51)
    expect(horizon.settledFrame).toBeGreaterThan(FRAMES + 32)
    expect([...horizon.present]).toEqual([])
  })

  it('waits for what a client may have to sign anew, and for the checkpoint before the last where there are disks', () => {
    const ana = client(1)
    const { horizon, tell, close } = watched([ana])
    ana.own = [{ lamport: 123 }]
    close(FRAMES)
    tell(1, confirmed(FRAMES - 1))
    close(FRAMES + 17)
    expect([horizon.settledFrame, horizon.settledLamport]).toEqual([FRAMES - 1, 122])

    const other = watched([], true)
    other.close(FRAMES)
    other.tell(0, { event: 'checkpointed', generation: 1, bytes: 1 })
    other.close(2 * FRAMES)
    expect(other.horizon.settledLamport).toBe(0)
    other.tell(0, { event: 'checkpointed', generation: 2, bytes: 1 })
    other.close(3 * FRAMES)
    expect(other.horizon.settledLamport).toBe(10 * (FRAMES - 1))
    // The second one was lost with the crash, and the first is the last again.
    other.tell(0, { event: 'recovered', generation: 1, closedLamport: 10 * (FRAMES - 1), entries: [], tornBytes: 0 })
    other.tell(0, { event: 'checkpointed', generation: 2, bytes: 1 })
    other.close(4 * FRAMES)
    expect(other.horizon.settledLamport).toBe(10 * (FRAMES - 1))
  })

  it('lets who comes confirm the frames from then on', () => {
    const clients = [client(1)]
    const { horizon, convergence, tell, close } = watched(clients)
    close(FRAMES)
    tell(1, confirmed(FRAMES - 1))
    clients.push(client(2))
    close(FRAMES + 40)
    tell(1, confirmed(FRAMES + 39))
    close(FRAMES + 80)
    expect(horizon.settledFrame).toBeLessThan(FRAMES)
    tell(2, confirmed(FRAMES))
    expect(convergence.mismatches).toBe(0)
  })
})

describe('a frame beyond the horizon', () => {
  it('is compared, and one below it is no frame that anyone may confirm', () => {
    const { convergence, tell, close } = watched([client(1)])
    close(FRAMES)
    tell(1, confirmed(40))
    close(FRAMES + 17)
    expect(convergence.held).toBe(FRAMES + 17 - 41)
    tell(1, confirmed(41))
    expect(convergence.first).toBeUndefined()
    tell(1, confirmed(30))
    expect(convergence.first).toMatchObject({ frame: 30, node: 1, hostDigest: 'no such frame' })
  })
})

describe('a ledger', () => {
  it('forgets what is settled and done, and keeps the rest', () => {
    const ledger = new Ledger<string>()
    for (let lamport = 1; lamport <= 2 * MANY; lamport++) ledger.set(`${lamport}`, lamport, lamport % 2 === 0 ? 'done' : 'open')
    ledger.forget(MANY, (_key, value) => value === 'done')
    expect(['2', '3', `${MANY}`, `${MANY + 2}`].map((key) => ledger.get(key))).toEqual([undefined, 'open', undefined, 'done'])
    expect(ledger.size).toBe(2 * MANY - MANY / 2)
    ledger.takeBack(MANY)
    expect([...ledger].every(([key, value]) => Number(key) < MANY && value === 'open')).toBe(true)
  })

  it('keeps what comes late until the horizon has moved on from there', () => {
    const ledger = new Ledger<true>()
    ledger.forget(1000)
    for (let lamport = 1; lamport <= MANY; lamport++) ledger.set(`${lamport}`, lamport, true)
    ledger.forget(1000)
    expect(ledger.size).toBe(MANY)
    for (let lamport = MANY; lamport <= 2 * MANY; lamport++) ledger.set(`${lamport}`, lamport, true)
    ledger.forget(1001)
    expect(ledger.size).toBe(0)
  })

  it('looks rarely: not before what it keeps has doubled', () => {
    const ledger = new Ledger<true>()
    let most = 0
    for (let lamport = 1; lamport <= 20 * MANY; lamport++) {
      ledger.set(`${lamport}`, lamport, true)
      ledger.forget(lamport - MANY)
      most = Math.max(most, ledger.size)
    }
    expect(most).toBe(2 * MANY - 1)
  })
})

describe('durability', () => {
  const signed = (lamport: number, nonce: bigint, resignedFrom = 0): SystemEvent =>
    ({ event: 'commandSigned', author: 1, lamport, trace: lamport, nonce, command: '', scope: 0, resignedFrom })
  const folded = (lamport: number): SystemEvent =>
    ({ event: 'commandFolded', author: 1, lamport, trace: lamport, frame: 0, command: '', outcome: 'applied', why: '' })
  const admitted = (lamport: number, nonce: bigint) =>
    ({ event: 'commandAdmitted', entry: { author: 1, lamport, nonce }, command: '' }) as unknown as SystemEvent

  function settledRun() {
    const horizon = new Horizon(() => [], false)
    const durability = new Durability(() => 'ana', () => true, horizon)
    const tell = (node: number, event: SystemEvent): void => {
      horizon.event(node, event)
      durability.event(node, event)
    }
    tell(1, { event: 'sessionOpened', author: 1, displayName: 'ana', role: 'editor', capabilities: 0, resumed: false })
    const settle = (): void => {
      horizon.event(0, closed(1600))
      tell(0, closed(1616))
    }
    return { durability, tell, settle }
  }

  it('keeps what was lost, and forgets what was not', () => {
    const { durability, tell, settle } = settledRun()
    for (let lamport = 1; lamport <= 4 * MANY; lamport++) {
      tell(1, signed(lamport, BigInt(lamport)))
      tell(0, admitted(lamport, BigInt(lamport)))
      tell(1, { event: 'commandIntegrated', author: 1, lamport, trace: lamport })
      if (lamport !== 7) tell(0, folded(lamport))
    }
    const all = durability.held
    settle()
    expect(durability.held).toBeLessThan(all / 100)
    expect(durability.failures(30_000).map(({ details }) => [details.field, details.lamport])).toEqual([['lost', 7]])
  })

  it('tells a command that is signed anew and was settled long before', () => {
    const { durability, tell, settle } = settledRun()
    for (let lamport = 1; lamport <= 4 * MANY; lamport++) {
      tell(1, signed(lamport, BigInt(lamport)))
      tell(0, admitted(lamport, BigInt(lamport)))
      tell(0, folded(lamport))
    }
    settle()
    expect(durability.failures(30_000)).toEqual([])
    tell(1, signed(20_000, 20_000n, 5))
    tell(0, admitted(20_000, 20_000n))
    tell(0, folded(20_000))
    const [{ message }] = durability.failures(30_000)
    expect(message).toBe('one command is in the log twice: long before and (20000, 1)')
  })
})

describe('delivery', () => {
  const channels = channelsFor('webrtc')
  const [lossy, strict] = [channels.findIndex(({ ordered }) => !ordered), channels.findIndex(({ ordered }) => ordered)]
  const bytes = (index: number): Uint8Array => Uint8Array.of(index & 0xff, index >> 8)

  it('forgets on a lossy channel what much later ones have overtaken, and tells where it comes all the same', () => {
    const delivery = new Delivery(String, () => channels)
    let most = 0
    for (let i = 0; i < 4000; i++) {
      delivery.sent(0, 1, 7, lossy, bytes(i))
      if (i % 10 !== 0) delivery.received(0, 1, 7, lossy, bytes(i))
      most = Math.max(most, delivery.held)
    }
    expect(most).toBeLessThan(64)
    delivery.received(0, 1, 7, lossy, bytes(3900))
    expect(delivery.failures).toEqual([])
    delivery.received(0, 1, 7, lossy, bytes(3000))
    expect(delivery.failures).toMatchObject([{ details: { field: 'invented' } }])
  })

  it('forgets nothing on a reliable channel but what is of a connection before the last', () => {
    const delivery = new Delivery(String, () => channels)
    for (let i = 0; i < 4000; i++) delivery.sent(1, 0, 7, strict, bytes(i))
    expect(delivery.held).toBe(4000)
    delivery.sent(1, 0, 8, strict, bytes(1))
    expect(delivery.held).toBe(4001)
    delivery.sent(0, 1, 9, strict, bytes(1))
    expect(delivery.held).toBe(2)
    delivery.received(1, 0, 8, strict, bytes(1))
    expect(delivery.failures).toEqual([])
    delivery.received(1, 0, 7, strict, bytes(0))
    expect(delivery.failures).toMatchObject([{ details: { field: 'invented' } }])
  })
})

describe('a hand', () => {
  it('may be where it was in the last ten seconds, and nowhere else', () => {
    const MOMENT = 900
    for (const [frames, failures] of [[MOMENT - 5, 0], [MOMENT + 5, 1]] as const) {
      const embodiment = new Embodiment(String, () => 1, () => 0)
      const wears = (metres: number): void => {
        const controller = { matrix: Float32Array.from([...Array.from({ length: 12 }, () => 0), metres, 0, 0, 1]) }
        embodiment.wore(1, { head: { transform: controller }, left: controller, right: controller } as unknown as Headset)
      }
      const shows = (steps: number, frame: number): void =>
        embodiment.frame(0, frame, { get: () => ({ x: steps, y: 0, z: 0 }) } as unknown as World)
      wears(1)
      for (let frame = 1; frame <= frames; frame++) {
        wears(2)
        shows(1024, frame)
      }
      expect(embodiment.failures).toHaveLength(0)
      shows(512, frames)
      expect([frames, embodiment.failures.length]).toEqual([frames, failures])
    }
  })
})
