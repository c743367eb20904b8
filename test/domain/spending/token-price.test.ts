import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PricedTokens, parseTokenPrice } from '../../../domain/spending/token-price.ts';

describe('parseTokenPrice', () => {
  it.each<[string, PricedTokens, number]>([
    ['3', 1_000_000, 3_000_000],
    ['0.00875', 1_000_000, 8_750],
    ['0.0000600000', 1_000, 60_000],
    ['0.000003', 1, 3_000_000],
    ['0', 1_000_000, 0],
    // Finer than a pico-dollar for a token: rounded up, never down.
    ['0.0000001', 1_000_000, 1],
    ['1.0000000', 1_000_000, 1_000_000],
    ['0.30000000000000004', 1_000_000, 300_001],
  ])('reads %s USD for %d tokens as %d pico-dollars for one', (usd, tokens, pico) => {
    expect(parseTokenPrice(usd, tokens)).toBe(pico);
  });

  it.each(['', '-1', '1e-7', '1,5', '.5', '1.', 'NaN', ' 1', '0x1', '9'.repeat(30)])('takes %j for no price', (usd) => {
    expect(parseTokenPrice(usd, 1_000_000)).toBeUndefined();
  });

  it('is never below the price, and less than a pico-dollar above it', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10_000 }), fc.stringMatching(/^\d{1,15}$/), (whole, fraction) => {
        const pico = BigInt(parseTokenPrice(`${whole}.${fraction}`, 1_000_000) ?? -1);
        const exact = BigInt(`${whole}${fraction.padEnd(15, '0')}`);
        expect(pico * 10n ** 9n).toBeGreaterThanOrEqual(exact);
        expect((pico - 1n) * 10n ** 9n).toBeLessThan(exact);
      }),
    );
  });
});
