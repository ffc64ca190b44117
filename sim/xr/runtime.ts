/** What the simulator needs of a WebXR implementation. `platform/xr.ts` builds one from `webxr-polyfill`. */
import type { Orientation, Vector } from './pose.ts'

export interface RigidTransform {
  readonly matrix: Float32Array
  readonly inverse: RigidTransform
  readonly position: Vector
  readonly orientation: Orientation
}
/** `_`: the polyfill's own seam for devices, not WebXR. */
export interface Space {
  _transformBasePoseMatrix(out: Float32Array, pose: Float32Array): void
  _adjustForOriginOffset(matrix: Float32Array): void
}
export interface XRPose {
  readonly transform: RigidTransform
}
export interface XRFrame {
  readonly session: XRSession
  getPose(space: Space, base: Space): XRPose | null
  getViewerPose(base: Space): XRPose | null
}
export interface GamepadButton {
  readonly pressed: boolean
  readonly touched: boolean
  readonly value: number
}
export interface Gamepad {
  readonly mapping: 'xr-standard'
  readonly buttons: readonly GamepadButton[]
  readonly axes: readonly number[]
}
export type Hand = 'left' | 'right'
export interface XRInputSource {
  readonly handedness: Hand
  readonly targetRayMode: 'tracked-pointer'
  readonly targetRaySpace: Space
  readonly gripSpace: Space
  readonly gamepad: Gamepad
  readonly profiles: readonly string[]
}
export type InputEventType = 'selectstart' | 'select' | 'selectend' | 'squeezestart' | 'squeeze' | 'squeezeend'
export interface XRInputEvent {
  readonly type: InputEventType
  /** Virtual milliseconds. */
  readonly timeStamp: number
  readonly frame: XRFrame
  readonly inputSource: XRInputSource
}
export interface XRSession {
  readonly inputSources: readonly XRInputSource[]
  addEventListener(type: InputEventType, listener: (event: XRInputEvent) => void): void
  removeEventListener(type: InputEventType, listener: (event: XRInputEvent) => void): void
  requestAnimationFrame(callback: (timeMs: number, frame: XRFrame) => void): number
  cancelAnimationFrame(handle: number): void
  requestReferenceSpace(type: 'viewer' | 'local'): Promise<Space>
  updateRenderState(state: { readonly baseLayer: object }): void
  end(): Promise<void>
}

export interface XRRuntime {
  readonly XRSystem: new (device: Promise<object>) => {
    isSessionSupported(mode: 'immersive-vr'): Promise<boolean>
    requestSession(mode: 'immersive-vr'): Promise<XRSession>
  }
  readonly XRInputSource: new (implementation: object) => XRInputSource
  readonly XRPose: new (transform: RigidTransform, emulatedPosition: boolean) => XRPose
  readonly XRRigidTransform: new (matrixOrPosition: Float32Array | Vector, orientation?: Orientation) => RigidTransform
  readonly XRWebGLLayer: new (session: XRSession, context: object) => object
  /** Sets what the session's frames and events tell as the time, in milliseconds. */
  setNowMs(nowMs: number): void
}
