/** Tells the driver what wrote each row, while a run that failed is explained. Costs nothing otherwise. */
import type { World } from '../ecs/world.ts'
import type { SystemEvent, WriteCause } from '../telemetry/events.ts'

export class Provenance {
  #cause: WriteCause = { by: 'runtime', frame: 0 }

  constructor(world: World, explain: boolean, report: (event: SystemEvent) => void) {
    if (!explain) return
    world.onWrite = (entity, component, removed) =>
      report({ event: 'rowWritten', entity, component: component.name, removed, cause: this.#cause })
  }
  /** What the writes from here on are due to. */
  set(cause: WriteCause): void {
    this.#cause = cause
  }
}
