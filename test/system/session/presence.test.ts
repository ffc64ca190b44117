/** What members show each other: the model by itself, and on its way through the host. */
import { beforeAll, describe, expect, it } from 'vitest'
import { NO_ENTITY } from '../../../system/editor/intents.ts'
import { ORIGIN_POSE } from '../../../system/editor/poses.ts'
import { CHAT_LINES_MAX, HIGHLIGHTS_MAX, PANELS_MAX } from '../../../system/limits.ts'
import type { EditorEvent } from '../../../system/protocol/messages.ts'
import { Presence } from '../../../system/session/presence.ts'
import { Loopback, prepare } from '../../support/loopback.ts'

beforeAll(prepare)

const eventOf = (event: EditorEvent['event'], over: Partial<EditorEvent> = {}): EditorEvent =>
  ({ kind: 'EditorEvent', author: 1, event, entity: 0, tool: 0, detail: '', panel: 0, scale: 0, pose: undefined, ...over })
const told = (...events: readonly EditorEvent[]): Presence => {
  const presence = new Presence()
  for (const event of events) presence.show(event)
  return presence
}
const many = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('the model', () => {
  it('R-SESSION-6 keeps the newest of each kind, and lets go what ends', () => {
    const gizmo = { entity: 9, tool: 2, pose: ORIGIN_POSE, scale: 256 }
    const presence = told(
      eventOf('toolActivated', { tool: 2 }), eventOf('hover', { entity: 7 }), eventOf('highlighted', { entity: 7 }),
      eventOf('highlighted', { entity: 8 }), eventOf('highlighted', { entity: 7 }), eventOf('cursor', { pose: ORIGIN_POSE }),
      eventOf('gizmo', gizmo), eventOf('panel', { panel: 3, detail: 'outliner' }), eventOf('chat', { detail: 'hello' }),
    )
    expect(presence.of(1)).toEqual({
      tool: 2, hovered: 7, highlights: [8, 7], cursor: ORIGIN_POSE, gizmo, panels: [[3, 'outliner']],
    })
    for (const event of [
      eventOf('toolDeactivated', { tool: 2 }), eventOf('hover', { entity: NO_ENTITY }), eventOf('unhighlighted', { entity: 8 }),
      eventOf('gizmo', { entity: 9 }), eventOf('panel', { panel: 3 }),
    ]) presence.show(event)
    expect(presence.of(1)).toEqual({ tool: 0, hovered: NO_ENTITY, highlights: [7], cursor: ORIGIN_POSE, gizmo: undefined, panels: [] })
    presence.forget(1)
    expect(presence.of(1)).toMatchObject({ highlights: [], cursor: undefined })
    expect(presence.chat).toEqual([{ author: 1, text: 'hello' }])
  })

  it('R-SESSION-6 is bounded whatever is shown', () => {
    const presence = told(...many(1000).flatMap((i) => [
      eventOf('highlighted', { entity: i }), eventOf('panel', { panel: i, detail: `${i}` }), eventOf('chat', { detail: `${i}` }),
    ]))
    const { highlights, panels } = presence.of(1)
    expect(highlights).toEqual(many(1000).slice(-HIGHLIGHTS_MAX))
    expect(panels.map(([panel]) => panel)).toEqual(many(1000).slice(-PANELS_MAX))
    expect(presence.chat.map(({ text }) => text)).toEqual(many(1000).slice(-CHAT_LINES_MAX).map(String))
  })
})

describe('in a session', () => {
  it('R-SESSION-6 goes to everybody else under the author that the host knows', () => {
    const loopback = new Loopback()
    const [ana, ben, cat] = loopback.joined('ana', 'ben', 'cat')
    const { author } = ana.peer
    ana.intend({ kind: 'chat', text: 'hello' })
    ana.intend({ kind: 'panel', panel: 2, text: 'outliner' })
    // A forged author is not believed.
    loopback.inject(ana, loopback.host, eventOf('cursor', { author: ben.peer.author!, pose: ORIGIN_POSE }))
    loopback.run(3)
    for (const { peer } of [ben, cat]) {
      expect(peer.presence.chat).toEqual([{ author, text: 'hello' }])
      expect(peer.presence.of(author!)).toMatchObject({ panels: [[2, 'outliner']], cursor: ORIGIN_POSE })
      expect(peer.presence.of(ben.peer.author!).cursor).toBeUndefined()
    }
    expect(ana.peer.presence.chat).toEqual([])
    expect(loopback.host.heard('editorEventRelayed').map(({ author: known }) => known)).toEqual([author, author, author])
  })

  it('R-SESSION-6 one that leaves takes along what it showed, and a new connection begins with nothing', () => {
    const loopback = new Loopback()
    const [ana, ben] = loopback.joined('ana', 'ben')
    const { author } = ana.peer
    const pose = ORIGIN_POSE
    ana.intend({ kind: 'cursor', pose })
    loopback.run(3)
    expect(ben.peer.presence.of(author!).cursor).toEqual(pose)
    loopback.sever(ben)
    loopback.until(() => ben.peer.state === 'live')
    expect(ben.peer.presence.of(author!).cursor).toBeUndefined()
    ana.intend({ kind: 'cursor', pose })
    loopback.run(3)
    ana.intend({ kind: 'leave' })
    loopback.run(3)
    expect(ben.peer.presence.of(author!).cursor).toBeUndefined()
  })

  it('a text that does not fit is told, not sent, and a line of nothing is none', () => {
    const loopback = new Loopback()
    const [ana] = loopback.joined('ana')
    ana.intend({ kind: 'chat', text: 'é'.repeat(129) })
    ana.intend({ kind: 'chat', text: '' })
    expect(ana.last('messageRefused')).toMatchObject({ reason: 'text too long', bytes: 258 })
    expect(loopback.all('EditorEvent')).toEqual([])
  })
})
