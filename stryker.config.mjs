const { MUTATION_PART: part, MUTATION_FILES: files = '' } = process.env;
if (part === undefined) throw new Error('run it by `npm run mutation`, which says which part: test/mutation/parts.ts');

/** Mutation testing of the rules on which money and access depend: see docs/testing.md. */
export default {
  mutate: files.split(','),
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // What runs once, as a module is loaded, would need a process for each of its mutants.
  ignoreStatic: true,
  concurrency: 1,
  incremental: true,
  incrementalFile: `.stryker/${part}.json`,
  tempDirName: '.stryker/sandbox',
  ignorePatterns: ['.stryker', 'bench', 'dist', 'docs', 'infra', 'local', 'cli', 'simulation'],
  // Preparing tsconfig.json takes the JavaScript API of TypeScript, which 7 does not have; and nothing needs it prepared.
  tsconfigFile: 'none',
  reporters: ['clear-text'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
