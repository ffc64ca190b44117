/**
 * Writes what is made of the compiled definitions: schema_manifest.json (every component with its id and layout) and the
 * documents of the editor's commands. Part of `npm run schemas`.
 */
import { writeFileSync } from 'node:fs'
import { commandProtocolText, commandSchemaText } from '../dist/system/commands/documentation.js'
import { manifestText } from '../dist/system/ecs/manifest.js'
import { Codec } from '../dist/system/protocol/codec.js'

const codec = new Codec()
const TEXTS = {
  'schema_manifest.json': manifestText(),
  'editor_command_schema.json': commandSchemaText(codec),
  'editor_command_protocol.md': commandProtocolText(codec),
}
for (const [name, text] of Object.entries(TEXTS)) writeFileSync(new URL(`./${name}`, import.meta.url), text)
