/** Canaries of the transport: what a library below the port may get wrong. */
import type { TransportInput } from '../../sim/port.ts'
import { SendStream } from '../../sim/quic/sendstream.ts'
import type { TransportEndpoint } from '../../sim/transport/endpoint.ts'
import { Outbound } from '../../sim/webrtc/sctp/outbound.ts'
import type { Bed, Canary } from './canary.ts'
import { everyNth } from './lies.ts'

type Output = NonNullable<ReturnType<TransportEndpoint['poll']>>
type Message = Output & { readonly kind: 'input'; readonly input: TransportInput & { readonly kind: 'message' } }

/** Channels 0 and 3 of the table. */
const CONTROL = 0, INPUT = 3

/** What every client is given of a channel, some of it wrong: nothing, one message or several in the place of one. */
function misdelivers(bed: Bed, channel: number, every: number, wrong: (message: Message) => readonly (Message | undefined)[]): void {
  bed.atClients(({ endpoint }) => {
    const isWrong = everyNth(every)
    const waiting: Output[] = []
    bed.wrap(endpoint, 'poll', (poll) => () => {
      for (;;) {
        const kept = waiting.shift()
        if (kept !== undefined) return kept
        const output = poll.call(endpoint)
        const isMessage = output?.kind === 'input' && output.input.kind === 'message' && output.input.channel === channel
        if (!isMessage || !isWrong()) return output
        waiting.push(...wrong(output as Message).filter((one) => one !== undefined))
      }
    })
  })
}

export const TRANSPORT: readonly Canary[] = [
  {
    name: 'message-twice', area: 'transport', stories: ['late-join', 'swarm'],
    about: 'a reliable channel gives one message in ten twice',
    shows: [{ check: 'delivery', component: 'control', field: 'invented' }],
    plant: (bed) => misdelivers(bed, CONTROL, 10, (message) => [message, message]),
  },
  {
    name: 'message-lost', area: 'transport', stories: ['late-join', 'swarm'],
    about: 'a reliable channel loses one message in ten',
    shows: [{ check: 'delivery', component: 'control', field: 'order' }],
    plant: (bed) => misdelivers(bed, CONTROL, 10, () => []),
  },
  {
    name: 'messages-swapped', area: 'transport', stories: ['late-join', 'swarm'],
    about: 'an ordered channel lets a message be overtaken by the next one',
    shows: [{ check: 'delivery', component: 'control', field: 'order' }],
    plant: (bed) => {
      let held: Message | undefined
      misdelivers(bed, CONTROL, 1, (message) => {
        if (held === undefined) {
          held = message
          return []
        }
        const before = held
        held = undefined
        return [message, before]
      })
    },
  },
  {
    name: 'message-damaged', area: 'transport', stories: ['late-join', 'swarm'],
    about: 'a byte of one message in ten changes between the transport and the peer',
    shows: [{ check: 'delivery', component: 'control', field: 'invented' }],
    plant: (bed) => misdelivers(bed, CONTROL, 10, (message) => {
      const bytes = message.input.bytes.slice()
      bytes[bytes.length - 1] ^= 0x10
      return [{ ...message, input: { ...message.input, bytes } }]
    }),
  },
  {
    name: 'channels-crossed', area: 'transport', stories: ['late-join', 'swarm'],
    about: 'one control message in ten comes out of the channel for input',
    shows: [{ check: 'delivery', component: 'input', field: 'invented' }],
    plant: (bed) => misdelivers(bed, CONTROL, 10, (message) => [{ ...message, input: { ...message.input, channel: INPUT } }]),
  },
  {
    name: 'stream-loss-forgotten', area: 'transport', stories: ['late-join', 'swarm'], itemsMax: 10,
    about: 'a stream hears that a range was lost, and does not send it again; it takes a drag of something that is there, of whose '
      + 'commands a packet is lost',
    shows: [{ check: 'settle' }],
    plant: (bed) => {
      bed.wrap(SendStream.prototype, 'lost', () => () => {})
      bed.wrap(SendStream.prototype, 'probe', () => () => false)
    },
  },
  {
    name: 'message-loss-forgotten', area: 'transport', stories: ['partition-heals', 'swarm'],
    about: 'the retransmission timer of SCTP never goes off: what was lost at the end of a burst is not sent again',
    shows: [{ check: 'settle' }],
    plant: (bed) => {
      bed.wrap(Outbound.prototype, 'wake', () => () => {})
      bed.wrap(Outbound.prototype, 'nextWakeUs', () => () => Infinity)
    },
  },
]
