/** What a story may put the host, or a peer, behind. */
import { NAT_KINDS, type NatKind } from '../../sim/net/nat.ts'

export type Translator = 'none' | NatKind
export const TRANSLATORS: readonly Translator[] = ['none', ...NAT_KINDS]
