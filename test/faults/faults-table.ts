import type { Fault } from './fault.ts';

/** The table of docs/testing.md. */
export function faultsTable(faults: readonly Fault[]): string {
  const rows = [
    ['id', 'meaning', 'test, in `test/`'],
    ...faults.map(({ id, meaning, test }) => [id, meaning, `\`${shortName(test.file)}\`: ${withoutIds(test.title)}`]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

const shortName = (file: string): string => file.replace(/^test\//, '').replace(/\.test\.ts$/, '');
const withoutIds = (title: string): string => title.replace(/ \[F[F0-9, ]+\]$/, '');
