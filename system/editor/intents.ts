/** What a person wants, as the editor reads it from their input. The peer turns most of it into signed commands. */
import type { SCALE_ONE } from '../ecs/components.ts'
import { HOST_AUTHOR, type EntityId, entityId } from '../ids.ts'
import type { PoseQ } from '../protocol/messages.ts'

/** Where an event or a hover concerns nothing: the host's own member entity, which has no box to hit. */
export const NO_ENTITY: EntityId = entityId('log', HOST_AUTHOR, 0)

export type EditorIntent =
  | { readonly kind: 'select' | 'deselect'; readonly entity: EntityId }
  /** On entering an entity with the ray, and with {@link NO_ENTITY} on leaving for nothing. */
  | { readonly kind: 'hover'; readonly entity: EntityId }
  /** On top of where it is, in 1/512 m. */
  | { readonly kind: 'translate'; readonly entity: EntityId; readonly dx: number; readonly dy: number; readonly dz: number }
  /** A rotation in the world's axes on top of the one it has; parts of 32767, not quite of unit length. */
  | ({ readonly kind: 'rotate'; readonly entity: EntityId } & Pick<PoseQ, 'qx' | 'qy' | 'qz' | 'qw'>)
  /** A factor on all three axes. */
  | { readonly kind: 'scale'; readonly entity: EntityId; readonly numerator: number; readonly denominator: typeof SCALE_ONE }
  /** Where the ray meets what it rests on, turned as the hand is. */
  | { readonly kind: 'cursor'; readonly pose: PoseQ }
  /** Where the entity in hand is by now, and its scale in 1/256; without a pose the hand has let go. */
  | { readonly kind: 'gizmo'; readonly entity: EntityId; readonly tool: number; readonly pose: PoseQ | undefined; readonly scale: number }
  | { readonly kind: 'toolActivate' | 'toolDeactivate'; readonly tool: number }
