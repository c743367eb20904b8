import { terminalWidth, widthOf } from './fold.ts';
import type { Style } from './style.ts';

/** A column of a table of Rows: its title, and what it says of a row. What matters most comes first. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** Figures stand to the right. */
  readonly right?: boolean;
}

interface Filled {
  readonly title: string;
  readonly right?: boolean;
  readonly cells: readonly string[];
  readonly width: number;
}

const GAP = '  ';
const INDENT = '    ';

/**
 * Rows under their titles, each column as wide as its widest cell. Empty columns are left out.
 *
 * In a terminal that is too narrow, a line that is broken anywhere can no longer be read as a table. So the first columns
 * stay as many as fit, and what the others say stands beneath each row, with their titles: nothing is lost.
 *
 * @param columns of the terminal; `undefined` where nobody looks, as in pipes: a row is one line then, whatever its length
 */
export function tableOf<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: Style,
  width: number | undefined = terminalWidth(),
): string {
  const filled = columns
    .map(({ title, of, right }) => ({ title, right: right === true, cells: rows.map((row) => oneLine(of(row))) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''))
    .map((column) => ({ ...column, width: Math.max(...[column.title, ...column.cells].map(widthOf)) }));
  const fitting = width === undefined ? filled.length : howManyFit(filled, width);
  const [beside, beneath] = [filled.slice(0, fitting), filled.slice(fitting)];
  return [
    style.bold(lineOf(beside, ({ title }) => title)),
    ...rows.flatMap((_, at) => [
      lineOf(beside, ({ cells }) => cells[at] ?? ''),
      ...wrapped(
        beneath.flatMap(({ title, cells }) => {
          const cell = cells[at] ?? '';
          return cell === '' ? [] : [`${style.dim(`${title}:`)} ${cell}`];
        }),
        (width ?? Number.POSITIVE_INFINITY) - INDENT.length,
      ).map((line) => INDENT + line),
    ]),
  ].join('\n');
}

/** The first column always stays: it names the row. */
function howManyFit(columns: readonly Filled[], width: number): number {
  let taken = 0;
  const tooFar = columns.findIndex((column, at) => {
    taken += column.width + (at === 0 ? 0 : GAP.length);
    return at > 0 && taken > width;
  });
  return tooFar === -1 ? columns.length : tooFar;
}

const lineOf = (columns: readonly Filled[], textOf: (column: Filled) => string): string =>
  columns
    .map((column) => pad(textOf(column), column.width, column.right === true))
    .join(GAP)
    .trimEnd();

/** Items one after the other; one that is longer than a line begins its own and is broken at spaces. */
function wrapped(items: readonly string[], width: number): readonly string[] {
  const lines = filledLines(
    items.map((item) => (widthOf(item) <= width ? item : filledLines(item.split(' '), ' ', width).join('\n'))),
    GAP,
    width,
  );
  return lines.flatMap((line) => line.split('\n'));
}

/** As many texts on a line as find room. Cells have no line breaks: a text that has one is broken already, and stays alone. */
function filledLines(texts: readonly string[], gap: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const text of texts) {
    const longer = `${lines.at(-1) ?? ''}${gap}${text}`;
    if (lines.length > 0 && !longer.includes('\n') && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(text);
  }
  return lines;
}

/** What others have written must not move the cursor, nor break the line. Colours of ours are escape sequences, too. */
const oneLine = (text: string): string => text.replaceAll(/[\r\n\t]+/g, ' ');

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? space + text : text + space;
}
