/** Writes schema_manifest.json: every component with its id and layout, from the compiled definitions. Part of `npm run schemas`. */
import { writeFileSync } from 'node:fs'
import { manifestText } from '../dist/system/ecs/manifest.js'

writeFileSync(new URL('./schema_manifest.json', import.meta.url), manifestText())
