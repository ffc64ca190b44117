/** `run --pcap --qlog`: the same run once more, its packets and what its QUIC connections tell kept in files for other tools. */
import { Misuse } from './engine.ts'
import type { Flag, Given } from './grammar.ts'
import type { CaptureFiles } from './output.ts'
import type { RunOptions, Subject } from './subject.ts'

export const CAPTURE_FLAGS = {
  pcap: { about: 'run it again and write its packets, for Wireshark, to capture.pcapng' },
  qlog: { about: 'run it again and write what QUIC connections tell, for qvis, to connections.qlog' },
} as const satisfies Record<string, Flag>

export interface CaptureWish {
  readonly pcap: boolean
  readonly qlog: boolean
}

/** Undefined where nothing of the kind is asked for. @throws {Misuse} */
export function captureWishOf(given: Given): CaptureWish | undefined {
  const [pcap, qlog] = [given.on('pcap'), given.on('qlog')]
  if (!pcap && !qlog) return undefined
  if (given.text('seeds') !== undefined) throw new Misuse(`${pcap ? '--pcap' : '--qlog'} and --seeds exclude each other; capture one seed`)
  return { pcap, qlog }
}

export type CaptureOutcome =
  | {
    readonly kind: 'captured'
    readonly files: CaptureFiles
    linesOf(folder: string): readonly string[]
    /** For programs. */
    readonly summary: object
  }
  /** It was another run. */
  | { readonly kind: 'another'; readonly line: string; readonly summary: object }

/** @param digest of the trace of the run that is captured. */
export async function capturedRun(
  subject: Subject, options: RunOptions, wish: CaptureWish, digest: string, onProgress: (frame: number, frames: number) => void,
): Promise<CaptureOutcome> {
  const { answer: { traceDigest, pcap, qlog } } = await subject.perform('capture', { ...options, ...wish, measure: false }, onProgress)
  if (traceDigest !== digest) {
    return {
      kind: 'another', summary: { digest: traceDigest, expected: digest },
      line: `not deterministic: the run that was captured has the digest ${traceDigest}, and the one before it ${digest}`,
    }
  }
  return {
    kind: 'captured',
    files: { 'capture.pcapng': pcap?.file, 'connections.qlog': qlog?.file },
    linesOf: (folder) => [
      ...(pcap === undefined ? [] : [
        `pcap:   ${folder}/capture.pcapng (${pcap.packets} packets and ${pcap.inside} inside them${leftOut('packets', pcap)})`,
      ]),
      ...(qlog === undefined ? [] : [`qlog:   ${folder}/connections.qlog (${qlog.ends} ends of connections${leftOut('events', qlog)})`]),
    ],
    summary: {
      ...(pcap && { pcap: { packets: pcap.packets, inside: pcap.inside, leftOut: pcap.leftOut } }),
      ...(qlog && { qlog: { ends: qlog.ends, leftOut: qlog.leftOut } }),
    },
  }
}

const leftOut = (what: string, { leftOut: count }: { readonly leftOut: number }): string =>
  (count === 0 ? '' : `; ${count} later ${what} are left out`)
