import type { Host } from '../fleet/host.ts';
import type { Faults } from '../run/faults.ts';
import type { Trace } from '../run/trace.ts';
import { awsError } from './aws-error.ts';
import { type Bill, type BilledAttempt, costOf, type Tokens } from './bill.ts';
import type { TokenMetrics } from './cloudwatch.ts';
import type { SimulatedProfiles } from './profiles.ts';

/** One call as it was drawn: what it will use, and what will become of it. */
export interface CallPlan {
  readonly api: 'Converse' | 'ConverseStream' | 'InvokeModel' | 'InvokeModelWithResponseStream';
  readonly tokens: Tokens;
  readonly latencyMs: number;
  /** The share of its answer after which a stream breaks off. */
  readonly breaksAt: number | undefined;
  readonly isUsageTold: boolean;
}

export interface RuntimeRequest {
  readonly host: Host;
  readonly path: string;
  readonly plan: CallPlan;
  readonly signal: AbortSignal | undefined;
  /** Whose call it is, as far as anybody knows. */
  readonly tenant: string;
  readonly isGoverned: boolean;
  readonly admittedAt: number;
}

export interface RuntimeAnswer {
  readonly output: Record<string, unknown>;
  readonly response: { readonly headers: Record<string, string>; readonly body: { destroy(): void } };
}

/** How long IAM takes to follow a tag, and a client to give up. */
const PROPAGATION_MS = 5_000;
const TIMEOUT_MS = 8_000;
const STREAM_PIECES = 2;

/** Bedrock's runtime: it answers, breaks off, throttles, and bills what ran, whoever hears of it. */
export class Runtime {
  readonly #profiles: SimulatedProfiles;
  readonly #bill: Bill;
  readonly #metrics: TokenMetrics;
  readonly #metricsDelayMs: number;
  readonly #faults: Faults;
  readonly #trace: Trace;

  constructor(parts: {
    profiles: SimulatedProfiles;
    bill: Bill;
    metrics: TokenMetrics;
    metricsDelayMs: number;
    faults: Faults;
    trace: Trace;
  }) {
    this.#profiles = parts.profiles;
    this.#bill = parts.bill;
    this.#metrics = parts.metrics;
    this.#metricsDelayMs = parts.metricsDelayMs;
    this.#faults = parts.faults;
    this.#trace = parts.trace;
  }

