import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Interference } from '../../local/interceptors.ts';
import { AwsFault, type Call } from '../../local/service.ts';
import { converse, DeployedGovernor, NOVA_PRO } from './deployed-governor.ts';

const MINUTE_MS = 60_000;
const PERIOD = '2026-11';
const PROGRAM = fileURLToPath(new URL('./killed-program.ts', import.meta.url));

describe('the true-up by token metrics', () => {
  let governor: DeployedGovernor;
  let repair = () => {};

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-10T08:01:00Z');
    // The sweep runs where a test says so, and so often as it says.
    await governor.stopSweeping();
  });

  afterEach(() => {
    repair();
    repair = () => {};
  });

  afterAll(async () => {
    await governor.close();
  });

  const create = async (tenant: string): Promise<string> => {
    const arn = await governor.createProfile(tenant, governor.foundationModel(NOVA_PRO), {
      ...{ dept: 'claims', team: 'intake', app: 'triage', environment: 'prod', costcenter: 'cc-1042' },
      tenant,
    });
    await governor.aws.settled();
    return arn;
  };
  const ledgerOf = async (tenant: string) => {
    const item = await governor.ledger(`tenant-monthly/${tenant}`, PERIOD);
    if (item === undefined) throw new Error(`no ledger item of ${tenant}`);
    return item;
  };
  const amountsOf = async (tenant: string) => {
    const { settled, leased, unconfirmed, unattributed, committed } = await ledgerOf(tenant);
    return { settled, leased, unconfirmed, unattributed, committed };
  };
  const toMinute = async (minute: number): Promise<void> => {
    const hourMs = 60 * MINUTE_MS;
    const into = governor.aws.clock.now() % hourMs;
    await governor.aws.clock.advance((minute * MINUTE_MS - into + hourMs) % hourMs);
  };
  const isConverse = (call: Call): boolean => call.service === 'bedrock' && call.operation === 'Converse';

  /** Lets a process of the tenant make one call, and kills it in the second. @param when its second call is held */
  const kill = async (tenant: string, when: 'before' | 'after'): Promise<void> => {
    let calls = 0;
    let release = (_: Interference): void => {};
    const released = new Promise<Interference>((resolve) => {
      release = resolve;
    });
    let reached = (): void => {};
    const isReached = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const stop = governor.aws.intercept({
      [when]: (call: Call) => {
        if (!isConverse(call) || ++calls < 2) return undefined;
        reached();
        return released;
      },
    });
    const env = { ...process.env, ...governor.aws.environment() };
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, governor.table, tenant], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await isReached;
    child.kill('SIGKILL');
    await once(child, 'exit');
    release(new AwsFault('ServiceUnavailableException', 'The connection is gone.', 503));
    stop();
  };

  it('frees exactly the money that a killed process did not spend, once all its calls must have been metered', async () => {
    const arn = await create('killed');
    await toMinute(10);
    await kill('killed', 'before');
    const billed = governor.billed(arn);
    const before = await amountsOf('killed');
    expect(before).toMatchObject({ settled: billed, unconfirmed: 0n });
    expect(before.leased).toBeGreaterThan(0n);

    // The lease is taken back when it is over, and the longest call with it: twenty minutes and a little.
    await toMinute(40);
    await governor.sweep();
    const reclaimed = await amountsOf('killed');
    expect(reclaimed).toMatchObject({ settled: billed, leased: 0n, unconfirmed: before.leased });

    // The hour has ended, but a call that was given up then might run on.
    await toMinute(20);
    await governor.sweep();
    expect(await amountsOf('killed')).toEqual(reclaimed);

    // Two hours have ended, and the metrics' delay is not over.
    await toMinute(10);
    await governor.sweep();
    expect(await amountsOf('killed')).toEqual(reclaimed);
    await toMinute(20);
    expect((await governor.sweep()).failed).toEqual([]);
    const truth = { settled: billed, leased: 0n, unconfirmed: 0n, unattributed: 0n, committed: billed };
    expect(await amountsOf('killed')).toEqual(truth);
    await governor.sweep();
    expect(await amountsOf('killed')).toEqual(truth);
  });

  it('keeps as unconfirmed the most that a call of a killed process can have cost, where it reached Bedrock', async () => {
    const arn = await create('killed-late');
    await toMinute(10);
    await kill('killed-late', 'after');
    const billed = governor.billed(arn);
    const { settled } = await amountsOf('killed-late');
    const lost = billed - settled;
    expect(lost).toBeGreaterThan(0n);
    for (const minute of [40, 20, 20]) {
      await toMinute(minute);
      await governor.sweep();
    }
    const after = await amountsOf('killed-late');
    // Metrics do not tell the tier: at the dearest it costs 1.75 times as much.
    expect(after).toMatchObject({ settled, leased: 0n, unconfirmed: (lost * 175n + 99n) / 100n, unattributed: 0n });
  });

  it('closes the budget of a caller who goes round the helper, with the first sweep after the delay of the metrics', async () => {
    const arn = await create('lakeside');
    const runtime = governor.plainRuntime();
    while (governor.billed(arn) <= 5_000_000_000n) await runtime.send(converse(arn, 'claim '.repeat(200_000), 5_000));
    await governor.sweep();
    expect(await amountsOf('lakeside')).toMatchObject({ committed: 0n });
    await governor.aws.clock.advance(10 * MINUTE_MS);
    await governor.sweep();
    const billed = governor.billed(arn);
    expect(await ledgerOf('lakeside')).toMatchObject({ unattributed: billed, committed: billed, standing: 'closed' });
    expect((await governor.tagsOf(arn))['governor:standing']).toBe('closed');
    await expect(governor.tenant({ tenant: 'lakeside' }).call(NOVA_PRO, 'claim')).rejects.toMatchObject({
      code: 'BudgetClosed',
    });
  });

  it('changes nothing while the metrics cannot be read, and makes up for it afterwards', async () => {
    const arn = await create('unread');
    await governor.plainRuntime().send(converse(arn, 'claim', 100));
    await governor.aws.clock.advance(10 * MINUTE_MS);
    repair = governor.aws.intercept((call) =>
      call.operation === 'GetMetricData' ? new AwsFault('ThrottlingException', 'Rate exceeded', 400) : undefined,
    );
    const before = await ledgerOf('unread');
    const { failed } = await governor.sweep();
    expect(failed).toContain(`the token metrics of tenant-monthly/unread in ${PERIOD}`);
    expect(await ledgerOf('unread')).toEqual(before);
    repair();
    expect((await governor.sweep()).failed).toEqual([]);
    expect(await amountsOf('unread')).toMatchObject({ unattributed: governor.billed(arn) });
  });
});
