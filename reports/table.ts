/** Rows of text in columns. A title that ends in `#` heads a column of numbers, which stand to the right. */

export type Cell = string | number

/** '1 step', '2 steps' */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** A part of something, in percent to a tenth, rounded down: '97.1%'. */
export function share(part: number, whole: number): string {
  const tenths = whole === 0 ? 0 : Math.floor((part * 1000) / whole)
  return `${Math.floor(tenths / 10)}.${tenths % 10}%`
}

/** Columns padded to the same width, two spaces between them; spaces at the end are cut. */
export function aligned(titles: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  return padded(titles, rows.map((row) => row.map(String))).map((row) => row.join('  ').trimEnd())
}

/** A table of Markdown that reads as well as text. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const [head, ...body] = padded(titles, rows.map((row) => row.map((cell) => escaped(String(cell)))))
  const rule = head.map(({ length }, index) => (isNumber(titles[index]) ? `${'-'.repeat(Math.max(length - 1, 1))}:` : '-'.repeat(length)))
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`)
}

/** Text that others wrote must not leave its cell, nor become markup. */
export const escaped = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[\\|<]/g, '\\$&')

const isNumber = (title: string): boolean => title.endsWith('#')

/** The titles and the rows. */
function padded(titles: readonly string[], rows: readonly (readonly string[])[]): string[][] {
  const texts = [titles.map((title) => title.replace(/#$/, '')), ...rows]
  const widths = titles.map((_, index) => Math.max(...texts.map((row) => row[index].length)))
  const pad = (cell: string, index: number): string => cell[isNumber(titles[index]) ? 'padStart' : 'padEnd'](widths[index])
  return texts.map((row) => row.map(pad))
}
