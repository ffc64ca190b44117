/** The DTLS model: RFC 6347's flights, fragments, timers, replay window and alerts. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DATAGRAM_BYTES_MAX, Writer } from '../../../sim/bytes.ts'
import { Alert, Dtls, type DtlsEvent } from '../../../sim/webrtc/dtls.ts'
import type { PacketIdentity } from '../../../sim/webrtc/packetidentity.ts'

interface Sent {
  readonly from: 0 | 1
  readonly atUs: number
  readonly bytes: Uint8Array
  readonly identity: PacketIdentity
}
type Fate = (sent: Sent, order: number) => readonly number[]

/** A client (0) and a server (1) with 10 ms between them. */
class Handshake {
  nowUs = 0
  readonly ends: readonly [Dtls, Dtls]
  readonly sent: Sent[] = []
  readonly events: [DtlsEvent[], DtlsEvent[]] = [[], []]
  readonly #arrivals: { readonly atUs: number; readonly to: 0 | 1; readonly bytes: Uint8Array }[] = []
  readonly #fate: Fate

  constructor(fate: Fate = () => [0], seed = 1, expected?: Uint8Array, flightBytesMax = DATAGRAM_BYTES_MAX) {
    this.#fate = fate
    const ends: Dtls[] = []
    for (const side of [0, 1] as const) {
      ends.push(new Dtls({
        isClient: side === 0, secret: Uint8Array.of(side, seed), writer: new Writer(), flightBytesMax,
        fingerprintExpected: () => (side === 0 && expected !== undefined ? expected : ends[1 - side].fingerprint),
      }))
    }
    this.ends = [ends[0], ends[1]]
    for (const end of ends) end.start(0)
    this.drain()
  }

  deliver(from: 0 | 1, bytes: Uint8Array, delayUs = 0): void {
    this.#arrivals.push({ atUs: this.nowUs + 10_000 + delayUs, to: from === 0 ? 1 : 0, bytes })
    this.#arrivals.sort((a, b) => a.atUs - b.atUs)
  }

