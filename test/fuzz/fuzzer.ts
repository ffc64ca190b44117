/** So many mutated messages to host and client, in every state of theirs; what came of them, or the breach that was found. */
import { Codec } from '../../system/protocol/codec.ts'
import { Draws, mutated } from './mutation.ts'
import { Breach, CLIENT_STATES, HOST_STATES, Stage } from './stage.ts'

export interface FuzzReport {
  readonly messages: number
  /** Messages by 'side state'. */
  readonly states: Readonly<Record<string, number>>
  /** What the host made of those that were for it. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly slowestMs: number
  /** What must not happen and did, with the message at which it was found. */
  readonly breach: string | undefined
}

/** Messages on one stage, before it is set anew. */
const ROUND = 1000
/** On one stage of so many there are goodbyes to mutate. */
const GOODBYES_EVERY = 4
/** A message that takes longer hangs. */
const MESSAGE_MS_MAX = 2000
/** Most messages meet members: there is most to be reached. */
const TURNS = [
  ...HOST_STATES.map((state) => ['host', state] as const), ['host', 'member'], ['host', 'member'], ['host', 'member'],
  ...CLIENT_STATES.map((state) => ['client', state] as const), ['client', 'live'], ['client', 'live'],
] as const

/** @param nowMs a wall clock, to find what hangs. */
export function fuzz(messages: number, seed: number, nowMs: () => number): FuzzReport {
  const draws = new Draws(seed)
  const codec = new Codec()
  const states: Record<string, number> = {}
  const outcomes: Record<string, number> = {}
  let slowestMs = 0
  let given = 0
  let breach: string | undefined
  for (let turn = 0; given < messages && breach === undefined; turn++) {
    const [side, state] = TURNS[turn % TURNS.length]
    const stage = new Stage(side, state, turn % GOODBYES_EVERY === 0)
    try {
      for (let i = 0; i < ROUND && given < messages && !stage.isOver; i++) {
        const body = mutated(draws.pick(stage.corpus), draws, stage.corpus, codec)
        const fromMs = nowMs()
        stage.give(body)
        const tookMs = nowMs() - fromMs
        slowestMs = Math.max(slowestMs, tookMs)
        if (tookMs > MESSAGE_MS_MAX) throw new Breach(`a ${body.name} took ${Math.round(tookMs)} ms`)
        given++
        states[`${side} ${state}`] = (states[`${side} ${state}`] ?? 0) + 1
      }
      stage.end()
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
      breach = `${what}\nat message ${given + 1}, ${side} ${state}, seed ${seed}`
    }
    for (const [what, count] of stage.told) outcomes[what] = (outcomes[what] ?? 0) + count
  }
  return { messages: given, states, outcomes, slowestMs, breach }
}