  /** One attempt at a call. */
  async answer(request: RuntimeRequest): Promise<RuntimeAnswer> {
    const { host, plan, signal } = request;
    const { scheduler } = host;
    const fate = this.#faults.ofCall();
    return await new Promise<RuntimeAnswer>((resolve, reject) => {
      const fail = (error: Error, ms: number): void =>
        void scheduler.after(ms, () => host.deliver(() => reject(error)));
      const abort = (): void => reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
      signal?.addEventListener('abort', abort, { once: true });
      if (fate === 'lost') {
        fail(Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' }), TIMEOUT_MS);
        return;
      }
      scheduler.after(20 * host.chance.next(), () => {
        const turnedAway =
          fate === 'throttled' ? awsError('ThrottlingException', 'Too many requests', 429) : this.#turnedAway(request);
        if (turnedAway !== undefined) {
          fail(turnedAway, 20);
          return;
        }
        const attempt = this.#begin(request);
        if (isStreamed(plan)) {
          // Bedrock goes on whether or not anybody reads.
          scheduler.after(plan.latencyMs * 1.5, () => this.#end(attempt));
          if (fate === 'unanswered') {
            scheduler.after(plan.latencyMs, () => this.#end(attempt));
            fail(awsError('TimeoutError', 'no answer came in time'), TIMEOUT_MS);
          } else
            scheduler.after(plan.latencyMs / STREAM_PIECES, () =>
              host.deliver(() => resolve(this.#stream(request, attempt))),
            );
          return;
        }
        scheduler.after(plan.latencyMs, () => {
          this.#end(attempt);
          if (fate === 'unanswered') fail(awsError('TimeoutError', 'no answer came in time'), TIMEOUT_MS);
          else host.deliver(() => resolve(this.#whole(plan, attempt)));
        });
      });
    });
  }

  #turnedAway({ host, path }: RuntimeRequest): Error | undefined {
    const arn = arnIn(path);
    if (this.#profiles.get(arn) === undefined)
      return awsError('ValidationException', 'The provided model identifier is invalid.', 400);
    const now = host.scheduler.now;
    const tags = this.#profiles.historyOf(arn).findLast(({ at }) => at <= now - PROPAGATION_MS)?.tags ?? {};
    const standing = tags['governor:standing'];
    return standing === 'closed' || standing === 'quarantined'
      ? awsError(
          'AccessDeniedException',
          'User is not authorized to perform: bedrock:InvokeModel with an explicit deny in an identity-based policy',
          403,
        )
      : undefined;
  }

  #begin({ host, path, plan, tenant, isGoverned, admittedAt }: RuntimeRequest): BilledAttempt {
    const arn = arnIn(path);
    const { model = '' } = this.#profiles.get(arn) ?? {};
    const share = plan.breaksAt ?? 1;
    const tokens = { ...plan.tokens, output: Math.floor(plan.tokens.output * share) };
    this.#trace.say(() => `Bedrock bills ${host.name} ${costOf(model, tokens)} for ${plan.api} of ${tenant}`);
    return this.#bill.add({
      arn,
      model,
      admittedAt,
      begunAt: this.#profiles.now(),
      endedAt: undefined,
      isGoverned,
      isKnown: false,
      cost: costOf(model, tokens),
      tokens,
      process: host.name,
      tenant,
    });
  }

  #end(attempt: BilledAttempt): void {
    if (attempt.endedAt !== undefined) return;
    const { now } = this.#profiles;
    attempt.endedAt = now();
    // Late by as much as the seed's delay at most, and not in order.
    const visibleAt = attempt.endedAt + this.#metricsDelayMs * ((this.#bill.attempts.length % 7) / 6);
    this.#metrics.add(attempt.arn.slice(attempt.arn.lastIndexOf('/') + 1), attempt.endedAt, visibleAt, attempt.tokens);
  }

  #whole(plan: CallPlan, attempt: BilledAttempt): RuntimeAnswer {
    attempt.isKnown = plan.isUsageTold;
    attempt.heardAt = this.#profiles.now();
    const { input, output, cacheRead } = attempt.tokens;
    if (plan.api === 'InvokeModel') {
      const headers: Record<string, string> = plan.isUsageTold
        ? {
            'x-amzn-bedrock-input-token-count': String(input),
            'x-amzn-bedrock-output-token-count': String(output),
            'x-amzn-bedrock-cache-read-input-token-count': String(cacheRead),
            'x-amzn-bedrock-cache-write-input-token-count': '0',
          }
        : {};
      return answered({ body: new TextEncoder().encode('{}'), $metadata: {} }, headers);
    }
    return answered({ output: {}, $metadata: {}, ...(plan.isUsageTold ? { usage: usageOf(attempt.tokens) } : {}) });
  }

  /** A stream whose pieces come one after the other, and usage with the last. */
  #stream({ host, plan }: RuntimeRequest, attempt: BilledAttempt): RuntimeAnswer {
    const pieces = plan.breaksAt === undefined ? STREAM_PIECES : Math.ceil(STREAM_PIECES * plan.breaksAt);
    const end = (): void => this.#end(attempt);
    const pause = plan.latencyMs / STREAM_PIECES;
    const isConverse = plan.api === 'ConverseStream';
    async function* events(): AsyncGenerator<object> {
      for (let piece = 0; piece < pieces; piece++) {
        // The first has come with the answer's head.
        if (piece > 0) await host.machine.wait(pause);
        yield isConverse ? { contentBlockDelta: {} } : chunkOf({ contentBlockDelta: {} });
      }
      end();
      if (plan.breaksAt !== undefined)
        throw Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' });
      attempt.isKnown = plan.isUsageTold;
      attempt.heardAt = host.scheduler.now;
      if (isConverse) yield plan.isUsageTold ? { metadata: { usage: usageOf(attempt.tokens) } } : { messageStop: {} };
      else yield chunkOf({ messageStop: {}, ...(plan.isUsageTold ? metricsOf(attempt.tokens) : {}) });
    }
    return answered({ [isConverse ? 'stream' : 'body']: events(), $metadata: {} });
  }
}

const answered = (output: Record<string, unknown>, headers: Record<string, string> = {}): RuntimeAnswer => ({
  output,
  response: { headers, body: { destroy: () => {} } },
});

export const isStreamed = ({ api }: Pick<CallPlan, 'api'>): boolean =>
  api === 'ConverseStream' || api === 'InvokeModelWithResponseStream';

const chunkOf = (content: object): object => ({ chunk: { bytes: new TextEncoder().encode(JSON.stringify(content)) } });

const metricsOf = ({ input, output, cacheRead }: Tokens) => ({
  'amazon-bedrock-invocationMetrics': {
    inputTokenCount: input,
    outputTokenCount: output,
    cacheReadInputTokenCount: cacheRead,
    cacheWriteInputTokenCount: 0,
  },
});

const usageOf = ({ input, output, cacheRead }: Tokens) => ({
  inputTokens: input,
  outputTokens: output,
  totalTokens: input + output + cacheRead,
  cacheReadInputTokens: cacheRead,
  cacheWriteInputTokens: 0,
});

/** Of the few paths that there are. */
const arns = new Map<string, string>();

function arnIn(path: string): string {
  let arn = arns.get(path);
  if (arn === undefined) {
    arn = decodeURIComponent(/^\/model\/([^/]+)\//.exec(path)?.[1] ?? '');
    arns.set(path, arn);
  }
  return arn;
}
