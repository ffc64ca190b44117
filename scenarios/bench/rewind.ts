/** What an entry costs that comes to stand somewhere among many that wait: the view after it, against the same view folded anew. */
import { aligned } from '../../reports/table.ts'
import { foldEntry } from '../../system/commands/fold.ts'
import { CommandLog } from '../../system/commands/log.ts'
import { encodePayload } from '../../system/commands/payload.ts'
import { entityTranslate } from '../../system/commands/registry.ts'
import { ROTATION_ONE, SCALE_ONE, Transform } from '../../system/ecs/components.ts'
import { Overlay } from '../../system/ecs/overlay.ts'
import { World } from '../../system/ecs/world.ts'
import { entityId, HOST_AUTHOR } from '../../system/ids.ts'
import { HOST_RESERVED_COUNTERS } from '../../system/limits.ts'
import { NO_METER, NO_PROBE } from '../../system/ports.ts'
import { Codec } from '../../system/protocol/codec.ts'
import type { CommandEntry } from '../../system/protocol/messages.ts'
import { figure } from './aims.ts'
import { interleaved, median } from './rounds.ts'

const PENDING = 4_000
const ARRIVALS = 20
const ENTITIES = 50
const ROUNDS = { rounds: 7, warmUpRounds: 2 }
const US_PER_MS = 1000
const GAP = 1_000
const crate = (i: number) => entityId('log', HOST_AUTHOR, HOST_RESERVED_COUNTERS + (i % ENTITIES))

function move(i: number, lamport: number): CommandEntry {
  const payload = { entity: crate(i), dx: 1, dy: 0, dz: 0 }
  return {
    epoch: 1, author: HOST_AUTHOR, lamport, nonce: BigInt(lamport), command: entityTranslate.code, policy: 'merge', scopeKind: 'entity',
    scope: payload.entity, baseLamport: 0, baseAuthor: 0, payload: encodePayload(entityTranslate.layout!, payload),
    signature: new Uint8Array(64), previousNonce: 0n, trace: 0,
  }
}

export async function rewind(): Promise<string[]> {
  const world = new World()
  const codec = new Codec()
  const place = { x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE, sx: SCALE_ONE, sy: SCALE_ONE, sz: SCALE_ONE }
  for (let i = 0; i < ENTITIES; i++) world.set(crate(i), Transform, place)
  const log = new CommandLog({
    sessionId: new Uint8Array(16), world, codec, meter: NO_METER, probe: NO_PROBE, report() {}, folding() {}, folded() {},
  })
  for (let i = 1; i <= PENDING; i++) log.integrate(move(i, i * GAP), true)
  // A full-period generator: any places do, as long as they are the same ones in every run.
  let drawn = 1
  const below = (n: number): number => (drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0) % n
  let arrivals = 0
  const arrive = (lamport: number): void => {
    log.integrate(move(arrivals++, lamport), false)
    log.view.get(crate(0), Transform)
  }
  const anew = (): void => {
    const overlay = new Overlay(world)
    for (const { entry } of log.pending) foldEntry(entry, overlay, codec)
  }
  const often = (times: number, act: () => void) => () => { for (let i = 0; i < times; i++) act() }
  const samples = await interleaved([
    { name: 'anywhere', run: often(ARRIVALS, () => arrive(1 + below(PENDING * GAP))) },
    { name: 'among the last 40', run: often(ARRIVALS, () => arrive((PENDING - 1 - below(40)) * GAP + 1)) },
    { name: 'folded anew', run: often(ARRIVALS, anew) },
  ], ROUNDS)
  const us = (name: string) => (median(samples.get(name)!) * US_PER_MS) / ARRIVALS
  const whole = us('folded anew')
  const rows = [...samples.keys()].map((name) => [name, figure(us(name)), figure(whole / us(name))])
  return aligned(['an entry comes', 'microseconds', 'folded anew over it'], rows)
}
