/** Every canary, area by area. */
import type { Canary } from './canary.ts'
import { ASSETS } from './assets.ts'
import { COMMIT_CANARIES } from './commits.ts'
import { HAND_OVER } from './handover.ts'
import { INTEREST } from './interest.ts'
import { LOG } from './log.ts'
import { NETWORK } from './network.ts'
import { PROTOCOL } from './protocol.ts'
import { REPLICATION } from './replication.ts'
import { ROLE_CANARIES } from './roles.ts'
import { STORAGE } from './storage.ts'
import { TRANSPORT } from './transport.ts'
import { XR } from './xr.ts'

export const CANARIES: readonly Canary[] = [
  ...NETWORK, ...TRANSPORT, ...PROTOCOL, ...REPLICATION, ...INTEREST, ...LOG, ...ROLE_CANARIES, ...COMMIT_CANARIES, ...XR, ...STORAGE,
  ...ASSETS, ...HAND_OVER,
]
