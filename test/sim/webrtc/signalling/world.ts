/** A signalling relay and its clients over the fabric, virtual time. */
import { SeededChooser } from '../../../../sim/choice.ts'
import type { Datagram } from '../../../../sim/net/datagram.ts'
import { Fabric } from '../../../../sim/net/fabric.ts'
import type { LinkSettings } from '../../../../sim/net/link.ts'
import type { OutgoingDatagram } from '../../../../sim/transport/session.ts'
import type { Candidate } from '../../../../sim/webrtc/ice/candidate.ts'
import { iceCredentials } from '../../../../sim/webrtc/ice/credentials.ts'
import { SignallingClient, type SignallingEvent } from '../../../../sim/webrtc/signalling/client.ts'
import type { Description } from '../../../../sim/webrtc/signalling/description.ts'
import { SIGNALLING_PORT } from '../../../../sim/webrtc/signalling/limits.ts'
import type { SignallingMessage } from '../../../../sim/webrtc/signalling/messages.ts'
import { SignallingServer } from '../../../../sim/webrtc/signalling/server.ts'

export const candidate = (i: number): Candidate => ({
  type: 'srflx', address: { address: 3_840 + i, port: 5_000 + i }, foundation: String(i), priority: 1_694_498_815 - i,
  related: { address: i, port: 5_000 },
})
export const description = (candidates: number): Description => ({
  ...iceCredentials(7, 0), session: 4_611_731_400, fingerprint: Uint8Array.from({ length: 32 }, (_, i) => i * 8), setup: 'actpass',
  sctpPort: 5_000, maxMessageBytes: 262_144, candidates: Array.from({ length: candidates }, (_, i) => candidate(i)), isComplete: false,
})
const RELAY = 0
const PORT = 4_000

export class SignallingWorld {
  nowUs = 0
  readonly fabric: Fabric
  server = new SignallingServer(RELAY)
  readonly clients: SignallingClient[]
  readonly heard: { readonly from: string; readonly message: SignallingMessage }[][]
  readonly events: SignallingEvent['kind'][][]
  readonly sent: Datagram[] = []
  #pending: { atUs: number; datagram: Datagram }[] = []

  constructor(names: readonly string[], links: Partial<LinkSettings> = {}, seed = 1) {
    this.fabric = new Fabric({
      chooser: new SeededChooser(seed), defaults: links, sink: () => {},
      deliver: (atUs, datagram) => void this.#pending.push({ atUs, datagram }),
    })
    this.clients = names.map((name, index) => this.client(name, index, seed))
    this.heard = names.map(() => [])
    this.events = names.map(() => [])
  }

  client(name: string, index: number, secret: number): SignallingClient {
    return new SignallingClient({
      name, node: index + 1, local: { address: index + 1, port: PORT }, relay: { address: RELAY, port: SIGNALLING_PORT },
      secret: secret + index,
    })
  }

  /** Cuts all links, or mends them. */
  cut(down: boolean): void {
    for (const link of this.fabric.links) link.set({ down })
  }

  settle(): void {
    for (const [index, client] of this.clients.entries()) {
      for (let event = client.poll(); event !== undefined; event = client.poll()) {
        if (event.kind === 'transmit') this.#transmit(event.datagram)
        else this.events[index].push(event.kind)
        if (event.kind === 'message') this.heard[index].push(event)
      }
    }
    for (let datagram = this.server.poll(); datagram !== undefined; datagram = this.server.poll()) this.#transmit(datagram)
  }

  #transmit({ local, remote, ...rest }: OutgoingDatagram): void {
    const datagram = { ...rest, id: this.sent.length, from: local.address, fromPort: local.port, to: remote.address, toPort: remote.port }
    this.sent.push(datagram)
    this.fabric.send(datagram, this.nowUs)
  }

  /** Runs for some time, or until a condition holds; whether it does. */
  run(forUs: number, until: () => boolean = () => false): boolean {
    const untilUs = this.nowUs + forUs
    this.settle()
    for (;;) {
      if (until()) return true
      this.#pending.sort((a, b) => a.atUs - b.atUs)
      const arrivalUs = this.#pending[0]?.atUs ?? Infinity
      const wakeUs = Math.min(this.server.nextWakeUs(), ...this.clients.map((client) => client.nextWakeUs()))
      const nextUs = Math.max(Math.min(arrivalUs, wakeUs), this.nowUs)
      if (nextUs > untilUs) {
        this.nowUs = untilUs
        return until()
      }
      this.nowUs = nextUs
      if (arrivalUs <= nextUs) {
        const [{ datagram }] = this.#pending.splice(0, 1)
        if (datagram.to === RELAY) this.server.receive(datagram, nextUs)
        else this.clients[datagram.to - 1].receive(datagram, nextUs)
      } else {
        for (const client of this.clients) if (client.nextWakeUs() <= nextUs) client.wake(nextUs)
        if (this.server.nextWakeUs() <= nextUs) this.server.wake(nextUs)
      }
      this.settle()
    }
  }
}
