/**
 * `theta-sim bench`: speed and memory, here and now. Every ratio compares what ran round-robin in this process, so that
 * it means something on a busy machine too; the other figures belong to this machine.
 */
import { wallClockMs } from '../platform/clock.ts'
import { compression } from './bench/compression.ts'
import { eventCore } from './bench/eventcore.ts'
import { frames } from './bench/frames.ts'
import { memory } from './bench/memory.ts'
import { messages } from './bench/messages.ts'
import { network } from './bench/network.ts'
import { rewind } from './bench/rewind.ts'
import { runs } from './bench/runs.ts'
import { scale } from './bench/scale.ts'
import { transforms } from './bench/transforms.ts'

type Print = (line: string) => void

const PARTS: readonly (readonly [title: string, seconds: number, measure: (print: Print) => string[] | Promise<string[]>])[] = [
  // First, since no other part has had the engine compile anything yet.
  ['Whole runs of loopback-120', 25, runs],
  ['Event core: pop the earliest, push one more', 5, eventCore],
  ['Network: links, QUIC and WebRTC', 20, network],
  ['Messages: medians of one call', 5, () => messages(wallClockMs)],
  ['Changed transforms: what they cost', 5, () => transforms(wallClockMs)],
  ['Frames of a small world and a large one', 10, scale],
  ['A host’s frames for two members and for eight', 5, frames],
  ['An entry among 4,000 that wait', 2, rewind],
  ['Compression: bytes of messages over all stories', 10, () => compression(wallClockMs)],
  ['Memory, after a garbage collection', 5, memory],
]

/** Prints each part as it is done. Rejects on a fault of ours alone, never for a figure. */
export async function bench(print: Print): Promise<void> {
  for (const [index, [title, seconds, measure]] of PARTS.entries()) {
    print(`${index === 0 ? '' : '\n'}${title} (part ${index + 1} of ${PARTS.length}, about ${seconds} s)\n`)
    for (const line of await measure(print)) print(line)
  }
}
