/** The contract over a real WebRTC library, on loopback: the port promises nothing that only a simulator can keep. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DataChannelNetwork, type DataChannelNode } from '../../platform/datachannel.ts'
import type { TransportInput } from '../../sim/port.ts'
import { CONTRACT_CHANNELS, type ContractNode, transportContract } from './transport.ts'

const WITHIN_MS = 10_000

transportContract('node-datachannel', async () => {
  const network = await DataChannelNetwork.load(CONTRACT_CHANNELS)
  const nodes = [network.node('host'), network.node('client')].map((node: DataChannelNode) => {
    const inputs: TransportInput[] = []
    const drain = (): void => {
      for (let input: TransportInput | undefined; (input = node.poll()) !== undefined; ) inputs.push(input)
    }
    const contract: ContractNode = { send: (output) => node.send(output), inputs }
    return { contract, drain }
  })
  const pass = async (milliseconds: number): Promise<void> => {
    await sleep(milliseconds)
    for (const { drain } of nodes) drain()
  }
  return {
    host: nodes[0].contract,
    client: nodes[1].contract,
    hostEndpoint: 'host',
    nobodyEndpoint: 'nobody',
    until: async (condition) => {
      for (let waited = 0; waited < WITHIN_MS && !condition(); waited += 5) await pass(5)
      return condition()
    },
    pass,
    close: () => network.close(),
  }
})