  drain(): void {
    for (const side of [0, 1] as const) {
      for (let event; (event = this.ends[side].poll()) !== undefined; ) {
        this.events[side].push(event)
        if (event.kind !== 'datagram') continue
        const sent = { from: side, atUs: this.nowUs, bytes: event.bytes.slice(), identity: event.identity }
        this.sent.push(sent)
        for (const delayUs of this.#fate(sent, this.sent.length - 1)) this.deliver(side, sent.bytes, delayUs)
      }
    }
  }

  run(forUs = 10_000_000): this {
    const untilUs = this.nowUs + forUs
    for (;;) {
      const wakes = this.ends.map((end) => end.nextWakeUs())
      const wakeUs = Math.min(...wakes)
      const next = this.#arrivals[0]
      const atUs = Math.min(wakeUs, next?.atUs ?? Infinity)
      if (atUs > untilUs) break
      this.nowUs = Math.max(this.nowUs, atUs)
      if (next !== undefined && next.atUs <= wakeUs) {
        this.#arrivals.shift()
        this.ends[next.to].receive(next.bytes, this.nowUs)
      } else {
        this.ends[wakes.indexOf(wakeUs)].wake(this.nowUs)
      }
      this.drain()
    }
    this.nowUs = untilUs
    return this
  }

  kinds(side: 0 | 1): string[] {
    return this.events[side].map(({ kind }) => kind).filter((kind) => kind !== 'datagram' && kind !== 'discarded')
  }
  get isConnected(): boolean {
    return this.ends.every((end) => end.isConnected)
  }
}

describe('RFC 6347, 4.2', () => {
  test('four flights connect, and both ends export the same 32 bytes', () => {
    const handshake = new Handshake().run()
    expect(handshake.isConnected).toBe(true)
    expect(handshake.sent.map(({ identity: { contents } }) => contents)).toEqual([
      'dtls client hello', 'dtls server hello', 'dtls client finished', 'dtls server finished',
    ])
    const [a, b] = handshake.ends.map((end) => end.exporter('binding'))
    expect(a).toEqual(b)
    expect(a).toHaveLength(32)
    expect(new Handshake(undefined, 2).run().ends[0].exporter('binding')).not.toEqual(a)
  })

  test('flights have the sizes of real ones', () => {
    const sizes = new Handshake().run().sent.map(({ bytes }) => bytes.length)
    // A browser's ClientHello takes 150 to 200 bytes, with certificates on P-256 the second and third flights 600 to 900.
    expect(sizes[0]).toBeGreaterThan(110)
    expect(sizes[1]).toBeGreaterThanOrEqual(600)
    expect(sizes[2]).toBeGreaterThanOrEqual(600)
    // ChangeCipherSpec of 14 bytes, Finished of 13 + 8 + 24 + 16.
    expect(sizes[3]).toBe(14 + 61)
  })

  test('4.2.4: the loss of any one datagram is made good by the timer, 50 ms at first, doubled each time', () => {
    for (let lost = 0; lost < 4; lost++) {
      const handshake = new Handshake((_, order) => (order === lost ? [] : [0])).run()
      expect(handshake.isConnected, `lost ${lost}`).toBe(true)
    }
    const deaf = new Handshake(() => []).run(1_000_000)
    expect(deaf.sent.map(({ atUs }) => atUs)).toEqual([0, 50_000, 150_000, 350_000, 750_000])
    expect(deaf.sent.map(({ identity: { attempt } }) => attempt)).toEqual([0, 1, 2, 3, 4])
  })

  test('4.2.4.1: the timer never exceeds 60 s, and the twelfth repetition is the last', () => {
    const deaf = new Handshake(() => []).run(1_000_000_000)
    expect(deaf.sent).toHaveLength(13)
    expect(deaf.sent[12].atUs - deaf.sent[11].atUs).toBe(60_000_000)
    expect(deaf.events[0].at(-1)).toEqual({ kind: 'failed', by: 'timeout', alert: 0 })
  })

  test('connects through 40% loss, reordering and duplication, always with the same secrets', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const fate: Fate = (_, order) => {
        const draw = (seed * 7919 + order * 104_729) % 100
        return draw < 40 ? [] : draw < 60 ? [0, 35_000] : draw < 75 ? [70_000] : [0]
      }
      const handshake = new Handshake(fate, seed).run(200_000_000)
      expect(handshake.isConnected, `seed ${seed}`).toBe(true)
      expect(handshake.ends[0].exporter('x')).toEqual(handshake.ends[1].exporter('x'))
      expect(handshake.kinds(0)).toEqual(['connected'])
      expect(handshake.kinds(1)).toEqual(['connected'])
    }
  })

  test('4.2.3: a flight spans datagrams where it must, and any of them may be lost or come late', () => {
    for (let lost = -1; lost < 12; lost++) {
      const fate: Fate = (_, order) => (order === lost ? [] : order % 2 === 0 ? [5_000] : [0])
      const handshake = new Handshake(fate, 1, undefined, 256).run()
      expect(handshake.isConnected, `lost ${lost}`).toBe(true)
      expect(handshake.sent.length).toBeGreaterThanOrEqual(8)
      for (const { bytes } of handshake.sent) expect(bytes.length).toBeLessThanOrEqual(256)
    }
  })

  test('a flight that comes again is answered by ours, not by silence', () => {
    // The server's last flight is lost: the client repeats its own until the server says Finished again.
    const fate: Fate = ({ identity: { contents, attempt } }) => (contents === 'dtls server finished' && attempt < 2 ? [] : [0])
    const handshake = new Handshake(fate).run()
    expect(handshake.isConnected).toBe(true)
    expect(handshake.sent.filter(({ identity: { contents } }) => contents === 'dtls server finished')).toHaveLength(3)
  })
})

