/** The one text of a value: the same for equal values, whoever made them. */

/**
 * JSON with keys in ascending order of their code units and an indent of two spaces, ending in a newline. Only what reads
 * back the same everywhere is taken: strings, safe integers, booleans, null, arrays and plain objects; a bigint is
 * written as a string of decimal digits, and a field that is undefined is left out.
 * @throws {RangeError} on any other number. @throws {TypeError} on any other value.
 */
export const canonicalJson = (value: unknown): string => `${text(value, '', '\n')}\n`

/** @param newline a newline and the indent of the line that the value stands in. */
function text(value: unknown, path: string, newline: string): string {
  switch (typeof value) {
    case 'string': return JSON.stringify(value)
    case 'boolean': return String(value)
    case 'bigint': return `"${value}"`
    case 'number':
      if (Number.isSafeInteger(value)) return String(value)
      throw new RangeError(`${path || 'value'}: expected a safe integer, got ${value}`)
    case 'object': return value === null ? 'null' : containerText(value, path, newline)
    default: throw new TypeError(`${path || 'value'}: expected plain data, got ${typeof value}`)
  }
}

function containerText(value: object, path: string, newline: string): string {
  const inner = `${newline}  `
  if (Array.isArray(value)) {
    return enclosed('[', Array.from(value, (item: unknown, index) => text(item, `${path}[${index}]`, inner)), ']', newline)
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    throw new TypeError(`${path || 'value'}: expected a plain object, got ${Object.prototype.toString.call(value)}`)
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  const items = fields.map(([key, field]) => `${JSON.stringify(key)}: ${text(field, path === '' ? key : `${path}.${key}`, inner)}`)
  return enclosed('{', items, '}', newline)
}

const enclosed = (open: string, items: readonly string[], close: string, newline: string): string =>
  (items.length === 0 ? `${open}${close}` : `${open}${newline}  ${items.join(`,${newline}  `)}${newline}${close}`)
