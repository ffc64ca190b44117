/**
 * The schema manifest: every component with its id and layout, as plain data for people, reports and the handshake.
 * `schemas/schema_manifest.json` holds {@link manifestText}; both ends of a session compare {@link manifestHash}.
 */
import { assert } from '../assert.ts'
import { type Hash64, hash64Equal, hash64Hex, type Source } from '../ids.ts'
import { sipHash24 } from '../protocol/siphash.ts'
import type { AnyComponent, Diff, FieldType } from './component.ts'
import { COMPONENTS } from './components.ts'

const COMPONENTS_MAX = 0x10000

export interface ManifestField {
  readonly name: string
  readonly type: FieldType
  readonly unit: string
  readonly diff: Diff
  /** In bytes from the start of the row. */
  readonly offset: number
  readonly bytes: number
}
export interface ManifestComponent {
  readonly name: string
  /** SipHash-2-4 of the name, sixteen hexadecimal digits. */
  readonly id: string
  readonly source: Source
  readonly sinceVersion: string
  /** Null while the component is in use. */
  readonly deprecatedIn: string | null
  /** Bytes of a row. */
  readonly stride: number
  readonly fields: readonly ManifestField[]
}
export interface Manifest {
  /** Ascending by id. Canonical bytes name a component by its place here. */
  readonly components: readonly ManifestComponent[]
}

assert(COMPONENTS.length <= COMPONENTS_MAX, 'a component index fits the u16 of canonical bytes')

/** The place of each component in COMPONENTS. */
export const COMPONENT_INDEX: ReadonlyMap<AnyComponent, number> = new Map(COMPONENTS.map((component, index) => [component, index]))

/** The component with this id, or undefined: a peer may name one that we do not know. */
export const componentOfId = (id: Hash64): AnyComponent | undefined => COMPONENTS.find((component) => hash64Equal(component.id, id))

export function manifest(): Manifest {
  return {
    components: COMPONENTS.map((component) => ({
      name: component.name,
      id: hash64Hex(component.id),
      source: component.source,
      sinceVersion: component.sinceVersion,
      deprecatedIn: component.deprecatedIn ?? null,
      stride: component.stride,
      fields: component.fields.map(({ name, type, unit, diff, offset, bytes }) => ({ name, type, unit, diff, offset, bytes })),
    })),
  }
}

/** What `schemas/schema_manifest.json` holds, to the byte. */
export const manifestText = (): string => `${JSON.stringify(manifest(), undefined, 2)}\n`

const MANIFEST_HASH = sipHash24(JSON.stringify(manifest()))
/** SipHash-2-4 of the manifest without white space: layouts, units and ids; equal at both ends, or the session is refused. */
export const manifestHash = (): Hash64 => MANIFEST_HASH
