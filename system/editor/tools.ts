/** The tools a person cycles through with the A button. A tool decides what a drag does to the entity in hand. */

/** `free`: it follows the hand; `axis`: only along the normal of the face that was grabbed; `turn`: about +Y; `scale`: evenly. */
export type Constraint = 'free' | 'axis' | 'turn' | 'scale'
export type ToolName = 'select' | 'translate' | 'rotate' | 'scale'

export interface Tool {
  /** As commands and `ToolState.tool` carry it. */
  readonly id: number
  readonly name: ToolName
  readonly constraint: Constraint
}

export const SELECT_TOOL: Tool = { id: 1, name: 'select', constraint: 'free' }

/** In the order of cycling: the id is one above the place. */
export const TOOLS: readonly Tool[] = [
  SELECT_TOOL,
  { id: 2, name: 'translate', constraint: 'axis' },
  { id: 3, name: 'rotate', constraint: 'turn' },
  { id: 4, name: 'scale', constraint: 'scale' },
]

/** The tool after this one, the first after the last. */
export const nextTool = (tool: Tool): Tool => TOOLS[tool.id % TOOLS.length]
