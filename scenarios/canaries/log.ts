/** Canaries of the command log: its gate, its order, its clock. */
import { Admission, TokenBucket } from '../../system/commands/admission.ts'
import { CommandLog } from '../../system/commands/log.ts'
import type { CommandEntry, RefusalReason } from '../../system/protocol/messages.ts'
import type { Bed, Canary } from './canary.ts'

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
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'epoch' }],
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
]
