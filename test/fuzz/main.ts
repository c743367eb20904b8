/**
 * `npm run fuzz [-- <parser>] [-- --runs <n>] [-- --seed <n>]`: the same properties as in the tests, for as many inputs as
 * one has time for. An input that breaks one is kept in the corpus, from where every later run begins.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { keep } from './corpora.ts';
import { PARSERS } from './parsers.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '20000' }, seed: { type: 'string' } },
});
const runs = Number(values.runs);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const unknown = positionals.filter((name) => !PARSERS.some((parser) => parser.name === name));
if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed)) {
  console.error(`usage: npm run fuzz -- [parser ...] [--runs <n>] [--seed <n>]`);
  console.error(`parsers: ${PARSERS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const chosen = PARSERS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
let findings = 0;
for (const { name, corpus, inputs, check } of chosen) {
  const property = fc.asyncProperty(inputs(corpus), async (input) => {
    await check(input);
  });
  const outcome = await fc.check(property, { numRuns: runs, seed });
  console.log(`${name}: ${outcome.numRuns} inputs${outcome.failed ? ', and one that it cannot take' : ''}`);
  const [input] = outcome.counterexample ?? [];
  if (!outcome.failed || input === undefined) continue;
  findings++;
  const file = keep(name, input, createHash('sha256').update(input).digest('hex').slice(0, 8));
  console.log(`  ${String(outcome.errorInstance)}\n  kept in ${file}; seed ${seed}`);
}
console.log(`fuzz seed ${seed} parsers ${chosen.length} findings ${findings}`);
process.exit(findings === 0 ? 0 : 1);
