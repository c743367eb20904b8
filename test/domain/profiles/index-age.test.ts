import { expect, it } from 'vitest';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { GovernedAccount } from '../governed-account.ts';

const DAY_MS = 24 * 3_600_000;
const good = { tenant: 'acme', environment: 'prod', team: 'sales' };

it('tells how many entries nobody has verified for a day, and how old the oldest is, until they are read or gone', async () => {
  const account = new GovernedAccount();
  const [kept, lost] = [account.profile('kept', good), account.profile('lost', good)];
  await sweep(account.ports);
  account.wait(2 * DAY_MS);
  account.unreadable.add(kept).add(lost);
  await sweep(account.ports);
  const told = () => [account.measured.get('IndexStaleEntries'), account.measured.get('IndexAgeSeconds')];
  expect(told()).toEqual([2, (2 * DAY_MS) / 1_000]);
  account.unreadable.delete(kept);
  account.stored.delete(lost);
  await sweep(account.ports);
  expect(told()).toEqual([0, 0]);
});
