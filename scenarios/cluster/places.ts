/**
 * Where the nodes of a cluster are: which of them are behind translators, and where those meet whom they cannot reach outright. A host
 * behind a translator has a public server beside it (STUN, TURN, the relay), on an interface of its own that is behind nothing.
 */
import { ADDRESSES_MAX, type Address, type Datagram } from '../../sim/net/datagram.ts'
import type { RunNode } from '../../reports/input.ts'
import type { Internet } from '../../sim/net/internet.ts'
import { type EndpointConfig, type MeetingPlaces, TransportEndpoint } from '../../sim/transport/endpoint.ts'
import { Services } from '../../sim/webrtc/services.ts'
import { SIGNALLING_PORT } from '../../sim/webrtc/signalling/limits.ts'
import { TURN_PORT } from '../../sim/webrtc/turn/limits.ts'
import { channelsFor } from '../../system/protocol/channels.ts'
import type { Translator } from './translators.ts'

const HOST = 0
const ACCOUNT = { username: 'peer', password: 'pass' }
const REALM = 'theta.example'

type NetworkOfNode = NonNullable<RunNode['networks']>[number]
type Watched = Pick<EndpointConfig, 'quic' | 'watchQuic' | 'watchWebRtc'>

/** The public server as its node sees it. */
export interface PublicServer {
  readonly address: Address
  receive(datagram: Datagram, nowUs: number): void
  wake(nowUs: number): void
  nextWakeUs(): number
  poll(): Datagram | undefined
}

export class Places {
  readonly server: PublicServer | undefined
  readonly #internet: Internet
  readonly #watched: (node: number) => Watched | undefined
  readonly #meeting: MeetingPlaces | undefined
  /** By node: those that it was in, the present one last. */
  readonly #networks = new Map<number, NetworkOfNode[]>()

  /** @param watched what the transport of a node is told besides, where somebody reads along. */
  constructor(internet: Internet, hostBehind: Translator, watched: (node: number) => Watched | undefined) {
    this.#internet = internet
    this.#watched = watched
    if (hostBehind === 'none') return
    this.#enter(HOST, HOST, hostBehind)
    const address = internet.addInterface(HOST)
    const stunServer = { address, port: TURN_PORT }
    this.server = publicServer(address)
    this.#meeting = { relay: { address, port: SIGNALLING_PORT }, stunServer, turnServer: { server: stunServer, ...ACCOUNT } }
  }

  host(): TransportEndpoint {
    return new TransportEndpoint({
      address: HOST, channels: channelsFor, resolve: () => undefined, accept: ['quic', 'webrtc'], ...this.#watched(HOST),
      ...(this.#meeting !== undefined && { places: this.#meeting }),
    })
  }

  /**
   * A client that knows the host by a name, which may change.
   * @throws {RangeError} where it could never reach the host.
   */
  client(node: number, name: string, over: 'quic' | 'webrtc', behind: Translator, hostName: () => string): TransportEndpoint {
    if (over === 'quic' && this.server !== undefined) {
      throw new RangeError(`join ${name}: the host is behind a translator, where QUIC does not reach it; take over: 'webrtc'`)
    }
    this.#enter(node, node, behind)
    return new TransportEndpoint({
      address: node, channels: channelsFor, accept: [], ...this.#watched(node),
      resolve: (place) => (place === hostName() ? { protocol: over, address: HOST } : undefined),
      ...(this.#meeting !== undefined && { places: this.#meeting }),
    })
  }

  #enter(node: number, address: Address, behind: Translator): void {
    const translator = behind === 'none' ? undefined : { address: this.#internet.addNat(behind, [address]).publicAddress, kind: behind }
    const network = { address, ...(translator !== undefined && { translator }) }
    this.#networks.set(node, [...(this.#networks.get(node) ?? []), network])
  }
  #interfaceOf(node: number): Address {
    return this.#networks.get(node)?.at(-1)?.address ?? node
  }

  /** A client leaves its interface, which goes dark, for a new one. */
  roam(node: number, behind: Translator): Address {
    this.#internet.switch(this.#interfaceOf(node), false)
    const address = this.#internet.addInterface(node)
    this.#enter(node, address, behind)
    return address
  }

  /** Where a node is reached; at the host's, that is also its public server. */
  addressesOf(node: number): readonly Address[] {
    return node === HOST && this.server !== undefined ? [HOST, this.server.address] : [this.#interfaceOf(node)]
  }

  /** Where a node was, for a report. */
  of(node: number): Pick<RunNode, 'interfaces' | 'networks'> {
    const networks = this.#networks.get(node) ?? []
    const isPlain = networks.length <= 1 && networks[0]?.translator === undefined
    return {
      ...(node === HOST && this.server !== undefined && { interfaces: [{ address: this.server.address, name: 'the public server' }] }),
      ...(!isPlain && { networks }),
    }
  }

  /** The translator of a node starts anew: its mappings are gone. @throws {TypeError} where the node is behind none. */
  rebind(node: number, name: string): void {
    const nat = this.#internet.natOf(this.#interfaceOf(node))
    if (nat === undefined) throw new TypeError(`net.rebind: ${name} is behind no translator; join with behind: 'symmetric', say`)
    nat.rebind()
  }
}

function publicServer(address: Address): PublicServer {
  const services = new Services({ address, realm: REALM, users: new Map([[ACCOUNT.username, ACCOUNT.password]]), secret: address })
  let sent = 0
  return {
    address,
    receive: (datagram, nowUs) => services.receive(datagram, nowUs),
    wake: (nowUs) => services.wake(nowUs),
    nextWakeUs: () => services.nextWakeUs(),
    poll: () => {
      const outgoing = services.poll()
      if (outgoing === undefined) return undefined
      const { local, remote, ...rest } = outgoing
      const id = sent++ * ADDRESSES_MAX + address
      return { ...rest, id, from: local.address, fromPort: local.port, to: remote.address, toPort: remote.port }
    },
  }
}
