import { killMutants } from './run/kill-mutants.ts';
import { readOptions } from './run/options.ts';
import { simulate } from './run/simulate.ts';

/** `npm run simulate`: see docs/testing.md. */
const options = readOptions(process.argv.slice(2));
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const { mutants, seeds, isRemembered } = options;
const isFine =
  mutants === undefined
    ? await simulate(options, write)
    : (await killMutants({ mutants, seeds, isRemembered }, write)).every(({ killer }) => killer !== undefined);
if (!isFine) process.exitCode = 1;
