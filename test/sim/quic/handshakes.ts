/** Two TLS sessions that talk to each other. */
import type { Level } from '../../../sim/quic/protection.ts'
import { type TlsConfig, type TlsEvent, TlsSession } from '../../../sim/quic/tls.ts'

export const bytesOf = (length: number, seed: number): Uint8Array => new Uint8Array(length).map((_, i) => i * 31 + seed)

export const CLIENT: TlsConfig = {
  isClient: true, kind: 'aead', random: bytesOf(32, 1), alpn: 'sim', serverName: 'host.example', parameters: bytesOf(40, 3),
}
export const SERVER: TlsConfig = {
  isClient: false, kind: 'aead', random: bytesOf(32, 2), alpn: 'sim', serverName: 'host.example', parameters: bytesOf(60, 4),
  ticketKey: bytesOf(32, 5), acceptZeroRtt: true,
}

/** What differs from {@link CLIENT} or {@link SERVER}; undefined for what is left out. */
type Changed = { readonly [Name in keyof TlsConfig]?: TlsConfig[Name] | undefined }

export interface Talk {
  readonly client: TlsSession
  readonly server: TlsSession
  readonly clientEvents: readonly TlsEvent[]
  readonly serverEvents: readonly TlsEvent[]
}

/**
 * Both talk until they have nothing to say. `change` sees every flight on its way.
 * @param cutBytes flights arrive in pieces of so many bytes.
 */
export function talk(
  clientConfig: Changed, serverConfig: Changed, cutBytes = Infinity,
  change: (level: Level, bytes: Uint8Array, byClient: boolean) => Uint8Array = (_, bytes) => bytes,
): Talk {
  const client = new TlsSession({ ...CLIENT, ...clientConfig } as TlsConfig)
  const server = new TlsSession({ ...SERVER, ...serverConfig } as TlsConfig)
  const clientEvents: TlsEvent[] = []
  const serverEvents: TlsEvent[] = []
  const pump = (from: TlsSession, to: TlsSession, events: TlsEvent[]): boolean => {
    let isBusy = false
    for (let event = from.poll(); event !== undefined; event = from.poll()) {
      isBusy = true
      events.push(event)
      if (event.kind !== 'crypto') continue
      const bytes = change(event.level, event.bytes, from === client)
      for (let at = 0; at < bytes.length; at += cutBytes) {
        to.receive(event.level, bytes.subarray(at, Math.min(bytes.length, at + cutBytes)))
      }
    }
    return isBusy
  }
  client.start()
  server.start()
  while (pump(client, server, clientEvents) || pump(server, client, serverEvents)) { /* until both are silent */ }
  return { client, server, clientEvents, serverEvents }
}

type Of<Kind> = Extract<TlsEvent, { kind: Kind }>
export const ofKind = <Kind extends TlsEvent['kind']>(events: readonly TlsEvent[], kind: Kind): readonly Of<Kind>[] =>
  events.filter((event): event is Of<Kind> => event.kind === kind)
