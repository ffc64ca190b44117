/**
 * What a person's XR input becomes. Sans-I/O: the editor is attached to a session, is told of its frames, and hands
 * intents to whoever made it; the world it points into is that peer's own view.
 *
 *     trigger               selects what the ray hits, or lets it go; on nothing, lets everything go
 *     squeeze and move      drags what the ray hits, as the tool allows; one drag at a time, steps coalesced
 *     A                     takes up the next tool
 */
import { assert } from '../assert.ts'
import { Placement, Selection, Transform } from '../ecs/components.ts'
import type { ReadStore } from '../ecs/store.ts'
import type { AuthorId, EntityId } from '../ids.ts'
import type { Probe } from '../ports.ts'
import type { PoseQ } from '../protocol/messages.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import { createGizmo, type Gizmo } from './gizmo.ts'
import { type EditorIntent, NO_ENTITY } from './intents.ts'
import { ORIGIN_POSE, quantizedPose, samePose } from './poses.ts'
import { type Hit, Raycaster } from './raycast.ts'
import { nextTool, SELECT_TOOL, type Tool } from './tools.ts'
import type {
  XRFrameLike, XRInputEventLike, XRInputEventType, XRInputSourceLike, XRReferenceSpaceLike, XRRigidTransformLike, XRSessionLike,
} from './webxr.ts'

/** A drag sends a step at most every this many frames: ten a second at 90 Hz, what the host's limiter sustains. */
export const COALESCE_FRAMES = 9
/** The ray is cast for hovering every this many frames. */
const HOVER_FRAMES = 9

/** Indices of the `xr-standard` gamepad mapping. */
const TRIGGER_BUTTON = 0
const SQUEEZE_BUTTON = 1
const A_BUTTON = 4

/** Bits of {@link EditorFrameState.gesture}: the left hand's, and two above them the right hand's. */
export const TRIGGER_GESTURE = 1
export const SQUEEZE_GESTURE = 2
export const RIGHT_HAND_SHIFT = 2

const EVENT_TYPES: readonly XRInputEventType[] = ['selectstart', 'select', 'selectend', 'squeezestart', 'squeeze', 'squeezeend']

export interface EditorPorts {
  readonly author: AuthorId
  readonly probe: Probe
  /** This peer's own, speculative view as it stands now: asked for anew at each use, and good until the next intent. */
  view(): ReadStore
  emit(intent: EditorIntent): void
  report(event: Extract<SystemEvent, { event: 'xrInput' }>): void
}

/** What others are told of this person's body, in the units of InputPredictiveState. */
export interface EditorFrameState {
  readonly head: PoseQ
  readonly left: PoseQ
  readonly right: PoseQ
  readonly gesture: number
}

interface Drag {
  readonly entity: EntityId
  readonly source: XRInputSourceLike
  readonly gizmo: Gizmo
  /** The first frame that may send a step. */
  nextFrame: number
}

export class Editor {
  readonly #ports: EditorPorts
  readonly #raycaster = new Raycaster()
  readonly #onEvent = (event: XRInputEventLike): void => this.#handle(event)
  #attached: { readonly session: XRSessionLike; readonly space: XRReferenceSpaceLike } | undefined
  #tool: Tool = SELECT_TOOL
  #drag: Drag | undefined
  #frame = 0
  #head = ORIGIN_POSE
  #left = ORIGIN_POSE
  #right = ORIGIN_POSE
  /** Input sources whose A button was down in the last frame. */
  readonly #held = new Set<XRInputSourceLike>()
  /** The hand that last did something, at first the right one: its ray hovers. */
  #pointer: XRInputSourceLike | undefined
  #hovered = NO_ENTITY
  #cursor = ORIGIN_POSE

  constructor(ports: EditorPorts) {
    this.#ports = ports
  }

  get tool(): Tool {
    return this.#tool
  }

