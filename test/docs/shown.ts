/** Stands in a document where something is left out: lines, or the rest of one. */
const LEFT_OUT = '[…]';

/**
 * The lines of a document's block that a program does not print as the block says: one after the other, but for what is
 * left out, and for empty lines. Times, ports and ids of profiles differ from run to run.
 */
export function notShown(output: string, block: string): readonly string[] {
  const printed = linesOf(output);
  const missing: string[] = [];
  let next = 0;
  let mayLeaveOut = true;
  for (const wanted of linesOf(block)) {
    if (wanted === LEFT_OUT) {
      mayLeaveOut = true;
      continue;
    }
    const pattern = patternOf(wanted);
    const at = printed.findIndex((line, index) => (mayLeaveOut ? index >= next : index === next) && pattern.test(line));
    if (at < 0) missing.push(wanted);
    else next = at + 1;
    mayLeaveOut = false;
  }
  return missing;
}

/** The lines that a program does not print at all, for programs whose lines change places from run to run. */
export function notPrinted(output: string, block: string): readonly string[] {
  const printed = linesOf(output);
  return linesOf(block).filter(
    (wanted) => wanted !== LEFT_OUT && !printed.some((line) => patternOf(wanted).test(line)),
  );
}

const patternOf = (wanted: string): RegExp => new RegExp(`^${wanted.split(LEFT_OUT).map(escaped).join('.*')}$`);

const linesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) =>
      line
        .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
        .replace(/\d{4}-\d\d(-\d\d)?([ T]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z)?)?/g, 'TIME')
        .replace(/profile\/[a-z0-9]{12}\b/g, 'profile/ID')
        .trimEnd(),
    );

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
