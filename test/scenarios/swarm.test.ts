/** Swarms: what a seed draws, that narrowing is obeyed, what each operation does, and that a plan may leave any of them out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Scenario, swarm, type SwarmNarrowing } from '../../scenarios/index.ts'
import { drawSwarm, type Swarm } from '../../scenarios/swarm/draw.ts'
import { FAULT_NAMES, FAULTS } from '../../scenarios/swarm/faults.ts'
import { KINDS, OPERATION_NAMES, type OperationName, OPERATIONS } from '../../scenarios/swarm/grammar.ts'
import { PEER_NAMES } from '../../scenarios/swarm/names.ts'
import { countRecords, type Counters } from '../../reports/counters.ts'
import { planOf } from '../../sim/plan.ts'
import type { TraceRecord } from '../../sim/trace.ts'
import { Motion, Spawned } from '../../system/ecs/components.ts'
import type { World } from '../../system/ecs/world.ts'
import type { SystemEvent } from '../../system/telemetry/events.ts'
import { often, run, runInside, storyOf } from '../support/runs.ts'

const FRAMES = 100
const seeds = (count: number): Swarm[] => Array.from({ length: count }, (_, seed) => drawSwarm(seed, FRAMES))
const undemanding = (story: Scenario): Scenario => ({ ...story, mustHappen: {} })

describe('what a seed draws', () => {
  it('is a function of the seed, and plain data', () => {
    for (let seed = 0; seed < 20; seed++) {
      const drawn = drawSwarm(seed, FRAMES)
      expect(drawSwarm(String(seed), FRAMES)).toEqual(drawn)
      expect(structuredClone(drawn)).toEqual(drawn)
    }
    expect(new Set(seeds(20).map((drawn) => JSON.stringify(drawn))).size).toBe(20)
  })

  it('has every fault, every kind of operation and every operation both on and off', () => {
    const many = seeds(80)
    const both = (isOn: (drawn: Swarm) => boolean) => [true, false].every((wanted) => many.some((drawn) => isOn(drawn) === wanted))
    for (const fault of FAULT_NAMES) expect(both(({ faults }) => faults[fault] !== undefined), fault).toBe(true)
    for (const kind of KINDS) {
      const names = OPERATION_NAMES.filter((name) => OPERATIONS[name].kind === kind)
      expect(both(({ weights }) => names.some((name) => weights[name] !== undefined)), kind).toBe(true)
    }
    for (const name of OPERATION_NAMES) expect(both(({ weights }) => weights[name] !== undefined), name).toBe(true)
  })

  it('has every number of peers, both transports, every role, late and early ones', () => {
    const many = seeds(300)
    const peers = many.flatMap((drawn) => drawn.peers)
    expect(new Set(many.map((drawn) => drawn.peers.length))).toEqual(new Set([2, 3, 4, 5, 6, 7, 8]))
    expect(new Set(peers.map(({ over }) => over))).toEqual(new Set(['quic', 'webrtc']))
    expect(new Set(peers.map(({ role }) => role))).toEqual(new Set(['viewer', 'editor', 'admin']))
    expect(new Set(peers.map(({ frame }) => frame === 0))).toEqual(new Set([true, false]))
    expect(new Set(peers.map(({ capabilities }) => capabilities === undefined))).toEqual(new Set([true, false]))
  })

  it('keeps all that happens within the frames of the story, however few', () => {
    for (const frames of [1, 2, 9, 30, FRAMES]) {
      for (let seed = 0; seed < 40; seed++) {
        const { peers, operations, happenings } = drawSwarm(seed, frames)
        for (const { frame } of [...peers, ...operations, ...happenings]) expect(frame >= 0 && frame < frames).toBe(true)
        for (const one of operations) if (one.peer >= 0) expect(one.frame).toBeGreaterThanOrEqual(peers[one.peer].frame)
        for (const one of happenings) {
          if (one.is === 'crash') expect((one.restartFrame ?? one.frame) >= one.frame && (one.restartFrame ?? 0) < frames).toBe(true)
        }
        expect(peers[0]).toMatchObject({ name: 'ana', frame: 0 })
      }
    }
  })

  it('draws each part by itself: what one is narrowed to moves no other', () => {
    for (let seed = 0; seed < 30; seed++) {
      const [free, calm] = [drawSwarm(seed, FRAMES), drawSwarm(seed, FRAMES, { faults: { drop: false, pause: [1, 1] } })]
      expect({ ...calm, faults: {}, happenings: [] }).toEqual({ ...free, faults: {}, happenings: [] })
      const kept = ({ happenings }: Swarm) => happenings.filter(({ is }) => is !== 'pause')
      expect(kept(calm)).toEqual(kept(free))
    }
  })
})

function range(least: number, most: number) {
  const bound = fc.integer({ min: least, max: most })
  return fc.tuple(bound, bound).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
}

describe('narrowing', () => {
  it('is obeyed, whatever it is', () => {
    const narrowings = fc.record({
      peers: range(1, PEER_NAMES.length),
      over: fc.subarray(['quic', 'webrtc'] as const, { minLength: 1 }),
      roles: fc.subarray(['viewer', 'editor', 'admin'] as const, { minLength: 1 }),
      operations: range(0, 60),
      workload: fc.dictionary(fc.constantFrom(...OPERATION_NAMES), fc.integer({ min: 1, max: 9 }), { minKeys: 1, maxKeys: 5 }),
      faults: fc.dictionary(fc.constantFrom(...FAULT_NAMES), fc.constantFrom(false, true), { maxKeys: 5 }).map((wanted) =>
        Object.fromEntries(Object.entries(wanted).map(([fault, isOn]) => [fault, isOn && FAULTS[fault as keyof typeof FAULTS].range]))),
    }, { requiredKeys: [] }) as fc.Arbitrary<SwarmNarrowing>
    fc.assert(fc.property(fc.nat(), narrowings, (seed, narrowing) => {
      swarm('checked', { frames: FRAMES, hz: 90 }, narrowing)
      const { peers, faults, weights, operations, happenings } = drawSwarm(seed, FRAMES, narrowing)
      const within = (value: number, [least, most]: readonly [number, number]) => expect(value >= least && value <= most).toBe(true)
      within(peers.length, narrowing.peers ?? [2, PEER_NAMES.length])
      for (const { over, role } of peers) {
        expect(narrowing.over ?? ['quic', 'webrtc']).toContain(over)
        expect(narrowing.roles ?? ['viewer', 'editor', 'admin']).toContain(role)
      }
      for (const fault of FAULT_NAMES) {
        const [narrowed, strength] = [narrowing.faults?.[fault], faults[fault]]
        if (narrowed === false) expect(strength).toBeUndefined()
        else if (strength !== undefined) within(strength, narrowed ?? FAULTS[fault].range)
        else expect(narrowed).toBeUndefined()
      }
      for (const is of ['cut', 'sever', 'roam', 'pause', 'crash'] as const) {
        expect(happenings.filter((one) => one.is === is)).toHaveLength(faults[is] ?? 0)
      }
      if (narrowing.workload !== undefined) expect(weights).toEqual(narrowing.workload)
      const drawn = operations.filter(({ id }) => /^\d+$/.test(id))
      for (const { name } of drawn) expect(weights[name] ?? 0).toBeGreaterThan(0)
      if (narrowing.operations !== undefined) within(new Set(drawn.map(({ id }) => id)).size, narrowing.operations)
    }), { seed: 1, numRuns: 300 })
  })

  const wrong = (value: unknown): never => value as never
  it.each<[what: string, narrowing: SwarmNarrowing, why: string]>([
    ['a part of another name', wrong({ peer: 2 }), "swarm told: there is no 'peer', only peers, over"],
    ['too many peers', { peers: [2, 9] }, 'swarm told: peers: expected 1 to 8, got 9'],
    ['nobody', { peers: [0, 0] }, 'swarm told: peers: expected 1 to 8, got 0'],
    ['a number for a range', { peers: wrong(3) }, 'swarm told: peers: expected [least, most], got 3'],
    ['an unknown transport', { over: [wrong('pigeon')] }, 'swarm told: over: expected one of quic, webrtc, got pigeon'],
    ['no transport', { over: [] }, 'swarm told: over: expected some of quic, webrtc'],
    ['an unknown fault', { faults: wrong({ earthquake: false }) }, "swarm told: faults: there is no 'earthquake', only drop"],
    ['a fault that is merely true', { faults: { drop: wrong(true) } }, 'swarm told: drop: expected [least, most], got true'],
    ['more loss than can settle', { faults: { drop: [0, 0.9] } }, 'swarm told: drop: expected 0 to 0.5, got 0.9'],
    ['an unknown operation', { workload: wrong({ plaice: 1 }) }, "swarm told: workload: there is no 'plaice', only spawn"],
    ['half a weight', { workload: { place: 0.5 } }, 'swarm told: place: expected a whole number, got 0.5'],
    ['nothing to do', { workload: { place: 0 } }, 'swarm told: workload: expected at least one weight above 0'],
    ['ties that are no answer', { ties: wrong(1) }, 'swarm told: ties: expected true or false, got 1'],
  ])('with %s is refused', (_what, narrowing, why) => {
    expect(() => swarm('told', { frames: FRAMES, hz: 90 }, narrowing)).toThrow(why)
  })

  it('by a user makes a scenario like any other', async () => {
    const storm = swarm('commit-storm', { frames: 90, hz: 90 },
      { peers: [2, 3], over: ['quic'], faults: { drop: [0, 0.1], cut: false }, workload: { place: 10, move: 10 }, operations: [30, 40] },
      { mustHappen: { counters: { commitsRequested: 5 } } })
    expect(storm.settings).toMatchObject({ peersMax: 3, ties: true })
    for (let seed = 1; seed <= 3; seed++) expect((await run(storm, { seed })).verdict).toBe('converged')
  })
})

// --- what each operation does --------------------------------------------------------------------------------------------

class Told {
  readonly events: { readonly node: number; readonly event: SystemEvent }[] = []
  /** The host's props by frame, with where they are. */
  readonly props: (readonly string[])[] = []
  records: readonly TraceRecord[] = []
  event(node: number, event: SystemEvent): void {
    this.events.push({ node, event })
  }
  frame(node: number, _frame: number, world: World): void {
    if (node !== 0) return
    this.props.push(world.entities(Spawned).map((entity) => `${entity} ${JSON.stringify(world.get(entity, Motion))}`))
  }
  some<Name extends SystemEvent['event']>(
    name: Name, holds: (event: Extract<SystemEvent, { readonly event: Name }>, node: number) => boolean = () => true,
  ): boolean {
    return this.events.some(({ node, event }) => event.event === name && holds(event as never, node))
  }
  count(): Counters {
    return countRecords(this.records, 0)
  }
  /** How often one event is told within an operation of this verb, at most. */
  within(verb: string, name: SystemEvent['event']): number {
    let [most, here, isHere] = [0, 0, false]
    for (const record of this.records) {
      if (record.kind !== 'note') continue
      if (record.name === 'operation') {
        isHere = (record.data as { readonly verb: string }).verb === verb
        here = 0
      } else if (isHere && record.name === name) most = Math.max(most, ++here)
    }
    return most
  }
}

