/** RFC 9000, sections 5.1 and 19.15: connection ids of both sides, and those that were retired. */
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../sim/bytes.ts'
import { LocalIds, RemoteIds } from '../../../sim/quic/connectionids.ts'
import { ControlFrames } from '../../../sim/quic/control.ts'
import { TransportError } from '../../../sim/quic/errors.ts'
import type { Frame } from '../../../sim/quic/frames.ts'
import type { SentFrame } from '../../../sim/quic/sentframe.ts'

const idOf = (sequence: number): Uint8Array => new Uint8Array(8).fill(sequence + 1)
const tokenOf = (sequence: number): Uint8Array => new Uint8Array(16).fill(0x80 + sequence)

/** What a connection would send: everything that is queued, as one packet. */
class Outbox {
  readonly control = new ControlFrames()
  sent: SentFrame[] = []

  take(): Frame[] {
    const logged: Frame[] = []
    const writer = new Writer()
    writer.begin(1_200)
    const add = (frame: SentFrame): void => { this.sent.push(frame) }
    this.control.pack({ writer, room: 1_200, logged, nowUs: 0, add, identify: () => {}, suggest: () => {} })
    return logged
  }
  acknowledge(): void {
    for (const frame of this.sent.splice(0)) this.control.acked(frame)
  }
  get retired(): number[] {
    return this.take().flatMap((frame) => (frame.kind === 'retireConnectionId' ? [frame.sequence] : []))
  }
  get issued(): number[] {
    return this.take().flatMap((frame) => (frame.kind === 'newConnectionId' ? [frame.sequence] : []))
  }
}

function remote(limit = 4) {
  const outbox = new Outbox()
  const ids = new RemoteIds(limit, outbox.control)
  const first = ids.setFirst(idOf(0))
  const receive = (sequence: number, retirePriorTo = 0, id = idOf(sequence), resetToken = tokenOf(sequence)) =>
    ids.receive({ kind: 'newConnectionId', sequence, retirePriorTo, id, resetToken })
  return { outbox, ids, first, receive }
}

