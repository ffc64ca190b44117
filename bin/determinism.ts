/** `run --check-determinism`: the same run twice, or against the chain that another machine wrote, and what to say of it. */
import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { reasonOf, writeFiles } from '../platform/files.ts'
import { recordDifferenceLines, recordInWords } from '../reports/recorddifference.ts'
import type { Checked, Difference } from '../scenarios/index.ts'
import { Misuse, type Terminal } from './engine.ts'
import type { Flag, Given } from './grammar.ts'
import { readText } from './input.ts'
import { firstDifference } from './recorded.ts'
import type { RunOptions, Subject } from './subject.ts'

export const DETERMINISM_FLAGS = {
  'check-determinism': { about: 'run it twice and stop at the first event that differs' },
  chaos: { about: 'collect garbage and wait between the events of the second run' },
  chain: { value: 'FILE', about: 'write the digest after each event to FILE, or compare with FILE where it is there' },
} as const satisfies Record<string, Flag>

export interface DeterminismOptions {
  readonly twice: boolean
  readonly chaos: boolean
  readonly chain: string | undefined
}

/** Undefined where nothing of the kind is asked for. @throws {Misuse} */
export function determinismOf(given: Given): DeterminismOptions | undefined {
  const [twice, chaos, chain] = [given.on('check-determinism'), given.on('chaos'), given.text('chain')]
  if (chaos && !twice) throw new Misuse('--chaos is for the second run of --check-determinism; give both')
  if (!twice && chain === undefined) return undefined
  if (given.text('seeds') !== undefined) throw new Misuse(`${twice ? '--check-determinism' : '--chain'} and --seeds exclude each other`)
  return { twice, chaos, chain }
}

export interface DeterminismOutcome {
  readonly name: string
  readonly result: Checked['result']
  readonly isDeterministic: boolean
  readonly lines: readonly string[]
  /** For programs. */
  readonly summary: object
}

export async function checkedRun(
  subject: Subject, options: RunOptions, { twice, chaos, chain }: DeterminismOptions, terminal: Terminal,
  onProgress: (frame: number, frames: number) => void,
): Promise<DeterminismOutcome> {
  const isThere = chain !== undefined && existsSync(resolve(terminal.folder, chain))
  const against = isThere ? chainOf(readText(chain, terminal), chain) : undefined
  const asked = { ...options, twice, chaos, ...(against !== undefined && { against }) }
  const { name, answer: checked } = await subject.perform('checkDeterminism', asked, onProgress)
  const { result, records, difference, otherReportJson, provoked } = checked
  if (chain !== undefined && !isThere) writeChain(chain, checked, terminal)
  const counts = { records, digest: result.traceDigest, ...(provoked && { provoked }) }
  if (difference !== undefined) {
    const lines = differenceLines(difference, checked, chain)
    return { name, result, isDeterministic: false, lines, summary: { ...counts, difference: plain(difference) } }
  }
  if (otherReportJson !== undefined) {
    const key = firstDifference(JSON.parse(result.reportJson), JSON.parse(otherReportJson)) ?? 'its spacing'
    const lines = [`not deterministic: all ${records} records are the same, and the reports differ first at ${key}`]
    return { name, result, isDeterministic: false, lines, summary: { ...counts, report: key } }
  }
  const with_ = [...(twice ? ['the second run'] : []), ...(isThere ? [chain] : [])].join(' and ')
  const noise = provoked && ` after ${provoked.collections} garbage collections and ${provoked.delays} delays`
  return {
    name, result, isDeterministic: true, summary: { ...counts, identical: true },
    lines: [
      ...(with_ === '' ? [] : [`identical: ${records} records, digest ${result.traceDigest}, in ${with_}${noise ?? ''}`]),
      ...(chain === undefined || isThere ? [] : [`chain:  ${chain}`]),
    ],
  }
}

function differenceLines({ record, first, second, with: with_ }: Difference, { result }: Checked, chain: string | undefined): string[] {
  const { nodes } = result.report
  if (with_ === 'again') {
    return [`not deterministic: record ${record} is not the same the second time`, ...recordDifferenceLines(first, second, nodes)]
  }
  return [`not deterministic: record ${record} is not as in ${chain}`, `here: ${recordInWords(first, nodes)}`]
}

/** What JSON cannot carry as text. */
function plain(value: object): object {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    (typeof inner === 'bigint' ? String(inner) : inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : inner))
  return JSON.parse(text) as object
}

/** @throws {Misuse} when that is no chain. */
function chainOf(text: string, path: string): string {
  if (/^(?:[0-9a-f]{16}\n)+$/.test(text)) return text
  throw new Misuse(`${path} is no chain: expected one digest a line; remove it to have it written anew`)
}

function writeChain(chain: string, { chain: text }: Checked, terminal: Terminal): void {
  try {
    writeFiles(dirname(resolve(terminal.folder, chain)), { [basename(chain)]: text })
  } catch (error) {
    throw new Misuse(`cannot write ${chain}: ${reasonOf(error)}; choose another file with --chain`)
  }
}
