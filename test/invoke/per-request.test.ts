import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GovernorPlugin } from '../../invoke/index.ts';
import { ask, CALL_COST, converse, figures, GovernedAws, refusalOf } from './governed-aws.ts';

let governed: GovernedAws;
beforeEach(async () => {
  governed = await GovernedAws.start();
});
afterEach(() => governed.close());

/** A command that is bound by a plugin of its own. */
const boundTo = (plugin: GovernorPlugin): ConverseCommand => {
  const command = converse();
  command.middlewareStack.use(plugin);
  return command;
};

describe('a command with a binding of its own, sent by a governed client', () => {
  test('is admitted and metered once, for the tenant of the command', async () => {
    const acme = await governed.budget('acme', 1_000_000);
    const globex = await governed.budget('globex', 1_000_000);
    await governed.profile({ tags: { tenant: 'acme', app: 'chat' }, budgets: [acme] });
    const profile = await governed.profile({ tags: { tenant: 'globex', app: 'chat' }, budgets: [globex] });
    const governor = governed.governor({ tags: { app: 'chat' } });
    const client = governed.runtime(governor.for({ tenant: 'acme' }));

    await client.send(boundTo(governor.for({ tenant: 'globex' })));
    await governor.flush();

    expect(governed.reached).toEqual([{ operation: 'Converse', modelId: profile.arn }]);
    expect(figures(await governed.item(globex))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
    expect(figures(await governed.item(acme))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  test('asks nothing of the client’s own governor, which has not begun', async () => {
    const acme = await governed.budget('acme', 1_000_000);
    const globex = await governed.budget('globex', 1_000_000);
    await governed.profile({ tags: { tenant: 'acme' }, budgets: [acme] });
    await governed.profile({ tags: { tenant: 'globex' }, budgets: [globex] });
    const other = governed.governor({ tags: { tenant: 'globex' } });
    await governed.runtime(other).send(converse());
    const { client, governor } = governed.process({ tags: { tenant: 'acme' } });

    await client.send(boundTo(other));

    expect(governor.snapshot()).toMatchObject({ budgets: [] });
    expect((await governed.item(acme)).leased).toBe(0n);
    await client.send(converse());
    expect((await governed.item(acme)).leased).toBeGreaterThan(0n);
  });

  test('leaves the client’s own binding to the other commands', async () => {
    const acme = await governed.budget('acme', 1_000_000);
    const globex = await governed.budget('globex', 1_000_000);
    await governed.profile({ tags: { tenant: 'acme' }, budgets: [acme] });
    await governed.profile({ tags: { tenant: 'globex' }, budgets: [globex] });
    const governor = governed.governor({ tags: {} });
    const client = governed.runtime(governor.for({ tenant: 'acme' }));

    await Promise.all([
      client.send(boundTo(governor.for({ tenant: 'globex' }))),
      client.send(converse()),
      client.send(boundTo(governor.for({ tenant: 'globex' }))),
    ]);
    await governor.flush();

    expect(Number((await governed.item(acme)).settled)).toBe(CALL_COST);
    expect(Number((await governed.item(globex)).settled)).toBe(2 * CALL_COST);
  });

  test.each(['ungoverned', 'governed'])(
    'is not charged to the tenant of another on an otherwise %s client that keeps its handlers',
    async (kind) => {
      const acme = await governed.budget('acme', 1_000_000);
      const globex = await governed.budget('globex', 1_000_000);
      await governed.profile({ tags: { tenant: 'acme' }, budgets: [acme] });
      await governed.profile({ tags: { tenant: 'globex' }, budgets: [globex] });
      const governor = governed.governor({ tags: {} });
      const ofClient = kind === 'governed' ? governor.for({ tenant: 'acme' }) : { applyToStack() {} };
      const client = governed.runtime(ofClient, { cacheMiddleware: true });

      await client.send(boundTo(governor.for({ tenant: 'acme' })));
      const refusal = await refusalOf(client.send(boundTo(governor.for({ tenant: 'globex' }))));
      await governor.flush();

      expect(refusal.code).toBe('RequestChanged');
      expect(refusal.message).toContain('cacheMiddleware');
      expect(governed.reached).toHaveLength(1);
      expect(Number((await governed.item(acme)).settled)).toBe(CALL_COST);
      expect((await governed.item(globex)).settled).toBe(0n);
    },
  );

  test('cannot leave the tags that the governor is bound to', async () => {
    await governed.profile({ tags: { tenant: 'acme' } });
    const profile = await governed.profile({ tags: { tenant: 'globex' } });
    const governor = governed.governor({ tags: { tenant: 'acme' } });
    const command = new ConverseCommand({ modelId: profile.arn, messages: ask() });
    command.middlewareStack.use(governor.for({ tenant: 'globex' }));

    const refusal = await refusalOf(governed.runtime(governor).send(command));

    expect(refusal.code).toBe('TenantMismatch');
    expect(governed.reached).toEqual([]);
  });
});
