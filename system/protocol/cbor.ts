/**
 * The debug form of messages: CBOR (RFC 8949) in its core deterministic encoding, driven by the same layouts as FlatBuffers,
 * so that the two forms cannot drift. A table or struct is a map by field name, an enum its name, bytes a byte string; a
 * struct or table that is absent is left out, every other field is there. There is one encoding of a value, and only that
 * one is read: depth and keys are the layout's, never the sender's.
 */
import { encode, rfc8949EncodeOptions, type Token, Tokenizer, Type } from 'cborg'
import type { Shape, StructLayout, TableLayout } from '../../schemas/layout.ts'
import { utf8Text } from './utf8.ts'

const NO_BYTES = new Uint8Array(0)

type Row = Readonly<Record<string, unknown>>
export type ReadCbor = { readonly kind: 'value'; readonly value: Row } | { readonly kind: 'malformed'; readonly why: string }

const TOKENS = { strict: true, allowBigInt: true, allowIndefinite: false, allowUndefined: false, retainStringBytes: true } as const

/** The bytes of a value that fits the layout; the caller's own, and of no engine's own kind. */
export const writeCbor = (layout: TableLayout, value: object): Uint8Array =>
  new Uint8Array(encode(plain(layout, value), rfc8949EncodeOptions))

/** What cborg writes as the shape says it. */
function plain(shape: Shape, value: unknown): unknown {
  if (shape.kind === 'vector') return (value as readonly unknown[]).map((element) => plain(shape.of, element))
  if (shape.kind !== 'table' && shape.kind !== 'struct') return value
  const present = membersOf(shape).filter(({ name }) => (value as Row)[name] !== undefined)
  return Object.fromEntries(present.map((member) => [member.name, plain(member.shape, (value as Row)[member.name])]))
}

/** The value in such bytes, which may come from anyone, or why there is none. */
export function readCbor(layout: TableLayout, bytes: Uint8Array): ReadCbor {
  try {
    const reader = new Reader(bytes)
    const value = reader.members(layout, layout.name)
    reader.end()
    return { kind: 'value', value }
  } catch (error) {
    if (!(error instanceof CborError)) throw error
    return { kind: 'malformed', why: error.message }
  }
}

interface Member {
  readonly name: string
  readonly shape: Shape
  /** It may be left out. */
  readonly optional: boolean
  /** Bytes of one length, or none. */
  readonly emptiable: boolean
}
const byKey = (a: Member, b: Member): number => a.name.length - b.name.length || (a.name < b.name ? -1 : 1)
/** In the order of their encoded keys: shorter ones first. */
const membersOf = (layout: TableLayout | StructLayout): readonly Member[] => {
  const members = layout.kind === 'struct' ? layout.members.map((member) => ({ ...member, required: true })) : layout.fields
  return members.map(({ name, shape, required }): Member => ({
    name, shape, optional: !required && (shape.kind === 'struct' || shape.kind === 'table'), emptiable: !required && shape.kind === 'bytes',
  })).sort(byKey)
}

/** What is wrong with the bytes, in words. */
class CborError extends Error {}
const wrong = (where: string, what: string): never => {
  throw new CborError(`${where}: ${what}`)
}

class Reader {
  readonly #tokens: Tokenizer
  #next: Token | undefined

  constructor(bytes: Uint8Array) {
    // A view of the plain kind: slices of it are copies.
    this.#tokens = new Tokenizer(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), TOKENS)
    this.#advance()
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#next !== undefined) wrong('cbor', 'bytes after the end')
  }

  members(layout: TableLayout | StructLayout, where: string): Row {
    let left = this.#count(Type.map, where)
    const row: Record<string, unknown> = {}
    for (const { name, shape, optional, emptiable } of membersOf(layout)) {
      const isHere = left > 0 && this.#is(Type.string) && this.#next!.value === name
      if (isHere) {
        this.#advance()
        left -= 1
      } else if (!optional) wrong(where, `expected the key ${name}`)
      row[name] = isHere ? this.#value(shape, `${where}.${name}`, emptiable) : undefined
    }
    if (left > 0) wrong(where, 'a key that is not known, or not in its place')
    return row
  }

  #value(shape: Shape, where: string, emptiable = false): unknown {
    switch (shape.kind) {
      case 'table':
      case 'struct': return this.members(shape, where)
      case 'vector': {
        const count = this.#count(Type.array, where)
        if (count < shape.countMin || count > shape.countMax) wrong(where, `${count} elements, not ${shape.countMin}..${shape.countMax}`)
        return Array.from({ length: count }, (_, index) => this.#value(shape.of, `${where}[${index}]`))
      }
      case 'bytes': {
        const bytes = this.#take([Type.bytes], where).value as Uint8Array
        if (!(emptiable && bytes.length === 0) && (bytes.length < shape.countMin || bytes.length > shape.countMax)) {
          wrong(where, `${bytes.length} bytes, not ${shape.countMin}..${shape.countMax}`)
        }
        return bytes
      }
      case 'string': {
        const { byteValue: bytes = NO_BYTES } = this.#take([Type.string], where)
        if (bytes.length > shape.bytesMax) wrong(where, `${bytes.length} bytes, not 0..${shape.bytesMax}`)
        return utf8Text(bytes, 0, bytes.length) ?? wrong(where, 'not UTF-8')
      }
      case 'enum': {
        const { value } = this.#take([Type.string], where)
        return shape.names.includes(value as string) ? value : wrong(where, `${String(value)} names nothing`)
      }
      case 'scalar': {
        if (shape.type === 'bool') return Type.equals(this.#take([Type.true, Type.false], where).type, Type.true)
        const value = this.#take([Type.uint, Type.negint], where).value as number | bigint
        if (shape.type === 'u64') return value >= 0 ? BigInt(value) : wrong(where, `${value} is not in 0..2^64 - 1`)
        return typeof value === 'number' && value >= shape.min && value <= shape.max ? value
          : wrong(where, `${value} is not in ${shape.min}..${shape.max}`)
      }
    }
  }

  #count(type: Type, where: string): number {
    return this.#take([type], where).value as number
  }
  #is(type: Type): boolean {
    return this.#next !== undefined && Type.equals(this.#next.type, type)
  }
  #take(types: readonly Type[], where: string): Token {
    const token = this.#next
    if (token === undefined || !types.some((type) => Type.equals(token.type, type))) {
      return wrong(where, `expected ${types.map(({ name }) => name).join(' or ')}, got ${token?.type.name ?? 'the end'}`)
    }
    this.#advance()
    return token
  }
  #advance(): void {
    try {
      this.#next = this.#tokens.done() ? undefined : this.#tokens.next()
    } catch (error) {
      // The tokenizer has no other way of saying that bytes are no tokens.
      throw new CborError((error as Error).message)
    }
  }
}
