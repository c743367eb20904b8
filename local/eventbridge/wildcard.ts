import { InvalidPattern } from './invalid-pattern.ts';

/**
 * Compiles a wildcard: `*` stands for any number of characters, `\*` and `\\` for themselves.
 *
 * @throws {InvalidPattern} for consecutive wildcards and for any other escape
 */
export function parseWildcard(pattern: string): (value: unknown) => boolean {
  const literals: string[] = [''];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === '*') {
      if (pattern.charAt(index + 1) === '*') {
        throw new InvalidPattern(`Consecutive wildcard characters at pos ${index}`);
      }
      literals.push('');
    } else {
      if (character === '\\') {
        index++;
        const escaped = pattern.charAt(index);
        if (escaped !== '*' && escaped !== '\\') {
          throw new InvalidPattern(`Invalid escape character at pos ${index}`);
        }
      }
      literals[literals.length - 1] += pattern.charAt(index);
    }
  }
  return (value) => typeof value === 'string' && matchesLiterals(literals, value);
}

/** Greedy from the left is enough: the earliest place of each literal leaves the most room for the rest. */
function matchesLiterals(literals: readonly string[], value: string): boolean {
  const first = literals[0] ?? '';
  if (literals.length === 1) return value === first;
  const last = literals[literals.length - 1] ?? '';
  if (!value.startsWith(first) || !value.endsWith(last)) return false;
  let position = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = value.indexOf(literal, position);
    if (found < 0) return false;
    position = found + literal.length;
  }
  return position + last.length <= value.length;
}
