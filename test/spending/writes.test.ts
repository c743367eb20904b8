import { expect, it } from 'vitest';
import { callCost } from '../../domain/spending/pricing.ts';
import { Fleet } from './fleet.ts';

it('a process that spends steadily writes about once in half a lease term, however many calls it makes [F22]', async () => {
  const MINUTES = 20;
  const CALL = callCost(1_000);
  const writesFor = async (callsPerMinute: number): Promise<number> => {
    const fleet = new Fleet(1e9 * CALL);
    const process = fleet.start();
    for (let call = 0; call < MINUTES * callsPerMinute; call++) {
      expect(await process.call(CALL)).toBe(true);
      await fleet.pass(60_000 / callsPerMinute);
    }
    return fleet.ledger.effects.length;
  };
  const few = await writesFor(20);
  const many = await writesFor(200);
  // The term is two minutes. At first slices grow from a few calls to a term's worth.
  expect(few).toBeLessThan(1.5 * MINUTES);
  expect(many).toBeLessThan(1.5 * MINUTES);
});