type Effect = (told: Told) => boolean
const refused = (reason: string): Effect => (told) => told.some('commandRefused', (event) => event.at === 'host' && event.reason === reason)
const unread = (why: RegExp): Effect => (told) => told.some('messageRefused', ({ reason }, node) => node === 0 && why.test(reason))
const folded = (command: string, outcome?: string): Effect => (told) => told.some('commandFolded', (event, node) =>
  node === 0 && event.author !== 0 && event.command === command && (outcome === undefined || event.outcome === outcome))
const commits = (verb: string): Effect => (told) => told.within(verb, 'commitRequested') === 1
const signs = (verb: string, least: number): Effect => (told) => told.within(verb, 'commandSigned') >= least
const hand = (type: string, ...hands: string[]): Effect => (told) =>
  hands.every((one) => told.some('xrInput', (event) => event.type === type && event.hand === one))

/** Somebody confirmed a frame of everything after one of less. */
const seesAllAgain: Effect = ({ events }) => [1, 2, 3].some((node) => {
  const interests = events.flatMap((told) => (told.node === node && told.event.event === 'frameConfirmed' ? [told.event.interest] : []))
  return interests.lastIndexOf(0) > interests.findIndex((interest) => interest !== 0) && interests.some((interest) => interest !== 0)
})

