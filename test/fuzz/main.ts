/**
 * Mutated messages to host and client, and mutated datagrams to connections of every transport, for as long as is wanted.
 *
 *     npm run fuzz                                          100,000 of each
 *     npm run fuzz -- --messages 1000000 --datagrams 0 --seed 7
 *     npm run fuzz -- --messages 0 --kinds 'quic programs,turn'
 *
 * Exit 1 where somebody threw, hung, grew without a bound, or let in what nobody signed; the last line of each part says where.
 */
import { parseArgs } from 'node:util'
import { prepare } from '../support/loopback.ts'
import { fuzz } from './fuzzer.ts'
import { fuzzNetwork } from './network.ts'
import { KINDS } from './network/outcome.ts'

const number = { type: 'string', default: '100000' } as const
const { values } = parseArgs({
  options: {
    messages: number, datagrams: number, seed: { type: 'string', default: '1' }, kinds: { type: 'string', default: KINDS.join() },
  },
})
const kinds = KINDS.filter((kind) => values.kinds.split(',').includes(kind))
const seed = Number(values.seed)
const nowMs = (): number => performance.now()
/** Of the processor, so that whatever else the machine does counts for nothing. */
function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const print = (line: string): void => { process.stdout.write(`${line}\n`) }
const counts = (of: Readonly<Record<string, number>>): string => Object.keys(of).sort().map((name) => `${name} ${of[name]}`).join(', ')
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
/** Node collects on demand where it was started with --expose-gc; buffers are let go of one collection after their owners. */
function heapBytes(): number {
  for (let left = 2; left > 0; left--) globalThis.gc?.()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}
const isRed = [await messages(Number(values.messages)), datagrams(Number(values.datagrams))].includes(true)
process.exitCode = isRed ? 1 : 0

async function messages(count: number): Promise<boolean> {
  if (count === 0) return false
  await prepare()
  const fromMs = nowMs()
  const report = fuzz(count, seed, nowMs)
  const seconds = (nowMs() - fromMs) / 1000
  const rate = Math.round(report.messages / seconds)
  print(`${report.messages} messages in ${seconds.toFixed(1)} s, ${rate} a second; slowest ${report.slowestMs.toFixed(1)} ms`)
  print(`given to: ${counts(report.states)}`)
  print(`the host: ${counts(report.outcomes)}`)
  print(report.breach ?? 'no throw, no hang, and nothing let in that nobody signed')
  return report.breach !== undefined
}

function datagrams(count: number): boolean {
  if (count === 0) return false
  const before = heapBytes()
  const report = fuzzNetwork({ datagrams: count, seed, kinds, nowMs: usedMs, ...(globalThis.gc === undefined ? {} : { heapBytes }) })
  for (const kind of kinds) {
    const { cases, datagrams: given, ms, states, endings, discarded, reached, missed } = report.kinds[kind]
    const rate = Math.round((given * 1000) / ms)
    print(`${kind}: ${given} datagrams in ${cases} cases and ${(ms / 1000).toFixed(1)} s of the processor, ${rate} a second`)
    print(`  to connections that were: ${counts(states)}`)
    print(`  ended, at both ends: ${counts(endings)}`)
    print(`  discarded: ${counts(discarded)}`)
    print(`  reached: ${Object.keys(reached).length} sorts of frames, chunks, messages and events`)
    print(`  never reached: ${missed.join(', ') || 'none of those that are to be'}`)
  }
  print(`${report.datagrams} datagrams, slowest step ${report.slowestMs.toFixed(1)} ms`)
  print(`the heap: ${megabytes(before)} before, ${megabytes(heapBytes())} after, ${megabytes(report.heapGrowthBytes)} more within a case`)
  print(report.breach ?? 'no throw, no hang, nothing that grew without a bound, and every connection at its end')
  return report.breach !== undefined
}
