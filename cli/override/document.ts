import { isoTime, shortTime } from '../../domain/clock.ts';
import { describeChange, describeTarget, type Override } from '../../domain/standing/override.ts';
import { harmless, usd } from '../output/print.ts';

/** An override as `--json` shows it. */
export const overrideDocument = ({ change, madeAt, until, ...override }: Override): object => ({
  ...override,
  change: change.kind,
  ...(change.kind === 'raise' ? { amountUsd: usd(change.amount) } : {}),
  madeAt: isoTime(madeAt),
  until: isoTime(until),
});

/** And on a line for people. */
export const overrideLine = ({ id, target, change, reason, author, madeAt, until }: Override): string =>
  `${describeChange(change)} ${describeTarget(target)} until ${shortTime(until)}: ${harmless(reason)} (${author}, ${shortTime(madeAt)}, id ${id})`;