/** What is to be seen where an operation did what it is there for, and the operations that it needs before. */
const EFFECTS: { readonly [Name in OperationName]: readonly [Effect, ...OperationName[]] } = {
  spawn: [folded('entity.spawn', 'applied')],
  despawn: [folded('entity.despawn', 'applied')],
  spawnMany: [signs('spawnMany', 2)],
  vertex: [folded('vertex.create', 'applied'), 'spawn'],
  extrude: [folded('edge.extrude', 'applied'), 'spawn'],
  subdivide: [folded('face.subdivide', 'applied'), 'spawn'],
  raceMesh: [folded('edge.extrude', 'rejected'), 'spawn'],
  place: [commits('place')],
  placeMany: [(told) => told.some('commitFolded', ({ status, changes }) => status === 'APPLIED' && changes > 1)],
  placeOver: [(told) => told.some('commitFolded', ({ conflicts }) => conflicts.some(({ message }) => /overlap/.test(message))), 'place'],
  move: [commits('move'), 'place'],
  tag: [commits('tag'), 'place'],
  remove: [commits('remove'), 'place'],
  reworkPlacement: [commits('reworkPlacement'), 'placeMany'],
  leaveDraft: [commits('commitDraft'), 'commitDraft'],
  commitDraft: [commits('commitDraft'), 'leaveDraft'],
  race: [(told) => told.count().conflictsTransform > 0, 'place'],
  raceTags: [(told) => told.count().conflictsTag > 0, 'place'],
  raceRemoval: [(told) => told.count().conflictsDeletion + told.count().conflictsTag > 0, 'place'],
  click: [folded('selection.highlight', 'applied')],
  drag: [folded('entity.translate', 'applied')],
  dragBoth: [(told) => hand('squeezestart', 'left', 'right')(told) && folded('entity.translate', 'applied')(told)],
  dragPlacement: [hand('squeezestart', 'right'), 'place'],
  nextTool: [folded('tool.activate', 'applied')],
  gizmo: [(told) => folded('entity.rotate')(told) || folded('entity.scale')(told)],
  thing: [signs('thing', 1)],
  crowd: [(told) => signs('crowd', 16)(told) && told.some('snapshotSent', ({ chunks }) => chunks > 1)],
  body: [(told) => told.count().physicsSteps > 0],
  endThing: [signs('endThing', 1)],
  prop: [({ props }) => props.some((those) => those.length > 0)],
  manyProps: [({ props }) => props.some((those) => those.length > 256)],
  moveProp: [({ props }) => new Set(props.flat()).size > new Set(props.flat().map((prop) => prop.split(' ')[0])).size, 'prop'],
  endProp: [({ props }) => props.some((those, frame) => those.length < (props[frame - 1]?.length ?? 0)), 'prop'],
  leave: [(told) => told.some('sessionClosed', ({ code, by }, node) => node > 0 && code === 'normal' && by === 'local')],
  assignRole: [(told) => told.some('commandFolded', (event, node) => node === 0 && event.command === 'member.role')],
  kick: [(told) => told.some('sessionRefused', ({ code }) => code === 'kicked')],
  restart: [(told) => told.events.filter(({ node, event }) => node === 1 && event.event === 'joined').length > 1],
  reroute: [(told) => new Set(told.events.flatMap(({ event }) => (event.event === 'heartbeat' ? [event.rttUs >> 13] : []))).size > 4],
  blip: [(told) => told.count().packetsLost > 0],
  forge: [refused('signature')],
  replay: [refused('nonce'), 'spawn'],
  spentNonce: [refused('nonce')],
  otherEpoch: [refused('epoch')],
  farFuture: [refused('malformed')],
  leap: [(told) => told.some('commandAdmitted', ({ entry }) => entry.lamport > 2 ** 20)],
  equivocate: [refused('duplicate')],
  usurp: [folded('member.left', 'denied')],
  promote: [folded('member.role', 'denied')],
  flood: [refused('rate')],
  oversized: [unread(/payload: 61441 elements/)],
  garbage: [unread(/mark|short/)],
  truncate: [unread(/length|short/)],
  flip: [unread(/crc|mark|length|type|category|schemaHash|compression/)],
  mangle: [(told) => unread(/: /)(told) || refused('signature')(told)],
  helloAgain: [unread(/^SessionHello of a member$/)],
  hostMessage: [unread(/^(KeyRoster|WorldSnapshot|ComponentDelta|SessionAcknowledge|CommandReceipt) of a member$/)],
  look: [(told) => told.some('frameCut', ({ rowsFiltered }) => rowsFiltered > 0), 'moveProp', 'prop'],
  lookEverywhere: [seesAllAgain, 'look'],
  pry: [(told) => [/^interest of another epoch$/, /^interest while another is under way$/, /cells: 1025 elements/]
    .every((why) => unread(why)(told))],
  demand: [(told) => told.some('snapshotSent', ({ reason }) => reason === 'targeted')],
}
const CALM = Object.fromEntries(FAULT_NAMES.map((fault) => [fault, false] as const))
const SEEDS = 12

