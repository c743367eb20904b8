/** Names of profiles: 1 to 64 letters and digits, with one space, hyphen or underscore between them (Bedrock API model). */
const MAX_LENGTH = 64;

/** What a template may name in braces: `{tenant}`. */
export const placeholdersOf = (template: string): string[] =>
  [...template.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name);

/**
 * The name that a template gives: the same values always give the same name. What AWS allows in no name becomes a hyphen.
 * A name that would be too long is cut, and ends in a hash of the whole.
 */
export function nameOf(template: string, values: ReadonlyMap<string, string>): string {
  const text = template.replace(/\{([^{}]+)\}/g, (_, name: string) => values.get(name) ?? '');
  const name = text
    .replace(/[^0-9a-zA-Z _-]+/g, '-')
    .replace(/[ _-]{2,}/g, '-')
    .replace(/^[ _-]|[ _-]$/g, '');
  if (name !== '' && name.length <= MAX_LENGTH) return name;
  const hash = hashOf(text);
  return `${name.slice(0, MAX_LENGTH - hash.length - 1).replace(/[ _-]$/, '')}-${hash}`.replace(/^-/, '');
}

/** FNV-1a, 32 bits: names that meet in spite of it are refused with the policy file. */
function hashOf(text: string): string {
  let hash = 0x81_1c_9d_c5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01_00_01_93);
  return (hash >>> 0).toString(36).padStart(7, '0');
}
