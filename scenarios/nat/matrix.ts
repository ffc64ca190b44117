/**
 * The NAT matrix: two peers meet through a signalling relay and ICE, each behind a translator of every kind, without and with TURN,
 * and both behind the same one. Every meeting is a run of its own: the kernel, an internet, three nodes.
 *
 *     caller ── NAT ──┐
 *                     ├── server: STUN, TURN, signalling
 *     callee ── NAT ──┘
 */
import type { NatCell, NatMatrix } from '../../reports/natmatrix.ts'
import { SeededChooser } from '../../sim/choice.ts'
import type { Datagram } from '../../sim/net/datagram.ts'
import { Internet } from '../../sim/net/internet.ts'
import { NAT_KINDS, type NatKind } from '../../sim/net/nat.ts'
import { NETWORK_NODE, Trace } from '../../sim/trace.ts'
import type { OutgoingDatagram } from '../../sim/transport/session.ts'
import { PATIENCE_US_MAX } from '../../sim/webrtc/ice/limits.ts'
import { Services } from '../../sim/webrtc/services.ts'
import { Kernel, type SimNode } from '../../sim/world.ts'
import { ACCOUNT, MeetingPeer } from './peer.ts'

export type NatPosition = 'none' | NatKind
const POSITIONS: readonly NatPosition[] = ['none', ...NAT_KINDS]

const CALLER = 0
const CALLEE = 1
const SERVER = 2
/** Of every link, one way. */
const LATENCY_US = 10_000
const MEETING_US_MAX = 2 * PATIENCE_US_MAX

export interface MeetingOptions {
  readonly seed: number
  readonly caller: NatPosition
  readonly callee: NatPosition
  /** The callee is behind the caller's translator; `hidden`: and neither tells the other its inside address. */
  readonly shared: NatCell['shared']
  readonly turn: boolean
  /** Of every link, in parts per million. */
  readonly dropPpm: number
}

/** A node that answers whatever reaches it. */
class ServerNode implements SimNode<Datagram> {
  readonly #services: Services
  readonly #send: (datagram: OutgoingDatagram, nowUs: number) => void
  readonly #arrived: (datagram: Datagram, nowUs: number) => Datagram | undefined

  constructor(
    secret: number, send: (datagram: OutgoingDatagram, nowUs: number) => void,
    arrived: (datagram: Datagram, nowUs: number) => Datagram | undefined,
  ) {
    const { username, password } = ACCOUNT
    this.#services = new Services({ address: SERVER, realm: 'nat.example', users: new Map([[username, password]]), secret })
    this.#send = send
    this.#arrived = arrived
  }

  deliver(datagram: Datagram, nowUs: number): void {
    const arrived = this.#arrived(datagram, nowUs)
    if (arrived !== undefined) this.#services.receive(arrived, nowUs)
    this.#drain(nowUs)
  }
  wake(nowUs: number): void {
    this.#services.wake(nowUs)
    this.#drain(nowUs)
  }
  nextWakeUs(): number {
    return this.#services.nextWakeUs()
  }

  #drain(nowUs: number): void {
    for (let datagram = this.#services.poll(); datagram !== undefined; datagram = this.#services.poll()) this.#send(datagram, nowUs)
  }
}

/** One meeting, from the instant at which both peers are switched on until both have a path or have given up. */
export function meet({ seed, caller, callee, shared, turn, dropPpm }: MeetingOptions): NatCell {
  const trace = new Trace('chain')
  const net = new Internet({
    chooser: new SeededChooser(seed), defaults: { latencyUsMin: LATENCY_US, latencyUsMax: LATENCY_US, dropPpm },
    sink: (record) => trace.record(kernel.nowUs, NETWORK_NODE, record),
    deliver: (atUs, node, datagram) => kernel.deliver(atUs, node, datagram),
  })
  const kernel = new Kernel<Datagram>({
    trace,
    undelivered: ({ id, from, to }) => trace.record(kernel.nowUs, NETWORK_NODE, { kind: 'lost', datagram: id, from, to, why: 'down' }),
  })
  if (caller !== 'none') net.addNat(caller, shared === 'no' ? [CALLER] : [CALLER, CALLEE])
  if (shared === 'no' && callee !== 'none') net.addNat(callee, [CALLEE])
  let sent = 0
  const send = ({ local, remote, ...rest }: OutgoingDatagram, nowUs: number): void =>
    net.send({ ...rest, id: sent++, from: local.address, fromPort: local.port, to: remote.address, toPort: remote.port }, nowUs)
  const arrived = (datagram: Datagram, nowUs: number): Datagram | undefined => net.arrived(datagram, nowUs)
  const common = { seed, server: SERVER, turn, hidesHost: shared === 'hidden', send, arrived }
  const peers = [
    new MeetingPeer({ ...common, node: CALLER, name: 'caller', calls: 'callee' }),
    new MeetingPeer({ ...common, node: CALLEE, name: 'callee', calls: undefined }),
  ]
  for (const node of [...peers, new ServerNode(seed, send, arrived)]) kernel.addNode(node)
  kernel.run(MEETING_US_MAX, () => peers.every(({ isSettled }) => isSettled))
  const selected = peers[CALLER].agent.selected
  const isConnected = peers.every(({ agent }) => agent.selected !== undefined)
  return {
    caller, callee, shared, turn, isExpected: turn || canMeet(caller, callee, shared), isConnected,
    pair: isConnected && selected !== undefined ? [selected.local.type, selected.remote.type] : undefined,
    milliseconds: Math.round(kernel.nowUs / 1_000), checks: peers.reduce((sum, { agent }) => sum + agent.checksSent, 0),
  }
}

/** A symmetric translator's ports are foretold by nobody, so that the other side must not mind which one it hears from. */
function canMeet(caller: NatPosition, callee: NatPosition, shared: NatCell['shared']): boolean {
  if (shared === 'told') return true
  const isStrict = (position: NatPosition): boolean => position === 'symmetric' || position === 'portRestricted'
  return !((caller === 'symmetric' && isStrict(callee)) || (callee === 'symmetric' && isStrict(caller)))
}

/** Every kind against every kind without and with TURN, and every kind shared: 58 meetings. A function of its arguments. */
export function natMatrix(seed: number, dropPpm = 0): NatMatrix {
  const cells: NatCell[] = []
  for (const turn of [false, true]) {
    for (const caller of POSITIONS) {
      for (const callee of POSITIONS) cells.push(meet({ seed, caller, callee, shared: 'no', turn, dropPpm }))
    }
  }
  for (const kind of NAT_KINDS) {
    for (const shared of ['told', 'hidden'] as const) cells.push(meet({ seed, caller: kind, callee: kind, shared, turn: false, dropPpm }))
  }
  return { kinds: POSITIONS, cells }
}
