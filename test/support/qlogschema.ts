/** The schema of qlog files, and whether a file keeps to it: `validateQlog(file)`, then `validateQlog.errors`. */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'

export const QLOG_SCHEMA = JSON.parse(readFileSync(new URL('../../schemas/qlog.schema.json', import.meta.url), 'utf8'))
// Times are multiples of 0.001: six digits of what binary fractions leave behind do not count.
export const validateQlog = new Ajv2020({ strict: true, multipleOfPrecision: 6 }).compile(QLOG_SCHEMA)
