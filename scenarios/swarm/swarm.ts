/** A scenario whose seed draws nearly everything: who takes part, what goes wrong and what is done. */
import { stream } from '../../sim/random.ts'
import { hasDisks } from '../cluster/disks.ts'
import type { PeerActor, Story } from '../cluster/vocabulary.ts'
import { type MustHappen, type Scenario, scenario, type ScenarioSettings } from '../scenario.ts'
import { drawSwarm, type Swarm, type SwarmHappening, type SwarmOperation } from './draw.ts'
import { FAULT_NAMES, FAULTS } from './faults.ts'
import { OPERATIONS, type Stage } from './grammar.ts'
import { PEER_NAMES } from './names.ts'
import { checkNarrowing, type SwarmNarrowing } from './narrowing.ts'

/** What else a swarm has follows from its narrowing. */
export type SwarmSettings = Omit<ScenarioSettings, 'peersMax' | 'ties'>

/** A seed may leave somebody a handshake that has to run out first. */
const SETTLE_MS = 20_000

/**
 * Defines a scenario in which each seed draws the peers and their links, which faults are on and how strong, which operations are on
 * and what they do. Whatever `narrowing` names is drawn within it.
 *
 *     export default swarm('commit-storm', { frames: 120, hz: 90 },
 *       { peers: [2, 3], over: ['quic'], faults: { drop: [0.01, 0.1], cut: false }, workload: { place: 10, move: 10 } })
 *
 * @throws {TypeError | RangeError} where the name, a setting or a narrowing is not usable.
 */
export function swarm(
  name: string, settings: SwarmSettings, narrowing: SwarmNarrowing = {}, checks: { readonly mustHappen?: MustHappen } = {},
): Scenario {
  checkNarrowing(name, narrowing)
  const { peers: [, peersMax] = [0, PEER_NAMES.length], ties = true } = narrowing
  const { frames, disks = 'drawn' } = settings
  return scenario(name, { settleMs: SETTLE_MS, faultPoints: true, ...settings, disks, peersMax, ties }, async (story) => {
    const drawn = drawSwarm(story.seed, frames, narrowing)
    const happenings = drawn.happenings.filter(({ is }) => is !== 'hostCrash' || hasDisks(disks, story.seed))
    await play(story, { ...drawn, happenings })
    await story.frame(frames)
  }, checks)
}

/** Something to be done, and when. */
interface Turn {
  readonly frame: number
  readonly act: () => void
}

async function play(story: Story, drawn: Swarm): Promise<void> {
  const { host, net, seed } = story
  const peers: PeerActor[] = []
  const stage: Stage = { host, net, peers, props: [], things: [] }
  for (const fault of FAULT_NAMES) {
    const [strength, found] = [drawn.faults[fault], FAULTS[fault]]
    if (strength !== undefined && found.is === 'link') net.does(`all.${fault}`, () => net.all.set(found.settings(strength)))
  }
  const turns: Turn[] = [
    ...drawn.peers.map(({ frame }, index) => ({ frame, act: () => enter(index) })),
    ...drawn.happenings.flatMap((happening) => turnsOf(happening, stage)),
    ...drawn.operations.map((operation) => ({ frame: operation.frame, act: () => operate(operation, stage, seed) })),
  ]
  /** Everybody has a place in the list from the beginning, so that who joins early or late moves nobody else. */
  function enter(index: number): void {
    const { name, over, role, cbor, compression, capabilities, latencyMs: [upMs, downMs] } = drawn.peers[index]
    const peer = story.enter(name, {
      over, role, ...(cbor && { cbor }),
      ...(compression !== undefined && { compression }), ...(capabilities !== undefined && { capabilities }),
    })
    peers[index] = peer
    const jitterMs = drawn.faults.jitter ?? 0
    const both = (mostMs: number) => {
      net.from(peer, host).set({ latencyMs: [upMs, upMs + mostMs] })
      net.from(host, peer).set({ latencyMs: [downMs, downMs + mostMs] })
    }
    net.does(`${name}.latency`, () => both(0))
    if (jitterMs > 0) net.does(`${name}.jitter`, () => both(jitterMs))
  }
  // Those of one frame keep their order: who enters, what goes wrong, what is done.
  turns.sort((a, b) => a.frame - b.frame)
  for (const { frame, act } of turns) {
    await story.frame(frame)
    act()
  }
}

function turnsOf(happening: SwarmHappening, { host, net, peers }: Stage): Turn[] {
  const { is, frame, peer } = happening
  const turn = (act: (who: PeerActor) => void, at = frame): Turn => ({ frame: at, act: () => act(peers[peer]) })
  switch (is) {
    case 'cut': {
      const { way, ms } = happening
      const link = (who: PeerActor) => (way === 'both' ? net.link(who, host) : way === 'up' ? net.from(who, host) : net.from(host, who))
      return [turn((who) => net.does(`${who.name}.cut`, () => link(who).cut(ms)))]
    }
    case 'roam': {
      const { behind, latencyMs: [up, down] } = happening
      const links = { up: { latencyMs: [up, up] }, down: { latencyMs: [down, down] } } as const
      return [turn((who) => net.does(`${who.name}.roam`, () => net.roam(who, { behind, ...links })))]
    }
    case 'sever': return [turn((who) => host.sever(who))]
    case 'pause': return [peer < 0 ? { frame, act: () => host.pause(happening.ms) } : turn((who) => who.pause(happening.ms))]
    case 'hostCrash': return [{ frame, act: () => host.crash() }, { frame: happening.restartFrame, act: () => host.restart() }]
    case 'crash': {
      const { restartFrame } = happening
      return [turn((who) => who.crash()), ...(restartFrame === undefined ? [] : [turn((who) => who.restart(), restartFrame)])]
    }
  }
}

function operate({ id, name, peer, side }: SwarmOperation, stage: Stage, seed: Story['seed']): void {
  const { by, act } = OPERATIONS[name]
  const who = stage.peers[Math.max(0, peer)]
  const does = by === 'host' ? stage.host : who
  does.does(name, () => act(who, stream(seed, `swarm ${id} ${name}`), stage, side))
}
