/** Puts the parts of a connection together: parts.ts. */
import { Acknowledgements } from './acknowledgements.ts'
import type { ConnectionConfig, TlsOptions } from './configuration.ts'
import { LocalIds, RemoteIds } from './connectionids.ts'
import { ControlFrames } from './control.ts'
import { CryptoStream } from './cryptostream.ts'
import { Datagrams } from './datagrams.ts'
import { EarlyRepeats } from './earlyrepeats.ts'
import { ConnectionKeys } from './keys.ts'
import { connectionIdOf, firstDestination } from './names.ts'
import type { QuicEvent } from './events.ts'
import type { Observer } from './observer.ts'
import type { Environment, Parts } from './parts.ts'
import { Paths } from './paths.ts'
import type { Level } from './protection.ts'
import { Recovery } from './recovery.ts'
import { Streams } from './streams.ts'
import { decodeParameters, DEFAULT_PARAMETERS } from './transportparameters.ts'

/** What the connection itself does for its parts. */
export interface Assembler extends Pick<Parts, 'emit' | 'discardKeys' | 'updateKeys'> {
  receiveCrypto(level: Level, bytes: Uint8Array): void
}

const LEVELS = ['initial', 'handshake', 'oneRtt'] as const
const NO_BYTES = new Uint8Array(0)

export function assemble(config: ConnectionConfig, environment: Environment, observer: Observer, assembler: Assembler): Parts {
  const { number, settings, accepted, local, remote, token } = config
  const { discardKeys, updateKeys } = assembler
  const emit = (event: QuicEvent): void => {
    observer.emitted(event, parts.peer)
    assembler.emit(event)
  }
  const isClient = accepted === undefined
  const control = new ControlFrames()
  const localIds = new LocalIds({
    issue: (sequence) => {
      const id = connectionIdOf(number, isClient ? 'client' : 'server', sequence)
      return { id, resetToken: environment.resetToken(id) }
    },
    added: (id) => environment.idAdded(id),
    removed: (id) => environment.idRemoved(id),
  }, control)
  const remoteIds = new RemoteIds(settings.activeConnectionIdLimit, control)
  const remoteId = remoteIds.setFirst(accepted?.source ?? firstDestination(number))
  const { id: handshakeId } = localIds.first()
  observer.began(local, remote, handshakeId, remoteId.id)
  // A client takes the server's address for valid (RFC 9000, section 8.1 is about what a server may send).
  const paths: Paths = new Paths(settings, local, remote, remoteId, isClient || accepted.isAddressValidated, (path) => {
    if (path.remoteId !== paths.active.remoteId) remoteIds.retire(path.remoteId)
  })
  const recovery = new Recovery({ isClient, probeTimeoutUsMax: settings.probeTimeoutUsMax }, paths.active.recovery, observer)
  const parts: Parts = {
    isClient, number, settings, environment, localIds, remoteIds, control, paths,
    keys: new ConnectionKeys(settings.protection),
    recovery, repeats: new EarlyRepeats(recovery),
    streams: new Streams(isClient, settings, control, emit),
    datagrams: new Datagrams(emit),
    acks: [handshakeAcks(), handshakeAcks(), new Acknowledgements(settings.ackDelayUsMax, settings.ackDelayExponent)],
    crypto: LEVELS.map((level, space) => new CryptoStream(space, (bytes) => assembler.receiveCrypto(level, bytes))),
    source: undefined, handshakeId, token: token ?? NO_BYTES, peer: undefined, isComplete: false, isConfirmed: false,
    emit, discardKeys, updateKeys,
  }
  rememberLimits(config.tls, parts.streams)
  return parts
}

/** RFC 9000, section 7.4.1: 0-RTT keeps to the limits of the connection that gave the ticket. */
function rememberLimits({ ticket, requestZeroRtt }: TlsOptions, streams: Streams): void {
  if (ticket === undefined || requestZeroRtt !== true) return
  const remembered = decodeParameters(ticket.parameters, 'server')
  if (remembered.kind === 'parameters') streams.setLimits(remembered.parameters)
}

/** Acknowledged at once (RFC 9000, section 13.2.1), with the exponent that holds before parameters are known (section 18.2). */
const handshakeAcks = (): Acknowledgements => new Acknowledgements(0, DEFAULT_PARAMETERS.ackDelayExponent)
