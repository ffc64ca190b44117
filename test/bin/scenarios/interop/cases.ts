/** Interop cases that are over at once: one passes, one fails with the seeds that 3 divides, one breaks. */
export const INTEROP_CASES = [
  { name: 'steady', about: 'always passes' },
  { name: 'thirds', about: 'fails with every third seed' },
  { name: 'broken', about: 'throws' },
]
