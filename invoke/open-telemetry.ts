import type { Attributes, Span, Tracer } from '@opentelemetry/api';
import type { GovernorEvent, GovernorObserver, ObservedCall } from './observation.ts';

/** OpenTelemetry's codes, which this module only has types of: https://opentelemetry.io/docs/specs/otel/trace/api/#set-status */
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
  tracer: Tracer,
  { tenantTag = 'tenant' }: { readonly tenantTag?: string } = {},
): GovernorObserver {
  const spans = new WeakMap<ObservedCall, Span>();
  const start = (call: ObservedCall, attributes: Attributes): Span =>
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
        spans.get(event.call)?.setAttributes({
          'gen_ai.usage.input_tokens': event.usage.inputTokens,
          'gen_ai.usage.output_tokens': event.usage.outputTokens,
          'gen_ai.usage.cache_read.input_tokens': event.usage.cacheReadInputTokens,
          'gen_ai.usage.cache_creation.input_tokens':
            event.usage.cacheWrite5mInputTokens + event.usage.cacheWrite1hInputTokens,
          'cost_governor.settled_nano_usd': event.costNanoUsd,
        });
        return;
      case 'unconfirmed':
        spans.get(event.call)?.setAttribute('cost_governor.unconfirmed_nano_usd', event.costNanoUsd);
        return;
      case 'ended':
        spans.get(event.call)?.end();
        spans.delete(event.call);
        return;
      case 'ungoverned':
    }
  };
}

/** Of the well-known values (semantic conventions for generative AI spans). */
const operationName = ({ operation }: ObservedCall): string =>
  operation.startsWith('Converse') ? 'chat' : 'generate_content';

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
