/** A simulated motion controller: what a script does with it, and what a frame then shows of it. */
import { aimedOrientation, FORWARD_ORIENTATION, normalized, type Pose, type Vector } from './pose.ts'
import type { Gamepad, Hand, RigidTransform, XRInputSource, XRRuntime } from './runtime.ts'

/** Indices of the `xr-standard` gamepad mapping (WebXR Gamepads Module, section 3.3); 2 is a touchpad, which this controller has not. */
const BUTTON_INDEX = { trigger: 0, squeeze: 1, thumbstick: 3, a: 4 } as const
export type Button = keyof typeof BUTTON_INDEX

const BUTTON_COUNT = 5
const AXIS_X = 2
const AXIS_Y = 3
/** Button changes that may wait for a frame. */
const PENDING_CHANGES_MAX = 64

interface Change {
  readonly button: Button
  readonly pressed: boolean
}

export class Controller {
  /** What the application sees. */
  readonly inputSource: XRInputSource
  readonly #runtime: XRRuntime
  readonly #buttons = Array.from({ length: BUTTON_COUNT }, () => ({ pressed: false, touched: false, value: 0 }))
  readonly #axes = [0, 0, 0, 0]
  #pending: Change[] = []
  #transform: RigidTransform

  /** @param position where it is before the script moves it, metres */
  constructor(runtime: XRRuntime, hand: Hand, position: Vector) {
    const gamepad: Gamepad = { mapping: 'xr-standard', buttons: this.#buttons, axes: this.#axes }
    this.#runtime = runtime
    this.#transform = new runtime.XRRigidTransform(position, FORWARD_ORIENTATION)
    const profiles = ['generic-trigger-squeeze-thumbstick']
    this.inputSource = new runtime.XRInputSource({ handedness: hand, targetRayMode: 'tracked-pointer', profiles, gamepad })
  }

  /** Its pose in the room, grip and target ray alike. */
  get matrix(): Float32Array {
    return this.#transform.matrix
  }

  /** Moves it, from the next frame on. */
  set(pose: Pose): this {
    this.#transform = new this.#runtime.XRRigidTransform(pose.position, normalized(pose.orientation))
    return this
  }

  /** Puts it at `origin`, pointing at `target`; both in metres. */
  aim(origin: Vector, target: Vector): this {
    return this.set({ position: origin, orientation: aimedOrientation(origin, target) })
  }

  /** Presses a button at the next frame; nothing happens where it is down already. */
  press(button: Button): this {
    return this.#change({ button, pressed: true })
  }

  /** Lets a button go at the next frame, or the one after where that frame presses it: an application that polls sees every press. */
  release(button: Button): this {
    return this.#change({ button, pressed: false })
  }

  /** Pushes the thumbstick; each axis in [-1, 1]. */
  axes(x: number, y: number): this {
    if (!(x >= -1 && x <= 1 && y >= -1 && y <= 1)) throw new RangeError(`expected axes in [-1, 1], got ${x} and ${y}`)
    this.#axes[AXIS_X] = x
    this.#axes[AXIS_Y] = y
    return this
  }

  /** Lets the coming frame see the pending changes, in order, up to the first that would change a button for the second time. */
  update(changed: (button: Button, pressed: boolean) => void): void {
    if (this.#pending.length === 0) return
    const seen = new Set<Button>()
    const pending = this.#pending
    this.#pending = []
    for (const [index, { button, pressed }] of pending.entries()) {
      if (seen.has(button)) {
        this.#pending = pending.slice(index)
        return
      }
      const state = this.#buttons[BUTTON_INDEX[button]]
      if (state.pressed === pressed) continue
      seen.add(button)
      state.pressed = state.touched = pressed
      state.value = pressed ? 1 : 0
      changed(button, pressed)
    }
  }

  #change(change: Change): this {
    const buttons = Object.keys(BUTTON_INDEX)
    if (!buttons.includes(change.button)) throw new RangeError(`expected one of ${buttons.join(', ')}, got ${change.button}`)
    if (this.#pending.length === PENDING_CHANGES_MAX) throw new RangeError(`expected at most ${PENDING_CHANGES_MAX} pending changes`)
    this.#pending.push(change)
    return this
  }
}
