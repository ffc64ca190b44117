/**
 * Who is where: the addresses of nodes, the translators that some of them are behind, and the links between. It stands around
 * the {@link Fabric}: a datagram is translated on its way out, crosses the link between the two interfaces that it really
 * travels between, and is translated back, or filtered, when it arrives.
 *
 *     send ── outbound NAT ──> Fabric: the link of the two interfaces ──> deliver(atUs, node, datagram) ── arrived: inbound NAT ──> node
 */
import type { Address, Datagram, SocketAddress } from './datagram.ts'
import { Fabric, type FabricConfig } from './fabric.ts'
import type { Link } from './link.ts'
import { Nat, NAT_SETTINGS, type NatKind, type NatSettings } from './nat.ts'
import type { LossReason, NetRecord } from './records.ts'

/** Nodes have the addresses [0, 2048), by index; their further interfaces those above. */
const NODE_ADDRESSES_MAX = 2_048
/** Public addresses of translators: [3840, 4096). */
export const NAT_ADDRESS_MIN = 3_840
const NATS_MAX = 256

export interface InternetConfig extends Omit<FabricConfig, 'deliver'> {
  /** `node` is the one that gets the datagram, which is to be shown to {@link Internet.arrived} at that instant. */
  readonly deliver: (atUs: number, node: number, datagram: Datagram) => void
  /** Shown every datagram that is sent, with the addresses that it has behind its sender's translator, before anything happens to it. */
  readonly leaving?: ((datagram: Datagram, nowUs: number) => void) | undefined
}

export class Internet {
  readonly fabric: Fabric
  readonly #sink: (record: NetRecord) => void
  readonly #leaving: InternetConfig['leaving']
  /** The translator that an interface is behind, and the one that has a public address. */
  readonly #outside = new Map<Address, Nat>()
  readonly #translators = new Map<Address, Nat>()
  /** Nodes of interfaces that are not a node's first. */
  readonly #owners = new Map<Address, number>()
  /** Interfaces that are switched off. */
  readonly #dark = new Set<Address>()
  #interfaces = 0
  #publicAddresses = 0

  constructor({ deliver, leaving, ...config }: InternetConfig) {
    this.#sink = config.sink
    this.#leaving = leaving
    this.fabric = new Fabric({
      ...config,
      deliver: (atUs, datagram) => deliver(atUs, this.nodeOf((datagram.via ?? datagram).to), datagram),
    })
  }

  /** The node whose interface that is; a node's first address is its index. */
  nodeOf(address: Address): number {
    return this.#owners.get(address) ?? address
  }

