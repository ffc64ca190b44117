/** Every canary, area by area. */
import type { Canary } from './canary.ts'

export const CANARIES: readonly Canary[] = []
