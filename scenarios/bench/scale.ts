/**
 * What a frame costs in a small world and in a large one of which as much changes: the host's tick (its runtime, audit and digest), the
 * encoding, and all that a client does until it has confirmed the frame.
 */
import { aligned } from '../../reports/table.ts'
import { CommandLog } from '../../system/commands/log.ts'
import { World } from '../../system/ecs/world.ts'
import { AUDIT_BYTES_PER_FRAME, RUNTIME_WISHES_PER_FRAME } from '../../system/limits.ts'
import { NO_METER, NO_PROBE } from '../../system/ports.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { type ComponentDelta, MessageType } from '../../system/protocol/messages.ts'
import { encodeDelta } from '../../system/replication/delta.ts'
import { Replica } from '../../system/replication/replica.ts'
import { chunkSnapshot, encodeSnapshot } from '../../system/replication/snapshot.ts'
import { Runtime } from '../../system/session/runtime.ts'
import { atMost, figure } from './aims.ts'
import { interleaved, median } from './rounds.ts'

const CHANGING = 100
const ENTITIES = [100, 10_000]
const FRAMES_A_TURN = 30
const ROUNDS = { rounds: 25, warmUpRounds: 5 }
/** The large world may cost so much more than the small one. */
const RATIO_AIM = 1.5
const US_PER_MS = 1000

/** A host and a client with so many props, of which CHANGING move in every frame, spread over the world. */
class Pair {
  readonly #host = new World({ tracksChanges: true })
  readonly #hostLog: CommandLog
  readonly #runtime = new Runtime(NO_PROBE)
  readonly #replica: Replica
  readonly #codec = new Codec()
  readonly #entities: number
  #frame = 0
  #confirmed = 0

  constructor(entities: number) {
    this.#entities = entities
    const logOf = (world: World) => new CommandLog({
      sessionId: new Uint8Array(16), world, codec: this.#codec, meter: NO_METER, probe: NO_PROBE, report() {}, folding() {}, folded() {},
    })
    this.#hostLog = logOf(this.#host)
    for (let prop = 0; prop < entities; prop++) {
      this.#runtime.ask({ kind: 'propSpawn', prop, x: prop, y: 0, z: 0 })
      if ((prop + 1) % RUNTIME_WISHES_PER_FRAME === 0) this.#runtime.advance(this.#host, 0)
    }
    this.#runtime.advance(this.#host, 0)
    encodeDelta(this.#host)
    const world = new World()
    this.#replica = new Replica({
      world, log: logOf(world), epoch: 1, meter: NO_METER, probe: NO_PROBE, send() {}, cause() {}, report() {},
      named: () => undefined, observe: () => this.#confirmed++,
    }, 0, 0)
    const header = { snapshotId: 1, epoch: 1, frame: 0, reason: 'join' } as const
    for (const chunk of chunkSnapshot(encodeSnapshot(this.#host, this.#hostLog.position), header)) this.#replica.takeChunk(chunk, 0)
  }

  /** One frame, at both ends. */
  turn(): void {
    const frame = ++this.#frame
    const stride = this.#entities / CHANGING
    for (let i = 0; i < CHANGING; i++) {
      this.#runtime.ask({ kind: 'propMove', prop: i * stride, x: i + frame * (i % 7), y: frame % 5, z: frame * 3 })
    }
    this.#runtime.advance(this.#host, frame)
    this.#host.audit(AUDIT_BYTES_PER_FRAME)
    const { closedLamport, count, digest } = this.#hostLog.position
    const delta: ComponentDelta = {
      kind: 'ComponentDelta', epoch: 1, frame, closedLamport, admittedCount: count, admittedDigest: digest,
      stateDigest: this.#host.digest(), baseFrame: frame - 1, interest: 0, listed: false, leap: false, body: encodeDelta(this.#host),
    }
    const decoded = this.#codec.decode(MessageType.ComponentDelta, this.#codec.encode(delta))
    if (decoded.kind === 'message' && decoded.message.kind === 'ComponentDelta') this.#replica.takeFrame(decoded.message, frame)
  }

  /** Frames that the client confirmed, with the host's digest. */
  get confirmed(): number {
    return this.#confirmed
  }
}

export async function scale(): Promise<string[]> {
  const pairs = ENTITIES.map((entities) => ({ name: String(entities), entities, pair: new Pair(entities) }))
  const samples = await interleaved(pairs.map(({ name, pair }) => ({
    name,
    run: () => {
      for (let i = 0; i < FRAMES_A_TURN; i++) pair.turn()
    },
  })), ROUNDS)
  const usOf = (name: string) => (median(samples.get(name)!) * US_PER_MS) / FRAMES_A_TURN
  const [small] = pairs
  const rows = pairs.map(({ name, entities, pair }) => {
    const ratio = usOf(name) / usOf(small.name)
    return [figure(entities), CHANGING, figure(usOf(name)), figure(ratio), figure(pair.confirmed), atMost(ratio, RATIO_AIM)]
  })
  return aligned(['entities#', 'changing#', 'frame, us#', 'ratio#', 'confirmed#', `at most ${RATIO_AIM}`], rows)
}
