import { awsAmount, type NanoUsd } from '../../domain/money.ts';

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** One JSON document on one line. An undefined member is left out. */
export const printJson = (value: object): void => print(JSON.stringify(value));

/** An amount as every JSON of the command has it: US dollars, decimal text, exact to the nano-dollar, no grouping. */
export const usd = (amount: NanoUsd): string => awsAmount(amount);

/** Text of others, such as a reason, without what would move a terminal's cursor. */
export const harmless = (text: string): string => text.replaceAll(/\p{Cc}/gu, ' ');
