import { defineConfig } from 'vitest/config'

// Threads without isolation: fifty files start in 1.6 s, against 19 s in isolated forks. Nothing in the code
// base has module-level mutable state, so that files cannot see each other (a test in test/tidy proves it).
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
    testTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['sim/**', 'system/**', 'scenarios/**', 'reports/**', 'platform/**', 'bin/**'],
    },
  },
})
