/** Interop cases of the handshake: whole, resumed, early, after a Retry, within the amplification limit, over a path that loses. */
import { dropList, lossy } from './conditions.ts'
import type { Lab } from './lab.ts'
import { Demands, fetched, type Finding, hosts, type InteropCase, KB, PATH, seconds, SECOND_US, sum, transfer } from './play.ts'
import type { QuicSession } from './quichost.ts'

/** RFC 9000, section 8.1. */
const AMPLIFICATION_MAX = 3
/** Less would not show that the limit was met with. */
const AMPLIFICATION_MIN = 2
/** The two certificates of a full handshake take 2,400 bytes. */
const HANDSHAKE_BYTES_FULL_MIN = 2_400
/** A server's without them: its hello, its parameters, its Finished. */
const HANDSHAKE_BYTES_RESUMED_MAX = 500
const CONNECTIONS = 50

/** Bytes of handshake messages that this end sent, without those that follow the handshake. */
const handshakeBytes = (session: QuicSession): number =>
  sum([...session.sent('crypto', 'initial'), ...session.sent('crypto', 'handshake')].map(({ length }) => length))

/** The first connection leaves a ticket for a second one; what both of the second one's ends show. */
function resumed(lab: Lab, sizes: readonly number[], isEarly: boolean, judge: (demands: Demands, ends: Ends) => string): Finding {
  const demands = new Demands()
  const { client, server } = hosts(lab)
  const first = client.connect()
  fetched(lab, demands, first, [KB])
  lab.run(SECOND_US, () => first.event('ticket') !== undefined)
  const ticket = first.event('ticket')?.ticket
  demands.expect(ticket !== undefined, 'the first connection was given no ticket')
  first.connection.close(0, 'done', lab.nowUs)
  lab.run(SECOND_US)
  const second = client.connect({ tls: { ...(ticket !== undefined && { ticket }), requestZeroRtt: isEarly } })
  fetched(lab, demands, second, sizes)
  demands.expect(server.sessions.length === 2, `${server.sessions.length} connections in the place of two`)
  demands.expect(second.event('handshakeComplete')?.isResumed === true, 'the second handshake was a full one')
  return demands.found(judge(demands, { client: second, before: server.sessions[0], server: server.sessions[1] }))
}
/** Of the second connection; `before` is the server's of the first. */
interface Ends {
  readonly client: QuicSession
  readonly server: QuicSession
  readonly before: QuicSession
}

/** Many connections one after the other, each for a file of a kilobyte. */
const handshakes = (name: string, about: string, fate: 'drop' | 'corrupt'): InteropCase => ({
  name, about, path: PATH,
  play: (lab) => {
    const demands = new Demands()
    const { client, server } = hosts(lab)
    lab.conditions = lossy(lab.chooser, fate, 30)
    let longestUs = 0
    for (let i = 0; i < CONNECTIONS; i++) {
      const beganUs = lab.nowUs
      const session = client.connect()
      fetched(lab, demands, session, [KB])
      session.connection.close(0, 'done', lab.nowUs)
      longestUs = Math.max(longestUs, lab.nowUs - beganUs)
    }
    demands.expect(server.sessions.length === CONNECTIONS, `${server.sessions.length} connections in the place of ${CONNECTIONS}`)
    demands.expect(lab.lost + lab.corrupted >= CONNECTIONS, `the path struck ${lab.lost + lab.corrupted} times`)
    return demands.found(`${CONNECTIONS} connections, the longest ${seconds(longestUs)}`)
  },
})

export const HANDSHAKE = transfer('handshake', 'a connection and a file of a kilobyte', [KB], {
  shown: (lab, demands, session, { server }) => {
    const complete = session.event('handshakeComplete')
    demands.expect(complete !== undefined && session.event('confirmed') !== undefined, 'the handshake was not confirmed')
    demands.expect(server.sessions.length === 1 && lab.lost === 0, 'more than one handshake')
    return `confirmed, the file after ${seconds(lab.nowUs)}`
  },
})

export const RETRY = transfer('retry', 'the server wants the client to prove its address', [KB], {
  server: { retry: true },
  shown: (lab, demands, _session, { server }) => {
    demands.expect(server.sessions.length === 1, `${server.sessions.length} connections`)
    const retries = lab.sent.filter(({ contents }) => contents === 'retry').length
    demands.expect(retries === 1, `${retries} Retry packets`)
    return `a Retry, then a file after ${seconds(lab.nowUs)}`
  },
})

export const RESUMPTION: InteropCase = {
  name: 'resumption', about: 'a second connection needs no certificate', path: PATH,
  play: (lab) => resumed(lab, [5 * KB], false, (demands, { before, server }) => {
    const [full, short] = [before, server].map(handshakeBytes)
    demands.expect(full >= HANDSHAKE_BYTES_FULL_MIN, `the server's first handshake took ${full} bytes`)
    demands.expect(short <= HANDSHAKE_BYTES_RESUMED_MAX, `the server's second handshake took ${short} bytes`)
    return `the server's handshake took ${full} bytes, then ${short}`
  }),
}

export const ZERORTT: InteropCase = {
  name: 'zerortt', about: 'a second connection asks for 40 files before the handshake is complete', path: PATH,
  play: (lab) => resumed(lab, Array.from({ length: 40 }, () => 250), true, (demands, { client }) => {
    const early = client.event('handshakeComplete')?.earlyData
    demands.expect(early === 'accepted', `0-RTT: ${early}`)
    const late = client.sent('stream', '1RTT').length
    demands.expect(late === 0, `${late} requests waited for the handshake`)
    return `${client.bytesSent('0RTT')} bytes in 0-RTT packets, no request later`
  }),
}

export const AMPLIFICATION_LIMIT = transfer(
  'amplificationlimit', 'a long chain of certificates, and datagrams 2 to 7 of the client lost', [5 * KB], {
    server: { tls: { certificateBytes: 9_000 } },
    before: (lab) => {
      lab.conditions = { toServer: dropList([2, 3, 4, 5, 6, 7]) }
    },
    shown: (_lab, demands, _session, { server }) => {
      const highest = server.amplification
      demands.expect(highest <= AMPLIFICATION_MAX, `the server sent ${highest.toFixed(2)} times what it had received`)
      demands.expect(highest >= AMPLIFICATION_MIN, `the server sent only ${highest.toFixed(2)} times what it had received`)
      return `at most ${highest.toFixed(2)} times as many bytes from the server as to it, before the address was proven`
    },
  },
)

export const HANDSHAKE_LOSS = handshakes('handshakeloss', `${CONNECTIONS} connections at 30% loss each way, at most 3 in a row`, 'drop')
export const HANDSHAKE_CORRUPTION =
  handshakes('handshakecorruption', `${CONNECTIONS} connections, 30% of the datagrams damaged each way, at most 3 in a row`, 'corrupt')
