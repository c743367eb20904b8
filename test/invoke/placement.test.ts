import type { BedrockRuntimeClient, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-bedrock-runtime';
import type {
  AbsoluteLocation,
  FinalizeRequestHandlerOptions,
  FinalizeRequestMiddleware,
  RelativeMiddlewareOptions,
} from '@smithy/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import { finalizingEntries } from '../../invoke/finalizing-entries.ts';
import { AwsFault } from '../../local/service.ts';
import { CALL_COST, converse, figures, GovernedAws, refusalOf } from './governed-aws.ts';

let world: GovernedAws;
let budget: CoveringBudget;
let profile: { arn: string };
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('acme', 1_000_000_000);
  profile = await world.profile({ budgets: [budget] });
});
afterEach(() => world.close());

const NOTHING = { applyToStack() {} };

type Middleware = FinalizeRequestMiddleware<ServiceInputTypes, ServiceOutputTypes>;
type Place = (FinalizeRequestHandlerOptions & AbsoluteLocation) | RelativeMiddlewareOptions;

const add = ({ middlewareStack }: BedrockRuntimeClient, middleware: Middleware, place: Place): void =>
  'toMiddleware' in place ? middlewareStack.addRelativeTo(middleware, place) : middlewareStack.add(middleware, place);

/** How often a call whose first attempt is throttled passes a middleware. */
async function passages(client: BedrockRuntimeClient, addIt: (counting: Middleware) => void): Promise<number> {
  let passed = 0;
  addIt((next) => async (args) => {
    passed++;
    return await next(args);
  });
  let attempts = 0;
  world.intercept(({ operation }) =>
    operation === 'Converse' && ++attempts === 1 ? new AwsFault('ThrottlingException', 'Later.', 429) : undefined,
  );
  await client.send(converse({ modelId: profile.arn }));
  expect(attempts).toBe(2);
  return passed;
}

describe('a governor on a client', () => {
  it('leaves no middleware more than the SDK has for it to copy with each call', async () => {
    const { client } = world.process();
    await client.send(converse());
    expect(client.middlewareStack.identify()).toEqual(world.runtime(NOTHING).middlewareStack.identify());
  });

  it.each<[string, Place]>([
    ['first of its step', { step: 'finalizeRequest', priority: 'high' }],
    ['first of its step, with a name', { step: 'finalizeRequest', priority: 'high', name: 'theirs' }],
    ['of its step', { step: 'finalizeRequest' }],
    ['last of its step', { step: 'finalizeRequest', priority: 'low', name: 'theirs' }],
    ['right before the retry', { relation: 'before', toMiddleware: 'retryMiddleware' }],
    ['right after the retry', { relation: 'after', toMiddleware: 'retryMiddleware', name: 'theirs' }],
  ])('leaves the caller’s middlewares on their side of the retry: %s', async (_, place) => {
    const bare = world.runtime(NOTHING);
    const expected = await passages(bare, (theirs) => add(bare, theirs, place));

    const after = world.process();
    expect(await passages(after.client, (theirs) => add(after.client, theirs, place))).toBe(expected);

    const governor = world.governor();
    const before = world.runtime(NOTHING);
    const passed = await passages(before, (theirs) => {
      add(before, theirs, place);
      before.middlewareStack.use(governor);
    });
    expect(passed).toBe(expected);
    await after.governor.flush();
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 2 * CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('takes the place of one that the client had before', async () => {
    const globex = await world.budget('globex', 1_000_000_000);
    await world.profile({ tags: { tenant: 'globex' }, budgets: [globex] });
    const { client, governor } = world.process();
    await client.send(converse());
    const other = world.governor({ tags: { tenant: 'globex' } });
    client.middlewareStack.use(other);
    await client.send(converse());
    await client.send(converse());
    await Promise.all([governor.flush(), other.flush()]);
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
    expect(figures(await world.item(globex))).toEqual({ settled: 2 * CALL_COST, leased: 0, unconfirmed: 0 });
    expect(world.reached).toHaveLength(3);
  });

  it('stays where another library wraps the retry once more', async () => {
    const { client, governor } = world.process();
    const { middlewareStack } = client;
    const library = {
      applyToStack(stack: typeof middlewareStack) {
        const [retry] = finalizingEntries(stack).filter(({ options }) => options.name === 'retryMiddleware');
        const outer: Middleware = (next, context) => {
          const handle = retry?.middleware(next, context);
          return async (args) => (await handle?.(args)) as Awaited<ReturnType<typeof next>>;
        };
        stack.add(outer, { step: 'finalizeRequest', priority: 'high', name: 'retryMiddleware', override: true });
      },
    };
    middlewareStack.use(library);
    await client.send(converse());
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('refuses to go unnoticed where something else takes the retry’s place after it, and nothing is sent', async () => {
    const { client } = world.process();
    add(client, (next) => next, { step: 'finalizeRequest', priority: 'high', name: 'retryMiddleware', override: true });
    const refusal = await refusalOf(client.send(converse()));
    expect(refusal.code).toBe('RequestChanged');
    expect(refusal.message).toContain('Add the governor last');
    for (const call of [client.send(converse()), client.send(converse())])
      expect((await refusalOf(call)).code).toBe('RequestChanged');
    expect(world.reached).toEqual([]);
  });

  it('refuses so what only the client governs, also after a command that brings a governor of its own', async () => {
    const { client, governor } = world.process();
    add(client, (next) => next, { step: 'finalizeRequest', priority: 'high', name: 'retryMiddleware', override: true });
    const bound = converse();
    bound.middlewareStack.use(governor.for({ app: 'chat' }));
    await client.send(bound);
    expect((await refusalOf(client.send(converse()))).code).toBe('RequestChanged');
    expect(world.reached).toHaveLength(1);
  });
});
