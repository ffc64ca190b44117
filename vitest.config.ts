import { defineConfig } from 'vitest/config'

// Threads without isolation: fifty files start in 1.6 s, against 19 s in isolated forks. Nothing in the code
// base has module-level mutable state, so that files cannot see each other (a test in test/tidy proves it).
// node-datachannel is the exception: what it keeps is the process's, and a second thread in it ends the process.
const OVER_A_LIBRARY = 'test/contract/*datachannel.test.ts'

export default defineConfig({
  test: {
    isolate: false,
    maxWorkers: 2,
    // For what hangs, not for what is slow. A test that is broken off leaves its planted fault to those behind it in the same thread.
    testTimeout: 180_000,
    projects: [
      { extends: true, test: { name: 'threads', include: ['test/**/*.test.ts'], exclude: [OVER_A_LIBRARY], pool: 'threads' } },
      { extends: true, test: { name: 'processes', include: [OVER_A_LIBRARY], pool: 'forks', isolate: true } },
    ],
    coverage: {
      provider: 'v8',
      include: ['sim/**', 'system/**', 'scenarios/**', 'reports/**', 'platform/**', 'bin/**'],
    },
  },
})
