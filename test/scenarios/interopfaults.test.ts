/** What the interop cases demand: faults planted in the implementation, each of which has to fail a case, by the demand that it breaks. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { INTEROP_CASES } from '../../scenarios/interop/cases.ts'
import { Lab } from '../../scenarios/interop/lab.ts'
import { playCase } from '../../scenarios/interop/matrix.ts'
import { QuicHost, QuicSession } from '../../scenarios/interop/quichost.ts'
import { Ecn } from '../../sim/net/datagram.ts'
import { Connection } from '../../sim/quic/connection.ts'
import { type RemoteId, RemoteIds } from '../../sim/quic/connectionids.ts'
import { ControlFrames } from '../../sim/quic/control.ts'
import { Datagrams } from '../../sim/quic/datagrams.ts'
import type { QuicEvent } from '../../sim/quic/events.ts'
import { ConnectionKeys } from '../../sim/quic/keys.ts'
import { NewReno } from '../../sim/quic/newreno.ts'
import { Path } from '../../sim/quic/paths.ts'
import { Recovery } from '../../sim/quic/recovery.ts'
import { TlsSession } from '../../sim/quic/tls.ts'

type Method = (this: never, ...parameters: never[]) => unknown

/** Puts a liar in the place of a method of all objects of a class. */
function wrap<T extends object, K extends keyof T>(target: T, method: K, lie: (honest: T[K]) => Method): void {
  const honest = target[method]
  vi.spyOn(target as Record<string, Method>, method as string).mockImplementation(lie(honest))
}

interface Fault {
  readonly name: string
  /** What is wrong. */
  readonly wrong: string
  readonly plant: () => void
  readonly finding: RegExp
}

const nothing = (): Method => () => undefined
/** No control frame of that kind is ever sent. */
const withholds = (kind: string) => (): void =>
  wrap(ControlFrames.prototype, 'enqueue', (enqueue) => function (this: ControlFrames, ...given: Parameters<typeof enqueue>) {
    if (given[0].kind !== kind) enqueue.apply(this, given)
  })

