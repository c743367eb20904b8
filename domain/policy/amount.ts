import * as z from 'zod';
import { type NanoUsd, parseUsd } from '../money.ts';
import { expected } from './schema.ts';

/** `500 USD`, `1,234.56 USD`. Another currency is refused by name. */
export const Amount = z.string(expected('an amount such as "500 USD"')).transform((text, context): NanoUsd => {
  const [, digits = '', unit = ''] = /^\s*([\d.,]+)\s*([A-Za-z]*)\s*$/.exec(text) ?? [];
  const amount = parseUsd(digits);
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (unit !== '' && unit.toUpperCase() !== 'USD')
    return refuse(`expected an amount in USD such as "500 USD": ${unit} is not supported, AWS bills Bedrock in USD`);
  if (unit.toUpperCase() !== 'USD' || amount === undefined) return refuse('expected an amount such as "500 USD"');
  if (amount <= 0n) return refuse('expected an amount above zero such as "500 USD"');
  // The ledger's counters are exact to 38 digits; a limit past a trillion dollars is a typing error.
  if (amount > 1_000_000_000_000n * 1_000_000_000n)
    return refuse('expected an amount of at most 1,000,000,000,000 USD');
  return amount;
});