describe('an operation', () => {
  it.each(OPERATION_NAMES)('%s does what it is there for, and breaks nothing', async (name) => {
    const [effect, ...feeders] = EFFECTS[name]
    const workload = Object.fromEntries([name, ...feeders].map((one) => [one, 1]))
    const story = swarm('narrow', { frames: 80, hz: 90, faultPoints: false },
      { peers: [2, 3], roles: ['editor'], faults: CALM, workload, operations: [14, 14] })
    for (let seed = 1; seed <= SEEDS; seed++) {
      const told = new Told()
      const { verdict, records } = await runInside(story, { seed, watchers: [told] })
      expect(verdict).toBe('converged')
      told.records = records
      if (effect(told)) return
    }
    expect.fail(`nothing came of ${name} in ${SEEDS} seeds`)
  })
})

it.each(['quic', 'webrtc'] as const)('a peer that roams over %s goes on by another path', async (over) => {
  const story = swarm('away', { frames: 120, hz: 90 }, { over: [over], peers: [2, 2], faults: { ...CALM, roam: [3, 3] } })
  for (let seed = 1; seed <= 3; seed++) {
    const { verdict, report } = await run(story, { seed })
    expect(verdict).toBe('converged')
    // At both ends, each time; whoever roams again before the way is found has found one way for both.
    expect(report.counters.pathsChanged).toBeGreaterThanOrEqual(2)
  }
})