const FAULTS: readonly Fault[] = [
  {
    name: 'versionnegotiation', wrong: 'the client believes a list with the version that it speaks',
    finding: /0 of 1 files in what was closed: version/,
    plant: () => wrap(Connection.prototype, 'versions', (versions) => function (this: Connection, _versions: never, nowUs: never) {
      versions.call(this, [], nowUs)
    }),
  },
  {
    name: 'versionnegotiation', wrong: 'the client waits on for a server that does not speak its version', finding: /closed by nobody/,
    plant: () => wrap(Connection.prototype, 'versions', nothing),
  },
  {
    name: 'handshake', wrong: 'no HANDSHAKE_DONE', finding: /not confirmed/,
    plant: withholds('handshakeDone'),
  },
  {
    name: 'handshake', wrong: 'other bytes arrive', finding: /another byte at 0/,
    plant: () => wrap(QuicSession.prototype, 'take', (take) => function (this: QuicSession, event: QuicEvent) {
      take.call(this, event.kind === 'data' && this.connection.isClient ? { ...event, bytes: event.bytes.map((byte) => byte ^ 1) } : event)
    }),
  },
  {
    name: 'transfer', wrong: 'credit of the connection is never raised', finding: /0 of 3 files in 300 s/,
    plant: withholds('maxData'),
  },
  {
    name: 'multiplexing', wrong: 'the limit on streams is never raised', finding: /100 of 1999 files in 300 s/,
    plant: withholds('maxStreams'),
  },
  {
    name: 'retry', wrong: 'the client does not heed a Retry', finding: /0 of 1 files in what was closed: handshakeTimeout/,
    plant: () => wrap(Connection.prototype, 'retry', nothing),
  },
  {
    name: 'resumption', wrong: 'the client does not offer its ticket', finding: /full one/,
    plant: () => wrap(QuicHost.prototype, 'connect', (connect) => function (this: QuicHost) {
      return connect.call(this)
    }),
  },
  {
    name: 'zerortt', wrong: 'the client waits for the handshake', finding: /0-RTT: none/,
    plant: () => wrap(QuicHost.prototype, 'connect', (connect) => function (this: QuicHost, options: Parameters<typeof connect>[0]) {
      return connect.call(this, { tls: { ...options?.tls, requestZeroRtt: false } })
    }),
  },
  {
    name: 'keyupdate', wrong: 'keys are not updated', finding: /key phases/,
    plant: () => wrap(Connection.prototype, 'updateKeys', () => () => false),
  },
  {
    name: 'ecn', wrong: 'nothing is marked', finding: /marked: 0 and 0/,
    plant: () => wrap(Lab.prototype, 'send', (send) => function (this: Lab, datagram: Parameters<typeof send>[0], nowUs: number) {
      send.call(this, { ...datagram, ecn: Ecn.notCapable }, nowUs)
    }),
  },
  {
    name: 'amplificationlimit', wrong: 'every address counts as proven', finding: /the server sent \d+\.\d+ times what it had received/,
    plant: () => { vi.spyOn(Path.prototype, 'allowanceBytes', 'get').mockReturnValue(Infinity) },
  },
  {
    name: 'transferloss', wrong: 'what is lost in the end is never probed for', finding: /0 of 1 files in what was closed/,
    plant: () => wrap(Recovery.prototype, 'deadlineUs', () => () => Infinity),
  },
  {
    name: 'handshakecorruption', wrong: 'what is damaged is read all the same',
    finding: /^\d+ of 1 files in what was closed|another byte|connections in the place of/,
    plant: () => wrap(ConnectionKeys.prototype, 'open', (open) => function (this: ConnectionKeys, ...given: Parameters<typeof open>) {
      const [header, bytes] = given
      const opened = open.apply(this, given)
      if (opened !== 'tag') return opened
      return { number: given[2] + 1, payload: header.numberOffset + 2, end: bytes.length - 16, isKeyUpdate: false }
    }),
  },
  {
    name: 'goodput', wrong: 'the window does not grow', finding: /^\d+\.\d% of the link/,
    plant: () => wrap(NewReno.prototype, 'acked', () => function (this: NewReno, bytes: number) {
      this.removed(bytes)
    }),
  },
  {
    name: 'rebind-port', wrong: 'an address counts as proven because it is new', finding: /move to 0 addresses that were not proven/,
    plant: () => wrap(Path.prototype, 'challenge', () => function (this: Path) {
      this.validated()
    }),
  },
  {
    name: 'rebind-addr', wrong: 'a new address is never proven, so that little may be sent there', finding: /0 of 1 files in 300 s/,
    plant: () => wrap(Path.prototype, 'challenge', nothing),
  },
  {
    name: 'connectionmigration', wrong: 'the client stays where it is', finding: /did not notice/,
    plant: () => wrap(Connection.prototype, 'migrate', () => () => true),
  },
  {
    name: 'connectionmigration', wrong: 'the client takes its connection id along', finding: /used 1 connection ids/,
    plant: () => {
      const firsts = new Map<RemoteIds, RemoteId>()
      wrap(RemoteIds.prototype, 'setFirst', (setFirst) => function (this: RemoteIds, id: Uint8Array) {
        const first = setFirst.call(this, id)
        firsts.set(this, first)
        return first
      })
      wrap(RemoteIds.prototype, 'fresh', () => function (this: RemoteIds) {
        return firsts.get(this)
      })
    },
  },
  {
    name: 'certificates', wrong: 'alerts are not heeded', finding: /expired: closed by nobody/,
    plant: () => wrap(TlsSession.prototype, 'poll', (poll) => function (this: TlsSession) {
      const event = poll.call(this)
      return event?.kind === 'alert' ? undefined : event
    }),
  },
  {
    name: 'statelessreset', wrong: 'resets are not known', finding: /closed by nobody/,
    plant: () => wrap(Connection.prototype, 'isReset', () => () => false),
  },
  {
    name: 'datagrams', wrong: 'what is lost is sent again', finding: /frames for 2000|told of/,
    plant: () => wrap(Datagrams.prototype, 'lost', () => function (this: Datagrams) {
      this.write(new Uint8Array(100), {})
    }),
  },
  {
    name: 'datagrams', wrong: 'the same arrives twice', finding: /came twice/,
    plant: () => wrap(QuicSession.prototype, 'take', (take) => function (this: QuicSession, event: QuicEvent) {
      take.call(this, event)
      if (event.kind === 'datagram') take.call(this, event)
    }),
  },
]

describe('a fault fails its case', () => {
  afterEach(() => { vi.restoreAllMocks() })

  it.each(FAULTS)('$name: $wrong', ({ name, plant, finding }) => {
    plant()
    const row = playCase(INTEROP_CASES.find((one) => one.name === name)!, 1)
    expect(row.passed, row.finding).toBe(false)
    expect(row.finding).toMatch(finding)
  }, 60_000)
})
