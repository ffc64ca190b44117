/** Connection ids: those that we gave out for packets to us, and those of the peer for packets to it. RFC 9000, sections 5.1 and 19.15. */
import type { ControlFrames } from './control.ts'
import { TransportError, type Violation, violation } from './errors.ts'
import type { NewConnectionIdFrame } from './frames.ts'
import { isSame } from '../octets.ts'
import { RangeSet } from '../ranges.ts'
import { isStatelessReset } from './statelessreset.ts'

/** Ids given out at once, whatever more the peer would keep. */
const LOCAL_IDS_MAX = 4
/** Section 5.1.2: retirements that may wait for their acknowledgement, for each id that may be active. */
const RETIRING_PER_ID_MAX = 2
/** Ranges of sequence numbers that are remembered as retired; where there are more, the lowest two count as one. */
const RETIRED_RANGES_MAX = 64

export interface ConnectionIdSource {
  /** The id and its stateless reset token by sequence number. */
  issue(sequence: number): { readonly id: Uint8Array; readonly resetToken: Uint8Array }
  /** Packets to this id are for this connection from now on, or no more. */
  added(id: Uint8Array): void
  removed(id: Uint8Array): void
}

export class LocalIds {
  readonly #source: ConnectionIdSource
  readonly #control: ControlFrames
  readonly #active = new Map<number, Uint8Array>()
  #nextSequence = 0

  constructor(source: ConnectionIdSource, control: ControlFrames) {
    this.#source = source
    this.#control = control
  }

  /** The id of the handshake, sequence number 0. */
  first(): { readonly id: Uint8Array; readonly resetToken: Uint8Array } {
    return this.#issue()
  }

  #issue(): { readonly id: Uint8Array; readonly resetToken: Uint8Array } {
    const issued = this.#source.issue(this.#nextSequence)
    this.#active.set(this.#nextSequence++, issued.id)
    this.#source.added(issued.id)
    return issued
  }

  /** Gives out as many as the peer keeps. */
  fill(peerLimit: number): void {
    while (this.#active.size < Math.min(peerLimit, LOCAL_IDS_MAX)) {
      const sequence = this.#nextSequence
      const { id, resetToken } = this.#issue()
      const isWanted = (): boolean => this.#active.has(sequence)
      const frame = { kind: 'newConnectionId', sequence, retirePriorTo: 0, id, resetToken } as const
      this.#control.enqueue(frame, 'connection id', 0, sequence, { isWanted })
    }
  }

  /** The peer will not use that id any more. */
  retire(sequence: number, peerLimit: number): Violation | undefined {
    if (sequence >= this.#nextSequence) return violation(TransportError.protocolViolation, `connection id ${sequence} was never given out`)
    const id = this.#active.get(sequence)
    if (id === undefined) return undefined
    this.#active.delete(sequence)
    this.#source.removed(id)
    this.fill(peerLimit)
    return undefined
  }

  /** The connection is gone. */
  clear(): void {
    for (const id of this.#active.values()) this.#source.removed(id)
    this.#active.clear()
  }
}

export interface RemoteId {
  readonly sequence: number
  readonly id: Uint8Array
  /** Ends the connection when it stands at the end of a packet that cannot be read (section 10.3). */
  resetToken: Uint8Array | undefined
}

export class RemoteIds {
  readonly #limit: number
  readonly #control: ControlFrames
  /** Ascending by sequence number. */
  #active: RemoteId[] = []
  #first: RemoteId | undefined
  #retirePriorTo = 0
  /** Sequence numbers that were retired: what a late repetition says of them is nothing new (section 19.15). */
  readonly #retired = new RangeSet()
  /** Retirements that were not acknowledged yet. */
  #retiring = 0
  /** The highest number that was ever used for a path. */
  #used = 0

  constructor(limit: number, control: ControlFrames) {
    this.#limit = limit
    this.#control = control
  }

  /** The id that the handshake found, of sequence number 0; again after a Retry, and once more when the server answers. */
  setFirst(id: Uint8Array): RemoteId {
    const first: RemoteId = { sequence: 0, id, resetToken: undefined }
    this.#active = [first]
    this.#first = first
    return first
  }
  /** Section 7.2: the id that the peer names itself by in long headers. */
  isFirst(id: Uint8Array): boolean {
    return this.#first !== undefined && isSame(this.#first.id, id)
  }

  receive({ sequence, retirePriorTo, id, resetToken }: NewConnectionIdFrame): Violation | undefined {
    const known = this.#active.find((one) => one.sequence === sequence)
    if (known !== undefined) {
      const isEqual = isSame(known.id, id) && known.resetToken !== undefined && isSame(known.resetToken, resetToken)
      return isEqual ? undefined : violation(TransportError.protocolViolation, `connection id ${sequence} changes`)
    }
    // Told again after it was retired: our word of that is still on its way.
    if (this.#retired.has(sequence, sequence + 1)) return undefined
    if (this.#active.some((one) => isSame(one.id, id))) return violation(TransportError.protocolViolation, 'a connection id twice')
    if (sequence < this.#retirePriorTo) {
      this.#retire(sequence)
    } else {
      const index = this.#active.findIndex((one) => one.sequence > sequence)
      this.#active.splice(index < 0 ? this.#active.length : index, 0, { sequence, id: id.slice(), resetToken: resetToken.slice() })
    }
    if (retirePriorTo > this.#retirePriorTo) {
      this.#retirePriorTo = retirePriorTo
      const gone = this.#active.filter((one) => one.sequence < retirePriorTo)
      this.#active = this.#active.filter((one) => one.sequence >= retirePriorTo)
      for (const one of gone) this.#retire(one.sequence)
    }
    if (this.#active.length <= this.#limit && this.#retiring <= this.#limit * RETIRING_PER_ID_MAX) return undefined
    return violation(TransportError.connectionIdLimitError, 'more connection ids than allowed')
  }

  #retire(sequence: number): void {
    this.#retired.add(sequence, sequence + 1)
    if (this.#retired.count > RETIRED_RANGES_MAX) this.#retired.add(this.#retired.start(0), this.#retired.start(1))
    this.#retiring++
    const settled = (): void => {
      this.#retiring--
    }
    this.#control.enqueue({ kind: 'retireConnectionId', sequence }, 'retire connection id', 0, sequence, { settled })
  }

  /** The id itself if it is still active, else another one; undefined where the peer has left us none. */
  valid(current: RemoteId): RemoteId | undefined {
    return this.#active.includes(current) ? current : this.fresh()
  }

  /** An id that no path has used (section 9.5); undefined where there is none. */
  fresh(): RemoteId | undefined {
    const fresh = this.#active.find(({ sequence }) => sequence > this.#used)
    if (fresh !== undefined) this.#used = fresh.sequence
    return fresh
  }

  /** A path that used it is given up. */
  retire(id: RemoteId): void {
    if (!this.#active.includes(id)) return
    this.#active = this.#active.filter((one) => one !== id)
    this.#retire(id.sequence)
  }

  /** Whether a datagram that cannot be read is the peer's stateless reset. */
  isReset(datagram: Uint8Array): boolean {
    return this.#active.some(({ resetToken }) => resetToken !== undefined && isStatelessReset(datagram, resetToken))
  }
}
