/** Whether a measurement is what it is meant to be. A machine may be slow: an aim that is missed is told, it fails nothing. */

const PERCENT = 100

/** 'met', or by how much of the aim it was missed. */
export const atLeast = (value: number, aim: number): string => (value >= aim ? 'met' : missed(1 - value / aim))
export const atMost = (value: number, aim: number): string => (value <= aim ? 'met' : missed(value / aim - 1))

const missed = (share: number): string => `missed by ${Math.ceil(share * PERCENT)}%`

/** Three significant digits, large numbers with commas: '0.0123', '4.56', '78.9', '1,234,000'. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const [whole = '', fraction] = String(Number(value.toPrecision(3))).split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}
