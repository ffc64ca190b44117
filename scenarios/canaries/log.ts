/** Canaries of the command log: its gate, its order, its clock. */
import { Admission } from '../../system/commands/admission.ts'
import { CommandLog } from '../../system/commands/log.ts'
import { ScopeVersion } from '../../system/ecs/components.ts'
import { HOST_AUTHOR } from '../../system/ids.ts'
import { Codec } from '../../system/protocol/codec.ts'
import type { CommandEntry, RefusalReason } from '../../system/protocol/messages.ts'
import { TokenBucket } from '../../system/security/tokenbucket.ts'
import { NonceMarks } from '../../system/security/nonces.ts'
import { OutputQueue } from '../../system/session/peer.ts'
import { Link } from '../../system/session/link.ts'
import type { Bed, Canary } from './canary.ts'
import { foldingAtHost } from './lies.ts'

/** The host's gate takes what it should refuse for this reason. */
const takes = (bed: Bed, reason: RefusalReason): void =>
  bed.wrap(Admission.prototype, 'judge', (judge) => function (this: Admission, ...parameters) {
    const refusal = judge.apply(this, parameters)
    return refusal === reason ? undefined : refusal
  })

export const LOG: readonly Canary[] = [
  {
    name: 'signature-on-trust', area: 'log', stories: ['forged-command', 'swarm'],
    about: 'the host takes an entry whoever signed it',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'signature' }],
    plant: (bed) => takes(bed, 'signature'),
  },
  {
    name: 'forgotten-nonce', area: 'log', stories: ['swarm'],
    about: 'the host takes a nonce that was spent',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'nonce' }],
    plant: (bed) => takes(bed, 'nonce'),
  },
  {
    name: 'epoch-unchecked', area: 'log', stories: ['swarm'],
    about: 'the host takes an entry that was signed for another epoch',
    // Its nonce is not spent by that, and comes again.
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'epoch' },
      { check: 'oracle', component: 'CommandLogEntry', field: 'nonce' }],
    plant: (bed) => takes(bed, 'epoch'),
  },
  {
    name: 'limiter-off', area: 'log', stories: ['swarm'],
    about: 'the host takes commands at any rate',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'rate' }],
    plant: (bed) => bed.wrap(TokenBucket.prototype, 'take', () => () => true),
  },
  {
    name: 'late-told-as-too-many', area: 'log', stories: ['partition-heals'],
    about: 'the host turns late entries away under another name, so that nobody signs them anew',
    shows: [{ check: 'mustHappen', component: 'refusedLate' }],
    plant: (bed) => bed.wrap(Admission.prototype, 'judge', (judge) => function (this: Admission, ...parameters) {
      const refusal = judge.apply(this, parameters)
      return refusal === 'late' ? 'rate' : refusal
    }),
  },
  {
    name: 'ties-by-arrival', area: 'log', stories: ['swarm'],
    about: 'the host folds entries of one Lamport time in the order in which they came',
    shows: [{ check: 'logOrder', component: 'CommandLogEntry', field: 'order' }, { check: 'oracle', component: 'theta.ScopeVersion' }],
    plant: (bed) => {
      const { log } = bed.cluster.host.peer
      const arrival = new Map<CommandEntry, number>()
      bed.wrap(log, 'integrate', (integrate) => (entry, admitted) => {
        arrival.set(entry, arrival.size)
        return integrate.call(log, entry, admitted)
      })
      bed.wrap(log, 'closeUpTo', (closeUpTo) => (lamport, frame) => {
        const pending = log.pending as unknown as { readonly entry: CommandEntry }[]
        const came = ({ entry }: { readonly entry: CommandEntry }): number => arrival.get(entry) ?? 0
        pending.sort((a, b) => a.entry.lamport - b.entry.lamport || came(a) - came(b))
        closeUpTo.call(log, lamport, frame)
      })
    },
  },
  {
    name: 'clock-not-advanced', area: 'log', stories: ['partition-heals', 'loopback-120', 'swarm'],
    about: 'clients sign on by their own count, whatever Lamport time they have seen',
    shows: [{ check: 'logOrder', component: 'CommandLogEntry', field: 'lamport' }],
    plant: (bed) => {
      const { log: hostLog } = bed.cluster.host.peer
      bed.wrap(CommandLog.prototype, 'witness', (witness) => function (this: CommandLog, lamport) {
        if (this === hostLog || lamport === this.clock + 1) witness.call(this, lamport)
      })
    },
  },
  {
    name: 'far-future-taken', area: 'log', stories: ['swarm'],
    about: 'the host takes a Lamport time however far ahead: one author can use the clock up',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'lamport' }],
    plant: (bed) => takes(bed, 'malformed'),
  },
  {
    name: 'equivocation-taken', area: 'log', stories: ['swarm'],
    about: 'of two entries that an author signed for one position the later one takes the place of the other',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'lamport' }, { check: 'oracle', component: 'theta.Selection' },
      { check: 'oracle', component: 'theta.ScopeVersion', field: 'lamport' },
      { check: 'oracle', component: 'CommandLogEntry', field: 'nonce' }],
    plant: (bed) => {
      const { log } = bed.cluster.host.peer
      takes(bed, 'duplicate')
      bed.wrap(log, 'integrate', (integrate) => (entry, admitted) => {
        const pending = log.pending as unknown as { readonly entry: CommandEntry }[]
        const at = pending.findIndex(({ entry: { lamport, author } }) => lamport === entry.lamport && author === entry.author)
        if (at >= 0) pending.splice(at, 1)
        return integrate.call(log, entry, admitted)
      })
    },
  },
  {
    name: 'folded-twice', area: 'log', stories: ['late-join', 'swarm'],
    about: 'the host folds the first of several entries that it closes at once two times',
    shows: [{ check: 'logOrder', component: 'CommandLogEntry', field: 'order' }, { check: 'oracle', component: 'theta.Transform' }],
    plant: (bed) => {
      const { log } = bed.cluster.host.peer
      bed.wrap(log, 'closeUpTo', (closeUpTo) => (lamport, frame) => {
        const pending = log.pending as unknown as { readonly entry: CommandEntry }[]
        const closing = pending.filter(({ entry }) => entry.lamport <= lamport)
        if (closing.length > 1) pending.splice(1, 0, pending[0])
        closeUpTo.call(log, lamport, frame)
      })
    },
  },
  {
    name: 'told-mark-falls', area: 'log', stories: ['late-join', 'swarm'],
    about: 'the host tells every tenth frame with a closed mark one lower than it is',
    shows: [{ check: 'refusals', component: 'CommandLogEntry' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
      const isLower = message.kind === 'ComponentDelta' && message.frame % 10 === 0 && message.closedLamport > 0
      return encode.call(this, isLower ? { ...message, closedLamport: message.closedLamport - 1 } : message)
    }),
  },
  {
    name: 'order-unchecked', area: 'log', stories: ['given-order', 'swarm'], itemsMax: 8,
    about: 'the host takes an entry although the one that its author gave before it was refused; it takes cuts that make an author '
      + 'late, and somebody else’s commands, which close the log meanwhile',
    shows: [{ check: 'authorOrder', component: 'CommandLogEntry' },
      { check: 'oracle', component: 'CommandLogEntry', field: 'previousNonce' }],
    plant: (bed) => {
      let judged: CommandEntry | undefined
      bed.wrap(Admission.prototype, 'judge', (judge) => function (this: Admission, entry, ...others) {
        judged = entry
        const refusal = judge.call(this, entry, ...others)
        judged = undefined
        return refusal
      })
      bed.wrap(NonceMarks.prototype, 'of', (of) => function (this: NonceMarks, author) {
        const highWater = of.call(this, author)
        return judged !== undefined && judged.nonce > highWater ? judged.previousNonce : highWater
      })
    },
  },
  {
    name: 'refused-stays-shown', area: 'log', stories: ['partition-heals', 'swarm'],
    about: 'a client keeps what the host refused among what is still to be decided, for ever',
    shows: [{ check: 'settle', component: 'live' }],
    plant: (bed) => bed.wrap(CommandLog.prototype, 'withdraw', () => () => undefined),
  },
  {
    name: 'told-nobody', area: 'log', stories: ['late-join', 'swarm'],
    about: 'the host admits an entry and tells nobody',
    shows: [{ check: 'settle', component: 'live' }],
    plant: (bed) => bed.wrap(Link.prototype, 'sendBody', (sendBody) => function (this: Link, name, ...others) {
      if (name !== 'CommandLogEntry' || this.peer === HOST_AUTHOR) sendBody.call(this, name, ...others)
    }),
  },
  {
    name: 'base-not-compared', area: 'log', stories: ['swarm'],
    about: 'the host forgets who was first on a scope: whoever comes later wins, where it should be turned down',
    shows: [{ check: 'oracle', component: 'theta.MeshEdit' },
      { check: 'oracle', component: 'theta.Transform', field: 'sx' }, { check: 'oracle', component: 'theta.Entity' }],
    plant: (bed) => {
      const { world } = bed.cluster.host.peer
      const isFolding = foldingAtHost(bed)
      bed.wrap(world, 'get', (get) => (entity, component) =>
        (component === ScopeVersion && isFolding() ? undefined : get.call(world, entity, component)) as never)
    },
  },
  {
    name: 'merge-told-as-applied', area: 'log', stories: ['partition-heals', 'loopback-120', 'swarm'],
    about: 'everybody tells what was merged as though nothing had stood against it',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'outcome' }],
    plant: (bed) => bed.wrap(OutputQueue.prototype, 'push', (push) => function (this: OutputQueue, output) {
      const isMerge = output.kind === 'event' && output.event.event === 'commandFolded' && output.event.outcome === 'merged'
      push.call(this, isMerge ? { kind: 'event', event: { ...output.event, outcome: 'applied' } } : output)
    }),
  },
]
