/**
 * The WebXR implementation that the simulated headsets run under: `webxr-polyfill` 2.0.3, evaluated once in a scope that
 * looks like a browser's window as far as the polyfill can see, with its known defects corrected and virtual time for its
 * clock.
 *
 * The source is compiled with `vm.compileFunction`, the window's names being its parameters. It thus shares this realm's
 * intrinsics: `instanceof Float32Array` and `instanceof Error` hold on both sides, and a trap set on `Math.random` or
 * `Date` catches the polyfill as well, which a context of its own would hide.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'
import { once } from './once.ts'

// Evaluated from plain JavaScript, so that nothing is known of its types here.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type PolyfillClass = new (...parameters: any[]) => any

/** The polyfill's classes and the clock that they read. `sim/xr` declares the shapes that it needs of them. */
export interface XRRuntime {
  readonly XRSystem: PolyfillClass
  readonly XRInputSource: PolyfillClass
  readonly XRPose: PolyfillClass
  readonly XRRigidTransform: PolyfillClass
  readonly XRWebGLLayer: PolyfillClass
  /** Sets what `performance.now()` and `Event.timeStamp` answer, in milliseconds. Shared by all sessions: set it before each use. */
  setNowMs(nowMs: number): void
}

interface Correction {
  readonly defect: string
  readonly wrong: string
  readonly right: string
}

const dispatched = (first: string, second: string): string =>
  [first, second].map((type) => `this[PRIVATE$15].dispatchInputSourceEvent('${type}',  evt.inputSource);`).join('\n      ')

/** Each `wrong` stands exactly once in the pinned version; another version fails at the start rather than silently. */
const CORRECTIONS: readonly Correction[] = [
  { defect: 'removeEventListener removes the last listener', wrong: 'typedListeners.pop();', right: 'typedListeners.splice(i, 1);' },
  // WebXR Device API, XRInputSource: the end of a primary action fires `select`, then `selectend`; squeezes likewise.
  { defect: 'selectend precedes select', wrong: dispatched('selectend', 'select'), right: dispatched('select', 'selectend') },
  { defect: 'squeezeend precedes squeeze', wrong: dispatched('squeezeend', 'squeeze'), right: dispatched('squeeze', 'squeezeend') },
  { defect: 'an exception in a frame callback is printed and forgotten', wrong: 'console.error(err);', right: 'throw err;' },
  { defect: 'sessions are built from the window', wrong: 'new XRSession(', right: 'new XRSession$1(' },
  {
    defect: 'transforms relative to a space are built from the window',
    wrong: 'new XRRigidTransform(transform.matrix)',
    right: 'new XRRigidTransform$1(transform.matrix)',
  },
]

function correctedSource(): string {
  const path = createRequire(import.meta.url).resolve('webxr-polyfill/build/webxr-polyfill.js')
  return CORRECTIONS.reduce((source, { defect, wrong, right }) => {
    const pieces = source.split(wrong)
    if (pieces.length !== 2) throw new Error(`webxr-polyfill: expected once that ${defect}, found it ${pieces.length - 1} times`)
    return pieces.join(right)
  }, readFileSync(path, 'utf8'))
}

function buildRuntime(): XRRuntime {
  let nowMs = 0

  class DOMPointReadOnly {
    readonly x: number
    readonly y: number
    readonly z: number
    readonly w: number
    constructor(x = 0, y = 0, z = 0, w = 1) {
      this.x = x
      this.y = y
      this.z = z
      this.w = w
    }
    static fromPoint(point: { x?: number; y?: number; z?: number; w?: number }): DOMPointReadOnly {
      return new DOMPointReadOnly(point.x, point.y, point.z, point.w)
    }
  }
  class Event {
    readonly type: string
    readonly timeStamp = nowMs
    constructor(type: string) {
      this.type = type
    }
  }
  // What the polyfill reads of a window. A session asks its own device for frames, so the window's are never run.
  const window: Record<string, unknown> = {
    DOMPointReadOnly,
    Event,
    HTMLCanvasElement: class {},
    WebGLRenderingContext: class {},
    addEventListener() {},
    isSecureContext: true,
    navigator: { userAgent: 'theta-sim', platform: '' },
    performance: { now: () => nowMs },
    screen: { width: 0, height: 0 },
  }
  Object.assign(window, { global: window, self: window, window })

  const module = { exports: {} as { new (config: object): unknown } }
  const scope = { ...window, module, exports: module.exports }
  compileFunction(correctedSource(), Object.keys(scope), { filename: 'webxr-polyfill.js' })(...Object.values(scope))
  new module.exports({ global: window, webvr: false, cardboard: false })

  const { XRSystem, XRInputSource, XRPose, XRRigidTransform, XRWebGLLayer } = window as unknown as XRRuntime
  return {
    XRSystem,
    XRInputSource,
    XRPose,
    XRRigidTransform,
    XRWebGLLayer,
    setNowMs(ms) {
      nowMs = ms
    },
  }
}

const sharedRuntime = once(buildRuntime)

/**
 * The runtime of this process (10 ms to build at the first call). Sessions share nothing but its classes and its clock,
 * which every headset sets before it lets anything read it.
 */
export async function prepareXR(): Promise<XRRuntime> {
  return sharedRuntime()
}
