/** How connections came about, and which way they took. */
import type { RunNode, RunRecord } from './input.ts'

export interface ConnectionRow {
  /** Both ends' number for it, as datagrams are labelled. */
  readonly connection: number
  readonly over: string
  /** Who began it, and with whom. */
  readonly from: string
  readonly to: string
  readonly beganAtUs: number
  /** From then until the first datagram of DTLS was sent, over the path that ICE had found; null where there was none. */
  readonly pathUs: number | null
  /** Until the first of SCTP was, behind the handshake of DTLS; null where there was none. */
  readonly handshakeUs: number | null
  /** Until the first message of the application was; null where there was none. */
  readonly messageUs: number | null
  /** Which way the messages of the one who began took, and when that changed: 'direct', or what they went through, and whence. */
  readonly paths: readonly { readonly way: string; readonly atUs: number }[]
}

type Mutable = { -readonly [K in keyof ConnectionRow]: ConnectionRow[K] } & { readonly paths: { way: string; atUs: number }[] }
type Sent = Extract<RunRecord, { readonly kind: 'sent' }>

/** How often a path may change before the rest is left out. */
const PATHS_MAX = 16
const APPLICATION: readonly string[] = ['stream', 'message', 'fragment']

export class Connections {
  readonly #names: ReadonlyMap<number, string>
  /** How manieth network of its node an interface is in, from 0 on. */
  readonly #networks: ReadonlyMap<number, number>
  readonly #through: ReadonlyMap<number, string>
  readonly #rows = new Map<number, Mutable>()

  constructor(nodes: readonly RunNode[]) {
    const addresses = ({ id, networks = [] }: RunNode): number[] => [id, ...networks.map(({ address }) => address)]
    this.#names = new Map(nodes.flatMap((node) => addresses(node).map((address) => [address, node.name])))
    this.#networks = new Map(nodes.flatMap(({ networks = [] }) => networks.map(({ address }, index) => [address, index])))
    this.#through = new Map(nodes.flatMap(({ interfaces = [] }) => interfaces.map(({ address, name }) => [address, name])))
  }

  sent(sent: Sent): void {
    const { connection, from, to, protocol, contents, atUs } = sent
    const sender = this.#names.get(from)
    // Signalling that is about no connection has the number 0.
    if (connection === 0 || sender === undefined) return
    let row = this.#rows.get(connection)
    if (row === undefined) {
      row = {
        connection, over: protocol, from: sender, to: '', beganAtUs: atUs, pathUs: null, handshakeUs: null, messageUs: null, paths: [],
      }
      this.#rows.set(connection, row)
    }
    if (row.to === '') row.to = [sender, this.#names.get(to)].find((name) => name !== undefined && name !== row.from) ?? ''
    const tookUs = atUs - row.beganAtUs
    if (contents.startsWith('dtls')) row.pathUs ??= tookUs
    else if (contents === 'init') row.handshakeUs ??= tookUs
    else if (APPLICATION.includes(contents)) {
      row.messageUs ??= tookUs
      if (sender === row.from) this.#path(row.paths, sent)
    }
  }

  /** In the order in which they began. */
  rows(): ConnectionRow[] {
    return [...this.#rows.values()]
  }

  /** A translator that lets nothing through leaves the path what it was. */
  #path(paths: Mutable['paths'], { from, to, atUs }: Sent): void {
    const through = this.#through.get(to)
    if (through === undefined && !this.#names.has(to)) return
    const network = this.#networks.get(from) ?? 0
    const way = `${through === undefined ? 'direct' : `through ${through}`}${network === 0 ? '' : ` in network ${network + 1}`}`
    if (way !== paths.at(-1)?.way && paths.length < PATHS_MAX) paths.push({ way, atUs })
  }
}
