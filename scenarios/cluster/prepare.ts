/** What must be awaited before a run, once a process: WebAssembly and the WebXR implementation (law 2). */
import rapier from '@dimforge/rapier3d-compat'
import { readDictionaries } from '../../platform/dictionaries.ts'
import { prepareXR, type XRRuntime } from '../../platform/xr.ts'
import { macrotask, wallClockMs, withStillClock } from '../../platform/clock.ts'
import { once } from '../../platform/once.ts'
import { rememberingCompressor } from '../../platform/zstd-memo.ts'
import { zstdCompressor } from '../../platform/zstd.ts'
import { STEPS_PER_METRE } from '../../system/ecs/components.ts'
import { PHYSICS_HZ } from '../../system/limits.ts'
import { Physics, type Rapier } from '../../system/physics/physics.ts'
import type { Compressor } from '../../system/ports.ts'
import { DICTIONARIES } from '../../system/protocol/dictionaries.ts'

export interface Prepared {
  readonly rapier: Rapier
  readonly xr: XRRuntime
  readonly compressor: Compressor
  /** Wall milliseconds that it took. */
  readonly startUpMs: number
}

const WARM_UP_STEPS = 30

/** Once a process, whoever asks first. */
export const prepare = once(async (): Promise<Prepared> => {
  const beganMs = wallClockMs()
  const [xr, zstd] = await Promise.all([prepareXR(), zstdCompressor(readDictionaries(DICTIONARIES)), rapier.init()])
  // Rapier times each of its steps, unasked.
  withStillClock(() => { warmUp(rapier) })
  // The engine compiles the hot functions beside us, and the next turn of the event loop waits for that: up to a second.
  await macrotask()
  return { rapier, xr, compressor: rememberingCompressor(zstd), startUpMs: wallClockMs() - beganMs }
})

/** The first steps of a fresh WebAssembly module are compiled lazily, up to 300 ms: that belongs here, and not into a run. */
function warmUp(module: Rapier): void {
  const physics = new Physics(module, { hz: PHYSICS_HZ })
  const extent = STEPS_PER_METRE >> 2
  for (let i = 0; i < 4; i++) {
    const pose = { x: 0, y: STEPS_PER_METRE * (i + 1), z: 0, qx: 0, qy: 0, qz: 0, qw: 1 }
    physics.add(i + 1, { shape: i % 2 === 0 ? 'box' : 'ball', hx: extent, hy: extent, hz: extent, massGrams: 1000, restitution: 80, pose })
  }
  for (let step = 0; step < WARM_UP_STEPS; step++) physics.step()
  physics.free()
}
