/** A posting holds a bitmap where this share of all numbers or more is in it: then the bitmap is no larger than the list. */
const DENSE_SHARE = 1 / 32;

/** The numbers of all profiles that have one property in common, ascending, and the same as a bitmap where they are many. */
export interface Posting {
  readonly ids: readonly number[];
  readonly bits: Uint32Array | undefined;
}

export const NOBODY: Posting = { ids: [], bits: undefined };

export function postingOf(ids: readonly number[], total: number): Posting {
  if (ids.length < total * DENSE_SHARE) return { ids, bits: undefined };
  const bits = new Uint32Array(Math.ceil(total / 32));
  for (const id of ids) bits[id >>> 5] = (bits[id >>> 5] ?? 0) | (1 << (id & 31));
  return { ids, bits };
}

/**
 * The numbers that are in all of these postings: how many, and the first few. With bitmaps alone, 32 numbers at a time;
 * else the shortest list is gone through, and each number looked for in the others.
 */
export function intersect(postings: readonly Posting[], most: number): { count: number; first: number[] } {
  const shortest = postings.reduce((least, posting) => (posting.ids.length < least.ids.length ? posting : least));
  const others = postings.filter((posting) => posting !== shortest);
  if (others.length === 0) return { count: shortest.ids.length, first: shortest.ids.slice(0, most) };
  const bitmaps = postings.flatMap(({ bits }) => bits ?? []);
  if (bitmaps.length === postings.length) return intersectBitmaps(bitmaps, most);
  const first: number[] = [];
  let count = 0;
  for (const id of shortest.ids) {
    if (!others.every((posting) => holds(posting, id))) continue;
    if (count++ < most) first.push(id);
  }
  return { count, first };
}

function holds({ ids, bits }: Posting, id: number): boolean {
  if (bits !== undefined) return (((bits[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
  let low = 0;
  let high = ids.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = ids[middle] ?? 0;
    if (found === id) return true;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

function intersectBitmaps(bitmaps: readonly Uint32Array[], most: number): { count: number; first: number[] } {
  const [one = new Uint32Array(), ...others] = bitmaps;
  const first: number[] = [];
  let count = 0;
  for (let word = 0; word < one.length; word++) {
    let common = one[word] ?? 0;
    for (let other = 0; common !== 0 && other < others.length; other++) common &= others[other]?.[word] ?? 0;
    if (common === 0) continue;
    for (let rest = common; rest !== 0 && first.length < most; rest &= rest - 1)
      first.push(word * 32 + (31 - Math.clz32(rest & -rest)));
    count += ones(common);
  }
  return { count, first };
}

/** How many bits of a word are set. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
