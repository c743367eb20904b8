import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nanoUsd } from '../../domain/money.ts';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import type { ModelErrorName } from '../../local/bedrock/model-errors.ts';
import { createGate } from '../wire/gate.ts';
import { APIS, readAll } from './four-apis.ts';
import { figures, GovernedAws, HAIKU, http1 } from './governed-aws.ts';
import { expectConsistent, observedProcess } from './observed-process.ts';
import { recordedTotals } from './recorded-totals.ts';

const HOUR = 3_600_000;

let world: GovernedAws;
let budget: CoveringBudget;
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('tenant-monthly/acme', 1_000_000_000);
  await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
});
afterEach(() => world.close());

/** The first attempts end so, and no model runs; `undefined` runs it. */
function attemptsEnd(...errors: (ModelErrorName | undefined)[]): void {
  let attempt = 0;
  world.aws.planModelCalls(() => {
    const refuse = errors[attempt++];
    return refuse === undefined ? {} : { refuse };
  });
}

const times = (count: number, error: ModelErrorName): ModelErrorName[] => Array.from({ length: count }, () => error);
const attempts = () => world.aws.modelCalls.length;

async function expectLedger(settled: number, unconfirmed: number): Promise<void> {
  expect(figures(await world.item(budget))).toEqual({ settled, leased: 0, unconfirmed });
  const totals = await recordedTotals(world);
  expect([Number(totals.settled), Number(totals.unconfirmed)]).toEqual([settled, unconfirmed]);
}

describe.each([
  ['HTTP/2', {}],
  ['HTTP/1.1', http1()],
])('over %s', (_, handler) => {
  describe.each(APIS)('$operation', (api) => {
    it('that is throttled once runs on the same reservation', async () => {
      attemptsEnd('ThrottlingException');
      const tenant = observedProcess(world, handler);
      await readAll(await api.ask(tenant.client));
      await tenant.governor.close();
      expect([attempts(), tenant.reserved.length]).toEqual([2, 1]);
      await expectLedger(world.billed, 0);
      expectConsistent(tenant);
    });

    it('that fails once with 500 has a reservation for each attempt, and the first stays in doubt', async () => {
      attemptsEnd('InternalServerException');
      const tenant = observedProcess(world, handler);
      await readAll(await api.ask(tenant.client));
      await tenant.governor.close();
      expect([attempts(), tenant.reserved.length]).toEqual([2, 2]);
      await expectLedger(world.billed, tenant.reserved[0] ?? 0);
      expectConsistent(tenant);
    });

    it('whose answer is lost is in doubt with its whole hold, and is asked again', async () => {
      let lost = false;
      world.intercept({
        after({ operation }) {
          if (operation !== api.operation || lost) return undefined;
          lost = true;
          return 'no-answer';
        },
      });
      const tenant = observedProcess(world, handler);
      await readAll(await api.ask(tenant.client));
      await tenant.governor.close();
      expect([attempts(), tenant.reserved.length]).toEqual([2, 2]);
      const { settled, leased, unconfirmed } = figures(await world.item(budget));
      expect(settled).toBe(Number(world.aws.billing.at(-1)?.costNanoUsd));
      expect([leased, unconfirmed]).toEqual([0, tenant.reserved[0]]);
      expect(settled + unconfirmed).toBeGreaterThanOrEqual(world.billed);
      expectConsistent(tenant);
    });

    it('that is aborted before it is sent never reaches Bedrock, and costs nothing', async () => {
      const tenant = observedProcess(world, handler);
      const asked = api.ask(tenant.client, {}, { abortSignal: AbortSignal.abort() });
      await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
      await tenant.governor.close();
      expect(attempts()).toBe(0);
      await expectLedger(0, 0);
      expectConsistent(tenant);
    });

    it('that is aborted in flight is in doubt with its whole hold, and is not asked again [F3]', async () => {
      const arrived = createGate();
      world.aws.planModelCalls(() => {
        arrived.open();
        return { latencyMs: HOUR };
      });
      const tenant = observedProcess(world, handler);
      const abort = new AbortController();
      const asked = Promise.allSettled([api.ask(tenant.client, {}, { abortSignal: abort.signal }).then(readAll)]);
      await arrived.passed;
      await world.aws.settled();
      abort.abort();
      await asked;
      await world.aws.clock.advance(HOUR);
      await world.aws.settled();
      await tenant.governor.close();
      expect([attempts(), tenant.reserved.length]).toEqual([1, 1]);
      expect(world.billed).toBeGreaterThan(0);
      expect(tenant.reserved[0]).toBeGreaterThanOrEqual(world.billed);
      expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: tenant.reserved[0] });
      expectConsistent(tenant);
    });
  });
});

describe.each(APIS)('$operation', (api) => {
  it.each([
    ['ThrottlingException', 3],
    ['ModelNotReadyException', 3],
    ['AccessDeniedException', 1],
    ['ValidationException', 1],
    ['ResourceNotFoundException', 1],
    ['ServiceQuotaExceededException', 1],
  ] as const)('that is turned away with %s costs nothing, after %d attempts', async (error, tries) => {
    attemptsEnd(...times(3, error));
    const tenant = observedProcess(world);
    await expect(api.ask(tenant.client)).rejects.toMatchObject({ name: error, $metadata: { attempts: tries } });
    await tenant.governor.close();
    expect([attempts(), tenant.reserved.length]).toEqual([tries, 1]);
    await expectLedger(0, 0);
    expectConsistent(tenant);
  });

  it.each([
    ['InternalServerException', 3],
    ['ServiceUnavailableException', 3],
    ['ModelTimeoutException', 1],
    ['ModelErrorException', 1],
  ] as const)('that ends in %s leaves a hold in doubt for each of %d attempts', async (error, tries) => {
    attemptsEnd(...times(3, error));
    const tenant = observedProcess(world);
    await expect(api.ask(tenant.client)).rejects.toMatchObject({ name: error, $metadata: { attempts: tries } });
    await tenant.governor.close();
    expect([attempts(), tenant.reserved.length]).toEqual([tries, tries]);
    await expectLedger(
      0,
      tenant.reserved.reduce((sum, hold) => sum + hold, 0),
    );
    expectConsistent(tenant);
  });

  it('that a budget pays for once is not asked again, and its refusal is told', async () => {
    const tenant = observedProcess(world);
    attemptsEnd(undefined, ...times(3, 'InternalServerException'));
    await readAll(await api.ask(tenant.client));
    await tenant.governor.flush();
    const [hold = 0] = tenant.reserved;
    await world.changeTerms(budget, { stopAt: nanoUsd(BigInt(world.billed + hold)) });
    const again = observedProcess(world);
    await expect(api.ask(again.client)).rejects.toMatchObject({ code: 'BudgetExhausted' });
    await again.governor.close();
    expect(attempts()).toBe(2);
    await expectLedger(world.billed, hold);
    expect(again.told.map(({ kind }) => kind)).toEqual(['admitted', 'unconfirmed', 'refused', 'ended']);
    expectConsistent(again);
  });
});
