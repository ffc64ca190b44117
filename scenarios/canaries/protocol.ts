/** Canaries of the protocol: what the two ends make of each other's messages. */
import { Codec } from '../../system/protocol/codec.ts'
import { crc32 } from '../../system/protocol/crc32.ts'
import { Roster } from '../../system/session/roster.ts'
import type { Canary } from './canary.ts'

export const PROTOCOL: readonly Canary[] = [
  {
    name: 'delta-miswritten', area: 'protocol', stories: ['late-join', 'swarm'],
    about: 'a byte of one delta in forty is another one when it is written, where no checksum sees it',
    shows: [
      { check: 'refusals', component: 'ComponentDelta' },
      ...['HeadPose', 'LeftHandPose', 'RightHandPose', 'Motion', 'BodyPose'].map((name) => (
        { check: 'convergence', component: `theta.${name}` })),
    ],
    plant: (bed) => {
      bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
        if (message.kind !== 'ComponentDelta' || message.body.length === 0 || message.frame % 40 !== 20) {
          return encode.call(this, message)
        }
        const body = message.body.slice()
        body[body.length - 1] ^= 1
        return encode.call(this, { ...message, body })
      })
    },
  },
  {
    name: 'frame-miscompressed', area: 'protocol', stories: ['mixed-compression', 'swarm'],
    about: 'a byte of one body in forty is another one when it is compressed, and the compressor says nothing',
    shows: [{ check: 'refusals', component: 'compression', field: 'checksum' }],
    plant: (bed) => {
      const { compressor } = bed.cluster
      bed.wrap(compressor, 'compress', (compress) => (body, dictionary) => {
        if (crc32(body) % 40 !== 20) return compress.call(compressor, body, dictionary)
        return compress.call(compressor, body.with(body.length >> 1, body[body.length >> 1] ^ 1), dictionary)
      })
    },
  },
  {
    name: 'requests-of-another-epoch', area: 'protocol', stories: ['partition-heals', 'swarm'],
    about: 'requests for what is missing carry the next epoch, and nobody heeds them',
    shows: [{ check: 'settle', component: 'live' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
      return encode.call(this, message.kind === 'NackRequest' ? { ...message, epoch: message.epoch + 1 } : message)
    }),
  },
  {
    name: 'batch-cut-short', area: 'protocol', stories: ['late-join', 'swarm'],
    about: 'of a message with several entries the last is not read',
    shows: [{ check: 'oracle', component: 'CommandLogEntry', field: 'forgotten' }, { check: 'settle', component: 'live' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'decode', (decode) => function (this: Codec, type, bytes) {
      const decoded = decode.call(this, type, bytes)
      if (decoded.kind !== 'message' || decoded.message.kind !== 'CommandLogEntry' || decoded.message.entries.length < 2) return decoded
      return { kind: 'message', message: { ...decoded.message, entries: decoded.message.entries.slice(0, -1) } }
    }),
  },
  {
    name: 'roster-without-the-newest', area: 'protocol', stories: ['late-join', 'swarm'],
    about: 'a client leaves the last member of a roster out, and knows no key for its entries',
    shows: [{ check: 'settle', component: 'live' }],
    plant: (bed) => bed.wrap(Roster.prototype, 'adopt', (adopt) => function (this: Roster, message, ...others) {
      const newest = message.members.length - 1
      const known = this.get.bind(this)
      bed.set(this, 'get', (author) => (message.members[newest]?.author === author ? undefined : known(author)))
      return adopt.call(this, message, ...others)
    }),
  },
]
