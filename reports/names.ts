/** Who is who in a whole trace, for sentences about it: nodes, authors and the commands that they signed. */
import { eventOf, type RowWrite, type RunNode, type RunRecord } from './input.ts'
import { milliseconds } from './percentiles.ts'

const HOST_AUTHOR = 0

export class Names {
  readonly host: number
  readonly #nodes: ReadonlyMap<number, string>
  readonly #nodeOf = new Map<number, number>()
  /** By author and Lamport time. */
  readonly #commands = new Map<string, string>()

  constructor(records: readonly RunRecord[], nodes: readonly RunNode[]) {
    this.host = nodes.find(({ role }) => role === 'host')?.id ?? 0
    this.#nodes = addressNames(nodes)
    this.#nodeOf.set(HOST_AUTHOR, this.host)
    for (const record of records) {
      if (record.kind !== 'note') continue
      const event = eventOf(record)
      // A peer's own word counts most; it may never have heard what the host calls it.
      if (event.event === 'sessionOpened') {
        const named = nodes.find(({ name }) => name === event.displayName)?.id
        if (record.node !== this.host) this.#nodeOf.set(event.author, record.node)
        else if (named !== undefined && !this.#nodeOf.has(event.author)) this.#nodeOf.set(event.author, named)
      } else if (event.event === 'commandSigned') this.#commands.set(`${event.author} ${event.lamport}`, event.command)
    }
  }

  /** Or what has such an address: 'the public server', "ana's translator". 'the network' for what belongs to no node. */
  node(node: number): string {
    return this.#nodes.get(node) ?? (node < 0 ? 'the network' : `node ${node}`)
  }
  /** As the subject of a sentence: 'the host', 'ana'. */
  who(node: number): string {
    return node === this.host ? 'the host' : this.node(node)
  }
  nodeOf(author: number): number | undefined {
    return this.#nodeOf.get(author)
  }
  author(author: number): string {
    const node = this.#nodeOf.get(author)
    return node === undefined ? `author ${author}` : this.node(node)
  }
  /** "ana's entity.translate at lamport 41" */
  command(author: number, lamport: number): string {
    return `${this.author(author)}'s ${this.#commands.get(`${author} ${lamport}`) ?? 'command'} at lamport ${lamport}`
  }
}

/** By address: nodes, where they were, what else they have, and what they are behind. */
export const addressNames = (nodes: readonly Omit<RunNode, 'role' | 'transport'>[]): ReadonlyMap<number, string> =>
  new Map(nodes.flatMap(({ id, name, interfaces = [], networks = [] }) => [
    [id, name] as const, ...interfaces.map((one) => [one.address, one.name] as const),
    ...networks.flatMap(({ address, translator }, index) => {
      const place = index === 0 ? '' : ` in network ${index + 1}`
      const itself = [address, `${name}${place}`] as const
      return translator === undefined ? [itself] : [itself, [translator.address, `${name}'s translator${place}`] as const]
    }),
  ]))

/** What wrote a row: "ana's entity.translate at lamport 41", 'the delta of frame 57', 'snapshot 2'; 'removed by ...' where it ended. */
export function writeInWords({ cause, removed }: Pick<RowWrite, 'cause' | 'removed'>, names: Names): string {
  return `${removed ? 'removed by' : 'written by'} ${causeInWords(cause, names)}`
}

export function causeInWords(cause: RowWrite['cause'], names: Names): string {
  switch (cause.by) {
    case 'command': return names.command(cause.author, cause.lamport)
    case 'delta': return `the delta of frame ${cause.frame}`
    case 'runtime': return `the host's runtime in frame ${cause.frame}`
    case 'snapshot': return `snapshot ${cause.snapshotId}`
  }
}

export const at = (atUs: number): string => `at ${milliseconds(atUs)} ms`
