/**
 * A network address translator as RFC 4787 describes them: how it maps an inside socket to a port of its public address, whom it
 * lets answer, how long a mapping lives. It holds no clock; what it decides depends on the datagrams that crossed it and their times.
 */
import { mix32 } from '../choice.ts'
import type { Address, SocketAddress } from './datagram.ts'

/** Section 4.1 (mapping) and section 5 (filtering): what of the remote socket counts. */
export type NatDependence = 'endpointIndependent' | 'addressDependent' | 'addressAndPortDependent'

export interface NatSettings {
  readonly mapping: NatDependence
  readonly filtering: NatDependence
  /** Section 4.2.1: a mapping takes the port of the inside socket where that is free. */
  readonly portPreservation: boolean
  /** Section 6: two nodes behind the same translator reach each other by its public address. */
  readonly hairpinning: boolean
  /** Section 4.3, REQ-5 asks for two minutes at least; many give less. */
  readonly lifetimeUs: number
  /** Section 4.3, REQ-6: outbound traffic always refreshes a mapping; whether inbound traffic does too. */
  readonly inboundRefresh: boolean
}

/** The names of RFC 3489, section 5, that people still use. */
export const NAT_KINDS = ['fullCone', 'restricted', 'portRestricted', 'symmetric'] as const
export type NatKind = (typeof NAT_KINDS)[number]

const CONE: NatSettings = {
  mapping: 'endpointIndependent', filtering: 'endpointIndependent', portPreservation: true, hairpinning: true,
  lifetimeUs: 120_000_000, inboundRefresh: true,
}
export const NAT_SETTINGS: Readonly<Record<NatKind, NatSettings>> = {
  fullCone: CONE,
  restricted: { ...CONE, filtering: 'addressDependent' },
  portRestricted: { ...CONE, filtering: 'addressAndPortDependent' },
  symmetric: { ...CONE, mapping: 'addressAndPortDependent', filtering: 'addressAndPortDependent', portPreservation: false },
}

/** Ports that mappings take: those that RFC 4787, section 4.2.2 (REQ-3) keeps apart from the well-known ones. */
const PORT_MIN = 1_024
const PORTS = 65_536 - PORT_MIN
/** Mappings at once. A translator that is full forgets the one that was used least recently. */
const MAPPINGS_MAX = 4_096
/** Remote sockets that one mapping has sent to; the oldest is forgotten. */
const PERMISSIONS_MAX = 1_024

interface Mapping {
  readonly inside: SocketAddress
  readonly port: number
  readonly key: string
  usedUs: number
  /** Whom it sent to, as the filter counts them. */
  readonly permitted: Set<string>
}

export class Nat {
  publicAddress: Address
  readonly settings: NatSettings
  /** By inside socket, and remote where the mapping depends on it; the least recently made first. */
  readonly #byKey = new Map<string, Mapping>()
  readonly #byPort = new Map<number, Mapping>()
  /** Rises with each {@link rebind}, so that ports differ afterwards. */
  #generation = 0

  /** Throws a RangeError on a lifetime that is no positive integer of microseconds. */
  constructor(publicAddress: Address, settings: NatSettings) {
    if (!Number.isSafeInteger(settings.lifetimeUs) || settings.lifetimeUs <= 0) {
      throw new RangeError(`nat lifetimeUs: expected a positive integer, got ${settings.lifetimeUs}`)
    }
    this.publicAddress = publicAddress
    this.settings = settings
  }

  /** Mappings that are remembered; some may have outlived their time. */
  get mappings(): number {
    return this.#byKey.size
  }

  /** The public port under which the remote socket sees the inside one. Makes, or refreshes, the mapping and the permission to answer. */
  outbound(inside: SocketAddress, remote: SocketAddress, nowUs: number): number {
    const key = `${inside.address}:${inside.port}>${part(this.settings.mapping, remote)}`
    let mapping = this.#byKey.get(key)
    if (mapping !== undefined && !this.#isAlive(mapping, nowUs)) {
      this.#forget(mapping)
      mapping = undefined
    }
    mapping ??= this.#map(inside, key, nowUs)
    mapping.usedUs = nowUs
    const { permitted } = mapping
    const permission = part(this.settings.filtering, remote)
    if (!permitted.has(permission)) {
      if (permitted.size >= PERMISSIONS_MAX) permitted.delete(permitted.values().next().value!)
      permitted.add(permission)
    }
    return mapping.port
  }

  /** Whose port that is; undefined where nobody's, or no longer. Says nothing of the filter. */
  insideOf(port: number, nowUs: number): SocketAddress | undefined {
    const mapping = this.#byPort.get(port)
    return mapping !== undefined && this.#isAlive(mapping, nowUs) ? mapping.inside : undefined
  }

  /** The inside socket that gets what the remote one sends to the port; undefined where the filter, or nobody, takes it. */
  inbound(port: number, remote: SocketAddress, nowUs: number): SocketAddress | undefined {
    const mapping = this.#byPort.get(port)
    if (mapping === undefined || !this.#isAlive(mapping, nowUs)) return undefined
    if (!mapping.permitted.has(part(this.settings.filtering, remote))) return undefined
    if (this.settings.inboundRefresh) mapping.usedUs = nowUs
    return mapping.inside
  }

  /** It starts anew, as after a power cut: every mapping is gone, and the next ones get other ports. */
  rebind(): void {
    this.#byKey.clear()
    this.#byPort.clear()
    this.#generation++
  }

  #isAlive({ usedUs }: Mapping, nowUs: number): boolean {
    return nowUs - usedUs < this.settings.lifetimeUs
  }

  #map(inside: SocketAddress, key: string, nowUs: number): Mapping {
    if (this.#byKey.size >= MAPPINGS_MAX) {
      let oldest: Mapping | undefined
      for (const mapping of this.#byKey.values()) if (oldest === undefined || mapping.usedUs < oldest.usedUs) oldest = mapping
      this.#forget(oldest!)
    }
    const mapping: Mapping = { inside, port: this.#freePort(inside, key, nowUs), key, usedUs: nowUs, permitted: new Set() }
    this.#byKey.set(key, mapping)
    this.#byPort.set(mapping.port, mapping)
    return mapping
  }

  #freePort({ address, port }: SocketAddress, key: string, nowUs: number): number {
    if (this.settings.portPreservation && this.#generation === 0 && this.#isFree(port, nowUs)) return port
    // Without an order that others could guess, and the same whatever else is mapped.
    let seed = mix32(mix32(this.publicAddress, this.#generation), mix32(address, port))
    for (let i = 0; i < key.length; i++) seed = mix32(seed, key.charCodeAt(i))
    for (let probe = seed % PORTS; ; probe = (probe + 1) % PORTS) {
      if (this.#isFree(PORT_MIN + probe, nowUs)) return PORT_MIN + probe
    }
  }

  #isFree(port: number, nowUs: number): boolean {
    const taken = this.#byPort.get(port)
    if (taken === undefined) return true
    if (this.#isAlive(taken, nowUs)) return false
    this.#forget(taken)
    return true
  }

  #forget(mapping: Mapping): void {
    this.#byKey.delete(mapping.key)
    this.#byPort.delete(mapping.port)
  }
}

function part(dependence: NatDependence, { address, port }: SocketAddress): string {
  if (dependence === 'endpointIndependent') return ''
  return dependence === 'addressDependent' ? `${address}` : `${address}:${port}`
}
