/** Interop cases in which the client is elsewhere all at once: a translator gives it another address, it goes on over another interface. */
import { CLIENT, type Lab } from './lab.ts'
import { type InteropCase, MB, SECOND_US, transfer } from './play.ts'

/** The client's address or port changes under it: after a second, then every five. */
const rebinding = (name: string, about: string, rebind: (lab: Lab) => void): InteropCase =>
  transfer(name, about, [10 * MB], {
    before: (lab) => {
      lab.internet.addNat('fullCone', [CLIENT])
      const again = (atUs: number): void => lab.at(atUs, () => {
        rebind(lab)
        again(atUs + 5 * SECOND_US)
      })
      again(SECOND_US)
    },
    shown: (_lab, demands, _session, { server }) => {
      const [session] = server.sessions
      const moves = session.heard.filter((event) => event.kind === 'pathChanged')
      const proven = moves.filter(({ isValidated }) => isValidated).length
      const moved = moves.length - proven
      const challenges = session.sent('path_challenge').length
      demands.expect(moved >= 2, `the server saw its client move to ${moved} addresses that were not proven`)
      demands.expect(challenges >= moved, `${challenges} path challenges for ${moved} moves`)
      demands.expect(proven >= moved, `${proven} of ${moved} addresses were proven`)
      demands.expect(server.sessions.length === 1, `${server.sessions.length} connections in the place of one`)
      return `${moved} moves, ${challenges} path challenges`
    },
  })

export const REBIND_PORT = rebinding(
  'rebind-port', 'a translator gives the client another port after 1 s, then every 5 s', (lab) => lab.nat(CLIENT).rebind(),
)
export const REBIND_ADDRESS = rebinding(
  'rebind-addr', 'a translator gives the client another address after 1 s, then every 5 s',
  (lab) => lab.internet.readdress(lab.nat(CLIENT)),
)

export const CONNECTION_MIGRATION = transfer('connectionmigration', 'the client goes on from another interface', [2 * MB], {
  before: (lab, { client }) => lab.at(SECOND_US, () => {
    const address = lab.internet.addInterface(CLIENT)
    client.sessions[0].connection.migrate({ address, port: 50_100 }, lab.nowUs)
  }),
  shown: (_lab, demands, session, { client, server }) => {
    const ids = client.destinations.size
    const challenges = [session, server.sessions[0]].map((end) => end.sent('path_challenge').length)
    demands.expect(server.sessions[0].event('pathChanged') !== undefined, 'the server did not notice')
    demands.expect(challenges.every((count) => count > 0), `path challenges: ${challenges.join(' and ')}`)
    // RFC 9000, section 9.5: nobody who looks on may know that it is the same client.
    demands.expect(ids >= 2, `the client used ${ids} connection ids`)
    return `moved, with ${ids} of the server's connection ids used`
  },
})
