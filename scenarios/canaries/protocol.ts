/** Canaries of the protocol: what the two ends make of each other's messages. */
import { HeartbeatMonitor } from '../../system/session/heartbeat.ts'
import { Codec } from '../../system/protocol/codec.ts'
import { Roster } from '../../system/session/roster.ts'
import type { Canary } from './canary.ts'
import { everyNth } from './lies.ts'

export const PROTOCOL: readonly Canary[] = [
  {
    name: 'delta-miswritten', area: 'protocol', stories: ['late-join', 'swarm'],
    about: 'a byte of one delta in forty is another one when it is written, where no checksum sees it',
    shows: [{ check: 'convergence', component: 'theta.HeadPose' }, { check: 'convergence', component: 'theta.Motion' },
      { check: 'refusals', component: 'ComponentDelta' }],
    plant: (bed) => {
      const isWrong = everyNth(40)
      bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
        if (message.kind !== 'ComponentDelta' || message.payload.length === 0 || !isWrong()) return encode.call(this, message)
        const payload = message.payload.slice()
        payload[0] ^= 1
        return encode.call(this, { ...message, payload })
      })
    },
  },
  {
    name: 'requests-of-another-epoch', area: 'protocol', stories: ['loopback-120', 'late-join', 'swarm'],
    about: 'requests for what is missing carry the next epoch, and nobody heeds them',
    shows: [{ check: 'settle' }, { check: 'mustHappen' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
      return encode.call(this, message.kind === 'NackRequest' ? { ...message, epoch: message.epoch + 1 } : message)
    }),
  },
  {
    name: 'batch-cut-short', area: 'protocol', stories: ['late-join', 'swarm'],
    about: 'of a message with several entries the last is not read',
    shows: [{ check: 'settle' }, { check: 'refusals', component: 'CommandLogEntry' }, { check: 'mustHappen' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'decode', (decode) => function (this: Codec, type, bytes) {
      const decoded = decode.call(this, type, bytes)
      if (decoded.kind !== 'message' || decoded.message.kind !== 'CommandLogEntry' || decoded.message.entries.length < 2) return decoded
      return { kind: 'message', message: { ...decoded.message, entries: decoded.message.entries.slice(0, -1) } }
    }),
  },
  {
    name: 'impatient-heartbeat', area: 'protocol', stories: ['partition-heals', 'loopback-120'],
    about: 'a tenth of a second of silence counts as gone',
    shows: [{ check: 'mustHappen' }, { check: 'settle' }],
    plant: (bed) => bed.wrap(HeartbeatMonitor.prototype, 'silent', () => function (this: HeartbeatMonitor, nowUs) {
      return nowUs - this.heardUs > 100_000
    }),
  },
  {
    name: 'roster-without-the-newest', area: 'protocol', stories: ['late-join', 'swarm'],
    about: 'a client leaves the last member of a roster out, and knows no key for its entries',
    shows: [{ check: 'settle' }, { check: 'refusals', component: 'CommandLogEntry' }],
    plant: (bed) => bed.wrap(Roster.prototype, 'adopt', (adopt) => function (this: Roster, message, ...others) {
      const newest = message.members.length - 1
      const known = this.get.bind(this)
      bed.set(this, 'get', (author) => (message.members[newest]?.author === author ? undefined : known(author)))
      return adopt.call(this, message, ...others)
    }),
  },
]
