import { stripVTControlCharacters } from 'node:util';
import type { Style } from './style.ts';

/** A column of a table of Rows: its title, and what it says of a row. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** Figures stand to the right. */
  readonly right?: boolean;
}

/** Rows under their titles, each column as wide as its widest cell. Empty columns are left out. */
export function tableOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  const filled = columns
    .map((column) => ({ ...column, cells: rows.map((row) => oneLine(column.of(row))) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const widths = filled.map(({ title, cells }) => Math.max(...[title, ...cells].map(widthOf)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => pad(cell, widths[at] ?? 0, filled[at]?.right === true))
      .join('  ')
      .trimEnd();
  return [
    style.bold(line(filled.map(({ title }) => title))),
    ...rows.map((_, at) => line(filled.map(({ cells }) => cells[at] ?? ''))),
  ].join('\n');
}

const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;

/** What others have written must not move the cursor, nor break the line. Colours of ours are escape sequences, too. */
const oneLine = (text: string): string => text.replaceAll(/[\r\n\t]+/g, ' ');

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? space + text : text + space;
}
