/** Every component of Theta, defined once. Quantisation stands in the units; `source` names the one source of truth. */
import { type AnyComponent, defineComponent, type FieldSpec, inOrderOfId } from './component.ts'

const step512: FieldSpec = { type: 'i32', unit: '1/512 m' }
const quaternionPart: FieldSpec = { type: 'i16', unit: '1/32767' }
/** Position and rotation as an author gives them: small steps must add up, so that the rotation has all the 16 bits of its parts. */
const pose = {
  x: step512, y: step512, z: step512,
  qx: quaternionPart, qy: quaternionPart, qz: quaternionPart, qw: quaternionPart,
} as const
const movingStep: FieldSpec = { ...step512, diff: 'motion' }
const turningPart: FieldSpec = { ...quaternionPart, diff: 'rotation' }
/** Position and rotation of what moves by itself; the rotation is one of those that rotation.ts has. */
const streamPose = {
  x: movingStep, y: movingStep, z: movingStep,
  qx: turningPart, qy: turningPart, qz: turningPart, qw: turningPart,
} as const
const halfExtent: FieldSpec = { type: 'u16', unit: '1/512 m' }
const scalePart: FieldSpec = { type: 'u16', unit: '1/256' }
const authorField: FieldSpec = { type: 'u16', unit: 'author' }
const sinceVersion = '1.0.0'

/** Steps of position in a metre; parts of one in a quaternion component; steps of scale in one. */
export const STEPS_PER_METRE = 512
export const ROTATION_ONE = 32767
export const SCALE_ONE = 256
/** Scales, and the numerators of their factors, are integers from 1 to this: 16 bits. */
export const SCALE_MAX = 0xffff

// --- the command log's part of the world ---------------------------------------------------------------------------

/** An entity whose existence the command log owns. */
export const Entity = defineComponent({
  name: 'theta.Entity', source: 'log', sinceVersion,
  fields: { kind: { type: 'u8', unit: 'EntityKind' }, creator: authorField },
})
/** Where an author put an entity: authored, never simulated. */
export const Transform = defineComponent({
  name: 'theta.Transform', source: 'log', sinceVersion,
  fields: { ...pose, sx: scalePart, sy: scalePart, sz: scalePart },
})
/** Half extents of the box that rays hit, before scale. */
export const Bounds = defineComponent({
  name: 'theta.Bounds', source: 'log', sinceVersion,
  fields: { hx: halfExtent, hy: halfExtent, hz: halfExtent },
})
/** Asks the host to simulate the entity. `teleports` counts authored moves, so that each one reaches physics once. */
export const RigidBody = defineComponent({
  name: 'theta.RigidBody', source: 'log', sinceVersion,
  fields: {
    shape: { type: 'u8', unit: 'BodyShape' },
    massGrams: { type: 'u32', unit: 'g' },
    restitution: { type: 'u8', unit: '1/255' },
    teleports: { type: 'u32', unit: 'count' },
  },
})
/** Who has the entity selected, one row an entity: the last writer wins. */
export const Selection = defineComponent({ name: 'theta.Selection', source: 'log', sinceVersion, fields: { author: authorField } })
/** A member of the session, on the entity that `memberEntity(author)` names. */
export const Member = defineComponent({
  name: 'theta.Member', source: 'log', sinceVersion,
  fields: {
    author: authorField,
    role: { type: 'u8', unit: 'Role' },
    capabilities: { type: 'u32', unit: 'bit set' },
    present: { type: 'u8', unit: '0 or 1' },
  },
})
/** The tool a member holds, on the member's entity. */
export const ToolState = defineComponent({
  name: 'theta.ToolState', source: 'log', sinceVersion,
  fields: { tool: { type: 'u16', unit: 'tool id' }, active: { type: 'u8', unit: '0 or 1' } },
})
/** The last entry applied within a scope: what the `reject` policy compares. On the entity of the scope. */
export const ScopeVersion = defineComponent({
  name: 'theta.ScopeVersion', source: 'log', sinceVersion,
  fields: { lamport: { type: 'u64', unit: 'lamport' }, author: authorField },
})
/** A live asset placement. */
export const Placement = defineComponent({
  name: 'theta.Placement', source: 'log', sinceVersion,
  fields: {
    asset: { type: 'u32', unit: 'asset id' },
    region: { type: 'u16', unit: 'region id' },
    ...pose,
    scale: scalePart,
    tags: { type: 'u32', unit: 'bit set' },
  },
})
/** The audit record of a placement commit, on the commit's own entity; the digest covers the whole CommitResult. */
export const CommitRecord = defineComponent({
  name: 'theta.CommitRecord', source: 'log', sinceVersion,
  fields: {
    status: { type: 'u8', unit: 'CommitStatus' },
    author: authorField,
    lamport: { type: 'u64', unit: 'lamport' },
    changes: { type: 'u16', unit: 'count' },
    conflicts: { type: 'u16', unit: 'count' },
    resultHi: { type: 'u32', unit: 'digest' },
    resultLo: { type: 'u32', unit: 'digest' },
  },
})

/** The edits of an entity's mesh that were applied: how many, and a digest over them (mesh/record.ts). */
export const MeshEdit = defineComponent({
  name: 'theta.MeshEdit', source: 'log', sinceVersion: '2.0.0',
  fields: {
    edits: { type: 'u32', unit: 'count' }, digestHi: { type: 'u32', unit: 'digest' }, digestLo: { type: 'u32', unit: 'digest' },
  },
})

// --- the host's stream ---------------------------------------------------------------------------------------------

/** An entity whose existence the host's stream owns. */
export const Spawned = defineComponent({
  name: 'theta.Spawned', source: 'stream', sinceVersion,
  fields: { kind: { type: 'u8', unit: 'EntityKind' }, bornFrame: { type: 'u32', unit: 'frame' } },
})
/** Where the host's runtime moves a spawned entity. */
export const Motion = defineComponent({ name: 'theta.Motion', source: 'stream', sinceVersion, fields: streamPose })
/** Where physics has a rigid body; `asleep` as Rapier tells. */
export const BodyPose = defineComponent({
  name: 'theta.BodyPose', source: 'stream', sinceVersion,
  fields: { ...streamPose, asleep: { type: 'u8', unit: '0 or 1' } },
})
/** A member's head and hands as the host last heard of them, on the member's entity. */
export const HeadPose = defineComponent({ name: 'theta.HeadPose', source: 'stream', sinceVersion, fields: streamPose })
export const LeftHandPose = defineComponent({ name: 'theta.LeftHandPose', source: 'stream', sinceVersion, fields: streamPose })
export const RightHandPose = defineComponent({ name: 'theta.RightHandPose', source: 'stream', sinceVersion, fields: streamPose })

/** All of them, in canonical order: ascending id. The index of a component is its place here. */
export const COMPONENTS: readonly AnyComponent[] = inOrderOfId([
  Entity, Transform, Bounds, RigidBody, Selection, Member, ToolState, ScopeVersion, Placement, CommitRecord,
  MeshEdit, Spawned, Motion, BodyPose, HeadPose, LeftHandPose, RightHandPose,
])
/** Those that the log writes, and those that the host's stream does. */
export const LOG_COMPONENTS: readonly AnyComponent[] = COMPONENTS.filter(({ source }) => source === 'log')
export const STREAM_COMPONENTS: readonly AnyComponent[] = COMPONENTS.filter(({ source }) => source === 'stream')
