import { nanoUsd } from '../../domain/money.ts';
import { sweep } from '../../domain/profiles/sweep.ts';
import type { HolderId, WriteId } from '../../domain/spending/ledger.ts';
import { GovernedAccount, profileArn } from './governed-account.ts';

export const ACME = profileArn('acme');
export const LAKESIDE = profileArn('lakeside');
export const MENDABLE = profileArn('mendable', 'eu-central-1');
export const ROGUE = profileArn('rogue');
export const HEALED = profileArn('healed');
export const GONE = profileArn('gone');

const good = { environment: 'prod', team: 'sales' };

/** An account on 23 November with something of everything to do: what October left, what happened since, nothing answered yet. */
export async function busyAccount(): Promise<GovernedAccount> {
  const account = new GovernedAccount();
  account.moveTo('2026-10-20T10:00:00Z');
  account.profile('acme', { ...good, tenant: 'acme' });
  account.profile('lakeside', { ...good, tenant: 'lakeside' });
  account.profile('healed', { ...good, tenant: 'Healed' });
  account.profile('gone', { ...good, tenant: 'gone', team: 'support' });
  await sweep(account.ports);
  account.spend('tenant-monthly/acme', 20);
  await sweep(account.ports);

  account.moveTo('2026-11-23T10:00:00Z');
  account.profile('healed', { ...good, tenant: 'healed', 'governor:standing': 'quarantined' });
  account.profile('mendable', { tenant: 'mendable', team: 'support' }, 'eu-central-1');
  account.profile('rogue', { tenant: 'rogue', environment: 'prod' });
  account.stored.delete(GONE);
  account.spend('tenant-monthly/acme', 17);
  account.spend('tenant-monthly/lakeside', 5);
  const item = account.ledgerItem('tenant-monthly/acme', '2026-11');
  const lease = { sequence: 1, writeId: 'w1' as WriteId, leased: nanoUsd(1_000_000_000n), expiresAt: account.now };
  account.ledger.put({
    ...item,
    leased: nanoUsd(1_000_000_000n),
    committed: nanoUsd(item.committed + 1_000_000_000n),
    holders: new Map([['process-1' as HolderId, lease]]),
  });
  account.wait(account.policy.ledger.graceSeconds * 1000 + 1);
  account.changes = [];
  return account;
}
