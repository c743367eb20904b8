import type { Tags } from '../domain/tags.ts';
import { BoundPlugins } from './bound-plugins.ts';
import { checkConfig } from './checked-config.ts';
import type { CostGovernorConfig, GovernorSnapshot } from './config.ts';
import { isFree } from './free-commands.ts';
import type { Governing } from './governing.ts';
import { Observation } from './observation.ts';
import { type GovernedCalls, type GovernorPlugin, type Preparation, pluginOf } from './plugin.ts';
import { atProcessEnd } from './process-end.ts';
import { loadTableSdk } from './table-sdk.ts';

export interface CostGovernor extends GovernorPlugin {
  /**
   * The same governor bound to further tags, for servers that call for many tenants: leases and index are shared. A tag that
   * `tags` binds keeps its value, whatever is named here.
   *
   * @throws {TypeError} for a value that is no text
   */
  for(tags: Tags): GovernorPlugin;
  /** How things stand in this process, for a health page. */
  snapshot(): GovernorSnapshot;
  /** Reports all spending to the ledger, returns unused money, and writes the usage records. For the end of a batch, or before a long pause. */
  flush(): Promise<void>;
  /** Like {@link flush}, and ends the background work. Calls after it are refused; what was in flight is reported by a further {@link flush}. The end of the program, SIGTERM and SIGINT do the same; a kill does not. */
  close(): Promise<void>;
}

/**
 * Governs the calls of a Bedrock runtime client: each is admitted against the budgets that cover its profile before it
 * is sent, and metered when it returns. A call that is not admitted fails with a {@link GovernorRefusal}.
 *
 * ```ts
 * const client = new BedrockRuntimeClient({});
 * client.middlewareStack.use(costGovernor({ table: 'bedrock-cost-governor-prod', tags: { tenant: 'acme', app: 'chat' } }));
 * await client.send(new ConverseCommand({ modelId: 'amazon.nova-lite-v1:0', messages }));
 * ```
 *
 * @throws {TypeError} for a table or tags that are none
 * @throws {RangeError} for a number out of its bounds
 */
export function costGovernor(config: CostGovernorConfig): CostGovernor {
  checkConfig(config);
  // Copied: whoever changes the object later changes nobody's tags, and what is found for it stays right.
  const own = { ...config, tags: Object.freeze({ ...config.tags }) };
  let isClosed = false;
  let governing: Governing | undefined;
  let loading: Promise<Governing> | undefined;
  const load = async (): Promise<Governing> => {
    loading ??= start(own, () => isClosed).catch((error: unknown) => {
      // The next call tries anew.
      loading = undefined;
      throw error;
    });
    governing = await loading;
    if (isClosed) governing.stop();
    return governing;
  };
  const plugins = new BoundPlugins(own.tags, (tags) => {
    const calls = callsOf(() => governing, load, tags);
    return pluginOf(calls, () => (loading === undefined ? prepareBy(load, tags, calls.isTheirs) : undefined));
  });
  // What could not be loaded has spent nothing: the call that began it says why.
  const begun = async () => await loading?.catch(() => undefined);
  const flush = async () => await (await begun())?.flush();
  const forgetProcessEnd = atProcessEnd(flush);
  return {
    ...plugins.for({}),
    for: (tags) => plugins.for(tags),
    flush,
    snapshot: () => governing?.snapshot() ?? BEFORE_THE_FIRST_CALL,
    async close() {
      isClosed = true;
      forgetProcessEnd();
      const started = await begun();
      started?.stop();
      await started?.flush();
    },
  };
}

async function start(config: CostGovernorConfig, isClosed: () => boolean): Promise<Governing> {
  await loadTableSdk();
  const table = (await import('./table-access.ts')).openTable(config);
  const { startGoverning } = await import('./governing.ts');
  return await startGoverning(config, table, isClosed);
}

/** @param isTheirs whether a call is admitted under this binding: a plugin of its command stands in for that of the client */
const prepareBy =
  (load: () => Promise<Governing>, tags: Tags, isTheirs: (context: object) => boolean): Preparation =>
  async (context, input) => {
    if (!isTheirs(context) || isFree(context.commandName ?? '', input)) return;
    // What cannot be loaded the call itself comes to again, and says why.
    const governing = await load().catch(() => undefined);
    await governing?.prepare(tags, context, input);
  };

const BEFORE_THE_FIRST_CALL: GovernorSnapshot = {
  index: undefined,
  calls: new Observation(undefined).counts,
  budgets: [],
  openStreams: 0,
};

interface LateCalls extends GovernedCalls {
  /** Whether a call, by its context, is admitted by these. Only of calls that began before they were loaded. */
  isTheirs(context: object): boolean;
}

/** Middlewares that are loaded with the first call that may spend. */
function callsOf(loaded: () => Governing | undefined, load: () => Promise<Governing>, tags: Tags): LateCalls {
  let calls: GovernedCalls | undefined;
  // The SDK puts all middlewares of a call together before it runs the first.
  const theirs = new WeakSet<object>();
  const ready = async (): Promise<GovernedCalls> => {
    const governing = loaded() ?? (await load());
    // After the wait, so that first calls that come together have one: an attempt is found by the admission before it.
    calls ??= governing.calls(tags);
    return calls;
  };
  /** A middleware of a process in which nothing is loaded yet. */
  const unloaded =
    (of: 'admission' | 'attempt'): GovernedCalls['admission'] =>
    (next, context) => {
      theirs.add(context);
      return async (args) =>
        isFree(context.commandName ?? '', args.input)
          ? await next(args)
          : await (await ready())[of](next, context)(args);
    };
  const first = { admission: unloaded('admission'), attempt: unloaded('attempt') };
  return {
    isTheirs: (context) => theirs.has(context),
    admission: (next, context) => (calls ?? first).admission(next, context),
    attempt: (next, context) => (calls ?? first).attempt(next, context),
  };
}
