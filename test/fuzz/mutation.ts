/**
 * Mutations of valid message bodies, drawn from a seed: bits and bytes, truncations, lengths, splices of two messages, and edits of a
 * decoded field that are encoded again, so that what is wrong is wrong in its meaning alone.
 */
import { MESSAGE_LAYOUTS } from '../../schemas/generated/layout.ts'
import type { Shape, TableLayout } from '../../schemas/layout.ts'
import type { Codec } from '../../system/protocol/codec.ts'
import { type Message, type MessageName, MessageType } from '../../system/protocol/messages.ts'

export interface Body {
  readonly name: MessageName
  readonly bytes: Uint8Array
}

/** xorshift32: a fixed seed and speed are all that is wanted. */
export class Draws {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 0x9e3779b1) >>> 0 || 1
  }
  below(limit: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % limit
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }
}

const EDGE_BYTES = [0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff]
const EDGE_LENGTHS = [0, 1, 3, 255, 256, 1024, 1025, 61_440, 61_441, 0x7fffffff, 0xffffffff]
const EDGE_BIGINTS = [0n, 1n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n]
const FIELD_EDITS_MAX = 3

type Mutate = (body: Body, draws: Draws, corpus: readonly Body[], codec: Codec) => Body

const edited = ({ name, bytes }: Body, edit: (copy: Uint8Array) => void): Body => {
  const copy = bytes.slice()
  if (copy.length > 0) edit(copy)
  return { name, bytes: copy }
}

const flips: Mutate = (body, draws) => edited(body, (bytes) => {
  for (let left = 1 + draws.below(8); left > 0; left--) bytes[draws.below(bytes.length)] ^= 1 << draws.below(8)
})
const edges: Mutate = (body, draws) => edited(body, (bytes) => {
  for (let left = 1 + draws.below(4); left > 0; left--) bytes[draws.below(bytes.length)] = draws.pick(EDGE_BYTES)
})
const truncation: Mutate = ({ name, bytes }, draws) => ({ name, bytes: bytes.slice(0, draws.below(bytes.length + 1)) })
const lengths: Mutate = (body, draws) => edited(body, (bytes) => {
  const at = draws.below(Math.max(1, bytes.length >> 2)) * 4
  if (at + 4 > bytes.length) return
  const view = new DataView(bytes.buffer)
  const value = draws.below(2) === 0 ? draws.pick(EDGE_LENGTHS) : view.getUint32(at, true) + draws.below(9) - 4
  view.setUint32(at, value >>> 0, true)
})
const splice: Mutate = ({ name, bytes }, draws, corpus) => {
  const other = draws.pick(corpus).bytes
  const [cut, from] = [draws.below(bytes.length + 1), draws.below(other.length + 1)]
  const spliced = new Uint8Array(cut + other.length - from)
  spliced.set(bytes.subarray(0, cut))
  spliced.set(other.subarray(from), cut)
  return { name, bytes: spliced }
}
/** A body under the name of another message. */
const disguise: Mutate = ({ bytes }, draws, corpus) => ({ name: draws.pick(corpus).name, bytes })
const fields: Mutate = (body, draws, corpus, codec) => {
  const decoded = codec.decode(MessageType[body.name], body.bytes)
  if (decoded.kind !== 'message') return body
  const message: Record<string, unknown> = structuredClone(decoded.message) as never
  const layout = MESSAGE_LAYOUTS.get(MessageType[body.name])!
  for (let left = 1 + draws.below(FIELD_EDITS_MAX); left > 0; left--) editTable(message, layout, draws)
  try {
    return { name: body.name, bytes: codec.encode(message as unknown as Message) }
  } catch (error) {
    // Fields that contradict each other have no bytes: no codec writes them.
    if (error instanceof RangeError || error instanceof TypeError) return flips(body, draws, corpus, codec)
    throw error
  }
}
const untouched: Mutate = (body) => body

const MUTATIONS: readonly Mutate[] = [flips, edges, truncation, lengths, splice, disguise, fields, fields, fields, fields, untouched]

export const mutated: Mutate = (body, draws, corpus, codec) => draws.pick(MUTATIONS)(body, draws, corpus, codec)

function editTable(row: Record<string, unknown>, layout: TableLayout, draws: Draws): void {
  const { name, shape } = draws.pick(layout.fields)
  row[name] = editedValue(row[name], shape, draws)
}

function editedValue(value: unknown, shape: Shape, draws: Draws): unknown {
  switch (shape.kind) {
    case 'scalar':
      if (shape.type === 'bool') return value !== true
      if (shape.type === 'u64') return draws.pick([...EDGE_BIGINTS, (value as bigint) ^ BigInt(draws.below(16))])
      return draws.pick([shape.min, shape.max, within(value as number + 1, shape), within(value as number - 1, shape), draws.below(64)])
    case 'enum': return draws.pick(shape.names)
    case 'string': return draws.pick(['', 'x'.repeat(draws.below(shape.bytesMax + 1)), String(value).slice(1), `${String(value)}é`])
    case 'bytes': {
      const bytes = (value as Uint8Array).slice()
      if (bytes.length > 0) bytes[draws.below(bytes.length)] ^= 1 << draws.below(8)
      return draws.below(3) === 0 ? bytes.slice(0, draws.below(bytes.length + 1)) : bytes
    }
    case 'vector': {
      const items = [...(value as unknown[])]
      if (items.length === 0) return items
      const at = draws.below(items.length)
      switch (draws.below(4)) {
        case 0: items.splice(at, 1); break
        case 1: items.push(items[at]); break
        case 2: items.reverse(); break
        default: items[at] = editedValue(items[at], shape.of, draws)
      }
      return items
    }
    case 'table':
      if (value !== undefined) editTable(value as Record<string, unknown>, shape, draws)
      return value
    case 'struct': {
      const struct = value as Record<string, number> | undefined
      if (struct === undefined) return value
      const field = draws.pick(Object.keys(struct))
      return { ...struct, [field]: draws.pick([0, 1, struct[field] + 1, 2 ** 31 - 1, 2 ** 32 - 1]) }
    }
  }
}

const within = (value: number, { min, max }: { readonly min: number; readonly max: number }): number => Math.min(max, Math.max(min, value))
