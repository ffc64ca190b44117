/** Trains a compression dictionary: runs stories, keeps the bodies that their peers sent, and chooses what most of them have in common. */
import { coverDictionary } from '../platform/cover.ts'
import { crc32 } from '../system/protocol/crc32.ts'
import { COMPRESSED_BODY_BYTES_MIN } from '../system/protocol/compression.ts'
import { MessageType } from '../system/protocol/messages.ts'
import { prepare } from './cluster/prepare.ts'
import { runOnce } from './cluster/run.ts'
import { Wiretap } from './cluster/wiretap.ts'
import type { Scenario } from './scenario.ts'

export interface TrainingOptions {
  readonly firstSeed: number
  readonly lastSeed: number
  /** Of the dictionary, at most. */
  readonly bytesMax: number
  /** Told before each run. */
  readonly onRun?: (story: string, seed: number) => void
}
export interface Training {
  /** Raw content; a function of the stories, the seeds and the code. */
  readonly content: Uint8Array
  /** Different bodies that it was chosen from, and their bytes. */
  readonly samples: number
  readonly sampleBytes: number
}

/** What is sent before anything is agreed on, or never compressed. */
const { SessionHello, SessionAcknowledge, SessionControl } = MessageType
const NEVER_COMPRESSED: ReadonlySet<number> = new Set([SessionHello, SessionAcknowledge, SessionControl])

export async function train(stories: readonly Scenario[], { firstSeed, lastSeed, bytesMax, onRun }: TrainingOptions): Promise<Training> {
  const bodies = new Map<string, Uint8Array>()
  const prepared = await prepare()
  const tap = new Wiretap(prepared.compressor)
  const sent = (_from: number, _to: number, _connection: number, _channel: number, bytes: Uint8Array): void => {
    const tapped = tap.bodyOf(bytes)
    if (tapped === undefined || NEVER_COMPRESSED.has(tapped.type) || tapped.body.length < COMPRESSED_BODY_BYTES_MIN) return
    const name = Buffer.from(tapped.body).toString('latin1')
    if (!bodies.has(name)) bodies.set(name, tapped.body)
  }
  for (const story of stories) {
    for (let seed = firstSeed; seed <= lastSeed; seed++) {
      onRun?.(story.name, seed)
      await runOnce(story, { seed, frames: story.settings.frames, verifier: 'node', measure: false, watchers: [{ sent }] }, prepared)
    }
  }
  // By checksum: a shuffle that depends on nothing but the bodies, so that each part of the list has some of every kind.
  const samples = [...bodies.values()].sort((a, b) => crc32(a) - crc32(b))
  const sampleBytes = samples.reduce((sum, { length }) => sum + length, 0)
  return { content: coverDictionary(samples, bytesMax), samples: samples.length, sampleBytes }
}
