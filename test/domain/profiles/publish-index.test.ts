import { describe, expect, it } from 'vitest';
import type { IndexReading } from '../../../domain/profiles/index-source.ts';
import { publishIndex } from '../../../domain/profiles/publish-index.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { ACME, busyAccount, ROGUE } from '../busy-account.ts';

describe('publishing the index', () => {
  it('publishes what can be read, and which profiles cannot', async () => {
    const account = await busyAccount();
    await sweep(account.ports);
    account.indexed.set(ROGUE, '{"schema":2}');
    const published: IndexReading[] = [];
    await publishIndex({
      ...account.ports,
      published: {
        publish: async (reading) => {
          published.push(reading);
          return 'written';
        },
      },
    });
    expect(published).toHaveLength(1);
    expect(published[0]?.entries).toContainEqual(account.entryOf(ACME));
    expect(published[0]?.withheld).toEqual([{ arn: ROGUE, why: 'unreadable' }]);
  });

  it('stops nobody where it fails, and is counted', async () => {
    const account = await busyAccount();
    const failing = { publish: () => Promise.reject(new Error('denied')) };
    await publishIndex({ ...account.ports, published: failing });
    expect(account.counted).toContain('IndexPublicationFailed');
  });
});
