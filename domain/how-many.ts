/** How many there are, in words: `1 budget`, `2 budgets`. */
export const howMany = (count: number | bigint, one: string, many = `${one}s`): string =>
  `${count} ${Number(count) === 1 ? one : many}`;
