import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isOf, putBack } from './fault.ts';
import { faultsTable } from './faults-table.ts';
import { FAULTS } from './known-faults.ts';

const textOf = (file: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');

/** `npm run faults` puts them back; this keeps the list true to the product meanwhile. */
describe('the list of known faults', () => {
  it('has an id for each', () => {
    const ids = FAULTS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^F\d+[b-z]?$/);
  });

  it.each(FAULTS)('can put $id back: its source is in $file, once', async (fault) => {
    const sound = await textOf(fault.file);
    expect(putBack(fault, sound)).not.toBe(sound);
  });

  it.each(FAULTS)('names a test for $id that is there, once', async ({ id, test }) => {
    const text = await textOf(test.file);
    const titled = [`it('${test.title}'`, `it("${test.title}"`].reduce((sum, it) => sum + text.split(it).length - 1, 0);
    expect(titled).toBe(1);
    expect(test.title).toContain(id.replace(/[a-z]$/, ''));
  });

  it('is told in docs/testing.md', async () => {
    expect(await textOf('docs/testing.md')).toContain(faultsTable(FAULTS));
  });

  it('knows the ways of a fault by its number', () => {
    const [fault] = FAULTS.filter(({ id }) => id === 'F1b');
    expect(fault && [isOf(fault, 'F1'), isOf(fault, 'F1b'), isOf(fault, 'F10')]).toEqual([true, true, false]);
  });
});