describe('the peer\'s ids', () => {
  test('section 5.1.1: as many as were allowed, and no more', () => {
    const { receive } = remote(3)
    expect([receive(1), receive(2)]).toEqual([undefined, undefined])
    expect(receive(3)).toMatchObject({ code: TransportError.connectionIdLimitError })
  })

  test('an id that is given up takes no other with it, and what was received is a copy', () => {
    const { ids, receive } = remote()
    const id = idOf(2)
    receive(1)
    receive(2, 0, id)
    id.fill(0)
    ids.retire(ids.fresh()!)
    expect(ids.fresh()).toMatchObject({ sequence: 2, id: idOf(2) })
  })

  test('section 9.5: each path gets one that no other had, in the order of their numbers', () => {
    const { ids, receive } = remote()
    for (const sequence of [3, 1, 2]) receive(sequence)
    expect([ids.fresh()?.sequence, ids.fresh()?.sequence, ids.fresh()?.sequence, ids.fresh()]).toEqual([1, 2, 3, undefined])
  })

  test('section 19.15: the same once more is no error, another id or token under the same number is, the same id under another too', () => {
    const { receive } = remote()
    receive(1)
    expect(receive(1)).toBeUndefined()
    const wrong = { code: TransportError.protocolViolation }
    expect(receive(1, 0, idOf(7))).toMatchObject(wrong)
    expect(receive(1, 0, idOf(1), tokenOf(7))).toMatchObject(wrong)
    expect(receive(2, 0, idOf(1))).toMatchObject(wrong)
    // The id of the handshake came without a token.
    expect(receive(0)).toMatchObject(wrong)
  })

  test('section 5.1.2: retire_prior_to retires all below, whether they are there or come later, once each', () => {
    const { ids, outbox, first, receive } = remote()
    receive(1)
    receive(3, 2)
    expect(outbox.retired).toEqual([0, 1])
    expect(ids.valid(first)?.sequence).toBe(3)
    // What comes late, and what was said before.
    expect([receive(2, 2), receive(4, 1)]).toEqual([undefined, undefined])
    expect(outbox.retired).toEqual([])
    receive(6, 5)
    expect(outbox.retired).toEqual([2, 3, 4])
    expect(receive(5, 5)).toBeUndefined()
    expect(outbox.retired).toEqual([])
  })

  test('section 19.15: an id below what is retired already is retired when it comes, and when it comes again not again', () => {
    const { outbox, receive } = remote()
    receive(5, 4)
    expect(outbox.retired).toEqual([0])
    for (let i = 0; i < 20; i++) expect(receive(2)).toBeUndefined()
    expect(outbox.retired).toEqual([2])
  })

  test('section 19.15: what comes again after we retired it takes no place', () => {
    const { ids, outbox, receive } = remote(2)
    receive(1)
    const path = ids.fresh()!
    ids.retire(path)
    expect(receive(1)).toBeUndefined()
    expect(receive(2)).toBeUndefined()
    expect(outbox.retired).toEqual([1])
    // Somebody else's id retires nothing.
    ids.retire(path)
    expect(outbox.retired).toEqual([])
  })

  test('section 5.1.2: retirements that nobody acknowledges are bounded, those that are acknowledged are not', () => {
    const { outbox, receive } = remote(2)
    let until = 0
    for (let sequence = 2; sequence < 40 && receive(sequence, sequence) === undefined; sequence += 2) until = sequence
    // The first, and three more: twice the limit.
    expect(until).toBe(8)
    expect(outbox.retired).toEqual([0, 2, 4, 6, 8])
    const other = remote(2)
    const retireUpTo = (first: number, last: number): void => {
      for (let sequence = first; sequence <= last; sequence += 2) {
        if (other.receive(sequence, sequence) !== undefined) throw new Error(`${sequence} is too much`)
        other.outbox.take()
        other.outbox.acknowledge()
      }
    }
    // 64 ranges are remembered: 0, 2 and so on up to 126. Of 65 the lowest two count as one.
    retireUpTo(2, 128)
    expect([other.receive(1), other.outbox.retired]).toEqual([undefined, [1]])
    retireUpTo(130, 134)
    expect([other.receive(3), other.receive(133), other.outbox.retired]).toEqual([undefined, undefined, [133]])
  })

  test('section 10.3: a datagram that ends in the token of an active id is a reset', () => {
    const { ids, receive } = remote()
    receive(1)
    const datagram = (sequence: number): Uint8Array => new Uint8Array([...new Uint8Array(30), ...tokenOf(sequence)])
    expect([ids.isReset(datagram(1)), ids.isReset(datagram(2))]).toEqual([true, false])
    ids.retire(ids.fresh()!)
    expect(ids.isReset(datagram(1))).toBe(false)
  })
})

describe('our ids', () => {
  function local() {
    const outbox = new Outbox()
    const routed = new Set<number>()
    const ids = new LocalIds({
      issue: (sequence) => ({ id: idOf(sequence), resetToken: tokenOf(sequence) }),
      added: (id) => { routed.add(id[0] - 1) }, removed: (id) => { routed.delete(id[0] - 1) },
    }, outbox.control)
    ids.first()
    return { outbox, ids, routed }
  }

  test('section 5.1.1: the peer gets as many as it keeps, and four at the most', () => {
    for (const [limit, sequences] of [[2, [1]], [3, [1, 2]], [4, [1, 2, 3]], [100, [1, 2, 3]]] as const) {
      const { outbox, ids, routed } = local()
      ids.fill(limit)
      ids.fill(limit)
      expect(outbox.issued).toEqual(sequences)
      expect([...routed]).toEqual([0, ...sequences])
    }
  })

  test('section 19.16: an id that the peer retires leads nowhere, and is replaced; one that was never given out is an error', () => {
    const { outbox, ids, routed } = local()
    ids.fill(2)
    outbox.take()
    expect(ids.retire(0, 2)).toBeUndefined()
    expect([[...routed], outbox.issued]).toEqual([[1, 2], [2]])
    expect(ids.retire(0, 2)).toBeUndefined()
    expect(outbox.issued).toEqual([])
    expect(ids.retire(2, 2)).toBeUndefined()
    expect(ids.retire(4, 2)).toMatchObject({ code: TransportError.protocolViolation })
    expect(ids.retire(3, 2)).toBeUndefined()
    ids.clear()
    expect(routed.size).toBe(0)
  })

  test('section 13.3: an id that is retired before it was told is not told', () => {
    const { outbox, ids } = local()
    ids.fill(3)
    ids.retire(1, 3)
    expect(outbox.issued).toEqual([2, 3])
  })
})
