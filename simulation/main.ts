import { killMutants } from './run/kill-mutants.ts';
import { readOptions } from './run/options.ts';
import { simulate } from './run/simulate.ts';

/** `npm run simulate`: see docs/testing.md. */
const options = readOptions(process.argv.slice(2));
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const isFine =
  options.mutants === undefined
    ? await simulate(options, write)
    : await killMutants(options.mutants, options.seeds, write);
if (!isFine) process.exitCode = 1;
