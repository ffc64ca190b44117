/** Interop cases in which one end has to say no: another version, a bad certificate, a connection that the server knows nothing of. */
import type { Datagram } from '../../sim/net/datagram.ts'
import type { CertificateDefect } from '../../sim/quic/certificate.ts'
import { CRYPTO_ERROR } from '../../sim/quic/errors.ts'
import { type Header, readHeader, VERSION_1 } from '../../sim/quic/packet.ts'
import { Alert } from '../../sim/quic/tlsmessages.ts'
import { type Condition, overwritten } from './conditions.ts'
import { Demands, fetched, hosts, type InteropCase, KB, MB, PATH, seconds, SECOND_US } from './play.ts'

/** One of those that are kept for exercise (RFC 9000, section 15). */
const RESERVED_VERSION = 0x5a6a_7a8a
const VERSION_OFFSET = 1
/** A server that has forgotten answers the next packet; three round trips are more than enough. */
const RESET_US_MAX = 100_000

/** Sends the first datagrams as those of a version that nobody speaks. */
function inOtherVersion(count: number): Condition {
  let sent = 0
  return (datagram) => (sent++ < count ? overwritten(datagram, VERSION_OFFSET, RESERVED_VERSION) : datagram)
}

type VersionNegotiation = Extract<Header, { kind: 'versionNegotiation' }>
function versionNegotiationOf({ bytes }: Datagram): VersionNegotiation | undefined {
  const header = readHeader(bytes, 0)
  return header?.kind === 'versionNegotiation' ? header : undefined
}

/**
 * RFC 9000, section 6. A version cannot be asked for here, so that the path writes one into the client's first packet: the answer lists
 * version 1, and the client, which has asked for nothing else, goes on. Of a server that does not list it the client takes leave.
 */
export const VERSION_NEGOTIATION: InteropCase = {
  name: 'versionnegotiation', about: 'a version that the server does not speak; then a server that does not speak version 1', path: PATH,
  play: (lab) => {
    const demands = new Demands()
    const { client, server } = hosts(lab)
    const answers: VersionNegotiation[] = []
    const listening: Condition = (datagram) => {
      const answer = versionNegotiationOf(datagram)
      if (answer !== undefined) answers.push(answer)
      return datagram
    }
    lab.conditions = { toServer: inOtherVersion(1), toClient: listening }
    const first = client.connect()
    lab.run(SECOND_US / 10)
    demands.expect(server.sessions.length === 0, 'the server keeps something of a version that it does not speak')
    demands.expect(answers.length === 1, `${answers.length} answers in the place of one`)
    demands.expect(answers.every(({ versions }) => versions.includes(VERSION_1)), 'the answer does not list version 1')
    fetched(lab, demands, first, [KB])
    const tookUs = lab.nowUs
    const lacking: Condition = (datagram) => {
      const { bytes } = datagram
      // Version 1 stands last.
      return versionNegotiationOf(datagram) === undefined ? datagram : overwritten(datagram, bytes.length - 4, RESERVED_VERSION)
    }
    lab.conditions = { toServer: inOtherVersion(Infinity), toClient: lacking }
    const second = client.connect()
    lab.run(SECOND_US)
    const closed = second.event('closed')
    demands.expect(closed?.by === 'version', `without a common version the connection was closed by ${closed?.by ?? 'nobody'}`)
    return demands.found(`a file after ${seconds(tookUs)} in version 1, and no connection without it`)
  },
}

const DEFECTS: readonly (readonly [CertificateDefect, keyof typeof Alert])[] =
  [['expired', 'certificateExpired'], ['untrusted', 'unknownCa'], ['wrongName', 'badCertificate']]

/** RFC 9001, section 4.8: the alert is the lower byte of the code. */
export const CERTIFICATES: InteropCase = {
  name: 'certificates', about: 'a certificate that has expired, one of an unknown authority, one of another name; then a good one',
  path: PATH,
  play: (lab) => {
    const demands = new Demands()
    const { client, server } = hosts(lab)
    const codes = DEFECTS.map(([certificate, alert]) => {
      server.tls = { certificate }
      const session = client.connect()
      lab.run(SECOND_US)
      const expected = CRYPTO_ERROR + Alert[alert]
      const [own, other] = [session, server.sessions.at(-1)].map((end) => end?.event('closed'))
      demands.expect(session.event('handshakeComplete') === undefined, `${certificate}: the client went on`)
      demands.expect(own?.by === 'local' && own.code === expected, `${certificate}: closed by ${own?.by ?? 'nobody'} with ${own?.code}`)
      demands.expect(other?.by === 'remote' && other.code === expected, `${certificate}: the server heard ${other?.code}`)
      return `${certificate} 0x${expected.toString(16)}`
    })
    server.tls = {}
    fetched(lab, demands, client.connect(), [KB])
    return demands.found(`closed with ${codes.join(', ')}`)
  },
}

/** RFC 9000, section 10.3. */
export const STATELESS_RESET: InteropCase = {
  name: 'statelessreset', about: 'the server forgets everything in the middle of 2 MB; the client asks again over a new connection',
  path: PATH,
  play: (lab) => {
    const demands = new Demands()
    const { client, server } = hosts(lab)
    const first = client.connect()
    first.fetch([2 * MB])
    lab.run(SECOND_US)
    server.forget()
    const forgotUs = lab.nowUs
    lab.run(10 * SECOND_US, () => first.event('closed') !== undefined)
    const closed = first.event('closed')
    const tookUs = lab.nowUs - forgotUs
    demands.expect(closed?.by === 'reset', `closed by ${closed?.by ?? 'nobody'}`)
    demands.expect(tookUs <= RESET_US_MAX, `the client was told after ${seconds(tookUs)}`)
    fetched(lab, demands, client.connect(), [2 * MB])
    return demands.found(`closed ${seconds(tookUs)} after the server forgot, then 2 MB over a new connection`)
  },
}
