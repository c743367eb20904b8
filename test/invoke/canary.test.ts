import { expect, it } from 'vitest';
import { APIS, readAll } from './four-apis.ts';
import { figures, GovernedAws, HAIKU } from './governed-aws.ts';

/** 102 tokens in, of which the first call writes 100 to the cache for an hour and the second reads them; 100 out. */
const WRITING = 2 * 1_100 + 100 * 2_200 + 100 * 5_500;
const READING = 2 * 1_100 + 100 * 110 + 100 * 5_500;

/**
 * Figures from AWS's price page, in nano-dollars. Where an upgrade of the SDK drops or renames what usage is read from,
 * or one of the price list a price, this says so.
 */
it('a call of known usage moves the ledger by exactly its price, through each API [F6, F20]', async () => {
  for (const api of APIS) {
    const world = await GovernedAws.start();
    try {
      const budget = await world.budget('tenant/acme', 1_000_000_000);
      await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
      const { governor, client } = world.process();
      for (const settled of [WRITING, WRITING + READING]) {
        await readAll(await api.ask(client, { maxTokens: 100, cached: { text: 'x'.repeat(400), ttl: '1h' } }));
        await governor.flush();
        expect([api.operation, figures(await world.item(budget))]).toEqual([
          api.operation,
          { settled, leased: 0, unconfirmed: 0 },
        ]);
      }
      expect(world.billed).toBe(WRITING + READING);
    } finally {
      await world.close();
    }
  }
});