  /** Takes the session's input from now on, in place of a former session's. All poses are read in `referenceSpace`. */
  attach(session: XRSessionLike, referenceSpace: XRReferenceSpaceLike): void {
    this.detach()
    this.#attached = { session, space: referenceSpace }
    for (const type of EVENT_TYPES) session.addEventListener(type, this.#onEvent)
  }

  /** Lets the session go. A drag under way ends where the hand was last seen. */
  detach(): void {
    if (this.#attached === undefined) return
    for (const type of EVENT_TYPES) this.#attached.session.removeEventListener(type, this.#onEvent)
    this.#step()
    this.#letGo()
    this.#pointer = undefined
    this.#held.clear()
    this.#attached = undefined
  }

  /** One animation frame of the attached session; `frameIndex` rises. A pose that the device does not know stays as it was. */
  onFrame(frame: XRFrameLike, frameIndex: number): EditorFrameState {
    assert(this.#attached !== undefined, 'frames come from an attached session')
    this.#frame = frameIndex
    const viewer = frame.getViewerPose(this.#attached.space)
    if (viewer) this.#head = quantizedPose(viewer.transform) ?? this.#head
    let gesture = 0
    for (const source of this.#attached.session.inputSources) {
      const hand = this.#handPose(frame, source)
      if (source.handedness === 'left') this.#left = hand ?? this.#left
      else this.#right = hand ?? this.#right
      const buttons = source.gamepad?.buttons ?? []
      const bits = (buttons[TRIGGER_BUTTON]?.pressed ? TRIGGER_GESTURE : 0) | (buttons[SQUEEZE_BUTTON]?.pressed ? SQUEEZE_GESTURE : 0)
      gesture |= source.handedness === 'left' ? bits : bits << RIGHT_HAND_SHIFT
      if (hand !== undefined && this.#drag?.source === source) this.#drag.gizmo.move(hand)
      this.#cycleTool(source,  buttons[A_BUTTON]?.pressed)
      if (source.handedness !== 'left') this.#pointer ??= source
    }
    if (this.#drag !== undefined && frameIndex >= this.#drag.nextFrame) this.#step()
    if (frameIndex % HOVER_FRAMES === 0) this.#hover(frame)
    return { head: this.#head, left: this.#left, right: this.#right, gesture }
  }

  #handle({ type, inputSource, frame }: XRInputEventLike): void {
    this.#pointer = inputSource
    switch (type) {
      case 'select': {
        const hit = this.#cast(frame, inputSource)
        this.#report(type, inputSource, hit?.entity ?? NO_ENTITY)
        return this.#select(hit)
      }
      case 'squeezestart': {
        const hit = this.#drag === undefined ? this.#cast(frame, inputSource) : undefined
        this.#report(type, inputSource, hit?.entity ?? NO_ENTITY)
        if (hit !== undefined) this.#grab(frame, inputSource, hit)
        return
      }
      case 'squeezeend': {
        const drag = this.#drag?.source === inputSource ? this.#drag : undefined
        this.#report(type, inputSource, drag?.entity ?? NO_ENTITY)
        if (drag === undefined) return
        const hand = this.#handPose(frame, inputSource)
        if (hand !== undefined) drag.gizmo.move(hand)
        this.#step()
        this.#letGo()
        return
      }
      default:
        this.#report(type, inputSource, NO_ENTITY)
    }
  }

  #select(hit: Hit | undefined): void {
    const view = this.#ports.view()
    const isOwn = (entity: EntityId): boolean => view.get(entity, Selection)?.author === this.#ports.author
    if (hit !== undefined) return this.#ports.emit({ kind: isOwn(hit.entity) ? 'deselect' : 'select', entity: hit.entity })
    for (const entity of view.entities(Selection).filter(isOwn)) this.#ports.emit({ kind: 'deselect', entity })
  }

  #grab(frame: XRFrameLike, source: XRInputSourceLike, { entity, normal }: Hit): void {
    const hand = this.#handPose(frame, source)
    const placed = this.#placed(entity)
    if (hand === undefined || placed === undefined) return
    const gizmo = createGizmo(this.#tool.constraint, { entity, hand, normal, ...placed })
    this.#drag = { entity, source, gizmo, nextFrame: this.#frame + COALESCE_FRAMES }
  }

  /** Where an entity or a placement stands, and how large it is. */
  #placed(entity: EntityId): { readonly pivot: PoseQ; readonly scale: number } | undefined {
    const view = this.#ports.view()
    const transform = view.get(entity, Transform)
    if (transform !== undefined) return { pivot: transform, scale: transform.sx }
    const placement = view.get(entity, Placement)
    return placement === undefined ? undefined : { pivot: placement, scale: placement.scale }
  }

  /** Sends what the drag has moved since its last step. An entity that somebody took away slips out of the hand. */
  #step(): void {
    const drag = this.#drag
    if (drag === undefined) return
    if (this.#placed(drag.entity) === undefined) {
      this.#ports.probe.sometimes('what was dragged vanished')
      return this.#letGo()
    }
    const step = drag.gizmo.take()
    if (step === undefined) return
    drag.nextFrame = this.#frame + COALESCE_FRAMES
    this.#ports.emit(step)
    const placed = this.#placed(drag.entity)
    if (placed === undefined) return
    const { pivot: { x, y, z, qx, qy, qz, qw }, scale } = placed
    this.#ports.emit({ kind: 'gizmo', entity: drag.entity, tool: this.#tool.id, pose: { x, y, z, qx, qy, qz, qw }, scale })
  }

  /** The hand is empty; who was shown the drag is told. */
  #letGo(): void {
    const drag = this.#drag
    this.#drag = undefined
    if (drag !== undefined) this.#ports.emit({ kind: 'gizmo', entity: drag.entity, tool: this.#tool.id, pose: undefined, scale: 0 })
  }

  #cycleTool(source: XRInputSourceLike, pressed: boolean): void {
    if (pressed === this.#held.has(source)) return
    if (!pressed) {
      this.#held.delete(source)
      return
    }
    this.#held.add(source)
    const former = this.#tool
    this.#tool = nextTool(former)
    this.#report('tool', source, NO_ENTITY)
    this.#ports.emit({ kind: 'toolDeactivate', tool: former.id })
    this.#ports.emit({ kind: 'toolActivate', tool: this.#tool.id })
  }

  #hover(frame: XRFrameLike): void {
    if (this.#pointer === undefined) return
    const ray = this.#ray(frame, this.#pointer)
    const hit = ray && this.#raycaster.cast(this.#ports.view(), ray)
    const entity = hit?.entity ?? NO_ENTITY
    if (entity !== this.#hovered) this.#ports.emit({ kind: 'hover', entity })
    this.#hovered = entity
    const cursor = ray && hit && quantizedPose({ position: hit.point, orientation: ray.orientation })
    if (cursor === undefined || samePose(cursor, this.#cursor)) return
    this.#cursor = cursor
    this.#ports.emit({ kind: 'cursor', pose: cursor })
  }

  #cast(frame: XRFrameLike, source: XRInputSourceLike): Hit | undefined {
    const ray = this.#ray(frame, source)
    return ray && this.#raycaster.cast(this.#ports.view(), ray)
  }

  /** Undefined where the device knows none, or nonsense. */
  #ray(frame: XRFrameLike, source: XRInputSourceLike): XRRigidTransformLike | undefined {
    const pose = frame.getPose(source.targetRaySpace, this.#space())
    return pose && quantizedPose(pose.transform) !== undefined ? pose.transform : undefined
  }

  #handPose(frame: XRFrameLike, source: XRInputSourceLike): PoseQ | undefined {
    const pose = frame.getPose(source.gripSpace ?? source.targetRaySpace, this.#space())
    return pose ? quantizedPose(pose.transform) : undefined
  }

  #space(): XRReferenceSpaceLike {
    assert(this.#attached !== undefined, 'poses are read while a session is attached')
    return this.#attached.space
  }

  #report(type: string, source: XRInputSourceLike, entity: EntityId): void {
    this.#ports.report({ event: 'xrInput', type, hand: source.handedness, entity })
  }
}
