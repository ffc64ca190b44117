/**
 * The commands as people and other programs read of them: schemas/editor_command_schema.json, the protocol in words, and the
 * matrix of tools. All of it is made from the registry; what a registry cannot know (what for, an example, which rules of SPEC.md
 * hold it) stands in NOTES, and a command without a note is an assertion.
 */
import { assert } from '../assert.ts'
import { FIELD_RANGE } from '../ecs/canonical.ts'
import { TOOLS } from '../editor/tools.ts'
import { capabilityNames } from '../protocol/capabilities.ts'
import type { Codec } from '../protocol/codec.ts'
import type { PlacementCommit } from '../protocol/messages.ts'
import { PROTOCOL_VERSION } from '../protocol/version.ts'
import { encodePayload } from './payload.ts'
import { type AnyCommand, COMMANDS } from './registry.ts'

interface Note {
  readonly about: string
  /** Values of a payload that a round trip must keep. */
  readonly example: Readonly<Record<string, number>>
  /** Components that it writes, without their prefix. */
  readonly writes: readonly string[]
  /** Of SPEC.md; each has a test of its name. */
  readonly rules: readonly string[]
  /** The input that leads to it, where the editor has one. */
  readonly gesture?: string
}

const ENTITY = 1_048_577
const MEMBER = { author: 1, role: 1, capabilities: 23 }
const placed = { asset: 7, region: 1, x: 512, y: 0, z: -1024, qx: 0, qy: 0, qz: 0, qw: 32767, scale: 256, tags: 1 }
export const EXAMPLE_COMMIT: PlacementCommit = {
  commit: ENTITY + 1, session: 1, region: 1, requestedAtUs: 1_000_000,
  changes: [
    { change: 'ADD', placement: ENTITY + 2, draft: 1, before: undefined, after: placed },
    { change: 'UPDATE', placement: ENTITY + 3, draft: 2, before: placed, after: { ...placed, x: 1024 } },
    { change: 'REMOVE', placement: ENTITY + 4, draft: 3, before: placed, after: undefined },
  ],
}

const NOTES: Readonly<Record<string, Note>> = {
  'member.joined': { about: 'The host has let a member in.', example: MEMBER, writes: ['Member'], rules: ['R-LOG-7'] },
  'member.left': { about: 'A member is gone; its number stays its own.', example: { author: 1 }, writes: ['Member'], rules: ['R-LOG-7'] },
  'member.role': {
    about: 'Another role, with other capabilities.', example: { ...MEMBER, role: 2 }, writes: ['Member'], rules: ['R-LOG-7'],
  },
  'entity.spawn': {
    about: 'A new entity under a number of its author\'s, with a box that rays hit, and a rigid body where a shape is given.',
    example: {
      entity: ENTITY, kind: 2, x: 0, y: 512, z: -1024, hx: 77, hy: 77, hz: 77, shape: 1, massGrams: 1000, restitution: 76,
    },
    writes: ['Entity', 'Transform', 'Bounds', 'RigidBody'], rules: ['R-LOG-3', 'R-LOG-8'],
  },
  'entity.despawn': {
    about: 'The end of an entity, with all that it has.', example: { entity: ENTITY },
    writes: ['Entity', 'Transform', 'Bounds', 'RigidBody', 'Selection', 'MeshEdit'], rules: ['R-LOG-8'],
  },
  'selection.highlight': {
    about: 'Its author has the entity selected, or lets it go.', example: { entity: ENTITY, on: 1 }, writes: ['Selection'],
    rules: ['R-LOG-8', 'R-XR-1'], gesture: 'trigger on a thing',
  },
  'entity.translate': {
    about: 'A move on top of where it is: those of several authors add up.', example: { entity: ENTITY, dx: 0, dy: 256, dz: -1 },
    writes: ['Transform', 'RigidBody'], rules: ['R-LOG-8', 'R-XR-2', 'R-PHYS-1'], gesture: 'squeeze and move',
  },
  'entity.rotate': {
    about: 'A turn on top of the one it has.', example: { entity: ENTITY, qx: 0, qy: 23170, qz: 0, qw: 23170 },
    writes: ['Transform', 'RigidBody'], rules: ['R-LOG-8', 'R-XR-2'], gesture: 'squeeze and turn',
  },
  'entity.scale': {
    about: 'A factor on all three axes.', example: { entity: ENTITY, factor: 512 }, writes: ['Transform'], rules: ['R-LOG-8', 'R-XR-2'],
    gesture: 'squeeze and pull',
  },
  'tool.activate': {
    about: 'Its author takes up a tool.', example: { tool: 2 }, writes: ['ToolState'], rules: ['R-LOG-8', 'R-XR-1'], gesture: 'A',
  },
  'tool.deactivate': {
    about: 'Its author puts a tool down.', example: { tool: 1 }, writes: ['ToolState'], rules: ['R-LOG-8', 'R-XR-1'], gesture: 'A',
  },
  'placement.commit': {
    about: 'The drafts of an editing session, planned against the live placements and applied whole or not at all.', example: {},
    writes: ['Placement', 'Entity', 'CommitRecord'], rules: ['R-COMMIT-1', 'R-COMMIT-2', 'R-COMMIT-3', 'R-COMMIT-6'],
  },
  'vertex.create': {
    about: 'A vertex of the entity\'s mesh, at a place from its middle.', example: { entity: ENTITY, x: 256, y: 0, z: -256, metadata: 3 },
    writes: ['MeshEdit'], rules: ['R-LOG-17', 'R-LOG-8'],
  },
  'edge.extrude': {
    about: 'An edge of the mesh, drawn out in a direction.', example: { entity: ENTITY, edge: 4, dx: 0, dy: 256, dz: 0 },
    writes: ['MeshEdit'], rules: ['R-LOG-17', 'R-LOG-8'],
  },
  'face.subdivide': {
    about: 'A face of the mesh, divided so many times.', example: { entity: ENTITY, face: 2, levels: 1, scheme: 1 },
    writes: ['MeshEdit'], rules: ['R-LOG-17', 'R-LOG-8'],
  },
}

