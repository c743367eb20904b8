import { ConverseCommand, type ConverseCommandInput } from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CoveringBudget, IndexEntry } from '../../domain/profiles/profile-index.ts';
import type { Tags } from '../../domain/tags.ts';
import { API, readAll } from './four-apis.ts';
import { ask, converse, figures, GovernedAws, HAIKU, NOVA_LITE, refusalOf } from './governed-aws.ts';

let world: GovernedAws;
let mine: CoveringBudget;
let theirs: CoveringBudget;
let globex: IndexEntry;
beforeEach(async () => {
  world = await GovernedAws.start();
  mine = await world.budget('tenant/acme', 1_000_000_000);
  theirs = await world.budget('tenant/globex', 1_000_000_000);
  await world.profile({ budgets: [mine] });
  globex = await world.profile({ tags: { tenant: 'globex', app: 'chat' }, budgets: [theirs] });
});
afterEach(() => world.close());

/** Acme has paid all that AWS billed, and Globex nothing. */
async function expectAcmePays(): Promise<void> {
  expect(world.aws.billing.map(({ tags }) => tags['tenant'])).toEqual(world.aws.billing.map(() => 'acme'));
  expect(figures(await world.item(mine))).toMatchObject({ settled: world.billed, leased: 0 });
  expect(figures(await world.item(theirs))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
}

async function expectUnsent(change: (request: object) => object): Promise<void> {
  const { governor, client } = world.processWithRetry(
    (next) => async (args) => await next({ ...args, request: change(args.request as object) }),
  );
  expect((await refusalOf(client.send(converse()))).code).toBe('RequestChanged');
  expect(world.aws.modelCalls).toEqual([]);
  await governor.close();
  await expectAcmePays();
}

describe('whose money is spent', () => {
  it.each<[string, Partial<ConverseCommandInput>]>([
    ['requestMetadata', { requestMetadata: { tenant: 'globex', app: 'chat' } }],
    [
      'fields of the model',
      { additionalModelRequestFields: { tenant: 'globex', requestMetadata: { tenant: 'globex' } } },
    ],
    ['promptVariables', { promptVariables: { tenant: { text: 'globex' } } }],
    ['what stands in the prompt', { messages: ask('tenant: globex'), system: [{ text: '{"tenant":"globex"}' }] }],
    ['unknown members', JSON.parse('{"__proto__":{"tags":{"tenant":"globex"}},"tags":{"tenant":"globex"}}')],
  ])('is not changed by %s [F19]', async (_, input) => {
    const { governor, client } = world.process();
    await client.send(converse(input));
    await governor.close();
    expect(world.billed).toBeGreaterThan(0);
    await expectAcmePays();
  });

  it('is not changed by headers that a middleware of the caller adds [F19]', async () => {
    const { governor, client } = world.process();
    client.middlewareStack.add(
      (next) => async (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers['x-amzn-bedrock-tenant'] = 'globex';
        headers['x-amzn-bedrock-inference-profile'] = globex.arn;
        return await next(args);
      },
      { step: 'build' },
    );
    await client.send(converse());
    await governor.close();
    await expectAcmePays();
  });

  it('is not changed by a middleware of the caller that names another profile in its place [F19]', async () => {
    const { governor, client } = world.process();
    client.middlewareStack.add(
      (next) => async (args) => await next({ ...args, input: { ...args.input, modelId: globex.arn } }),
      { step: 'initialize', priority: 'low' },
    );
    expect((await refusalOf(client.send(converse()))).code).toBe('TenantMismatch');
    expect(world.aws.modelCalls).toEqual([]);
    await governor.close();
    await expectAcmePays();
  });

  it('is not changed by a middleware of the caller that sends the request to another profile [F19]', async () => {
    const { governor, client } = world.process();
    client.middlewareStack.add(
      (next) => async (args) => {
        Object.assign(args.request as object, { path: `/model/${encodeURIComponent(globex.arn)}/converse` });
        return await next(args);
      },
      { step: 'build' },
    );
    await client.send(converse());
    await governor.close();
    await expectAcmePays();
  });

  it('is not changed by a middleware of the caller that sends an admitted call to another profile [F19]', async () => {
    await expectUnsent((request) =>
      Object.assign(request, { path: `/model/${encodeURIComponent(globex.arn)}/converse` }),
    );
  });

  it.each<[string, unknown]>([
    ['to a foundation model', `/model/${encodeURIComponent(NOVA_LITE)}/converse`],
    ['nowhere', undefined],
  ])('is not left open by a middleware of the caller that sends an admitted call %s', async (_, path) => {
    await expectUnsent((request) => Object.assign(request, { path }));
  });

  it('is not left open by a middleware of the caller that forgets whose call it passes on', async () => {
    const { governor, client } = world.processWithRetry(
      (next) =>
        async ({ input, request }) =>
          await next({ input, request }),
    );
    expect((await refusalOf(client.send(converse()))).code).toBe('RequestChanged');
    expect(world.aws.modelCalls).toEqual([]);
    await governor.close();
    await expectAcmePays();
  });

  it("is refused with TenantMismatch where the profile's ARN is another tenant's, by each API [F19]", async () => {
    const { client } = world.process();
    for (const api of Object.values(API))
      expect((await refusalOf(api.ask(client, { modelId: globex.arn }).then(readAll))).code).toBe('TenantMismatch');
    expect(world.aws.modelCalls).toEqual([]);
  });

  it.each<[string, (arn: string) => string]>([
    ['in capitals', (arn) => arn.toUpperCase()],
    [
      'with one letter in capitals',
      (arn) => arn.replace('application-inference-profile', 'Application-inference-profile'),
    ],
    ['encoded', encodeURIComponent],
    ['encoded twice', (arn) => encodeURIComponent(encodeURIComponent(arn))],
    ['encoded in part', (arn) => arn.replaceAll(':', '%3A')],
    ['with a space', (arn) => ` ${arn}`],
    ['with a path', (arn) => `../../model/${arn}`],
    ['with a query', (arn) => `${arn}?a=b`],
    ['with a NUL', (arn) => `${arn}\0`],
    ['as its id alone', (arn) => arn.split('/').at(-1) ?? ''],
    ['in other characters that look the same', (arn) => arn.replace('a', 'а')],
  ])("is refused where it names another tenant's profile %s", async (_, disguise) => {
    const { client } = world.process();
    const modelId = disguise(globex.arn);
    expect(['ProfileNotFound', 'TenantMismatch']).toContain((await refusalOf(client.send(converse({ modelId })))).code);
    expect(world.aws.modelCalls).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['a number', 7],
    ['an object', { toString: () => NOVA_LITE }],
    ['a list', [NOVA_LITE]],
  ])('is refused where %s is named for a model', async (_, modelId) => {
    const { client } = world.process();
    const input = { ...converse().input, modelId } as ConverseCommandInput;
    expect((await refusalOf(client.send(new ConverseCommand(input)))).code).toBe('ProfileNotFound');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'is that of profiles which carry a tag called %s themselves',
    async (key) => {
      await world.profile({ tags: { tenant: 'acme', app: 'chat' }, copyFrom: `us.${HAIKU}`, budgets: [mine] });
      const governor = world.governor();
      const tags: Tags = JSON.parse(`{"${key}":"globex"}`);
      const client = world.runtime(governor.for(tags));
      expect((await refusalOf(client.send(converse()))).code).toBe('ProfileNotFound');
      expect((await refusalOf(client.send(converse({ modelId: globex.arn })))).code).toBe('TenantMismatch');
    },
  );

  it.each<[string, string]>([
    ['nothing', '{"tenant":null}'],
    ['a list', '{"tenant":["acme","globex"]}'],
    ['a number', '{"tenant":1}'],
  ])('is not left open where a program binds a tag to %s by mistake', async (_, json) => {
    const governor = world.governor({ tags: {} });
    const tags: Tags = JSON.parse(json);
    expect(() => governor.for(tags)).toThrow('tenant');
  });

  it('is not left open where a program binds a tag to undefined by mistake', async () => {
    const governor = world.governor({ tags: {} });
    const tags: Tags = Object.assign(JSON.parse('{}'), { tenant: undefined });
    expect(() => governor.for(tags)).toThrow('tenant');
    expect(() => world.governor({ tags })).toThrow('tenant');
  });
});
