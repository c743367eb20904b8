import { DiagLogLevel, diag, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTelemetry } from '../../invoke/index.ts';
import { API, APIS, readAll, readFirstText, STREAMS } from './four-apis.ts';
import { GovernedAws, HAIKU, NOVA_LITE } from './governed-aws.ts';

let world: GovernedAws;
let exporter: InMemorySpanExporter;
let provider: BasicTracerProvider;
/** What OpenTelemetry complains of, such as a span that is ended twice. */
let complaints: string[];
beforeEach(async () => {
  world = await GovernedAws.start();
  exporter = new InMemorySpanExporter();
  provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  complaints = [];
  const complain = (message: string) => complaints.push(message);
  const logger = { error: complain, warn: complain, info() {}, debug() {}, verbose() {} };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
});
afterEach(async () => {
  await world.close();
  await provider.shutdown();
  diag.disable();
  expect(complaints).toEqual([]);
});

const traced = () => world.process({ observe: openTelemetry(provider.getTracer('test')) });

function onlySpan(): ReadableSpan {
  const spans = exporter.getFinishedSpans();
  expect(spans).toHaveLength(1);
  const [span] = spans;
  if (span === undefined) throw new Error('there is one');
  return span;
}

describe.each(APIS)('$operation', (api) => {
  it('is one span, from admission to settlement, that tells tenant, model, tokens and money', async () => {
    const budget = await world.budget('tenant/acme', 1_000_000_000);
    const { arn } = await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    const { client } = traced();
    const events = await api.ask(client, { cached: { text: 'x'.repeat(400), ttl: '5m' } });
    expect(exporter.getFinishedSpans()).toHaveLength(api.streams ? 0 : 1);
    await readAll(events);
    const span = onlySpan();
    const [bill] = world.aws.billing;
    expect(span).toMatchObject({ kind: SpanKind.CLIENT, status: { code: SpanStatusCode.UNSET } });
    expect(span.name).toBe(`${api.operation.startsWith('Converse') ? 'chat' : 'generate_content'} ${HAIKU}`);
    expect(span.attributes).toMatchObject({
      'gen_ai.provider.name': 'aws.bedrock',
      'gen_ai.request.model': HAIKU,
      'gen_ai.response.model': HAIKU,
      'aws.bedrock.inference_profile': arn,
      'cloud.region': 'us-east-1',
      // With the cached ones, as the conventions have it.
      'gen_ai.usage.input_tokens': 102,
      'gen_ai.usage.output_tokens': bill?.outputTokens,
      'gen_ai.usage.cache_creation.input_tokens': 100,
      'cost_governor.tenant': 'acme',
      'cost_governor.decision': 'admitted',
      'cost_governor.admitted_by': 'lease',
      'cost_governor.budgets': ['tenant/acme'],
      'cost_governor.settled_nano_usd': world.billed,
    });
  });

  it('that is refused is a span with an error', async () => {
    const budget = await world.budget('tenant/acme', 1);
    await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    const { client } = traced();
    await expect(api.ask(client)).rejects.toMatchObject({ code: 'BudgetExhausted' });
    const { status, attributes } = onlySpan();
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'BudgetExhausted' });
    expect(attributes).toMatchObject({
      'error.type': 'BudgetExhausted',
      'cost_governor.decision': 'refused',
      'cost_governor.refused_by': 'tenant/acme',
    });
  });

  it('that is tried twice is one span, which tells what stays in doubt', async () => {
    const budget = await world.budget('tenant/acme', 1_000_000_000);
    await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    let attempt = 0;
    world.aws.planModelCalls(() => (attempt++ < 2 ? { refuse: 'InternalServerException' } : {}));
    const { client, governor } = traced();
    await readAll(await api.ask(client));
    await governor.close();
    expect(onlySpan().attributes).toMatchObject({
      'cost_governor.settled_nano_usd': world.billed,
      'cost_governor.unconfirmed_nano_usd': Number((await world.item(budget)).unconfirmed),
    });
  });

  it('that fails is a span that is ended', async () => {
    await world.profile({ copyFrom: `us.${HAIKU}` });
    world.aws.planModelCalls(() => ({ refuse: 'ValidationException' }));
    const { client } = traced();
    await expect(api.ask(client)).rejects.toMatchObject({ name: 'ValidationException' });
    expect(onlySpan().attributes['cost_governor.settled_nano_usd']).toBeUndefined();
  });
});

describe.each(STREAMS)('$operation', (api) => {
  it('that its caller breaks off is a span until its usage is known', async () => {
    await world.profile({ copyFrom: `us.${HAIKU}` });
    const { client, governor } = traced();
    await readFirstText(await api.ask(client));
    await governor.flush();
    expect(onlySpan().attributes['cost_governor.settled_nano_usd']).toBe(world.billed);
  });

  it('that is cut is a span that tells what stays in doubt', async () => {
    await world.profile({ copyFrom: `us.${HAIKU}` });
    world.aws.planModelCalls(() => ({ breaks: { afterChunks: 1, by: 'cut' } }));
    const { client } = traced();
    await expect(api.ask(client).then(readAll)).rejects.toThrow();
    const known = api.operation === 'ConverseStream' ? undefined : 2;
    expect(onlySpan().attributes['gen_ai.usage.input_tokens']).toBe(known);
    expect(onlySpan().attributes['cost_governor.unconfirmed_nano_usd']).toBeGreaterThan(0);
  });
});

it('a call whose profile lives in another Region is one span', async () => {
  await world.profile({ region: 'eu-west-1', copyFrom: `eu.${NOVA_LITE}` });
  const governor = world.governor({
    region: 'eu-west-1',
    observe: openTelemetry(provider.getTracer('test')),
    clients: (region) => world.runtime({ applyToStack: () => {} }, { region }),
  });
  await readAll(await API.ConverseStream.ask(world.runtime(governor), { modelId: NOVA_LITE }));
  expect(onlySpan().attributes).toMatchObject({ 'cloud.region': 'eu-west-1' });
});
