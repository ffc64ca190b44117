import { describe, expect, it } from 'vitest'
import { natMatrixText, natSurprises } from '../../reports/natmatrix.ts'
import { meet, natMatrix, type NatPosition } from '../../scenarios/nat/matrix.ts'

const KINDS: readonly NatPosition[] = ['none', 'fullCone', 'restricted', 'portRestricted', 'symmetric']

describe('the NAT matrix', () => {
  const matrix = natMatrix(1)

  it('has every kind against every kind, without and with TURN, and those behind one translator', () => {
    expect(matrix.cells).toHaveLength(2 * 25 + 8)
    expect(natSurprises(matrix)).toEqual([])
  })

  it('without TURN all meet but the symmetric with the symmetric and with the port-restricted; with TURN all do', () => {
    const apart = matrix.cells.filter(({ isConnected }) => !isConnected)
      .map(({ caller, callee, shared, turn }) => [caller, callee, shared, turn])
    expect(apart).toEqual([
      ['portRestricted', 'symmetric', 'no', false], ['symmetric', 'portRestricted', 'no', false], ['symmetric', 'symmetric', 'no', false],
      ['symmetric', 'symmetric', 'hidden', false],
    ])
  })

  it('selects the best pair that works: relays where nothing else does, inside addresses where both are inside', () => {
    const pairs = (caller: string, callee: string, turn: boolean, shared = 'no'): string | undefined => {
      const cells = matrix.cells.filter((one) => one.caller === caller && one.callee === callee)
      return cells.find((one) => one.turn === turn && one.shared === shared)!.pair?.join(' ')
    }
    expect(pairs('none', 'none', true)).toBe('host host')
    expect(pairs('portRestricted', 'portRestricted', true)).toBe('srflx srflx')
    expect(pairs('portRestricted', 'symmetric', true)).toContain('relay')
    expect(pairs('symmetric', 'symmetric', true)).toContain('relay')
    expect(pairs('portRestricted', 'portRestricted', false, 'told')).toBe('host host')
    // By the public addresses of both, which the translator turns back.
    expect(pairs('portRestricted', 'portRestricted', false, 'hidden')).toMatch(/^(srflx|prflx) (srflx|prflx)$/)
    const relayed = matrix.cells.filter(({ pair }) => pair?.includes('relay'))
    expect(relayed.map(({ caller, callee }) => [caller, callee])).toEqual([
      ['portRestricted', 'symmetric'], ['symmetric', 'portRestricted'], ['symmetric', 'symmetric'],
    ])
  })

  it('takes less than a second for what can be direct, a little more for what must be relayed, and 39.5 s to give up', () => {
    for (const { isConnected, pair, milliseconds, checks } of matrix.cells) {
      if (!isConnected) expect(milliseconds).toBeGreaterThanOrEqual(39_500)
      // A check that comes before the other side has opened its translator is repeated after 500 ms.
      else expect(milliseconds).toBeLessThan(pair!.includes('relay') ? 1_500 : 1_000)
      expect(checks).toBeGreaterThan(1)
    }
  })

  it('is a function of its seed', () => {
    expect(natMatrix(1)).toEqual(matrix)
  })

  it('at 10% loss everybody meets who can, seed after seed', () => {
    for (let seed = 1; seed <= 6; seed++) {
      for (const caller of KINDS) {
        for (const callee of KINDS) {
          const cell = meet({ seed, caller, callee, shared: 'no', turn: true, dropPpm: 100_000 })
          expect(cell.isConnected, `seed ${seed}, ${caller} ${callee}`).toBe(true)
        }
      }
    }
  })

  it('is told in two tables and a list', () => {
    const text = natMatrixText(matrix)
    expect(text.filter((line) => line.startsWith('caller'))).toHaveLength(2)
    expect(text.at(-1)).toBe('58 meetings, 54 connected, 0 other than expected')
    expect(text.find((line) => line.startsWith('symmetric'))).toMatch(/^symmetric {2,}prflx-host \d+ \d+ {2,}.*none \d+ \d+/)
  })
})
