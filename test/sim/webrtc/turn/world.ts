/** A TURN server, clients and what its peers would be: datagrams go to and fro at once, time is the test's. */
import type { Datagram, SocketAddress } from '../../../../sim/net/datagram.ts'
import type { OutgoingDatagram } from '../../../../sim/transport/session.ts'
import { TurnClient, type TurnClientConfig, type TurnEvent } from '../../../../sim/webrtc/turn/client.ts'
import { TURN_PORT } from '../../../../sim/webrtc/turn/limits.ts'
import { TurnServer } from '../../../../sim/webrtc/turn/server.ts'

export const SERVER: SocketAddress = { address: 99, port: TURN_PORT }
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value)
export const identity = (n = 0): { keyHi: number; keyLo: number; label: Datagram['label'] } => ({
  keyHi: n, keyLo: 2, label: { protocol: 'webrtc', contents: 'data', connection: 1, channel: 0, start: 0, end: 0, attempt: 0 },
})

export class TurnWorld {
  nowUs = 0
  readonly server = new TurnServer({
    address: SERVER.address, realm: 'example.org', users: new Map([['ana', 'pw'], ['ben', 'pw']]), secret: 3,
  })
  readonly clients: TurnClient[] = []
  readonly events: TurnEvent[][] = []
  /** What reached an address that is neither the server's nor a client's. */
  readonly outside: Datagram[] = []
  readonly sent: Datagram[] = []
  /** Says which datagrams the network loses. */
  loses: (datagram: Datagram) => boolean = () => false

  add(change: Partial<TurnClientConfig> = {}): TurnClient {
    const index = this.clients.length
    const client = new TurnClient({
      server: SERVER, username: 'ana', password: 'pw', local: { address: index, port: 5_000 }, connection: 1, node: index, ordinal: 1,
      secret: index, ...change,
    })
    this.clients.push(client)
    this.events.push([])
    return client
  }

  /** An allocation, and where it relays. */
  allocated(change: Partial<TurnClientConfig> = {}): { readonly client: TurnClient; readonly relayed: SocketAddress } {
    const client = this.add(change)
    client.allocate(this.nowUs)
    this.settle()
    const event = this.events.at(-1)!.find(({ kind }) => kind === 'allocated') as Extract<TurnEvent, { kind: 'allocated' }>
    return { client, relayed: event.relayed }
  }

  settle(): void {
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true
      for (const [index, client] of this.clients.entries()) {
        for (let event = client.poll(); event !== undefined; event = client.poll()) {
          isQuiet = false
          if (event.kind === 'transmit') this.transmit(event.datagram)
          else this.events[index].push(event)
        }
      }
      for (let datagram = this.server.poll(); datagram !== undefined; datagram = this.server.poll()) {
        isQuiet = false
        this.transmit(datagram)
      }
    }
  }

  transmit({ local, remote, ...rest }: OutgoingDatagram): void {
    const datagram = { ...rest, id: this.sent.length, from: local.address, fromPort: local.port, to: remote.address, toPort: remote.port }
    this.sent.push(datagram)
    if (this.loses(datagram)) return
    if (datagram.to === SERVER.address) this.server.receive(datagram, this.nowUs)
    else if (!(this.clients[datagram.to]?.receive(datagram, this.nowUs) ?? false)) this.outside.push(datagram)
  }

  /** From anywhere to anywhere. */
  send(local: SocketAddress, remote: SocketAddress, bytes: Uint8Array): void {
    this.transmit({ local, remote, ecn: 0, bytes, ...identity() })
    this.settle()
  }

  run(untilUs: number): void {
    for (;;) {
      const nextUs = Math.min(this.server.nextWakeUs(), ...this.clients.map((client) => client.nextWakeUs()))
      if (nextUs > untilUs) break
      this.nowUs = Math.max(nextUs, this.nowUs)
      this.server.wake(this.nowUs)
      for (const client of this.clients) client.wake(this.nowUs)
      this.settle()
    }
    this.nowUs = untilUs
  }

  kinds(index: number): string[] {
    return this.events[index].map(({ kind }) => kind)
  }
  heard(index: number): string[] {
    return this.events[index].flatMap((event) => (event.kind === 'data' ? [text(event.bytes)] : []))
  }
}
