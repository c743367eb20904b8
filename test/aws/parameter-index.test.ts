import { SSMClient } from '@aws-sdk/client-ssm';
import { beforeEach, describe, expect, it } from 'vitest';
import { indexParameter, parameterSource } from '../../aws/parameter-index.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { serialiseIndexEntry } from '../../domain/profiles/index-entry-document.ts';
import { profileArn } from '../domain/governed-account.ts';
import { indexEntry } from '../domain/profiles/index-entry.ts';
import { type Answer, answering } from './answering.ts';

const NAME = '/governor/index';
const NOON = epochMs(Date.UTC(2026, 10, 23, 12));

/** Parameter Store as far as it is asked here; refuses more than 4 KB, as the standard tier does. */
class Parameters {
  readonly values = new Map<string, string>();
  readonly requests: string[] = [];
  failure: string | undefined;

  readonly answer = (operation: string, input: Record<string, unknown>): Answer => {
    this.requests.push(operation);
    if (this.failure !== undefined) return { error: this.failure };
    if (operation === 'PutParameter') {
      const value = String(input['Value']);
      if (Buffer.byteLength(value) > 4_096 || input['Overwrite'] !== true) return { error: 'ValidationException' };
      this.values.set(String(input['Name']), value);
      return { Version: 1, Tier: 'Standard' };
    }
    const names = input['Names'] as string[];
    if (operation !== 'GetParameters' || names.length > 10) return { error: 'ValidationException' };
    return {
      Parameters: names.flatMap((Name) => {
        const Value = this.values.get(Name);
        return Value === undefined ? [] : [{ Name, Value, Type: 'String' }];
      }),
      InvalidParameters: names.filter((name) => !this.values.has(name)),
    };
  };
}

let parameters: Parameters;
let client: SSMClient;
beforeEach(() => {
  parameters = new Parameters();
  client = new SSMClient(answering(parameters.answer));
});
const source = () => parameterSource(client, NAME, async () => {});
const publish = (entries: ReturnType<typeof many>, now = NOON, withheld: readonly string[] = []) =>
  indexParameter(client, NAME).publish(
    { entries, withheld: withheld.map((arn) => ({ arn, why: 'unreadable' as const })) },
    now,
  );

/** Profiles that do not pack well, so that few of them need many parts. */
const many = (count: number, salt = '') =>
  Array.from({ length: count }, (_, i) =>
    indexEntry(`p${String(i).padStart(5, '0')}`, {
      tenant: `${salt}t${i}`,
      noise: Array.from({ length: 40 }, (_, n) => ((i + 7) * (n + 3) * 2_654_435_761).toString(36))
        .join('')
        .slice(0, 256),
    }),
  );

