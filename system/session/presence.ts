/**
 * What the others of a session show, as far as this member was told: the tool in hand, what the ray rests on, what they
 * highlight, the gizmo they drag, their panels, and the last lines of the talk. None of it is state: it begins empty with
 * each connection, every part of it is bounded, and who leaves takes all but the talk along.
 */
import { NO_ENTITY } from '../editor/intents.ts'
import type { AuthorId, EntityId } from '../ids.ts'
import { CHAT_LINES_MAX, HIGHLIGHTS_MAX, PANELS_MAX } from '../limits.ts'
import type { EditorEvent, PoseQ } from '../protocol/messages.ts'

/** What a member drags, and where it shows it to be. Scale in 1/256. */
interface ShownGizmo {
  readonly entity: EntityId
  readonly tool: number
  readonly pose: PoseQ
  readonly scale: number
}
interface ChatLine {
  readonly author: AuthorId
  readonly text: string
}
export interface Shown {
  /** 0 before the first is taken up, and after one is put down. */
  readonly tool: number
  readonly hovered: EntityId
  /** Of the last HIGHLIGHTS_MAX, in the order in which they were highlighted. */
  readonly highlights: readonly EntityId[]
  readonly cursor: PoseQ | undefined
  readonly gizmo: ShownGizmo | undefined
  /** Text by panel, the newest last; the oldest of more than PANELS_MAX is gone. */
  readonly panels: readonly (readonly [panel: number, text: string])[]
}

const NOTHING: Shown = { tool: 0, hovered: NO_ENTITY, highlights: [], cursor: undefined, gizmo: undefined, panels: [] }

export class Presence {
  readonly #shown = new Map<AuthorId, Shown>()
  #chat: readonly ChatLine[] = []

  of(author: AuthorId): Shown {
    return this.#shown.get(author) ?? NOTHING
  }
  /** The newest last. */
  get chat(): readonly ChatLine[] {
    return this.#chat
  }

  show(event: EditorEvent): void {
    const { author, detail: text } = event
    if (event.event === 'chat') this.#chat = [...this.#chat, { author, text }].slice(-CHAT_LINES_MAX)
    else this.#shown.set(author, { ...this.of(author), ...changeOf(event, this.of(author)) })
  }

  forget(author: AuthorId): void {
    this.#shown.delete(author)
  }
}

function changeOf({ event, entity, tool, panel, pose, scale, detail }: EditorEvent, { highlights, panels }: Shown): Partial<Shown> {
  switch (event) {
    case 'toolActivated': return { tool }
    case 'toolDeactivated': return { tool: 0 }
    case 'hover': return { hovered: entity }
    case 'highlighted': return { highlights: [...highlights.filter((other) => other !== entity), entity].slice(-HIGHLIGHTS_MAX) }
    case 'unhighlighted': return { highlights: highlights.filter((other) => other !== entity) }
    case 'cursor': return { cursor: pose }
    case 'gizmo': return { gizmo: pose === undefined ? undefined : { entity, tool, pose, scale } }
    case 'panel': {
      const others = panels.filter(([other]) => other !== panel)
      return { panels: detail === '' ? others : [...others, [panel, detail] as const].slice(-PANELS_MAX) }
    }
    case 'chat': return {}
  }
}
