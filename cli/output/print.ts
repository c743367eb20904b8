import { epochMs, shortTime } from '../../domain/clock.ts';
import { awsAmount, type NanoUsd } from '../../domain/money.ts';
import { folded, terminalWidth } from './fold.ts';

/** For people: lines that are too long for their terminal are broken between words. */
export const print = (text: string): void => void process.stdout.write(`${folded(text)}\n`);

/** For programs: as it is, whoever looks. */
export const printAsIs = (text: string): void => void process.stdout.write(`${text}\n`);

/** What went wrong, or goes on meanwhile: beside the output, for people. */
export const complain = (text: string): void =>
  void process.stderr.write(`${folded(text, terminalWidth(process.stderr))}\n`);

/** One JSON document on one line. An undefined member is left out. */
export const printJson = (value: object): void => printAsIs(JSON.stringify(value));

/** An amount as every JSON of the command has it: US dollars, decimal text, exact to the nano-dollar, no grouping. */
export const usd = (amount: NanoUsd): string => awsAmount(amount);

/** Text of others, such as a reason, without what would move a terminal's cursor. */
export const harmless = (text: string): string => text.replaceAll(/\p{Cc}/gu, ' ');

/** As {@link harmless}; and exact times, which texts for logs have, are as short as other times that people are shown. */
export const forPeople = (text: string): string =>
  harmless(text).replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, (time) => shortTime(epochMs(Date.parse(time))));
