import {
  AccessDeniedException,
  type BedrockRuntimeClient,
  ConverseStreamCommand,
  InternalServerException,
  ModelErrorException,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  ServiceUnavailableException,
  ThrottlingException,
  ValidationException,
} from '@aws-sdk/client-bedrock-runtime';
import { ConfiguredRetryStrategy } from '@smithy/core/retry';
import type { FinalizeRequestMiddleware } from '@smithy/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nanoUsd } from '../../domain/money.ts';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import type { Interference } from '../../local/interceptors.ts';
import { AwsFault } from '../../local/service.ts';
import { createGate } from '../wire/gate.ts';
import { CALL_COST, converse, figures, GovernedAws, http1, refusalOf } from './governed-aws.ts';

const LIMIT = 10_000_000;

let world: GovernedAws;
let budget: CoveringBudget;
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('tenant-monthly/acme', LIMIT);
  await world.profile({ budgets: [budget] });
});
afterEach(() => world.close());

/** What one call holds, as the refusal of a call says that cannot be paid. */
async function holdOfACall(): Promise<number> {
  const poor = await world.budget('poor', 1);
  await world.profile({ tags: { tenant: 'poor' }, budgets: [poor] });
  const { client } = world.process({ tags: { tenant: 'poor' } });
  const { details } = await refusalOf(client.send(converse()));
  world.reached.length = 0;
  return Math.round(Number(details.neededUsd) * 1e9);
}

/** Interferes with the first attempts at Converse, in order. */
function attemptsMeet(when: 'before' | 'after', ...interferences: Interference[]): void {
  let attempt = 0;
  world.intercept({
    [when]: ({ operation }: { operation: string }) => (operation === 'Converse' ? interferences[attempt++] : undefined),
  });
}

const fault = (code: string, status: number) => new AwsFault(code, 'As the test wants it.', status);

describe.each([
  ['HTTP/2', {}],
  ['HTTP/1.1', http1()],
])('an attempt over %s', (_, handler) => {
  it('that was throttled costs nothing; the one that ran is settled once [F11]', async () => {
    attemptsMeet('before', fault('ThrottlingException', 429));
    const governor = world.governor();
    await world.runtime(governor, handler).send(converse());
    await governor.flush();
    expect(world.reached).toHaveLength(2);
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
    expect(world.billed).toBe(CALL_COST);
  });

  it('that failed with 500 may have run: its hold is unconfirmed, and the next one has a hold of its own', async () => {
    const hold = await holdOfACall();
    attemptsMeet('before', fault('InternalServerException', 500));
    const governor = world.governor();
    await world.runtime(governor, handler).send(converse());
    await governor.flush();
    expect(world.reached).toHaveLength(2);
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: hold });
  });

  it('that ran and whose answer was lost is unconfirmed: its cost is covered [F3]', async () => {
    const hold = await holdOfACall();
    attemptsMeet('after', 'no-answer');
    const governor = world.governor();
    await world.runtime(governor, handler).send(converse());
    await governor.flush();
    const { settled, unconfirmed, leased } = figures(await world.item(budget));
    expect({ settled, unconfirmed, leased }).toEqual({ settled: CALL_COST, unconfirmed: hold, leased: 0 });
    expect(world.billed).toBe(2 * CALL_COST);
    expect(settled + unconfirmed).toBeGreaterThanOrEqual(world.billed);
  });

  it('that was never sent, because nobody listens, costs nothing', async () => {
    const governor = world.governor();
    const nowhere = world.runtime(governor, { ...handler, endpoint: 'http://127.0.0.1:1' });
    await expect(nowhere.send(converse())).rejects.toMatchObject({ $metadata: { attempts: 3 } });
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  it('that is aborted by its caller is unconfirmed, and nothing stays held [F3, F10]', async () => {
    const hold = await holdOfACall();
    const gate = createGate();
    const arrived = createGate();
    world.intercept(async ({ operation }) => {
      if (operation !== 'Converse') return undefined;
      arrived.open();
      return await gate.passed;
    });
    const governor = world.governor();
    const abort = new AbortController();
    const call = world.runtime(governor, handler).send(converse(), { abortSignal: abort.signal });
    const failure = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await arrived.passed;
    abort.abort();
    await failure;
    gate.open();
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: hold });
  });
});

