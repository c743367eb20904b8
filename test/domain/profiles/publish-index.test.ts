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
    const reading = await publishIndex({
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
    expect(reading).toBe(published[0]);
  });

  it('lets the sweep go on with what it has read', async () => {
    const account = await busyAccount();
    await sweep(account.ports);
    const reading = { entries: [account.entryOf(ACME)], withheld: [{ arn: ROGUE, why: 'unreadable' as const }] };
    const { index } = account.ports;
    let lists = 0;
    const counting = Object.assign(Object.create(index), {
      list(...given: Parameters<typeof index.list>) {
        lists++;
        return index.list(...given);
      },
    }) as typeof index;
    const read = async (known?: typeof reading) => {
      lists = 0;
      const report = await sweep({ ...account.ports, index: counting }, undefined, known);
      return { lists, failed: report.failed };
    };
    const itself = await read();
    expect(await read(reading)).toEqual({
      lists: itself.lists - 1,
      failed: [`the index entry of ${ROGUE}`],
    });
  });

  it('stops nobody where it fails, and is counted', async () => {
    const account = await busyAccount();
    const failing = { publish: () => Promise.reject(new Error('denied')) };
    const reading = await publishIndex({ ...account.ports, published: failing });
    expect(reading?.entries.length).toBe(account.indexed.size);
    expect(account.counted).toContain('IndexPublicationFailed');
  });
});
