/** Bare parts, like those of parts.ts, of what the simulator does: the event queue and the headset's frames. */
import { Clock, type ClockEvent } from '../../sim/clock.ts'
import { createHeadset } from '../../sim/xr/headset.ts'
import type { XRFrame, XRRuntime } from '../../sim/xr/runtime.ts'

/** Events that wait in a run of three peers. */
const PENDING = 32
const DELAY_US = 5_000

/** Each event pushed and popped once. */
export function events({ events: count }: { readonly events: number }): () => void {
  return () => {
    const clock = new Clock()
    const event: ClockEvent = { atUs: 0, kind: 0, node: 0, slot: 0 }
    for (let i = 0; i < PENDING; i++) clock.push(i * 100, 1, 2, i)
    for (let i = 0; i < count; i++) {
      clock.popInto(event)
      clock.push(event.atUs + DELAY_US, 1, 2, i)
    }
  }
}

export interface HeadsetPart {
  run(): void
  end(): Promise<void>
}

/** Frames of one headset, in which the application asks for the viewer's pose and the four of its hands. */
export async function xrFrames({ xrFrames: count }: { readonly xrFrames: number }, runtime: XRRuntime): Promise<HeadsetPart> {
  const headset = await createHeadset(runtime)
  const { session, referenceSpace } = headset
  const application = (_timeMs: number, frame: XRFrame): void => {
    frame.getViewerPose(referenceSpace)
    for (const { gripSpace, targetRaySpace } of session.inputSources) {
      frame.getPose(gripSpace, referenceSpace)
      frame.getPose(targetRaySpace, referenceSpace)
    }
  }
  let nowUs = 0
  return {
    run() {
      for (let i = 0; i < count; i++) {
        session.requestAnimationFrame(application)
        headset.pump((nowUs += DELAY_US))
      }
    },
    end: () => headset.end(),
  }
}
