import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PARTS } from './parts.ts';

/** `npm run mutation`: see docs/testing.md. */
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => PARTS[name] === undefined);
if (unknown.length > 0)
  throw new RangeError(`unknown: ${unknown.join(', ')}; known are ${Object.keys(PARTS).join(', ')}`);

const root = fileURLToPath(new URL('../..', import.meta.url));
const failed: string[] = [];
for (const [name, { mutate, tests }] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  process.stdout.write(`${name}\n`);
  const { status } = spawnSync(process.execPath, [`${root}node_modules/@stryker-mutator/core/bin/stryker.js`, 'run'], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      MUTATION_PART: name,
      MUTATION_FILES: mutate.map((file) => `domain/${file}`).join(),
      MUTATION_TESTS: tests.map((file) => `test/domain/${file}`).join(),
    },
  });
  if (status !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? 'every part is above its threshold\n' : `failed: ${failed.join(', ')}\n`);
if (failed.length > 0) process.exitCode = 1;
