/** Bytes of a stream that arrive in pieces, in any order and more than once, and leave in order. */

/** Pieces kept out of order. More would need a sender that cuts its bytes absurdly small. */
const PIECES_MAX = 4_096

interface Piece {
  readonly start: number
  readonly bytes: Uint8Array
  readonly datagram: number
}
/** Told of bytes in their order; they are borrowed. `datagram` is the id of the one that carried them. */
export type Deliver = (bytes: Uint8Array, datagram: number) => void

export class Reassembly {
  /** Everything below has been delivered. */
  offset = 0
  /** Out of order, ascending by start; they may overlap. */
  #pieces: Piece[] = []
  #keptBytes = 0

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** Takes bytes [start, ...) and delivers what is in order now. False where there is no room for the piece: it has to come again. */
  receive(start: number, bytes: Uint8Array, datagram: number, deliver: Deliver): boolean {
    if (start + bytes.length <= this.offset) return true
    if (start > this.offset) return this.#keep({ start, bytes, datagram })
    this.#advance(start, bytes, datagram, deliver)
    while (this.#pieces.length > 0 && this.#pieces[0].start <= this.offset) {
      const piece = this.#pieces.shift()!
      this.#keptBytes -= piece.bytes.length
      this.#advance(piece.start, piece.bytes, piece.datagram, deliver)
    }
    return true
  }

  #keep(piece: Piece): boolean {
    const end = piece.start + piece.bytes.length
    let index = this.#pieces.length
    while (index > 0 && this.#pieces[index - 1].start > piece.start) index--
    const before = this.#pieces[index - 1]
    const same = this.#pieces[index]
    if (before !== undefined && before.start + before.bytes.length >= end) return true
    if (same !== undefined && same.start === piece.start && same.bytes.length >= piece.bytes.length) return true
    if (this.#pieces.length >= PIECES_MAX) return false
    this.#pieces.splice(index, 0, piece)
    this.#keptBytes += piece.bytes.length
    return true
  }

  #advance(start: number, bytes: Uint8Array, datagram: number, deliver: Deliver): void {
    const from = this.offset - start
    if (from >= bytes.length) return
    this.offset = start + bytes.length
    deliver(from === 0 ? bytes : bytes.subarray(from), datagram)
  }

  /** Forgets what was kept. */
  clear(): void {
    this.#pieces = []
    this.#keptBytes = 0
  }
}
