import fc from 'fast-check';

/** Most mutants show in the first inputs, and survivors cost every one of them. */
fc.configureGlobal({ numRuns: 30, seed: 1 });