describe('a plan', () => {
  const story = undemanding(storyOf('swarm'))

  it('is the run again, ties and all: the same trace', async () => {
    const SEEDS_AGAIN = often(3, 6)
    let ties = 0
    for (let seed = 1; seed <= SEEDS_AGAIN; seed++) {
      const first = await runInside(story, { seed })
      ties += first.choices.filter(({ site }) => site === 'tie').length
      const plan = planOf('swarm', seed, first.choices, first.operations)
      const again = await runInside(story, { seed, plan })
      expect(again.trace.digest).toBe(first.trace.digest)
      expect(again.operations).toEqual(first.operations)
    }
    expect(ties).toBeGreaterThan(50)
  })

  it('that leaves one operation out leaves the labels of the others and what they draw', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(), async (seed, left) => {
      const { choices, operations } = await runInside(story, { seed })
      const label = operations[left % operations.length]
      const others = operations.filter((other) => other !== label)
      const without = await runInside(story, { seed, plan: planOf('swarm', seed, choices, others) })
      expect(without.operations).toEqual(others)
      expect(without.verdict).toBe('converged')
    }), { seed: 1, numRuns: often(5, 15) })
  })

  it('that leaves many operations out converges, and those that are left are done', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 41, max: 80 }), fc.infiniteStream(fc.boolean()), async (seed, keep) => {
      const { choices, operations } = await runInside(story, { seed })
      const some = operations.filter(() => keep.next().value)
      const without = await runInside(story, { seed, plan: planOf('swarm', seed, choices, some) })
      expect({ verdict: without.verdict, operations: without.operations }).toEqual({ verdict: 'converged', operations: some })
    }), { seed: 1, numRuns: often(4, 10) })
  })
})
