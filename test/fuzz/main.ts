/**
 * Mutated messages to host and client, for as long as is wanted.
 *
 *     npm run fuzz                                 100,000 messages
 *     npm run fuzz -- --messages 1000000 --seed 7
 *
 * Exit 1 where somebody threw, hung, or let in what nobody signed; the last line says which message it was.
 */
import { parseArgs } from 'node:util'
import { prepare } from '../support/loopback.ts'
import { fuzz } from './fuzzer.ts'

const { values } = parseArgs({ options: { messages: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } } })
await prepare()
const fromMs = performance.now()
const report = fuzz(Number(values.messages), Number(values.seed), () => performance.now())
const seconds = (performance.now() - fromMs) / 1000

const print = (line: string): void => { process.stdout.write(`${line}\n`) }
const counts = (of: Readonly<Record<string, number>>): string => Object.keys(of).sort().map((name) => `${name} ${of[name]}`).join(', ')
const rate = Math.round(report.messages / seconds)
print(`${report.messages} messages in ${seconds.toFixed(1)} s, ${rate} a second; slowest ${report.slowestMs.toFixed(1)} ms`)
print(`given to: ${counts(report.states)}`)
print(`the host: ${counts(report.outcomes)}`)
print(report.breach ?? 'no throw, no hang, and nothing let in that nobody signed')
process.exitCode = report.breach === undefined ? 0 : 1
