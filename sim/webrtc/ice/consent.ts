/** Consent to go on sending on the selected pair (RFC 7675, section 5.1): when to ask, and what a long silence means. */
import { mix32 } from '../../choice.ts'
import { CONSENT_EXPIRY_US, CONSENT_US, DISTURBED_US } from './limits.ts'

export type ConsentState = 'given' | 'disturbed' | 'expired'

export class Consent {
  readonly #secret: number
  #answeredUs: number
  /** When anything of the other side came by this path. */
  #heardUs: number
  #checkUs: number
  #asked = 0
  state: ConsentState = 'given'

  /** `secret`, an unsigned 32-bit integer, spreads the intervals. */
  constructor(secret: number, nowUs: number) {
    this.#secret = secret
    this.#answeredUs = nowUs
    this.#heardUs = nowUs
    this.#checkUs = nowUs + this.#intervalUs()
  }

  /** Whether it is time to ask; the answer true counts as asking. */
  ask(nowUs: number): boolean {
    if (this.state === 'expired' || nowUs < this.#checkUs) return false
    this.#checkUs = nowUs + this.#intervalUs()
    return true
  }

  answered(nowUs: number): void {
    this.#answeredUs = nowUs
    this.#heardUs = nowUs
  }

  /** The other side has asked on this path: that is no consent, but a sign of life. */
  heard(nowUs: number): void {
    this.#heardUs = nowUs
  }

  /** Brings the state up to the present; true where it changed. */
  judge(nowUs: number): boolean {
    if (this.state === 'expired') return false
    const isExpired = nowUs - this.#answeredUs >= CONSENT_EXPIRY_US
    const state = isExpired ? 'expired' : nowUs - this.#heardUs >= DISTURBED_US ? 'disturbed' : 'given'
    const hasChanged = state !== this.state
    this.state = state
    return hasChanged
  }

  nextWakeUs(): number {
    if (this.state === 'expired') return Infinity
    const disturbedUs = this.state === 'given' ? this.#heardUs + DISTURBED_US : Infinity
    return Math.min(this.#checkUs, this.#answeredUs + CONSENT_EXPIRY_US, disturbedUs)
  }

  /** 0.8 to 1.2 times the interval, so that the two ends do not fall into step. */
  #intervalUs(): number {
    return CONSENT_US - CONSENT_US / 5 + (mix32(this.#secret, this.#asked++) % ((2 * CONSENT_US) / 5))
  }
}
