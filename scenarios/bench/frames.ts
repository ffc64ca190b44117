/**
 * A host's replication frames, from the rows that changed to the sealed messages of every member: for two members and for eight, who see
 * everything, or each another part of a field of a thousand things. Cutting and encoding are shared: eight cost less than four times two.
 */
import { aligned } from '../../reports/table.ts'
import { CommandLog } from '../../system/commands/log.ts'
import { CellIndex } from '../../system/ecs/cells.ts'
import { Motion, ROTATION_ONE, Spawned } from '../../system/ecs/components.ts'
import { World } from '../../system/ecs/world.ts'
import { entityId, HASH64_ZERO, HOST_AUTHOR } from '../../system/ids.ts'
import { CELL_STEPS } from '../../system/limits.ts'
import { NO_METER, NO_PROBE } from '../../system/ports.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { Packer } from '../../system/protocol/compression.ts'
import { interestOf } from '../../system/replication/interest.ts'
import { Broadcast } from '../../system/session/broadcast.ts'
import { Conducts } from '../../system/session/conduct.ts'
import { Link } from '../../system/session/link.ts'
import { newSeat } from '../../system/session/seat.ts'
import { Seats } from '../../system/session/seats.ts'
import { Supply } from '../../system/session/supply.ts'
import { atMost, figure } from './aims.ts'
import { interleaved, median } from './rounds.ts'

/** On a field of 10 by 10 cells, ten things in each. */
const FIELD_CELLS = 10
const THINGS = 1000
const MOVING = 200
const FRAMES = 60
const ROUNDS = { rounds: 15, warmUpRounds: 3 }
/** Eight members against two. */
const RATIO_AIM = 3
const US_PER_MS = 1000

/** A host's side of a session with so many members. */
class Hosting {
  readonly #world = new World({ tracksChanges: true })
  readonly #broadcast: Broadcast
  #frame = 0

  constructor(members: number, seesAll: boolean) {
    const world = this.#world
    for (let i = 0; i < THINGS; i++) {
      world.set(entityId('stream', HOST_AUTHOR, i), Spawned, { kind: 1, bornFrame: 0 })
      this.#place(i, 0)
    }
    world.takeDirty()
    const codec = new Codec()
    const packer = new Packer(undefined)
    const quiet = { report() {}, probe: NO_PROBE, meter: NO_METER }
    const log = new CommandLog({ ...quiet, sessionId: new Uint8Array(16), world, codec, folding() {}, folded() {} })
    const cells = new CellIndex(world)
    const seats = new Seats()
    const conducts = new Conducts()
    for (let member = 0; member < members; member++) {
      const link = new Link(member, new Uint8Array(0), { report() {}, peer: quiet, nowUs: () => 0, codec, packer, emit() {} })
      const seat = newSeat(link, conducts.stranger(), 0)
      seat.author = member + 1
      seat.live = true
      // Three by three cells, somewhere else for each.
      const sight = Array.from({ length: 9 }, (_, i) => ({ x: member + (i % 3), y: 0, z: Math.floor(i / 3) }))
      if (!seesAll) seat.interest = interestOf({ everything: false, cells: sight })
      seats.add(seat)
    }
    const supply = new Supply({ ...quiet, epoch: 1, world, cells, log, codec })
    this.#broadcast = new Broadcast({ ...quiet, epoch: 1, world, cells, codec, seats, supply })
  }

  run(): void {
    for (let turn = 0; turn < FRAMES; turn++) {
      const frame = ++this.#frame
      for (let i = 0; i < MOVING; i++) this.#place((frame + i * (THINGS / MOVING)) % THINGS, frame)
      this.#broadcast.send(frame, { closedLamport: 0, admittedCount: 0, admittedDigest: HASH64_ZERO })
    }
  }

  #place(thing: number, frame: number): void {
    const x = ((thing % FIELD_CELLS) * CELL_STEPS + frame * 7) % (FIELD_CELLS * CELL_STEPS)
    const z = (Math.floor(thing / FIELD_CELLS) % FIELD_CELLS) * CELL_STEPS
    this.#world.set(entityId('stream', HOST_AUTHOR, thing), Motion, { x, y: 0, z, qx: 0, qy: 0, qz: 0, qw: ROTATION_ONE })
  }
}

export async function frames(): Promise<string[]> {
  const sights = [['everything', true], ['another part each', false]] as const
  const rows = []
  for (const [sight, seesAll] of sights) {
    const samples = await interleaved([2, 8].map((members) => {
      const hosting = new Hosting(members, seesAll)
      return { name: `${members}`, run: () => hosting.run() }
    }), ROUNDS)
    const frameUs = (members: number) => (median(samples.get(`${members}`)!) * US_PER_MS) / FRAMES
    const ratio = frameUs(8) / frameUs(2)
    rows.push([sight, ...[frameUs(2), frameUs(8), ratio].map(figure), `below ${RATIO_AIM}`, atMost(ratio, RATIO_AIM)])
  }
  return aligned(['members see', 'two, us a frame#', 'eight, us a frame#', 'ratio#', 'aim', ''], rows)
}
