/** Canaries between a person and the application: hands, buttons, events. */
import { Codec } from '../../system/protocol/codec.ts'
import type { Bed, Canary } from './canary.ts'

/** The application never hears of an event of this type. */
const deafTo = (bed: Bed, deaf: string): void => bed.atClients(({ headset: { session } }) => {
  bed.wrap(session, 'addEventListener', (addEventListener) => (type: string, ...others: never[]) => {
    if (type !== deaf) (addEventListener as (type: string, ...others: never[]) => void).call(session, type, ...others)
  })
})

export const XR: readonly Canary[] = [
  {
    name: 'hands-swapped', area: 'xr', stories: ['late-join', 'swarm'],
    about: 'poses go out with the left hand in the place of the right',
    shows: [{ check: 'embodiment', component: 'theta.LeftHandPose', field: 'x' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
      return encode.call(this, message.kind === 'InputPredictiveState' ? { ...message, left: message.right, right: message.left } : message)
    }),
  },
  {
    name: 'hand-beside-its-way', area: 'xr', stories: ['loopback-120', 'late-join'],
    about: 'a right hand is foreseen a step beside the line on which it moves',
    shows: [{ check: 'embodiment', component: 'theta.RightHandPose', field: 'x' }],
    plant: (bed) => bed.wrap(Codec.prototype, 'encode', (encode) => function (this: Codec, message) {
      if (message.kind !== 'InputPredictiveState' || message.horizonUs === 0) return encode.call(this, message)
      return encode.call(this, { ...message, right: { ...message.right, x: message.right.x + 1 } })
    }),
  },
  {
    name: 'select-lost', area: 'xr', stories: ['loopback-120', 'swarm'],
    about: 'the application hears a trigger pressed and released, and never the selection between',
    shows: [{ check: 'embodiment', component: 'right', field: 'select' }],
    plant: (bed) => deafTo(bed, 'select'),
  },
  {
    name: 'release-lost', area: 'xr', stories: ['loopback-120', 'late-join', 'swarm'],
    about: 'the application never hears that a hand lets go',
    shows: [{ check: 'embodiment', component: 'right', field: 'squeeze' }],
    plant: (bed) => deafTo(bed, 'squeezeend'),
  },
]
