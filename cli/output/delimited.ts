/** Comma-separated values (RFC 4180): what holds a comma, a quote or a line break is quoted. */
export const csv = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => row.map(field).join(',')).join('\r\n');

/**
 * A spreadsheet may take what begins with `=`, `+`, `-` or `@` for a formula. Values are left as they are, since they are
 * keys for whoever reads them: the alphabet of Bedrock's tags has neither parentheses nor `|`, with which a formula could
 * do more than compute.
 */
const field = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A table of GitHub's Markdown. */
export function markdown(
  columns: readonly { readonly title: string; readonly right?: boolean }[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ right }) => (right === true ? '---:' : '---'))),
    ...rows.map((row) => line(row.map((cell) => cell.replaceAll('|', '\\|').replaceAll(/[\r\n]+/g, ' ')))),
  ].join('\n');
}
