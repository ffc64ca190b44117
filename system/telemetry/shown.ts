/** An editor event as a peer tells of it: who shows what, and a digest by which the same one is known again. */
import { hash64Hex } from '../ids.ts'
import type { EditorEvent } from '../protocol/messages.ts'
import { sipHash24 } from '../protocol/siphash.ts'
import type { SystemEvent } from './events.ts'

export function shownEvent(event: 'editorEventRelayed' | 'editorEventShown', shown: EditorEvent): SystemEvent {
  const { author, event: what, entity, tool, detail, panel, scale, pose } = shown
  const parts = pose === undefined ? [] : [pose.x, pose.y, pose.z, pose.qx, pose.qy, pose.qz, pose.qw]
  const digest = sipHash24([author, what, entity, tool, panel, scale, ...parts, detail].join(' '))
  return { event, author, what, tool, digest: hash64Hex(digest) }
}
