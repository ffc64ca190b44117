/**
 * Questions before the handshake: each is asked again until its answer is there, and carries the token of the answer
 * before, so that the answering side keeps no state and still knows that it is asked in turn.
 */
import type { RendezvousStep } from './profile.ts'
import { derive } from './secret.ts'

export const TOKEN_BYTES = 16
/** Doublings of the wait for an answer. */
const DOUBLINGS_MAX = 2

/** The token of the answer to `step`; what a first question carries is the token of step -1. */
export function rendezvousToken(responder: number, connection: number, step: number): Uint8Array {
  return derive('rendezvous', [responder, connection, step]).subarray(0, TOKEN_BYTES)
}

export class Rendezvous {
  readonly #steps: readonly RendezvousStep[]
  step = 0
  attempt = 0
  token: Uint8Array
  /** When the question has to be asked (again). */
  deadlineUs: number

  constructor(steps: readonly RendezvousStep[], firstToken: Uint8Array, nowUs: number) {
    this.#steps = steps
    this.token = firstToken
    this.deadlineUs = steps.length === 0 ? Infinity : nowUs
  }

  get isDone(): boolean {
    return this.step === this.#steps.length
  }

  asked(nowUs: number): void {
    this.deadlineUs = nowUs + this.#steps[this.step].retryUs * 2 ** Math.min(this.attempt, DOUBLINGS_MAX)
    this.attempt++
  }

  answered(step: number, token: Uint8Array, nowUs: number): void {
    if (step !== this.step || this.isDone || token.length !== TOKEN_BYTES) return
    this.step++
    this.attempt = 0
    this.token = token.slice()
    this.deadlineUs = this.isDone ? Infinity : nowUs
  }
}
