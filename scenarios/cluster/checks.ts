/** Every checker of a run: who looks on while it goes on, and what they have found when it is over. */
import type { RunDivergence } from '../../reports/input.ts'
import type { Verifier } from '../../system/ports.ts'
import { channelsFor } from '../../system/protocol/channels.ts'
import { Oracle } from '../oracle.ts'
import { Assets } from './assets.ts'
import { AuthorOrder } from './author-order.ts'
import { BoundedBytes, type Failure, finalBytes, KeptOut, LogOrder, Refusals, Resends } from './checkers.ts'
import { type Cluster, SESSION_EPOCH } from './cluster.ts'
import { Convergence } from './convergence.ts'
import { Delivery } from './delivery.ts'
import { Durability } from './durability.ts'
import { Embodiment } from './embodiment.ts'
import { Explanation } from './explain.ts'
import { Horizon } from './horizon.ts'
import { OracleWatch } from './oracle-watch.ts'
import { Security } from './security.ts'
import { ShownEvents } from './shown.ts'
import { Sight } from './sight.ts'
import { Staleness } from './staleness.ts'

/** Whose frame to explain: a client's that is not the host's, or the host's own (node 0) that is not the oracle's. */
export interface Explain {
  readonly frame: number
  readonly node: number
}
/** The failure that a second run is to explain. */
export interface Mismatch extends Explain {
  readonly message: string
}

export interface ChecksOptions {
  readonly cluster: Cluster
  readonly verifier: Verifier
  readonly explain: Explain | undefined
  /** How many records the trace has by now. */
  readonly records: () => number
}

interface Findings {
  /** What tells most comes first. */
  readonly failures: readonly Failure[]
  readonly mismatch: Mismatch | undefined
}
export interface Checks {
  readonly convergence: Convergence
  readonly oracle: Oracle
  /** Where this run was to explain a frame. */
  divergence(): RunDivergence | undefined
  /**
   * What was found, once.
   * @param isDone whether the story came to its end.
   * @param isSettled whether everybody then settled on one last frame.
   */
  findings(isDone: boolean, isSettled: boolean): Findings
}

/** Who the host differs from where all peers share its mistake. */
const ORACLE = 'the oracle'