describe('the index in Parameter Store', () => {
  it('gives back what was published, without ended profiles, with when it was written', async () => {
    const entries = many(3);
    expect(await publish([...entries, indexEntry('gone', {}, { endedAt: epochMs(1) })])).toBe('written');
    expect(await source().read()).toEqual({ entries, withheld: [], writtenAt: NOON });
  });

  it('is divided where it is larger than a parameter, and put together again', async () => {
    const entries = many(400);
    await publish(entries);
    expect(parameters.values.size).toBeGreaterThan(20);
    parameters.requests.length = 0;
    expect((await source().read()).entries).toEqual(entries);
    expect(parameters.requests).toHaveLength(Math.ceil(parameters.values.size / 10));
  });

  it('tells nobody how much has been spent, and everybody why a profile is quarantined', async () => {
    const spent = {
      kind: 'budget-used-up' as const,
      budget: 'tenant-monthly/acme' as BudgetId,
      period: '2026-11',
      spent: nanoUsd(1_234_567n),
      limit: nanoUsd(7_654_321n),
      until: epochMs(0),
    };
    const quarantine = { kind: 'quarantine' as const, violations: [] };
    await publish([indexEntry('a', {}, { standing: { state: 'closed', reasons: [spent, quarantine] } })]);
    expect((await source().read()).entries[0]?.standing).toEqual({ state: 'closed', reasons: [quarantine] });
  });

  it('is never read half old and half new', async () => {
    const before = many(300, 'x');
    const after = many(300, 'y');
    await publish(before);
    const old = new Map(parameters.values);
    await publish(after);
    const written = new Map(parameters.values);
    const names = [...written.keys()];
    expect(names.length).toBeGreaterThan(10);
    for (const torn of [1, 5, names.length - 1]) {
      for (const [at, name] of names.entries())
        parameters.values.set(name, (at < torn ? written : old).get(name) ?? '');
      let readings = 0;
      const reading = parameterSource(client, NAME, async () => {
        if (++readings === 2) for (const name of names) parameters.values.set(name, written.get(name) ?? '');
      }).read();
      expect((await reading).entries).toEqual(after);
      expect(readings).toBe(2);
    }
  });

  it('is a fault while its parts do not belong together, until somebody writes it again', async () => {
    await publish(many(200));
    const first = parameters.values.get(`${NAME}/0`) ?? '';
    await publish(many(200, 'y'));
    parameters.values.set(`${NAME}/0`, first);
    await expect(source().read()).rejects.toMatchObject({ code: 'IndexDocumentTorn' });
    expect(await publish(many(200, 'y'))).toBe('written');
    expect((await source().read()).entries).toEqual(many(200, 'y'));
  });

  it('notices a part that was changed', async () => {
    await publish(many(1));
    const value = JSON.parse(parameters.values.get(`${NAME}/0`) ?? '');
    parameters.values.set(`${NAME}/0`, JSON.stringify({ ...value, data: value.data.replace(/.{8}$/, 'AAAAAAA=') }));
    await expect(source().read()).rejects.toMatchObject({ code: 'IndexDocumentTorn' });
  });

  it('may be written by hand as plain JSON', async () => {
    const entry = indexEntry('hand', { tenant: 'acme' });
    const document = { schema: 1, writtenAt: NOON, entries: [JSON.parse(serialiseIndexEntry(entry))] };
    parameters.values.set(`${NAME}/0`, JSON.stringify(document));
    expect(await source().read()).toEqual({ entries: [entry], withheld: [], writtenAt: NOON });
  });

  it('withholds an entry whose budgets nobody has written: unknown is not ungoverned', async () => {
    const { budgets: _, ...entry } = JSON.parse(serialiseIndexEntry(indexEntry('odd', {})));
    parameters.values.set(`${NAME}/0`, JSON.stringify({ schema: 1, writtenAt: NOON, entries: [entry] }));
    expect(await source().read()).toMatchObject({
      entries: [],
      withheld: [{ arn: profileArn('odd'), why: 'unreadable' }],
    });
  });

  it('passes on what its writer could not read', async () => {
    await publish(many(1), NOON, [profileArn('odd')]);
    expect((await source().read()).withheld).toEqual([{ arn: profileArn('odd'), why: 'unreadable' }]);
  });

  it.each([
    ['nothing', undefined, 'IndexDocumentMissing'],
    ['no index', '{"schema":2}', 'IndexDocumentUnreadable'],
    ['no document', 'hello', 'IndexDocumentUnreadable'],
  ])('is a fault where there is %s', async (_, value, code) => {
    if (value !== undefined) parameters.values.set(`${NAME}/0`, value);
    await expect(source().read()).rejects.toMatchObject({ name: 'Fault', code });
  });

  it('is not taken for empty where it may not be read', async () => {
    await publish(many(1));
    parameters.failure = 'AccessDeniedException';
    await expect(source().read()).rejects.toMatchObject({ name: 'Fault', code: 'AccessDeniedException' });
  });
});

describe('publishing the index', () => {
  it('writes only what is new, and once an hour to show that it is alive', async () => {
    await publish(many(3));
    expect(await publish(many(3), epochMs(NOON + 3_599_999))).toBe('unchanged');
    expect(await publish(many(3), epochMs(NOON + 3_600_000))).toBe('written');
    expect(await publish(many(4), epochMs(NOON + 3_600_001))).toBe('written');
    expect((await source().read()).entries).toHaveLength(4);
  });

  it('replaces what is no index, and writes nothing where it may not read', async () => {
    parameters.values.set(`${NAME}/0`, 'hello');
    expect(await publish(many(1))).toBe('written');
    parameters.failure = 'AccessDeniedException';
    parameters.requests.length = 0;
    await expect(publish(many(2))).rejects.toMatchObject({ code: 'AccessDeniedException' });
    expect(parameters.requests).toEqual(['GetParameters']);
  });

  it('leaves what is there where the index has grown too large', async () => {
    await publish(many(1));
    await expect(publish(many(3_000))).rejects.toMatchObject({ code: 'IndexTooLarge' });
    expect((await source().read()).entries).toEqual(many(1));
  });
});
