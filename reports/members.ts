/** Who is who: nodes of the network, authors of the session, and who is in it at a moment. */
import { hostNode, type RunNode, type SessionOpened } from './input.ts'

const HOST_AUTHOR = 0
/** The author that stands for one whom the handshake has not named yet. */
const UNKNOWN_AUTHOR = 1023

export class Members {
  readonly host: number
  readonly #nodes: ReadonlyMap<number, RunNode>
  readonly #names = new Map<number, string>([[UNKNOWN_AUTHOR, 'unknown']])
  readonly #present = new Set<number>()

  constructor(nodes: readonly RunNode[]) {
    this.host = hostNode(nodes)
    this.#nodes = new Map(nodes.map((node) => [node.id, node]))
    this.#names.set(HOST_AUTHOR, this.nodeName(this.host))
  }

  get peers(): readonly RunNode[] {
    return [...this.#nodes.values()].filter(({ id }) => id !== this.host)
  }
  /** Peers that are in the session. */
  get present(): ReadonlySet<number> {
    return this.#present
  }
  nodeName(node: number): string {
    return this.#nodes.get(node)?.name ?? `node ${node}`
  }
  /** 'host' for the host, which needs none. */
  transportOf(node: number): string {
    return node === this.host ? 'host' : this.#nodes.get(node)?.transport ?? 'none'
  }
  authorName(author: number): string {
    return this.#names.get(author) ?? `author ${author}`
  }

  /** A peer's own word on which author it is counts most; the host has the name that the peer gave. */
  opened(node: number, { author, displayName }: SessionOpened): void {
    if (node !== this.host) this.#names.set(author, this.nodeName(node))
    else if (!this.#names.has(author)) this.#names.set(author, displayName)
  }
  joined(node: number): void {
    this.#present.add(node)
  }
  closed(node: number): void {
    this.#present.delete(node)
  }
}
