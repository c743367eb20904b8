/** Beyond so many edits a word is another word. */
const MOST_EDITS = 3;
/** And where less than this share of it stays. */
const LEAST_ALIKE = 0.4;
/** A shorter part is in too many names to tell one. */
const LEAST_PART = 3;

/**
 * The names that come nearest to what somebody has typed, in any case of letters: those that the fewest slips make of it, a
 * letter too many, missing, wrong, or changed places with its neighbour; else those that it is a part of.
 *
 * @returns none where nothing is near
 */
export function nearest(typed: string, names: readonly string[], most = 5): readonly string[] {
  const wanted = typed.toLowerCase();
  let fewest = MOST_EDITS;
  let found: string[] = [];
  for (const name of names) {
    const edits = editsBetween(wanted, name.toLowerCase());
    const longest = Math.max(wanted.length, name.length);
    if (edits > fewest || longest - edits <= LEAST_ALIKE * longest) continue;
    if (edits < fewest) found = [];
    fewest = edits;
    found.push(name);
  }
  if (found.length === 0 && wanted.length >= LEAST_PART)
    found = names.filter((name) => name.toLowerCase().includes(wanted));
  return [...new Set(found)].sort().slice(0, most);
}

/** The distance of optimal string alignment. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const here = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      here.push(
        Math.min(
          at(above, column) + 1,
          at(here, column - 1) + 1,
          at(above, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = above;
    above = here;
  }
  return at(above, b.length);
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
