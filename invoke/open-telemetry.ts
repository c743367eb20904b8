import type { CallCost } from '../domain/spending/pricing.ts';
import type { Usage } from '../domain/spending/usage.ts';
import type { GovernorEvent, GovernorObserver, ObservedCall } from './observation.ts';

/** What is asked of OpenTelemetry's `Tracer`. Said here, so that who traces nothing needs none of its packages. */
export interface SpanTracer {
  startSpan(name: string, options: { kind: number; attributes: Attributes }): TracedSpan;
}

/** What is asked of its `Span`. */
export interface TracedSpan {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message: string }): unknown;
  end(): void;
}

interface Attributes {
  [name: string]: string | number | string[];
}

/** `SpanStatusCode.ERROR` and `SpanKind.CLIENT` of `@opentelemetry/api`. */
const ERROR = 2;
const CLIENT = 2;

/**
 * Tells what a governor decides as OpenTelemetry spans: one for each call, from its admission to its settlement, named
 * and described by the semantic conventions for generative AI, with the governor's own attributes beside them
 * (`cost_governor.*`). Prompts and completions are never in it.
 *
 * ```ts
 * costGovernor({ table, tags, observe: openTelemetry(trace.getTracer('billing'), { tenantTag: 'tenant' }) });
 * ```
 * @param tenantTag key of the tag whose value is the attribute `cost_governor.tenant`
 */
export function openTelemetry(
  tracer: SpanTracer,
  { tenantTag = 'tenant' }: { readonly tenantTag?: string } = {},
): GovernorObserver {
  const spans = new WeakMap<ObservedCall, TracedSpan>();
  /** Of all attempts of a call. */
  const unconfirmed = new WeakMap<ObservedCall, number>();
  const start = (call: ObservedCall, attributes: Attributes): TracedSpan =>
    tracer.startSpan(`${operationName(call)} ${call.requestedModel}`, {
      kind: CLIENT,
      attributes: {
        'gen_ai.operation.name': operationName(call),
        'gen_ai.provider.name': 'aws.bedrock',
        'gen_ai.request.model': call.requestedModel,
        ...(call.tags[tenantTag] === undefined ? {} : { 'cost_governor.tenant': call.tags[tenantTag] }),
        ...attributes,
      },
    });

  return (event) => {
    switch (event.kind) {
      case 'admitted':
        spans.get(event.call)?.end();
        spans.set(event.call, start(event.call, admission(event)));
        return;
      case 'refused': {
        const span = spans.get(event.call) ?? start(event.call, {});
        const { code, details } = event.refusal;
        span.setAttributes({
          'cost_governor.decision': 'refused',
          'error.type': code,
          ...(details.budget === undefined ? {} : { 'cost_governor.refused_by': details.budget }),
        });
        span.setStatus({ code: ERROR, message: code });
        span.end();
        spans.delete(event.call);
        return;
      }
      case 'settled':
        spans.get(event.call)?.setAttributes(consumption(event));
        return;
      case 'unconfirmed':
        unconfirmed.set(event.call, (unconfirmed.get(event.call) ?? 0) + event.costNanoUsd);
        spans.get(event.call)?.setAttributes({
          'cost_governor.unconfirmed_nano_usd': unconfirmed.get(event.call) ?? 0,
          ...(event.atLeast === undefined ? {} : consumption(event.atLeast)),
        });
        return;
      case 'ended':
        spans.get(event.call)?.end();
        spans.delete(event.call);
        return;
      case 'retried':
      case 'released':
      case 'ungoverned':
    }
  };
}

/** Of the well-known values (semantic conventions for generative AI spans). */
const operationName = ({ operation }: ObservedCall): string =>
  operation.startsWith('Converse') ? 'chat' : 'generate_content';

const consumption = ({ usage, costNanoUsd }: { usage: Usage; costNanoUsd: CallCost }): Attributes => {
  const cacheWrites = usage.cacheWrite5mInputTokens + usage.cacheWrite1hInputTokens;
  return {
    // All that was read: by the conventions the cached tokens are parts of it.
    'gen_ai.usage.input_tokens': usage.inputTokens + usage.cacheReadInputTokens + cacheWrites,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cacheReadInputTokens,
    'gen_ai.usage.cache_creation.input_tokens': cacheWrites,
    'cost_governor.settled_nano_usd': costNanoUsd,
  };
};

const admission = (event: Extract<GovernorEvent, { kind: 'admitted' }>): Attributes => ({
  'gen_ai.response.model': event.profile.model,
  'aws.bedrock.inference_profile': event.profile.arn,
  'cloud.region': event.profile.region,
  'cost_governor.decision': 'admitted',
  'cost_governor.admitted_by': event.by,
  'cost_governor.budgets': event.budgets.map(({ budget }) => budget),
  'cost_governor.reserved_nano_usd': event.reservedNanoUsd,
  ...(event.unrefusing.length === 0
    ? {}
    : { 'cost_governor.would_be_refused_by': event.unrefusing.map(({ budget }) => budget) }),
  ...(event.insteadOf === undefined ? {} : { 'cost_governor.instead_of': event.insteadOf }),
});
