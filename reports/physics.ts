/** How much there was to simulate. */
import type { EventNamed } from './input.ts'

export interface PhysicsSection {
  readonly steps: number
  readonly bodiesMax: number
  /** Summed over the steps. */
  readonly contacts: number
  readonly contactsMax: number
}

export class Physics {
  #steps = 0
  #bodiesMax = 0
  #contacts = 0
  #contactsMax = 0

  stepped({ bodies, contacts }: EventNamed<'physicsStepped'>): void {
    this.#steps++
    this.#bodiesMax = Math.max(this.#bodiesMax, bodies)
    this.#contacts += contacts
    this.#contactsMax = Math.max(this.#contactsMax, contacts)
  }

  section(): PhysicsSection {
    return { steps: this.#steps, bodiesMax: this.#bodiesMax, contacts: this.#contacts, contactsMax: this.#contactsMax }
  }
}
