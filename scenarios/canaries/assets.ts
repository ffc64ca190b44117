/** Canaries of assets: what becomes of their bytes. */
import { IncomingAsset } from '../../system/assets/incoming.ts'
import { AssetCourier } from '../../system/assets/courier.ts'
import type { Canary } from './canary.ts'

const BYTES = [{ check: 'assets', component: 'AssetTransfer', field: 'bytes' }]

export const ASSETS: readonly Canary[] = [
  {
    name: 'chunk-at-another-place', area: 'assets', stories: ['asset-streaming'],
    about: 'every tenth chunk of an asset is put where the one before it is',
    shows: BYTES,
    plant: (bed) => bed.wrap(IncomingAsset.prototype, 'place', (place) => function (this: IncomingAsset, chunk, body) {
      place.call(this, chunk % 10 === 9 && chunk + 1 < this.chunkCount ? chunk - 1 : chunk, body)
    }),
  },
  {
    name: 'asset-on-trust', area: 'assets', stories: ['asset-streaming'],
    about: 'what came of an asset is kept without a look at its digest',
    shows: BYTES,
    plant: (bed) => bed.wrap(IncomingAsset.prototype, 'isGenuine', () => () => true),
  },
  {
    name: 'fetch-forgotten', area: 'assets', stories: ['asset-streaming'],
    about: 'a client does not ask again for what was on its way when its connection was lost',
    shows: [{ check: 'assets', component: 'AssetTransfer', field: 'end' }, { check: 'settle' }],
    plant: (bed) => {
      bed.wrap(IncomingAsset.prototype, 'resume', () => () => {})
      bed.wrap(AssetCourier.prototype, 'begin', (begin) => function (this: AssetCourier, role, nowUs) {
        begin.call(this, role, nowUs + 3_600_000_000)
      })
    },
  },
]
