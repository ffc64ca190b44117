/** The edits of meshes that a story asks for: what a mesh tool would sign. */
import { SubdivisionScheme } from '../../system/commands/registry.ts'
import type { Intent } from '../../system/session/peer.ts'
import { fieldsOf, oneOf, whole, within } from '../arguments.ts'
import { stepsOf } from './units.ts'
import type { MeshActor, Metres, SubdivideOptions, Thing } from './vocabulary.ts'

const word = (what: string, value: number): number => within(what, whole(what, value), 0, 0xffffffff)

export class Meshes implements MeshActor {
  readonly #intend: (verb: string, intent: Intent) => void

  constructor(intend: (verb: string, intent: Intent) => void) {
    this.#intend = intend
  }
  vertex(entity: Thing, at: Metres, metadata = 0): void {
    const place = { entity: word('entity', entity), ...stepsOf(at) }
    this.#intend('mesh.vertex', { kind: 'vertexCreate', ...place, metadata: word('metadata', metadata) })
  }
  extrude(entity: Thing, edge: number, by: Metres): void {
    const { x: dx, y: dy, z: dz } = stepsOf(by)
    this.#intend('mesh.extrude', { kind: 'edgeExtrude', entity: word('entity', entity), edge: word('edge', edge), dx, dy, dz })
  }
  subdivide(entity: Thing, face: number, options: SubdivideOptions = {}): void {
    fieldsOf('mesh.subdivide', options, ['levels', 'scheme'])
    const { levels = 1, scheme = 'linear' } = options
    oneOf('mesh.subdivide: scheme', scheme, Object.keys(SubdivisionScheme))
    this.#intend('mesh.subdivide', {
      kind: 'faceSubdivide', entity: word('entity', entity), face: word('face', face),
      levels: within('levels', whole('levels', levels), 0, 0xff), scheme: SubdivisionScheme[scheme],
    })
  }
}
