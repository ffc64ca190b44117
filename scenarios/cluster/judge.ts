/** From how a run ended to its verdict, and to the kind of failure that it is: what two runs have in common that fail the same way. */
import { type FailureKind, isMet, type RunInfo } from '../../reports/input.ts'
import { AssertionError as SimAssertionError } from '../../sim/assert.ts'
import type { ScriptEnd } from '../../sim/script.ts'
import { AssertionError } from '../../system/assert.ts'
import type { Failure } from './checkers.ts'
import type { ClientNode } from './nodes.ts'
import type { ExitCode, TamperRequest } from './outcome.ts'
import { portable, portablePlace } from './portable.ts'

export interface Judgement {
  readonly exit: ExitCode
  readonly verdict: string
  readonly failure: FailureKind | undefined
  readonly stack: string | undefined
}

export type RunEnd = ScriptEnd | { readonly kind: 'crashed'; readonly error: unknown }

/** How long after its scenario's last frame a story may go on, milliseconds: three members that cannot join. */
export const OVERRUN_MS_MAX = 60_000

const red = (exit: ExitCode, verdict: string, check: string, component = '', field = '', stack?: string): Judgement =>
  ({ exit, verdict, failure: { exit, check, component, field }, stack })

export const converged = (also = ''): Judgement => ({ exit: 0, verdict: `converged${also}`, failure: undefined, stack: undefined })

/** A check that failed; `said` is what the verdict says of it. */
export function unsafe({ check, details }: Failure, said: string, stack?: string): Judgement {
  const { component, field } = details
  return red(1, said, check, String(component ?? ''), String(field ?? ''), stack)
}

/** The verdict on a story that did not come to its end; undefined where it did. @param folder from which paths are told */
export function brokenOff(end: RunEnd, folder: string): Judgement | undefined {
  const where = 'line' in end && end.line !== undefined ? portablePlace(end.line, folder) : 'the script'
  const misuse = (what: string, stack?: string): Judgement => red(4, `${where}: ${what}`, 'script', end.kind, '', stack)
  switch (end.kind) {
    case 'done': return undefined
    case 'crashed': return crashed(end.error, folder)
    case 'threw': {
      const { error } = end
      const ours = error instanceof AssertionError || error instanceof SimAssertionError
      return ours ? crashed(error, folder) : misuse(inWords(error, folder), stackOf(error))
    }
    case 'stalled':
      return misuse('after this the script awaits something that is not virtual time; await frame(...), sleep(...) or another verb')
    case 'spinning':
      return misuse('the script waits here over and over, and no time passes; await a later frame(...), or sleep(...) for longer')
    case 'overran':
      return misuse(`the script still goes on ${OVERRUN_MS_MAX / 1000} s after its last frame; let it end, `
        + 'or give the scenario more frames')
    case 'stopped': return { ...converged(), verdict: 'stopped' }
    case 'limit': return red(4, `the script goes on past ${end.limit}; let it end, or loop less`, 'script', end.limit)
  }
}

/** Somebody has not confirmed the host's last frame. */
export function unsettled(clients: readonly ClientNode[], hostFrame: number): Judgement {
  const behind = clients
    .filter(({ crashed: down, peer }) => !down && peer.state !== 'closed' && !(peer.idle && peer.confirmedFrame === hostFrame))
  const states = behind.map(({ name, peer }) => `${name} is ${peer.state} at frame ${peer.confirmedFrame}`)
  return red(2, `did not settle: ${states.join(', ')}; the host is at frame ${hostFrame}`, 'settle', behind[0]?.peer.state ?? 'host')
}

/** The first of what had to happen that did not; undefined where all did. */
export function unhappened(mustHappen: RunInfo['mustHappen'], clients: readonly ClientNode[]): Judgement | undefined {
  const unmet = mustHappen.find((expectation) => !isMet(expectation))
  if (unmet === undefined) return undefined
  const { name, got, wanted } = unmet
  const bounds = typeof wanted === 'number' ? `at least ${wanted}` : `${wanted[0]} to ${wanted[1]}`
  const [, peer] = /^(?:signedBy|confirmed)\.(.*)$/.exec(name) ?? []
  const absent = peer === undefined || clients.some((client) => client.name === peer) ? '' : `; no ${peer} joined`
  return red(1, `did not happen: ${name} was ${got}, and must be ${bounds}${absent}`, 'mustHappen', name)
}

/** Why there was nothing to tamper with. */
export function untouched({ peer, frame }: TamperRequest, clients: readonly ClientNode[]): Judgement {
  const names = ['host', ...clients.map(({ name }) => name)]
  const why = names.includes(peer)
    ? `${peer} had no state in frame ${frame}, or the story was over; take a frame in which ${peer} is a member`
    : `there is no ${peer} in this story, only ${names.join(', ')}`
  return red(4, `nothing to tamper with at ${peer}@${frame}: ${why}`, 'tamper', peer)
}

/** Two crashes are of one kind where they say the same, whatever the numbers in it. */
function crashed(error: unknown, folder: string): Judgement {
  const said = inWords(error, folder)
  return red(3, `crashed: ${said}`, 'crash', said.replaceAll(/\d+/g, '#'), '', stackOf(error))
}
const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined)
const inWords = (error: unknown, folder: string): string =>
  portable(error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}, which is no Error`, folder)
