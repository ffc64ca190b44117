/** Signalling as a capture shows it: each message once, however often it was sent. */
import { describe, expect, it } from 'vitest'
import { SignallingReader } from '../../scenarios/signalling.ts'
import type { Datagram } from '../../sim/net/datagram.ts'
import type { OutgoingDatagram } from '../../sim/transport/session.ts'
import { SignallingClient } from '../../sim/webrtc/signalling/client.ts'
import { SIGNALLING_PORT } from '../../sim/webrtc/signalling/limits.ts'
import type { SignallingMessage } from '../../sim/webrtc/signalling/messages.ts'
import { SignallingServer } from '../../sim/webrtc/signalling/server.ts'

const STEP_US = 10_000
const datagramOf = ({ local, remote, ...rest }: OutgoingDatagram): Datagram =>
  ({ ...rest, id: 0, from: local.address, fromPort: local.port, to: remote.address, toPort: remote.port })

/** Of a client that connects and says something long, what a reader makes of all datagrams; the network loses some. */
function heard(isLost: (ordinal: number) => boolean): { readonly texts: readonly string[]; readonly sent: number } {
  const server = new SignallingServer(0)
  const client = new SignallingClient({
    name: 'node 1', node: 1, local: { address: 1, port: 50_000 }, relay: { address: 0, port: SIGNALLING_PORT }, secret: 7,
  })
  const reader = new SignallingReader()
  const texts: string[] = []
  let sent = 0
  client.connect(0)
  const said: SignallingMessage = { type: 'endOfCandidates', connection: 4097, ufrag: 'u'.repeat(200) }
  for (let step = 0; step < 5; step++) client.send('node 2', said, 0)
  for (let nowUs = 0; nowUs < 200 * STEP_US; nowUs += STEP_US) {
    const leaving: Datagram[] = []
    for (let out = server.poll(); out !== undefined; out = server.poll()) leaving.push(datagramOf(out))
    for (let event = client.poll(); event !== undefined; event = client.poll()) {
      if (event.kind === 'transmit') leaving.push(datagramOf(event.datagram))
    }
    for (const datagram of leaving) {
      texts.push(...reader.messages(datagram).map((bytes) => Buffer.from(bytes).toString()))
      if (isLost(sent++)) continue
      if (!server.receive(datagram, nowUs)) client.receive(datagram, nowUs)
    }
    server.wake(nowUs)
    client.wake(nowUs)
  }
  return { texts, sent }
}

describe('signalling in a capture', () => {
  it('has each message as it is sent for the first time', () => {
    const { texts } = heard(() => false)
    expect(texts.map((text) => JSON.parse(text).type)).toEqual(['hello', 'welcome', ...Array.from({ length: 5 }, () => 'endOfCandidates')])
    expect(JSON.parse(texts[2])).toMatchObject({ peer: 'node 2', connection: 4097 })
  })

  it('shows nothing again that is sent again', () => {
    const [whole, lossy] = [heard(() => false), heard((ordinal) => ordinal % 3 === 1)]
    expect(lossy.sent).toBeGreaterThan(whole.sent)
    expect([...lossy.texts].sort()).toEqual([...whole.texts].sort())
  })

  it('takes nothing for signalling that is on another port, or is none', () => {
    const reader = new SignallingReader()
    const datagram: Datagram = {
      id: 0, from: 1, to: 0, fromPort: 50_000, toPort: SIGNALLING_PORT, ecn: 0, keyHi: 0, keyLo: 0, bytes: new Uint8Array(40),
      label: { protocol: 'webrtc', contents: '', connection: 0, channel: 0, start: 0, end: 0, attempt: 0 },
    }
    expect(reader.messages(datagram)).toEqual([])
    expect(reader.messages({ ...datagram, toPort: 443 })).toEqual([])
  })
})
