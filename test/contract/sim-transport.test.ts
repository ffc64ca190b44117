/** Both simulated transports keep the contract, on a quiet network and on a bad one. */
import type { LinkSettings } from '../../sim/net/link.ts'
import type { Protocol } from '../../sim/transport/session.ts'
import { World } from '../sim/transport/world.ts'
import { CONTRACT_CHANNELS, type ContractDriver, type ContractNode, transportContract } from './transport.ts'

const WITHIN_US = 10_000_000

function simulated(protocol: Protocol, links: Partial<LinkSettings>): ContractDriver {
  const world = new World({ seed: 21, protocol, links, channels: CONTRACT_CHANNELS })
  const node = (address: number): ContractNode => {
    const of = world.nodes[address]
    return { send: (output) => of.send(output), inputs: of.seen }
  }
  const { dropPpm = 0 } = links
  return {
    host: node(0),
    client: node(1),
    hostEndpoint: '0',
    nobodyEndpoint: 'nobody',
    until: (condition) => Promise.resolve(world.until(condition, WITHIN_US)),
    pass: (milliseconds) => Promise.resolve(world.run(milliseconds * 1_000)),
    // Under random loss what comes first is a matter of luck.
    ...(dropPpm > 0
      ? {}
      : { partition: () => world.fabric.link(1, 0).set({ down: true }), heal: () => world.fabric.link(1, 0).set({ down: false }) }),
    close: () => {},
  }
}

const FAULTS = { dropPpm: 100_000, duplicatePpm: 20_000, reorderPpm: 50_000 }
const BAD: Partial<LinkSettings> = { latencyUsMin: 10_000, latencyUsMax: 40_000, ...FAULTS }
for (const protocol of ['quic', 'webrtc'] as const) {
  transportContract(`${protocol} simulated`, () => simulated(protocol, {}))
  transportContract(`${protocol} simulated, 10% loss, 2% duplicates, 5% reordered`, () => simulated(protocol, BAD))
}
