/**
 * The compression baseline: what the messages of all stories come to without and with compression, by type and size, on seeds that the
 * dictionary was not trained on; beside it, the best others that were tried, and what a call takes.
 */
import { readDictionaries } from '../../platform/dictionaries.ts'
import { deflatedBytes } from '../../platform/deflate.ts'
import { zstdCompressor } from '../../platform/zstd.ts'
import { Compression, type CompressionRow, savedShare } from '../../reports/compression.ts'
import { aligned, type Cell } from '../../reports/table.ts'
import { NO_DICTIONARY } from '../../system/ports.ts'
import { COMPRESSED_BODY_BYTES_MIN, Packer } from '../../system/protocol/compression.ts'
import { DICTIONARIES } from '../../system/protocol/dictionaries.ts'
import { BODY_BYTES_MAX, ENVELOPE_BYTES } from '../../system/protocol/envelope.ts'
import { type MessageName, MessageType } from '../../system/protocol/messages.ts'
import { CATALOGUE } from '../catalogue.ts'
import { prepare } from '../cluster/prepare.ts'
import { runOnce } from '../cluster/run.ts'
import { Wiretap } from '../cluster/wiretap.ts'
import type { Scenario } from '../scenario.ts'
import assetStreaming from '../stories/asset-streaming.ts'
import attacker from '../stories/attacker.ts'
import { atLeast, figure } from './aims.ts'
import { median } from './rounds.ts'

const SEEDS = [101, 102]
/** The plan's: half of the bytes. */
const SAVED_AIM = 0.5
const CHECKSUM_BYTES = 4
const US_PER_MS = 1000
/** Every so many bodies one is timed. */
const TIMED_EVERY = 10

/** Most bytes of a session would be the attacker's floods, or assets, which are noise here. */
const UNLIKE: ReadonlySet<Scenario> = new Set([attacker, assetStreaming])

interface Sent {
  readonly message: MessageName
  readonly body: Uint8Array
}

/**
 * @param nowMs a wall clock.
 * @param stories all but two for anything that is to be told as the baseline.
 */
export async function compression(
  nowMs: () => number, stories: readonly Scenario[] = CATALOGUE.map(({ scenario }) => scenario).filter((story) => !UNLIKE.has(story)),
): Promise<string[]> {
  const sent = await messagesSent(stories)
  const compressor = await zstdCompressor(readDictionaries(DICTIONARIES))
  const [{ version }] = DICTIONARIES
  const content = readDictionaries(DICTIONARIES).get(version)!
  const packer = new Packer(compressor)
  const zstd = (dictionary: number) => tallied(sent, (body) => {
    const { packing, bytes } = packer.pack(body, { mode: 'zstd', dictionary })!
    return { packing, bytes: bytes.length }
  })
  const deflated = tallied(sent, (body) => {
    if (body.length < COMPRESSED_BODY_BYTES_MIN) return { packing: 'bypassed', bytes: body.length }
    const bytes = CHECKSUM_BYTES + deflatedBytes(body, content)
    return bytes < body.length ? { packing: 'compressed', bytes } : { packing: 'grown', bytes: body.length }
  })
  const [plain, trained] = [zstd(NO_DICTIONARY), zstd(version)]
  const rows = trained.map((row, index): Cell[] => [
    row.message, row.bodyBytes, row.count, row.bypassed, row.grown, row.plainBytes, row.bytes, savedShare(row), savedShare(plain[index]),
    savedShare(deflated[index]),
  ])
  const [all, allPlain, allDeflated] = [trained, plain, deflated].map(totalOf)
  const share = 1 - all.bytes / all.plainBytes
  const last = ['all', '', '', '', '', all.plainBytes, all.bytes, savedShare(all), savedShare(allPlain), savedShare(allDeflated)]
  const titles = [
    'message', 'body bytes', 'count#', 'too small#', 'would grow#', 'bytes before#', 'bytes after#', 'saved#', 'no dictionary#', 'deflate#',
  ]
  const { compressUs, decompressUs } = timed(sent, (body) => compressor.compress(body, version),
    (frame) => compressor.decompress(frame, version, BODY_BYTES_MAX), nowMs)
  return [
    ...aligned(titles, [...rows, last]),
    '',
    `whole messages, envelopes and resends included; seeds ${SEEDS.join(', ')} of ${stories.length} stories; dictionary ${version}`,
    `saved: at least ${SAVED_AIM * 100}%, ${atLeast(share, SAVED_AIM)}; bodies alone ${savedShare(bodiesOf(all, sent.length))}`,
    `microseconds a call, median: compress ${figure(compressUs)}, decompress ${figure(decompressUs)}`,
  ]
}

/** Every message that anybody sent, but those of the handshake. */
async function messagesSent(stories: readonly Scenario[]): Promise<readonly Sent[]> {
  const prepared = await prepare()
  const tap = new Wiretap(prepared.compressor)
  const names = new Map(Object.entries(MessageType).map(([name, type]) => [type as number, name as MessageName]))
  const messages: Sent[] = []
  const sent = (_from: number, _to: number, _connection: number, _channel: number, bytes: Uint8Array): void => {
    const tapped = tap.bodyOf(bytes)
    const message = tapped && names.get(tapped.type)
    if (message !== undefined && !message.startsWith('Session')) messages.push({ message, body: tapped!.body })
  }
  for (const story of stories) {
    for (const seed of SEEDS) {
      const settings = { seed, frames: story.settings.frames, verifier: 'node', measure: false, watchers: [{ sent }] } as const
      await runOnce(story, settings, prepared)
    }
  }
  return messages
}

type Packed = { readonly packing: 'compressed' | 'bypassed' | 'grown'; readonly bytes: number }

function tallied(sent: readonly Sent[], pack: (body: Uint8Array) => Packed): CompressionRow[] {
  const tally = new Compression()
  for (const { message, body } of sent) {
    const { packing, bytes } = pack(body)
    tally.add(message, packing, ENVELOPE_BYTES + body.length, ENVELOPE_BYTES + bytes)
  }
  return tally.rows()
}

type Total = Pick<CompressionRow, 'plainBytes' | 'bytes'>

const totalOf = (rows: readonly CompressionRow[]): Total => ({
  plainBytes: rows.reduce((sum, { plainBytes }) => sum + plainBytes, 0), bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
})
const bodiesOf = ({ plainBytes, bytes }: Total, count: number): Total =>
  ({ plainBytes: plainBytes - count * ENVELOPE_BYTES, bytes: bytes - count * ENVELOPE_BYTES })

function timed(
  sent: readonly Sent[], compress: (body: Uint8Array) => Uint8Array, decompress: (frame: Uint8Array) => unknown, nowMs: () => number,
): { readonly compressUs: number; readonly decompressUs: number } {
  const bodies = sent.filter(({ body }, index) => index % TIMED_EVERY === 0 && body.length >= COMPRESSED_BODY_BYTES_MIN)
  const usOf = (call: () => void): number => {
    const beganMs = nowMs()
    call()
    return (nowMs() - beganMs) * US_PER_MS
  }
  const frames = bodies.map(({ body }) => compress(body))
  return {
    compressUs: median(bodies.map(({ body }) => usOf(() => void compress(body)))),
    decompressUs: median(frames.map((frame) => usOf(() => void decompress(frame)))),
  }
}
