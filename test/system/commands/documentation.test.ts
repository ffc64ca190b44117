/** The documents of the commands: as committed, and true. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { commandProtocolText, commandSchemaText, EXAMPLE_COMMIT } from '../../../system/commands/documentation.ts'
import { decodePayload, encodePayload } from '../../../system/commands/payload.ts'
import { COMMANDS, commandOf } from '../../../system/commands/registry.ts'
import { COMPONENTS } from '../../../system/ecs/components.ts'
import { Codec } from '../../../system/protocol/codec.ts'

const codec = new Codec()
const committed = (name: string) => readFileSync(new URL(`../../../schemas/${name}`, import.meta.url), 'utf8')
const spec = readFileSync(new URL('../../../system/SPEC.md', import.meta.url), 'utf8')

interface Documented {
  readonly code: number
  readonly name: string
  readonly conflictPolicy: string
  readonly scope: string
  readonly writes: readonly string[]
  readonly rules: readonly string[]
  readonly payload: { readonly example: Readonly<Record<string, number>>; readonly exampleHex: string }
}
const { commands } = JSON.parse(committed('editor_command_schema.json')) as { readonly commands: readonly Documented[] }

describe('what is documented', () => {
  it('R-WIRE-7 is what the registry says', () => {
    expect(committed('editor_command_schema.json'), 'npm run schemas writes it anew').toBe(commandSchemaText(codec))
    expect(committed('editor_command_protocol.md'), 'npm run schemas writes it anew').toBe(commandProtocolText(codec))
    expect(commands.map(({ code }) => code)).toEqual(COMMANDS.map(({ code }) => code))
  })

  it.each(commands.map((one) => [one.name, one] as const))('R-WIRE-7 %s: its example survives its bytes', (_name, documented) => {
    const { code, payload: { example, exampleHex } } = documented
    const bytes = new Uint8Array(Buffer.from(exampleHex, 'hex'))
    const { layout, policy, scopeKind } = commandOf(code)!
    expect([documented.conflictPolicy, documented.scope]).toEqual([policy, scopeKind])
    if (layout === undefined) {
      expect(codec.decodePlacementCommit(bytes)).toEqual({ kind: 'commit', commit: EXAMPLE_COMMIT })
      expect(example).toEqual(JSON.parse(JSON.stringify(EXAMPLE_COMMIT)))
      return
    }
    expect(decodePayload(layout, bytes)).toEqual(example)
    expect(encodePayload(layout, example)).toEqual(bytes)
    expect(decodePayload(layout, bytes.subarray(1))).toBeUndefined()
  })

  it.each(commands.map((one) => [one.name, one] as const))('R-WIRE-7 %s: its components and rules are there', (_, { writes, rules }) => {
    const names = COMPONENTS.map(({ name }) => name)
    for (const component of writes) expect(names).toContain(component)
    for (const rule of rules) expect(spec).toContain(`**${rule}**`)
  })
})