const noteOf = ({ name }: AnyCommand): Note => {
  const note = NOTES[name]
  assert(note !== undefined, `${name} is documented`)
  return note
}
const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
/** The commands that a drag with a tool leads to, by its constraint. */
const DRAGS = { free: 'entity.translate', axis: 'entity.translate', turn: 'entity.rotate', scale: 'entity.scale' } as const

function payloadOf(command: AnyCommand, codec: Codec): object {
  const { layout } = command
  if (layout === undefined) {
    return { table: 'PlacementCommit', example: EXAMPLE_COMMIT, exampleHex: hex(codec.encodePlacementCommit(EXAMPLE_COMMIT)) }
  }
  const { example } = noteOf(command)
  const fields = layout.fields.map(({ name, type, unit, offset, bytes }) => ({ name, type, unit, offset, bytes, ...FIELD_RANGE[type] }))
  return { bytes: layout.stride, fields, example, exampleHex: hex(encodePayload(layout, example)) }
}

function schema(codec: Codec): object {
  const { major, minor, patch } = PROTOCOL_VERSION
  return {
    protocolVersion: `${major}.${minor}.${patch}`,
    commands: COMMANDS.map((command) => {
      const { code, name, role, capabilities, hostOnly, policy, scopeKind } = command
      const { about, writes, rules } = noteOf(command)
      return {
        code, name, about, role, capabilities: capabilityNames(capabilities), hostOnly, conflictPolicy: policy, scope: scopeKind,
        payload: payloadOf(command, codec), writes: writes.map((component) => `theta.${component}`), rules,
      }
    }),
    tools: TOOLS.map(({ id, name, constraint }) => ({ id, name, constraint, drag: DRAGS[constraint] })),
  }
}

/** What schemas/editor_command_schema.json holds, to the byte. */
export const commandSchemaText = (codec: Codec): string => `${JSON.stringify(schema(codec), undefined, 2)}\n`

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
const table = (heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] =>
  [row(heads), row(heads.map(() => '---')), ...rows.map(row)]

function protocolOf(command: AnyCommand, codec: Codec): string[] {
  const { code, name, role, capabilities, hostOnly, policy, scopeKind, layout } = command
  const { about, example, rules } = noteOf(command)
  const who = hostOnly ? 'the host alone' : `${role}s with ${capabilityNames(capabilities).join(' and ')}`
  const payload = layout === undefined
    ? ['The payload is the table `PlacementCommit` of network.fbs.']
    : table(['field', 'type', 'unit', 'at', 'example'], layout.fields.map((field) =>
      [field.name, field.type, field.unit, field.offset, example[field.name]]))
  const bytes = layout === undefined ? codec.encodePlacementCommit(EXAMPLE_COMMIT) : encodePayload(layout, example)
  return [
    `## ${code} ${name}`, '', about, '',
    `Given by ${who}. Scope: ${scopeKind}. Concurrent ones: ${policy}. Rules: ${rules.join(', ')}.`, '', ...payload, '',
    `As bytes: \`${hex(bytes)}\``, '',
  ]
}

/** What schemas/editor_command_protocol.md holds, to the byte. */
export function commandProtocolText(codec: Codec): string {
  const { major, minor, patch } = PROTOCOL_VERSION
  const matrix = TOOLS.flatMap(({ id, name, constraint }) => {
    const wanted = ['tool.activate', 'tool.deactivate', 'selection.highlight', DRAGS[constraint]]
    return COMMANDS.filter((command) => wanted.includes(command.name)).map((command) => {
      const { gesture = '', writes, rules } = noteOf(command)
      const components = writes.map((component) => `theta.${component}`).join(', ')
      return [`${id} ${name}`, gesture, command.name, components, command.policy, rules.join(', ')]
    })
  })
  return [
    '# The command protocol of the editor', '',
    `Made by \`npm run schemas\` from system/commands/registry.ts, for protocol ${major}.${minor}.${patch}. Do not edit.`, '',
    'A command is a `CommandEntry` (network.fbs): signed by its author over the canonical form of system/commands/signing.ts,',
    'admitted by the host, ordered by (lamport, author), judged at its place in that order. Payloads are rows of integers,',
    'little-endian, without padding.', '',
    'Concurrent commands on one scope: `lastWriteWins` applies each in turn, `merge` applies a change on top of others, `reject` applies',
    'the first and turns away who had not seen it. An author never conflicts with itself.', '',
    ...COMMANDS.flatMap((command) => protocolOf(command, codec)),
    '# What each tool does', '',
    'A rule of system/SPEC.md has tests whose titles begin with its id.', '',
    ...table(['tool', 'gesture', 'command', 'writes', 'concurrent', 'rules'], matrix), '',
    `Without a tool of their own yet: ${COMMANDS.filter((command) => !command.hostOnly && noteOf(command).gesture === undefined)
      .map(({ name }) => name).join(', ')}.`, '',
  ].join('\n')
}
