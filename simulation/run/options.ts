import { parseArgs } from 'node:util';

export interface Options {
  readonly seeds: number;
  /** The first seed. */
  readonly from: number;
  /** One seed alone, told step by step. */
  readonly seed: number | undefined;
  readonly without: readonly string[];
  /** Ids of mutants; none are all. */
  readonly mutants: readonly string[] | undefined;
  /** Whether the seeds that noticed mutants are kept, to be asked first from now on. */
  readonly isRemembered: boolean;
}

export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      without: { type: 'string', default: '' },
      mutants: { type: 'boolean', default: false },
      remember: { type: 'boolean', default: false },
    },
  });
  return {
    seeds: whole('seeds', values.seeds ?? '1000'),
    from: whole('from', values.from),
    seed: values.seed === undefined ? undefined : whole('seed', values.seed),
    without: values.without === '' ? [] : values.without.split(','),
    mutants: values.mutants ? positionals : undefined,
    isRemembered: values.remember,
  };
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`--${name}: expected a whole number, got ${text}`);
  return Number(text);
}
