/** Rows as the oracle keeps them: plain objects in plain maps. */
import { COMPONENTS } from '../../system/ecs/components.ts'

export type Row = Record<string, number>
/** Component name, then entity, then row. */
export type Rows = Map<string, Map<number, Row>>

export const LOG_COMPONENTS = COMPONENTS.filter(({ source }) => source === 'log')

export const noRows = (components: readonly { readonly name: string }[]): Rows =>
  new Map(components.map(({ name }) => [name, new Map<number, Row>()]))
export const table = (rows: Rows, component: string): Map<number, Row> => rows.get(`theta.${component}`)!

export const memberEntity = (author: number): number => author * 2 ** 20
/** An entity of the log that is this author's own, above the reserved counters, and that nobody has made yet. */
export const isFree = (rows: Rows, entity: number, author: number): boolean =>
  Math.floor(entity / 2 ** 20) === author && entity % 2 ** 20 >= (author === 0 ? 256 : 1) && !table(rows, 'Entity').has(entity)
