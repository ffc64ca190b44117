/**
 * A simulated headset: a device with a viewer and two controllers, under a WebXR implementation that does not know it.
 * The script moves it, the application sees a session; `pump` lets one frame pass, synchronously.
 *
 *     const headset = await createHeadset(await prepareXR())
 *     headset.session.requestAnimationFrame((timeMs, frame) => ...)
 *     headset.right.aim({ x: 0, y: 1, z: 0 }, { x: 0, y: 1, z: -3 }).press('trigger')
 *     headset.pump(11_111)
 */
import { assert } from '../assert.ts'
import { type Button, Controller } from './controller.ts'
import { FORWARD_ORIENTATION, normalized, type Pose } from './pose.ts'
import type { RigidTransform, Space, XRInputSource, XRPose, XRRuntime, XRSession } from './runtime.ts'

/** Metres: where a standing person's head and hands are. */
const HEAD_POSITION = { x: 0, y: 1.6, z: 0 }
const LEFT_POSITION = { x: -0.25, y: 1.2, z: -0.3 }
const RIGHT_POSITION = { x: 0.25, y: 1.2, z: -0.3 }
/** A device has one session here, ever; the polyfill asks that it be numbered. */
const SESSION_ID = 1
/** Buttons that WebXR turns into events, by the polyfill's name for them. */
const ACTION_NAMES: Readonly<Partial<Record<Button, string>>> = { trigger: 'select', squeeze: 'squeeze' }

class Head {
  readonly #runtime: XRRuntime
  transform: RigidTransform

  constructor(runtime: XRRuntime) {
    this.#runtime = runtime
    this.transform = new runtime.XRRigidTransform(HEAD_POSITION, FORWARD_ORIENTATION)
  }

  /** Moves it, from the next frame on. */
  set(pose: Pose): this {
    this.transform = new this.#runtime.XRRigidTransform(pose.position, normalized(pose.orientation))
    return this
  }
}

type DeviceListener = (event: { readonly sessionId: number; readonly inputSource: XRInputSource }) => void

/** The polyfill's XRDevice by shape: it asks for frames and poses, and is told of button actions. */
class Device {
  readonly #runtime: XRRuntime
  readonly #head: Head
  readonly #controllers: readonly Controller[]
  readonly #inputSources: readonly XRInputSource[]
  readonly #listeners = new Map<string, Set<DeviceListener>>()
  readonly #projection = new Float32Array(16)
  #frame: (() => void) | undefined

  constructor(runtime: XRRuntime, head: Head, controllers: readonly Controller[]) {
    this.#runtime = runtime
    this.#head = head
    this.#controllers = controllers
    this.#inputSources = controllers.map((controller) => controller.inputSource)
  }

  /** Runs the frame that the session asked for. What an application's callback throws comes out here. */
  runFrame(): void {
    const frame = this.#frame
    this.#frame = undefined
    frame?.()
  }

  tell(type: string, inputSource: XRInputSource): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ sessionId: SESSION_ID, inputSource })
  }

  addEventListener(type: string, listener: DeviceListener): void {
    const listeners = this.#listeners.get(type)
    if (listeners === undefined) this.#listeners.set(type, new Set([listener]))
    else listeners.add(listener)
  }

  removeEventListener(type: string, listener: DeviceListener): void {
    this.#listeners.get(type)?.delete(listener)
  }

  isSessionSupported(mode: string): boolean {
    return mode === 'immersive-vr'
  }

  isFeatureSupported(feature: string): boolean {
    return feature === 'viewer' || feature === 'local'
  }

  async requestSession(): Promise<number> {
    return SESSION_ID
  }

  doesSessionSupportReferenceSpace(_sessionId: number, type: string): boolean {
    return this.isFeatureSupported(type)
  }

  /** `undefined`: the room's own origin. */
  async requestFrameOfReferenceTransform(): Promise<undefined> {}

  requestAnimationFrame(frame: () => void): number {
    this.#frame = frame
    return SESSION_ID
  }

  cancelAnimationFrame(): void {
    this.#frame = undefined
  }

  async endSession(): Promise<void> {
    this.#frame = undefined
  }

  onBaseLayerSet(): void {}
  onFrameStart(): void {}
  onFrameEnd(): void {}

  getBasePoseMatrix(): Float32Array {
    return this.#head.transform.matrix
  }

  /** Both eyes stand where the head is: nothing is drawn. */
  getBaseViewMatrix(): Float32Array {
    return this.#head.transform.inverse.matrix
  }

  getProjectionMatrix(): Float32Array {
    return this.#projection
  }

  getViewport(): boolean {
    return false
  }

  getInputSources(): readonly XRInputSource[] {
    return this.#inputSources
  }

  getInputPose(inputSource: XRInputSource, base: Space): XRPose | null {
    const controller = this.#controllers[this.#inputSources.indexOf(inputSource)]
    if (controller === undefined) return null
    const matrix = new Float32Array(16)
    base._transformBasePoseMatrix(matrix, controller.matrix)
    base._adjustForOriginOffset(matrix)
    return new this.#runtime.XRPose(new this.#runtime.XRRigidTransform(matrix), false)
  }
}

export interface Headset {
  readonly head: Head
  readonly left: Controller
  readonly right: Controller
  /** What the application is given: WebXR, and nothing of the simulator. */
  readonly session: XRSession
  /** Its `local` reference space: the room, in metres. */
  readonly referenceSpace: Space
  /**
   * One frame of the device at virtual time `nowUs`: input events first (left hand, then right, each in the order of the
   * script), then the animation frame callbacks. What the application throws in any of them is thrown here.
   */
  readonly pump: (nowUs: number) => void
  /** Ends the session: no frame and no event follows. */
  end(): Promise<void>
}

/** @throws whatever the WebXR implementation rejects with */
export async function createHeadset(runtime: XRRuntime): Promise<Headset> {
  const head = new Head(runtime)
  const left = new Controller(runtime, 'left', LEFT_POSITION)
  const right = new Controller(runtime, 'right', RIGHT_POSITION)
  const device = new Device(runtime, head, [left, right])
  const system = new runtime.XRSystem(Promise.resolve(device))
  // The polyfill learns of its device only while somebody asks whether it is supported.
  assert(await system.isSessionSupported('immersive-vr'), 'the simulated device offers immersive sessions')
  const session = await system.requestSession('immersive-vr')
  // Frames are skipped for a session without a layer; this one's canvas is never drawn to.
  session.updateRenderState({ baseLayer: new runtime.XRWebGLLayer(session, { getParameter: () => null }) })
  const referenceSpace = await session.requestReferenceSpace('local')
  const changeTeller = ({ inputSource }: Controller) => (button: Button, pressed: boolean): void => {
    const action = ACTION_NAMES[button]
    if (action !== undefined) device.tell(`@@webxr-polyfill/input-${action}-${pressed ? 'start' : 'end'}`, inputSource)
  }
  const leftChanged = changeTeller(left)
  const rightChanged = changeTeller(right)
  let ended = false

  return {
    head,
    left,
    right,
    session,
    referenceSpace,
    pump(nowUs) {
      if (ended) return
      runtime.setNowMs(nowUs / 1000)
      left.update(leftChanged)
      right.update(rightChanged)
      device.runFrame()
    },
    end() {
      ended = true
      return session.end()
    },
  }
}
