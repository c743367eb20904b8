import { SeedRun } from './seed.ts';

const [seed = '1', without = ''] = process.argv.slice(2);
void (async () => {
  const run = new SeedRun(Number(seed), new Set(without === '' ? [] : without.split(',')), true);
  while (!run.step()) await new Promise((resolve) => setImmediate(resolve));
  const { trace, ...outcome } = run.outcome();
  for (const line of trace ?? []) console.log(line);
  console.log(outcome);
  console.log(run.configuration);
})();