describe('a call', () => {
  it.each([
    ['ValidationException', 400, ValidationException],
    ['AccessDeniedException', 403, AccessDeniedException],
    ['ThrottlingException', 429, ThrottlingException],
  ])('that Bedrock turns away with %s costs nothing and holds nothing', async (code, status, kind) => {
    world.intercept(({ operation }) => (operation === 'Converse' ? fault(code, status) : undefined));
    const { governor, client } = world.process();
    const failure = expect(client.send(converse())).rejects;
    await failure.toBeInstanceOf(kind);
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  it.each([
    ['InternalServerException', 500, InternalServerException, 3],
    ['ServiceUnavailableException', 503, ServiceUnavailableException, 3],
    ['ModelErrorException', 424, ModelErrorException, 1],
  ])(
    'that fails every time with %s leaves a hold unconfirmed for each attempt',
    async (code, status, kind, attempts) => {
      const hold = await holdOfACall();
      world.intercept(({ operation }) => (operation === 'Converse' ? fault(code, status) : undefined));
      const { governor, client } = world.process();
      await expect(client.send(converse())).rejects.toBeInstanceOf(kind);
      await governor.flush();
      expect(world.reached).toHaveLength(attempts);
      expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: attempts * hold });
    },
  );

  it('that was never signed, for want of credentials, costs nothing', async () => {
    const governor = world.governor();
    const client = world.runtime(governor, {
      credentials: async () => {
        throw Object.assign(new Error('No credentials.'), { name: 'CredentialsProviderError' });
      },
    });
    await expect(client.send(converse())).rejects.toMatchObject({ name: 'CredentialsProviderError' });
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  it('whose answer has no usage keeps its hold: unknown is not zero [F4, F20]', async () => {
    const hold = await holdOfACall();
    const governor = world.governor();
    const client = world.runtime(governor);
    // A front between client and Bedrock that drops the member, and asks for another tier than the caller.
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        Object.assign(result.output ?? {}, { usage: undefined });
        return result;
      },
      { step: 'deserialize', priority: 'high' },
    );
    const answer = await client.send(converse());
    expect(answer.usage).toBeUndefined();
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: hold });
  });

  it.each([
    ['an answer', (client: BedrockRuntimeClient) => client.send(converse())],
    [
      'a stream',
      async (client: BedrockRuntimeClient) => {
        const { stream } = await client.send(new ConverseStreamCommand(converse().input));
        for await (const _ of stream ?? []);
      },
    ],
  ])('whose usage cannot be made out keeps its hold, and its caller gets the answer: %s [F4]', async (_, send) => {
    const hold = await holdOfACall();
    const { governor, client } = world.process();
    const usage = { inputTokens: 2, outputTokens: 2, cacheDetails: [null] };
    async function* told(stream: AsyncIterable<{ metadata?: object }>) {
      for await (const event of stream) yield event.metadata === undefined ? event : { metadata: { usage } };
    }
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { stream } = result.output as { stream?: AsyncIterable<object> };
        Object.assign(result.output ?? {}, stream === undefined ? { usage } : { stream: told(stream) });
        return result;
      },
      { step: 'deserialize', priority: 'high' },
    );
    await send(client);
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: hold });
  });

  it('is settled also where a middleware of the caller throws on its answer: nothing is refunded [F10]', async () => {
    const { governor, client } = world.process();
    client.middlewareStack.add(
      (next) => async (args) => {
        await next(args);
        throw new Error('not this answer');
      },
      { step: 'build' },
    );
    await expect(client.send(converse())).rejects.toThrow('not this answer');
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('is settled also where a middleware of the caller has given up waiting for it [F3, F10]', async () => {
    const gate = createGate();
    const arrived = createGate();
    const answered = createGate();
    world.intercept(async ({ operation }) => {
      if (operation !== 'Converse') return undefined;
      arrived.open();
      return await gate.passed;
    });
    const { governor, client } = world.process();
    client.middlewareStack.add(
      (next) => async (args) => {
        const call = next(args).finally(answered.open);
        const impatience = arrived.passed.then(() => Promise.reject(new Error('too slow')));
        return await Promise.race([call, impatience]);
      },
      { step: 'build' },
    );
    await expect(client.send(converse())).rejects.toThrow('too slow');
    gate.open();
    await answered.passed;
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it.each([
    ['before it is admitted', true, { admitted: 2, retried: 0 }],
    ['afterwards', false, { admitted: 1, retried: 1 }],
  ])(
    'is settled as often as it ran where a middleware of the caller sends it twice at once, %s',
    async (_, isBefore, counts) => {
      const twice: FinalizeRequestMiddleware<ServiceInputTypes, ServiceOutputTypes> = (next) => async (args) => {
        const [answer] = await Promise.all([next(args), next(args)]);
        return answer;
      };
      const { governor, client } = isBefore ? world.process() : world.processWithRetry(twice);
      if (isBefore) client.middlewareStack.add(twice as never, { step: 'build' });
      await client.send(converse());
      await governor.flush();
      expect(world.billed).toBe(2 * CALL_COST);
      expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
      expect(governor.snapshot().calls).toMatchObject({ ...counts, settled: 2, released: 0 });
    },
  );

  it('that is streamed twice, because a middleware of the caller did not want the first stream, pays for both', async () => {
    const hold = await holdOfACall();
    const { governor, client } = world.process();
    client.middlewareStack.add(
      (next) => async (args) => {
        await next(args);
        return await next(args);
      },
      { step: 'build' },
    );
    const { stream } = await client.send(new ConverseStreamCommand(converse().input));
    for await (const _ of stream ?? []);
    await governor.flush();
    expect(world.reached).toHaveLength(2);
    // Nobody has read the first: it holds what it may cost.
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: hold, unconfirmed: 0 });
  });

  it('is not taken for another that is under way on a client which keeps its handlers', async () => {
    const governor = world.governor();
    const client = world.runtime(governor, { cacheMiddleware: true });
    const sizes = [10, 2_000, 30, 400];
    const told: number[] = [];
    const holdOf = async (maxTokens: number) => {
      const lonely = world.process({
        observe: (event) => void (event.kind === 'admitted' && told.push(event.reservedNanoUsd)),
      });
      await lonely.client.send(converse({ inferenceConfig: { maxTokens } }));
      return told.at(-1) ?? 0;
    };
    let most = 0;
    for (const size of sizes) most += await holdOf(size);
    world.intercept(({ operation }) => (operation === 'Converse' ? fault('ModelErrorException', 424) : undefined));
    await Promise.allSettled(sizes.map((maxTokens) => client.send(converse({ inferenceConfig: { maxTokens } }))));
    await governor.flush();
    expect(figures(await world.item(budget)).unconfirmed).toBe(most);
  });

  it('counts at its upper bound where its fate is unknown, also where less was held: the exposure ends with the call', async () => {
    const hold = await holdOfACall();
    const learning = await world.budget('learning', 1_000 * hold);
    await world.profile({
      tags: { tenant: 'learner' },
      budgets: [learning],
      entry: { maxExposure: nanoUsd(1_000_000_000n) },
    });
    const { governor, client } = world.process({ tags: { tenant: 'learner' } });
    for (let call = 0; call < 25; call++) await client.send(converse());
    attemptsMeet('after', ...Array.from({ length: 5 }, () => fault('ModelErrorException', 424)));
    for (let call = 0; call < 5; call++)
      await expect(client.send(converse())).rejects.toBeInstanceOf(ModelErrorException);
    await governor.flush();
    const { settled, leased, unconfirmed } = figures(await world.item(learning));
    expect({ settled, leased, unconfirmed }).toEqual({ settled: 25 * CALL_COST, leased: 0, unconfirmed: 5 * hold });
  });

  it('is priced by the tier that it asked for where the answer names none', async () => {
    const { governor, client } = world.process();
    // A front between client and Bedrock that drops the member, and asks for another tier than the caller.
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        Object.assign(result.output ?? {}, { serviceTier: undefined });
        return result;
      },
      { step: 'deserialize', priority: 'high' },
    );
    client.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as { body: string };
        request.body = JSON.stringify({ ...JSON.parse(request.body), serviceTier: undefined });
        return await next(args);
      },
      { step: 'build', priority: 'high' },
    );
    await client.send(converse({ serviceTier: { type: 'priority' } }));
    await governor.flush();
    expect(Number((await world.item(budget)).settled)).toBe(CALL_COST * 1.75);
  });

  it('is not sent again when its budget does not pay for a second attempt', async () => {
    const hold = await holdOfACall();
    await world.changeTerms(budget, { stopAt: nanoUsd(BigInt(hold)) });
    world.intercept(({ operation }) => (operation === 'Converse' ? fault('InternalServerException', 500) : undefined));
    const { governor, client } = world.process();
    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'BudgetExhausted' });
    expect(world.reached).toHaveLength(1);
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: hold });
  });

  it('is refused once, also where the ledger goes away between two attempts: the SDK repeats no refusal', async () => {
    world.intercept(({ service, operation }) => {
      if (operation === 'Converse') return fault('InternalServerException', 500);
      return service === 'dynamodb' && world.reached.length > 0 ? 'no-answer' : undefined;
    });
    const hold = await holdOfACall();
    await world.changeTerms(budget, { stopAt: nanoUsd(BigInt(hold)) });
    let retries = 0;
    const governor = world.governor({ dynamodb: world.dynamodbOnce() });
    const client = world.runtime(governor, { retryStrategy: new ConfiguredRetryStrategy(5, () => ++retries) });
    const refusal = await refusalOf(client.send(converse()));
    expect(refusal.code).toBe('LedgerUnavailable');
    expect(refusal.cause).toMatchObject({ code: 'LedgerUnavailable' });
    expect(world.reached).toHaveLength(1);
    expect(retries).toBe(1);
  });

  it('passes on what Bedrock says of it, however many attempts there were', async () => {
    attemptsMeet('before', fault('ThrottlingException', 429), fault('ThrottlingException', 429));
    const { client } = world.process();
    const answer = await client.send(converse());
    expect(answer.$metadata).toMatchObject({ httpStatusCode: 200, attempts: 3 });
  });
});
