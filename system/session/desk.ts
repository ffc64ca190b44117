/** Where a member's wishes become commands of its pipeline, drafts of its placement session, or events for the others to see. */
import type { CommandPipeline } from '../commands/pipeline.ts'
import type { CommandLog } from '../commands/log.ts'
import type { CommandSigner } from '../commands/signer.ts'
import {
  edgeExtrude, entityDespawn, entityRotate, entityScale, entityTranslate, faceSubdivide, memberRole, ROLES, selectionHighlight,
  toolActivate, toolDeactivate, vertexCreate,
} from '../commands/registry.ts'
import { COUNT_MAX } from '../../schemas/generated/layout.ts'
import { PlacementEditSession } from '../placement/session.ts'
import type { Probe } from '../ports.ts'
import { granted } from '../protocol/capabilities.ts'
import type { Codec } from '../protocol/codec.ts'
import type { EditorEvent } from '../protocol/messages.ts'
import { utf8Bytes } from '../protocol/utf8.ts'
import type { SystemEvent } from '../telemetry/events.ts'
import type { Intent } from './peer.ts'

/** What is told of, and what of it is not left empty. */
export type Told = Pick<EditorEvent, 'event'> & Partial<Omit<EditorEvent, 'kind' | 'author'>>

const TEXT_BYTES_MAX = COUNT_MAX.EditorEvent.detail

export interface DeskPorts {
  readonly log: CommandLog
  readonly signer: CommandSigner
  readonly pipeline: CommandPipeline
  readonly codec: Codec
  readonly probe: Probe
  readonly report: (event: SystemEvent) => void
  /** Not state: others see it as it happens, or not at all. */
  readonly tell: (event: Told) => void
}

export class Desk {
  readonly #ports: DeskPorts
  #edit: PlacementEditSession | undefined
  #editSessions = 0

  constructor(ports: DeskPorts) {
    this.#ports = ports
  }

  /** The placement session that is open, if one is. */
  get placements(): PlacementEditSession | undefined {
    return this.#edit
  }

  take(intent: Intent, nowUs: number): void {
    const { log, signer, pipeline, probe, tell } = this.#ports
    switch (intent.kind) {
      case 'select':
        tell({ event: 'highlighted', entity: intent.entity })
        return pipeline.give(selectionHighlight, { entity: intent.entity, on: 1 })
      case 'deselect':
        tell({ event: 'unhighlighted', entity: intent.entity })
        return pipeline.give(selectionHighlight, { entity: intent.entity, on: 0 })
      case 'translate': return pipeline.give(entityTranslate, { entity: intent.entity, dx: intent.dx, dy: intent.dy, dz: intent.dz })
      case 'rotate': {
        const { entity, qx, qy, qz, qw } = intent
        return pipeline.give(entityRotate, { entity, qx, qy, qz, qw })
      }
      case 'scale': return pipeline.give(entityScale, { entity: intent.entity, factor: intent.numerator })
      case 'toolActivate':
        tell({ event: 'toolActivated', tool: intent.tool })
        return pipeline.give(toolActivate, { tool: intent.tool })
      case 'toolDeactivate':
        tell({ event: 'toolDeactivated', tool: intent.tool })
        return pipeline.give(toolDeactivate, { tool: intent.tool })
      case 'hover': return tell({ event: 'hover', entity: intent.entity })
      case 'cursor': return tell({ event: 'cursor', pose: intent.pose })
      case 'gizmo': return tell({ event: 'gizmo', entity: intent.entity, tool: intent.tool, pose: intent.pose, scale: intent.scale })
      case 'panel': return this.#say({ event: 'panel', panel: intent.panel, detail: intent.text })
      case 'chat': return this.#say({ event: 'chat', detail: intent.text })
      case 'spawn': return pipeline.spawn(intent)
      case 'despawn': return pipeline.give(entityDespawn, { entity: intent.entity })
      case 'role': {
        const { author, role } = intent
        return pipeline.give(memberRole, { author, role: ROLES.indexOf(role), capabilities: granted(~0, role) })
      }
      case 'vertexCreate': return pipeline.give(vertexCreate, intent)
      case 'edgeExtrude': return pipeline.give(edgeExtrude, intent)
      case 'faceSubdivide': return pipeline.give(faceSubdivide, intent)
      case 'openPlacements':
        this.#edit = new PlacementEditSession({
          session: ++this.#editSessions, region: intent.region, view: log.view, probe, allocate: () => signer.allocateEntity(),
        })
        return
      case 'draftAdd': return void this.#edit?.draftAdd(intent.state)
      case 'draftUpdate': return void this.#edit?.draftUpdate(intent.placement, intent.patch)
      case 'draftRemove': return void this.#edit?.draftRemove(intent.placement)
      case 'commitPlacements': return this.#commit(nowUs)
      default:
    }
  }

  #say(told: Told & Pick<EditorEvent, 'detail'>): void {
    const { length: bytes } = utf8Bytes(told.detail)
    const tooLong = { event: 'messageRefused', cause: 'unfounded', reason: 'text too long', bytes, peer: 0 } as const
    if (bytes > TEXT_BYTES_MAX) return this.#ports.report(tooLong)
    if (told.event !== 'chat' || bytes > 0) this.#ports.tell(told)
  }

  #commit(nowUs: number): void {
    const { signer, pipeline, codec, report } = this.#ports
    const edit = this.#edit
    if (edit === undefined || edit.drafts.length === 0) return
    const commit = signer.allocateEntity()
    const entry = pipeline.commit(codec.encodePlacementCommit(edit.toCommit(commit, nowUs)))
    if (entry === undefined) return
    report({ event: 'commitRequested', commit, changes: edit.drafts.length, lamport: entry.lamport })
    edit.discardAll()
  }
}
