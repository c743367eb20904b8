import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import type { SelectedHttpAuthScheme } from '@smithy/types';
import type { GovernedCalls } from '../../invoke/plugin.ts';
import { figure, median, note } from '../figures.ts';
import type { GovernedProcess } from './governed-process.ts';
import { MODEL, REGION } from './profiles.ts';
import { ANSWER, QUESTION, stubbedRuntime } from './stubbed-runtime.ts';

/** Short rounds: most of them pass without the machine giving the processor to somebody else. */
const CALLS = 200;
const SDK_CALLS = 10;

type Call = () => Promise<unknown>;

/**
 * What the two middlewares take by themselves, and the SDK's Converse beside it. A different tenant makes each call, in
 * no order: nothing is in the processor's caches that would not be in a server for so many tenants.
 */
export async function middlewareTime(process: GovernedProcess, tenants: number, rounds: number): Promise<void> {
  const order = shuffled(tenants);
  const governed = order.map((tenant) => throughMiddlewares(process.calls(tenant)));
  // As many callers, as far apart in memory: getting to one of them is not the middlewares' time.
  const ungoverned = order.map(() => throughNothing({ answer }));
  const client = stubbedRuntime();
  const sdk: Call = () => client.send(new ConverseCommand({ modelId: MODEL, ...QUESTION }));
  const own: number[] = [];
  const sdks: number[] = [];
  // Every tenant has called before, as in a process that has been running for a while.
  const warmUp = Math.ceil(tenants / CALLS);
  for (let round = -warmUp; round < rounds; round++) {
    const first = ((round + warmUp) * CALLS) % tenants;
    const calls = governed.slice(first, first + CALLS);
    const ours = await microseconds(calls);
    const bare = await microseconds(ungoverned.slice(first, first + CALLS));
    const theirs = await microseconds(new Array<Call>(SDK_CALLS).fill(sdk));
    if (round < 0) continue;
    own.push(ours - bare);
    sdks.push(theirs);
  }
  const sorted = own.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
  note(
    `middleware: ${at(0.5)} µs a call (quartiles ${at(0.25)} and ${at(0.75)}) with ${tenants} profiles and tenants; the SDK's Converse ${median(sdks).toFixed(0)} µs; medians of ${rounds} rounds`,
  );
  figure('middleware_us_median', median(own), { atMost: 5 });
  figure('middleware_share_of_sdk', median(own) / median(sdks), { atMost: 0.02 });
}

async function microseconds(calls: readonly Call[]): Promise<number> {
  const began = process.hrtime.bigint();
  for (const call of calls) await call();
  return Number(process.hrtime.bigint() - began) / 1_000 / calls.length;
}

const OUTPUT = { ...(JSON.parse(ANSWER) as object), $metadata: { httpStatusCode: 200, attempts: 1 } };
const RESULT = { output: OUTPUT, response: { statusCode: 200, headers: {} } };
const answer = async (_args: unknown): Promise<typeof RESULT> => RESULT;
const INPUT = { modelId: MODEL, ...QUESTION };

const SIGNED: SelectedHttpAuthScheme = {
  httpAuthOption: { schemeId: 'aws.auth#sigv4', signingProperties: { region: REGION } },
  identity: {},
  signer: { sign: async (request) => request },
};

/** What the SDK makes of {@link INPUT}: the request of each call is one of its own. */
const PATH = `/model/${encodeURIComponent(MODEL)}/converse`;

/** A call through the middlewares alone, composed anew for each call as the SDK does. */
function throughMiddlewares({ admission, attempt }: GovernedCalls): Call {
  return () => {
    const context = { commandName: 'ConverseCommand', __smithy_context: { selectedHttpAuthScheme: SIGNED } };
    const attempted = attempt(answer, context);
    return admission<typeof INPUT, typeof OUTPUT>(attempted, context)({ input: INPUT, request: { path: PATH } });
  };
}

/** The same caller without them. */
function throughNothing(calls: { readonly answer: typeof answer }): Call {
  return () => {
    const context = { commandName: 'ConverseCommand', __smithy_context: { selectedHttpAuthScheme: SIGNED } };
    return calls.answer({ context, input: INPUT, request: { path: PATH } });
  };
}

function shuffled(count: number): number[] {
  const numbers = [...new Array(count).keys()];
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [numbers[last], numbers[other]] = [numbers[other] ?? 0, numbers[last] ?? 0];
  }
  return numbers;
}