describe('records', () => {
  test('application data goes either way in datagrams of at most 1,200 bytes; the record adds 37', () => {
    const handshake = new Handshake().run()
    const record = handshake.ends[0].protect(new Uint8Array(1_160).fill(9))
    expect(record).toHaveLength(1_197)
    expect(record.length).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX)
    handshake.ends[1].receive(record, handshake.nowUs)
    expect(handshake.ends[1].poll()).toEqual({ kind: 'application', bytes: new Uint8Array(1_160).fill(9) })
  })

  test('4.1.2.6: a record counts once, and not when it is older than 64 others', () => {
    const handshake = new Handshake().run()
    const records = Array.from({ length: 70 }, (_, i) => handshake.ends[0].protect(Uint8Array.of(i)).slice())
    const receive = (i: number): DtlsEvent | undefined => {
      handshake.ends[1].receive(records[i], handshake.nowUs)
      return handshake.ends[1].poll()
    }
    expect(receive(1)).toEqual({ kind: 'application', bytes: Uint8Array.of(1) })
    expect(receive(1)).toEqual({ kind: 'discarded', why: 'repeated' })
    expect(receive(0)).toEqual({ kind: 'application', bytes: Uint8Array.of(0) })
    expect(receive(69)).toEqual({ kind: 'application', bytes: Uint8Array.of(69) })
    // 69 - 64 = 5 is outside the window, 6 is its last.
    expect(receive(5)).toEqual({ kind: 'discarded', why: 'repeated' })
    expect(receive(6)).toEqual({ kind: 'application', bytes: Uint8Array.of(6) })
  })

  test('a changed byte is found wherever it is', () => {
    const handshake = new Handshake().run()
    const record = handshake.ends[0].protect(new Uint8Array(50)).slice()
    for (let i = 0; i < record.length; i++) {
      const changed = record.slice()
      changed[i] ^= 0x40
      handshake.ends[1].receive(changed, handshake.nowUs)
      expect(handshake.ends[1].poll()?.kind, `byte ${i}`).toBe('discarded')
    }
  })
})

describe('ends', () => {
  test('RFC 8827, 5.1: a certificate that the description does not name ends both with alert 42', () => {
    const handshake = new Handshake(undefined, 1, new Uint8Array(32)).run()
    expect(handshake.events[0]).toContainEqual({ kind: 'failed', by: 'local', alert: Alert.badCertificate })
    expect(handshake.events[1]).toContainEqual({ kind: 'failed', by: 'remote', alert: Alert.badCertificate })
  })

  test('an alert that was lost is said again to whoever goes on', () => {
    const fate: Fate = ({ identity: { contents, attempt } }) => (contents === 'dtls alert' && attempt === 0 ? [] : [0])
    const handshake = new Handshake(fate, 1, new Uint8Array(32)).run()
    expect(handshake.events[1]).toContainEqual({ kind: 'failed', by: 'remote', alert: Alert.badCertificate })
  })

  test('RFC 5246, 7.2.1: close_notify', () => {
    const handshake = new Handshake().run()
    handshake.ends[0].close()
    handshake.drain()
    handshake.run()
    expect(handshake.kinds(1)).toEqual(['connected', 'closed'])
  })
})

describe('bytes of a peer', () => {
  test('arbitrary ones never throw', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (datagrams) => {
      const handshake = new Handshake(() => [])
      for (const bytes of datagrams) handshake.ends[1].receive(bytes, 0)
      handshake.drain()
      expect(handshake.isConnected).toBe(false)
    }))
  })

  test('datagrams of a handshake that were changed never throw, and connect nobody to a stranger', () => {
    fc.assert(fc.property(fc.nat(5), fc.nat(2_000), fc.integer({ min: 1, max: 255 }), (which, at, change) => {
      const fate: Fate = (sent, order) => {
        if (order === which) sent.bytes[at % sent.bytes.length] ^= change
        return [0]
      }
      const handshake = new Handshake(fate).run(60_000_000)
      if (handshake.isConnected) expect(handshake.ends[0].exporter('x')).toEqual(handshake.ends[1].exporter('x'))
    }), { numRuns: 300 })
  })
})
