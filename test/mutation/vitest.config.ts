import { defineConfig } from 'vitest/config';

/** The tests of one part of the rules alone: pure, and fast enough to be run for each mutant. */
export default defineConfig({
  test: {
    include: (process.env['MUTATION_TESTS'] ?? '').split(','),
    environment: 'node',
    setupFiles: ['test/mutation/fewer-runs.ts'],
    testTimeout: 30_000,
  },
});
