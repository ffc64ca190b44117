/** The stories of the simulator that simulates nothing. */
import { scenario } from './index.ts'

export const CATALOGUE = ['loopback-120', 'late-join', 'unstable'].map((name) => ({
  scenario: scenario(name, { frames: 120, hz: 90 }, async ({ frame }) => frame(120)), source: `stories/${name}.ts`,
}))
