import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DECISION_NAMES } from '../../domain/journal.ts';
import { ROOT } from '../cli/command.ts';

it('docs/observability.md lists every decision that the journal knows, and no other', async () => {
  const text = await readFile(join(ROOT, 'docs/observability.md'), 'utf8');
  const [, table = ''] = /^\| `decision` .*\n.*\n((?:\|.*\n)+)/m.exec(text) ?? [];
  const listed = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)]);
  expect(listed.map(([, name]) => name).sort()).toEqual([...DECISION_NAMES].sort());
});