/** Sets all of them on a cluster whose session has not begun. */
export function checksOf({ cluster, verifier, explain, records }: ChecksOptions): Checks {
  const horizon = new Horizon(() => cluster.clients, cluster.hasDisks)
  const convergence = new Convergence(horizon)
  const actorOf = (node: number) => (node === 0 ? 'host' : cluster.clients[node - 1].name)
  const order = new LogOrder(actorOf, horizon)
  const bounded = new BoundedBytes()
  const refusals = new Refusals(actorOf, (node) => cluster.hostile.has(node), (author) => cluster.isHonest(author))
  const keptOut = new KeptOut(actorOf)
  const shown = new ShownEvents(actorOf, horizon)
  // A client that began anew has forgotten who it was, and what it signed before is on its way still.
  const members = new Map<number, string>()
  const nameOf = (author: number) => (author === 0 ? 'host' : (members.get(author) ?? `author ${author}`))
  const labelOf = (author: number) => (author === 0 ? cluster.hostLabel : nameOf(author))
  const keyOf = (author: number) => (nameOf(author).startsWith('author ') ? undefined : cluster.keyOf(labelOf(author)))
  const oracle = new Oracle({ sessionId: cluster.sessionId, epoch: SESSION_EPOCH, codec: cluster.codec, verifier, keyOf })
  const explanation = explain === undefined ? undefined : new Explanation({
    ...explain, nameOf, peerName: () => (explain.node === 0 ? ORACLE : actorOf(explain.node)),
    tap: cluster.tap, worldOf: (node) => cluster.worldOf(node), cellsOf: (node) => cluster.cellsOf(node) ?? undefined,
    nowUs: () => cluster.nowUs, records,
  })
  const oracleWatch = new OracleWatch(oracle, () => cluster.host.peer.log.position.closedLamport, horizon)
  cluster.watchers.push(horizon, {
    event: (node, event) => {
      if (node !== 0 && event.event === 'sessionOpened') members.set(event.author, actorOf(node))
    },
  })
  const delivery = new Delivery(actorOf, (node) => channelsFor(cluster.transportOf(node) === 'webrtc' ? 'webrtc' : 'quic'))
  const resends = new Resends(cluster.tap)
  const embodiment = new Embodiment(actorOf, (node) => cluster.honestAuthorOf(node), () => cluster.nowUs)
  const markOf = (node: number) => cluster.clients[node - 1].peer.replica?.interestMark
  const sight = new Sight({ interests: cluster.interests, nameOf: actorOf, markOf })
  const staleness = new Staleness(cluster, actorOf)
  const nodeOf = (author: number) => cluster.clients.find(({ name }) => name === members.get(author))?.id
  const isHonest = (author: number) => author === 0 || (nodeOf(author) !== undefined && !cluster.hostile.has(nodeOf(author)!))
  const { sessionId } = cluster
  const security = new Security({ sessionId, verifier, holdings: () => cluster.host.peer.holdings, keyOf, isHonest })
  const durability = new Durability(actorOf, (node) => !cluster.hostile.has(node), horizon)
  cluster.watchers.push(convergence, order, refusals, keptOut, bounded, delivery, resends, embodiment, sight, security, durability)
  const authorOrder = new AuthorOrder(nameOf, (node) => !cluster.hostile.has(node), horizon)
  const libraryOf = (node: number) => (node === 0 ? cluster.host.peer.assets : cluster.clients[node - 1].peer.assets.library)
  const assets = new Assets({ nameOf: actorOf, libraryOf, isAnyHostile: () => cluster.hostile.size > 0 })
  cluster.watchers.push(authorOrder, shown, staleness, oracleWatch, assets)
  if (explanation !== undefined) cluster.watchers.push(explanation)
  return {
    convergence,
    oracle,
    divergence: () => explanation?.divergence(oracle.difference),
    findings(isDone, isSettled) {
      const present = cluster.clients.filter((client) => !client.crashed && client.peer.state === 'live')
      const failures: Failure[] = []
      let mismatch: Mismatch | undefined
      if (convergence.first !== undefined) {
        const { frame, node, hostDigest, clientDigest } = convergence.first
        const message = `${cluster.clients[node - 1].name} confirmed frame ${frame} with digest ${clientDigest}, the host has ${hostDigest}`
        failures.push({ check: 'convergence', message, details: { frame, node } })
        mismatch = { frame, node, message }
      }
      for (const one of [delivery, embodiment, sight, order, authorOrder, refusals, shown]) failures.push(...one.failures)
      failures.push(...resends.failures(), ...assets.failures(isDone ? [0, ...present.map(({ id }) => id)] : []))
      if (isDone) {
        const closed = cluster.clients.filter((client) => !client.crashed && client.peer.state === 'closed')
        failures.push(...bounded.failures(), ...keptOut.failures(closed.map(({ id }) => id)))
      }
      if (isDone && isSettled) {
        staleness.ended(cluster.host.peer.frame)
        oracle.whole(cluster.host.peer.frame, cluster.host.peer.world)
        const views = present.map(({ id, name, peer: { world } }) => ({ name, world, cells: cluster.cellsOf(id) }))
        failures.push(...finalBytes(cluster.host.peer.world, views))
      }
      for (const { message, ...details } of oracle.findings) failures.push({ check: 'oracle', message, details })
      failures.push(...security.failures, ...staleness.failures)
      if (isDone && isSettled) failures.push(...durability.failures(cluster.host.peer.log.position.closedLamport))
      const { difference } = oracle
      // What the host itself has wrong explains the clients that do not share it: it comes first.
      if (difference !== undefined && difference.frame <= (mismatch?.frame ?? Infinity)) {
        const { message, frame } = difference
        mismatch = { frame, node: 0, message }
        failures.sort((a, b) => Number(b.message === message) - Number(a.message === message))
      }
      // Likewise what it has forgotten.
      failures.sort((a, b) => Number(b.details.field === 'forgotten') - Number(a.details.field === 'forgotten'))
      return { failures, mismatch }
    },
  }
}