  /** Gives a node one more interface, and returns its address. */
  addInterface(node: number): Address {
    const address = NODE_ADDRESSES_MAX + this.#interfaces
    const interfacesMax = NAT_ADDRESS_MIN - NODE_ADDRESSES_MAX
    if (this.#interfaces >= interfacesMax) throw new RangeError(`interfaces: expected at most ${interfacesMax} further ones`)
    this.#interfaces++
    this.#owners.set(address, node)
    return address
  }

  /** Switches an interface off, or on again: what is off neither sends nor receives. */
  switch(address: Address, isOn: boolean): void {
    if (isOn) this.#dark.delete(address)
    else this.#dark.add(address)
  }

  /** Puts interfaces behind a new translator. Throws a RangeError where one of them is behind another already. */
  addNat(kind: NatKind | NatSettings, inside: readonly Address[]): Nat {
    const behind = inside.find((address) => this.#outside.has(address))
    if (behind !== undefined) throw new RangeError(`nat: interface ${behind} is behind a translator already`)
    const nat = new Nat(this.#nextPublicAddress(), typeof kind === 'string' ? NAT_SETTINGS[kind] : kind)
    this.#translators.set(nat.publicAddress, nat)
    for (const address of inside) this.#outside.set(address, nat)
    return nat
  }

  /** Gives a translator another public address, as a provider does to a home: its mappings are gone, the old address is nobody's. */
  readdress(nat: Nat): void {
    this.#translators.delete(nat.publicAddress)
    nat.publicAddress = this.#nextPublicAddress()
    nat.rebind()
    this.#translators.set(nat.publicAddress, nat)
  }

  #nextPublicAddress(): Address {
    if (this.#publicAddresses >= NATS_MAX) throw new RangeError(`nat: expected at most ${NATS_MAX} public addresses`)
    return NAT_ADDRESS_MIN + this.#publicAddresses++
  }

  /** The translator that the interface is behind. */
  natOf(address: Address): Nat | undefined {
    return this.#outside.get(address)
  }

  send(datagram: Datagram, nowUs: number): void {
    const { from, to } = datagram
    const isPlain = from === to || (this.#outside.size === 0 && this.#dark.size === 0)
    if (!isPlain) return this.#route(datagram, nowUs)
    this.#leaving?.(datagram, nowUs)
    if (from === to) this.fabric.loop(datagram, nowUs)
    else this.fabric.send(datagram, nowUs)
  }

  #route(datagram: Datagram, nowUs: number): void {
    const { from, to } = datagram
    const own = this.#outside.get(from)
    // Nodes behind the same translator see each other's inside addresses; nobody else does.
    const isLocal = own === this.#outside.get(to)
    const translator = this.#translators.get(to)
    const receiver = translator === undefined ? to : (translator.insideOf(datagram.toPort, nowUs)?.address ?? to)
    const link = this.fabric.link(from, receiver)
    const isDark = this.#dark.has(from) || this.#dark.has(receiver)
    // The mapping is made and refreshed by what leaves, wherever that ends.
    const fromPort = isLocal || isDark ? undefined : own?.outbound(socket(from, datagram.fromPort), socket(to, datagram.toPort), nowUs)
    const isDirect = fromPort === undefined && receiver === to
    const outside = fromPort === undefined ? datagram : { ...datagram, from: own!.publicAddress, fromPort }
    const routed = isDirect ? datagram : { ...outside, via: { from, to: receiver } }
    this.#leaving?.(routed, nowUs)
    if (isDark) return this.fabric.lose(datagram, link, 'down')
    if (!isLocal && this.#outside.has(to)) return this.fabric.lose(datagram, link, 'nat')
    if (receiver === to && to >= NAT_ADDRESS_MIN) return this.fabric.lose(datagram, link, 'nat')
    if (own !== undefined && own === translator && !own.settings.hairpinning) return this.fabric.lose(datagram, link, 'nat')
    this.fabric.send(routed, nowUs, link)
  }

  /** Sends a datagram that gets no further. */
  lose(datagram: Datagram, why: LossReason): void {
    this.fabric.lose(datagram, this.fabric.link(datagram.from, datagram.to), why)
  }

  /** The datagram as its node gets it; undefined where a translator keeps it or the interface is off. */
  arrived(datagram: Datagram, nowUs: number): Datagram | undefined {
    const { via } = datagram
    if (this.#dark.has((via ?? datagram).to)) return this.#lose(datagram, 'down')
    if (datagram.to < NAT_ADDRESS_MIN) {
      this.fabric.arrived(datagram)
      return datagram
    }
    const inside = this.#translators.get(datagram.to)?.inbound(datagram.toPort, socket(datagram.from, datagram.fromPort), nowUs)
    if (inside === undefined || inside.address !== via!.to) return this.#lose(datagram, 'nat')
    this.fabric.arrived(datagram)
    return { ...datagram, to: inside.address, toPort: inside.port }
  }

  #lose(datagram: Datagram, why: LossReason): undefined {
    const { from, to } = datagram.via ?? datagram
    this.#sink({ kind: 'lost', datagram: datagram.id, from, to, why })
    return undefined
  }

  /** The link of that direction; see {@link Fabric.link}. */
  link(from: Address, to: Address): Link {
    return this.fabric.link(from, to)
  }
  get links(): readonly Link[] {
    return this.fabric.links
  }
  /** Clears every fault of every link. An interface that is off is no fault: its node has left it. */
  heal(): void {
    this.fabric.heal()
  }
}

const socket = (address: Address, port: number): SocketAddress => ({ address, port })
