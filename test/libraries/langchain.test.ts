import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-bedrock-runtime';
import { ChatBedrockConverse } from '@langchain/aws';
import type { InitializeMiddleware } from '@smithy/types';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { figures, GovernedAws, NOVA_LITE, refusalOf } from '../invoke/governed-aws.ts';

let governed: GovernedAws;
beforeEach(async () => {
  governed = await GovernedAws.start();
});
afterEach(() => governed.close());

/** LangChain's chat model with a governed client of ours, retrying as often as LangChain does by default. */
function chatModel(tags: Readonly<Record<string, string>> = { tenant: 'acme' }) {
  const { governor, client } = governed.process({ tags });
  // What LangChain asks its client for, whether it is admitted or not.
  const sent: (string | undefined)[] = [];
  client.middlewareStack.addRelativeTo(
    ((next, context) => (args) => {
      sent.push(context.commandName);
      return next(args);
    }) satisfies InitializeMiddleware<ServiceInputTypes, ServiceOutputTypes>,
    { relation: 'before', toMiddleware: 'retryMiddleware', name: 'whatIsAskedFor' },
  );
  const model = new ChatBedrockConverse({ client, model: NOVA_LITE, region: 'us-east-1', maxTokens: 100 });
  return { governor, model, sent };
}

describe('ChatBedrockConverse of LangChain with a governed client', () => {
  test('is answered through the tenant’s profile, and metered', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    const profile = await governed.profile({ budgets: [budget] });
    await governed.profile({ tags: { tenant: 'globex' } });
    const { governor, model } = chatModel();

    const answer = await model.invoke('Hello!!!');
    await governor.flush();

    expect(answer.text).toMatch(/^Embedded answer/);
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 2, output_tokens: 20 });
    expect(governed.reached).toEqual([{ operation: 'Converse', modelId: profile.arn }]);
    expect(figures(await governed.item(budget))).toEqual({ settled: governed.billed, leased: 0, unconfirmed: 0 });
    expect(governed.billed).toBeGreaterThan(0);
  });

  test('tells its caller of a refusal, and does not try again', async () => {
    const budget = await governed.budget('acme', 1);
    await governed.profile({ budgets: [budget] });
    const { model, sent } = chatModel();

    const refusal = await refusalOf(model.invoke('Hello!!!'));

    expect(refusal).toMatchObject({ code: 'BudgetExhausted', details: { budget: 'acme' } });
    expect(sent).toEqual(['ConverseCommand']);
    expect(governed.reached).toEqual([]);
  });

  test('cannot use the profile of another tenant', async () => {
    await governed.profile();
    const foreign = await governed.profile({ tags: { tenant: 'globex' } });
    const { client } = governed.process();
    const model = new ChatBedrockConverse({
      client,
      model: NOVA_LITE,
      applicationInferenceProfile: foreign.arn,
      region: 'us-east-1',
    });

    expect((await refusalOf(model.invoke('Hello!!!'))).code).toBe('TenantMismatch');
    expect(governed.reached).toEqual([]);
  });
});

describe('the same model, streaming', () => {
  test('is metered when its stream has been read', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    const profile = await governed.profile({ budgets: [budget] });
    const { governor, model } = chatModel();

    let text = '';
    for await (const chunk of await model.stream('Hello!!!')) text += chunk.text;
    await governor.flush();

    expect(text).toMatch(/^Embedded answer/);
    expect(governed.reached).toEqual([{ operation: 'ConverseStream', modelId: profile.arn }]);
    expect(figures(await governed.item(budget))).toEqual({ settled: governed.billed, leased: 0, unconfirmed: 0 });
    expect(governed.billed).toBeGreaterThan(0);
  });

  test('counts a stream that its reader leaves as if it had run to its end', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    const { governor, model } = chatModel();

    for await (const chunk of await model.stream('Hello!!!')) if (chunk.text !== '') break;
    // Waits for streams that have not ended.
    await governor.close();

    const { settled, leased, unconfirmed } = figures(await governed.item(budget));
    expect(settled + unconfirmed).toBeGreaterThanOrEqual(governed.billed);
    expect(leased).toBe(0);
  });

  test('tells its caller of a refusal, and does not try again', async () => {
    const budget = await governed.budget('acme', 1);
    await governed.profile({ budgets: [budget] });
    const { model, sent } = chatModel();

    expect((await refusalOf(model.stream('Hello!!!'))).code).toBe('BudgetExhausted');
    expect(sent).toEqual(['ConverseStreamCommand']);
    expect(governed.reached).toEqual([]);
  });
});
