/**
 * Two hosts and the path between them, on the kernel's clock: where the interop cases are played. The path is that of the public
 * QUIC interop runner's simulator - a delay, a rate, a queue counted in packets, each way - with {@link Conditions} before it.
 */
import { assert } from '../../sim/assert.ts'
import { type Chooser, odds, SeededChooser, type Seed } from '../../sim/choice.ts'
import type { Datagram, Ecn } from '../../sim/net/datagram.ts'
import { Internet } from '../../sim/net/internet.ts'
import type { Nat } from '../../sim/net/nat.ts'
import { NETWORK_NODE, Trace } from '../../sim/trace.ts'
import { Kernel, type SimNode } from '../../sim/world.ts'
import type { Conditions } from './conditions.ts'

export const CLIENT = 0
export const SERVER = 1

/** Bytes of an IP packet of full size: what one place in the queue is worth. */
const PACKET_BYTES = 1_500

/** The seed makes the path longer by less than that, so that timers and arrivals meet in another order with each. */
const DETOUR_US_MAX = 1_000
const DETOUR = odds('interop.detour', Array.from({ length: DETOUR_US_MAX }, () => 1))

export interface PathSettings {
  /** One way, but for the seed's detour. */
  readonly delayUs: number
  readonly bitsPerSecond: number
  /** Packets of full size that the queue holds. */
  readonly queuePackets: number
}

/** A datagram as it entered the network. */
export interface SentDatagram {
  readonly node: number
  readonly bytes: number
  readonly ecn: Ecn
  readonly protocol: string
  readonly contents: string
}

/** Who takes part: a node of the kernel that gives its datagrams to {@link Lab.send}. */
export type Host = SimNode<Datagram>

export class Lab {
  readonly chooser: Chooser
  readonly trace = new Trace('chain')
  readonly kernel: Kernel<Datagram>
  readonly internet: Internet
  readonly hosts: Host[] = []
  /** Every datagram as it entered the network, in order, but for its bytes. */
  readonly sent: SentDatagram[] = []
  datagrams = 0
  lost = 0
  corrupted = 0
  #conditions: Conditions = {}
  /** What is to be done when, the first first. */
  readonly #actions: { readonly atUs: number; readonly act: () => void }[] = []

  constructor(seed: Seed, { delayUs, bitsPerSecond, queuePackets }: PathSettings) {
    this.chooser = new SeededChooser(seed)
    const latencyUs = delayUs + this.chooser.choose(DETOUR, 0, 0)
    this.kernel = new Kernel<Datagram>({
      trace: this.trace,
      undelivered: ({ id, from, to }, node) =>
        this.trace.record(this.kernel.nowUs, node, { kind: 'lost', datagram: id, from, to, why: 'down' }),
    })
    this.internet = new Internet({
      chooser: this.chooser,
      deliver: (atUs, node, datagram) => this.kernel.deliver(atUs, node, datagram),
      sink: (record) => {
        if (record.kind === 'lost') this.lost++
        this.trace.record(this.kernel.nowUs, NETWORK_NODE, record)
      },
      defaults: {
        latencyUsMin: latencyUs, latencyUsMax: latencyUs, bandwidthBytesPerSecond: bitsPerSecond / 8,
        queueBytesMax: queuePackets * PACKET_BYTES, queuePacketsMax: queuePackets,
      },
    })
  }

  get nowUs(): number {
    return this.kernel.nowUs
  }

  /** The translator that a host is behind. */
  nat(node: number): Nat {
    const nat = this.internet.natOf(node)
    assert(nat !== undefined, 'the case has put it there')
    return nat
  }

  set conditions(conditions: Conditions) {
    this.#conditions = conditions
  }

  /** The client comes first, then the server. */
  add(host: Host): void {
    this.hosts.push(host)
    this.kernel.addNode(host)
  }

  /** Gives a datagram of a host to the network. */
  send(datagram: Datagram, nowUs: number): void {
    this.datagrams++
    const { from, bytes, ecn, label } = datagram
    this.sent.push({ node: this.internet.nodeOf(from), bytes: bytes.length, ecn, protocol: label.protocol, contents: label.contents })
    const isToServer = this.internet.nodeOf(datagram.from) === CLIENT
    const condition = isToServer ? this.#conditions.toServer : this.#conditions.toClient
    const onward = condition === undefined ? datagram : condition(datagram, nowUs)
    if (onward === undefined) return this.internet.lose(datagram, 'drop')
    if (onward !== datagram) this.corrupted++
    this.internet.send(onward, nowUs)
  }

  /** What arrives at a host; undefined where a translator keeps it. */
  arrived(datagram: Datagram): Datagram | undefined {
    return this.internet.arrived(datagram, this.nowUs)
  }

  /** Does something at an instant, now or later, before the events of that instant. */
  at(atUs: number, act: () => void): void {
    const index = this.#actions.findIndex((action) => action.atUs > atUs)
    this.#actions.splice(index < 0 ? this.#actions.length : index, 0, { atUs, act })
  }

  /** Lets time pass until the condition holds, or for so long. */
  run(forUs: number, until?: () => boolean): void {
    const untilUs = this.nowUs + forUs
    for (;;) {
      for (let node = 0; node < this.hosts.length; node++) this.kernel.touch(node)
      const nextUs = Math.min(untilUs, this.#actions[0]?.atUs ?? Infinity)
      const end = this.kernel.run(nextUs, until)
      assert(end.kind !== 'limit', 'a case is within the bounds of the kernel')
      if (end.kind === 'satisfied' || nextUs === untilUs) return
      this.#actions.shift()!.act()
    }
  }
}
