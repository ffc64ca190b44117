/** The part of WebXR that the editor reads, by shape: a browser's objects fit, and a simulated headset's as well. */

export interface PointLike {
  readonly x: number
  readonly y: number
  readonly z: number
}
export interface OrientationLike extends PointLike {
  readonly w: number
}
export interface XRRigidTransformLike {
  /** Metres. */
  readonly position: PointLike
  readonly orientation: OrientationLike
}
export interface XRPoseLike {
  readonly transform: XRRigidTransformLike
}

/** Spaces are carried, never looked into. */
export type XRSpaceLike = object
export type XRReferenceSpaceLike = XRSpaceLike

export interface XRFrameLike {
  /** Null while the device does not know. Only within the callback that the frame was given to. */
  getPose(space: XRSpaceLike, base: XRReferenceSpaceLike): XRPoseLike | null | undefined
  getViewerPose(base: XRReferenceSpaceLike): XRPoseLike | null | undefined
}

/** In the `xr-standard` mapping: trigger 0, squeeze 1, thumbstick 3, A or X 4; stick axes 2 and 3. */
export interface GamepadLike {
  readonly buttons: readonly { readonly pressed: boolean }[]
  readonly axes: readonly number[]
}
export interface XRInputSourceLike {
  readonly handedness: string
  /** Points along -Z. */
  readonly targetRaySpace: XRSpaceLike
  /** Where the hand is; null for a gaze or a touch screen. */
  readonly gripSpace?: XRSpaceLike | null | undefined
  readonly gamepad?: GamepadLike | null | undefined
}

export type XRInputEventType = 'selectstart' | 'select' | 'selectend' | 'squeezestart' | 'squeeze' | 'squeezeend'
export interface XRInputEventLike {
  readonly type: string
  readonly inputSource: XRInputSourceLike
  /** Answers `getPose`, and not `getViewerPose`, while the event is handled. */
  readonly frame: XRFrameLike
}
export interface XRSessionLike {
  readonly inputSources: Iterable<XRInputSourceLike>
  addEventListener(type: XRInputEventType, listener: (event: XRInputEventLike) => void): void
  removeEventListener(type: XRInputEventType, listener: (event: XRInputEventLike) => void): void
}
