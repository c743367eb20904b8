import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARSERS } from './parsers.ts';

const RUNS = 300;

describe.each(PARSERS)('what reads untrusted input: $name', ({ corpus, inputs, check }) => {
  it('has kept inputs to start from, and holds its word for each of them', async () => {
    expect(corpus.length).toBeGreaterThan(0);
    for (const input of corpus) await check(input);
  });

  it('holds its word for whatever becomes of them', async () => {
    await fc.assert(
      fc.asyncProperty(inputs(corpus), async (input) => {
        await check(input);
      }),
      { numRuns: RUNS },
    );
  });
});
