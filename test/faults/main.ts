import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fault, isOf, putBack } from './fault.ts';
import { faultsTable } from './faults-table.ts';
import { FAULTS } from './known-faults.ts';
import { baselineProblem, escapeOf, TestRuns } from './test-run.ts';
import { ThrowAwayCopy } from './throw-away-copy.ts';

/**
 * `npm run faults [-- F10 F22]`: puts known faults back, one at a time, into a copy of the project, and says whether the
 * test that is there for it notices. Ends with 1 where one does not. `-- --table` prints the table of docs/testing.md.
 */
async function main(asked: readonly string[]): Promise<void> {
  const unknown = asked.filter((id) => !FAULTS.some((fault) => isOf(fault, id)));
  if (unknown.length > 0) {
    process.stderr.write(`unknown: ${unknown.join(', ')}; known are ${FAULTS.map(({ id }) => id).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const faults = asked.length === 0 ? FAULTS : FAULTS.filter((fault) => asked.some((id) => isOf(fault, id)));
  const copy = new ThrowAwayCopy();
  const runs = new TestRuns(copy.root);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      runs.stop();
      copy.remove();
      process.exit(130);
    });
  try {
    await copy.fill();
    const baseline = await runs.run(faults);
    let caught = 0;
    for (const fault of faults) {
      const problem = baselineProblem(fault, baseline) ?? (await problemWith(fault, copy.root, runs));
      if (problem === undefined) caught++;
      const outcome = problem === undefined ? 'caught' : 'MISSED';
      process.stdout.write(
        `${fault.id.padEnd(4)} ${outcome}  ${fault.meaning}${problem === undefined ? '' : ` – ${problem.split('\n')[0]}`}\n`,
      );
    }
    process.stdout.write(`faults ${faults.length} caught ${caught}\n`);
    if (caught < faults.length) process.exitCode = 1;
  } finally {
    copy.remove();
  }
}

/** Runs the test with the fault in the product. */
async function problemWith(fault: Fault, root: string, runs: TestRuns): Promise<string | undefined> {
  const path = join(root, fault.file);
  const sound = await readFile(path, 'utf8');
  await writeFile(path, putBack(fault, sound));
  try {
    return escapeOf(fault, await runs.run([fault]));
  } finally {
    await writeFile(path, sound);
  }
}

const asked = process.argv.slice(2);
if (asked[0] === '--table') process.stdout.write(`${faultsTable(FAULTS)}\n`);
else await main(asked);
