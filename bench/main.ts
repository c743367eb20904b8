import { parseArgs } from 'node:util';

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

interface Benchmark {
  /** Names of what can be run alone with `--only`. */
  readonly PARTS?: readonly string[];
  run(full: boolean, only?: string): Promise<void>;
}

/**
 * `npm run bench -- <name> [--full] [--only <part>]`: each benchmark prints its figures as lines `figure <name> <value>`,
 * and ends with 1 where one of them misses its bound.
 */
const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  ledger: () => import('./ledger/ledger-bench.ts'),
  load: () => import('./load/load-bench.ts'),
  invoke: () => import('./invoke/invoke-bench.ts'),
  package: () => import('./package/package-bench.ts'),
  profiles: () => import('./profiles/profiles-bench.ts'),
  signals: () => import('./signals/signals-bench.ts'),
  soak: () => import('./soak/soak-bench.ts'),
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { full: { type: 'boolean', default: false }, only: { type: 'string' } },
    allowPositionals: true,
  });
  const [name = ''] = positionals;
  const load = positionals.length === 1 && Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (load === undefined) throw new Error(`name a benchmark: ${Object.keys(BENCHMARKS).join(', ')}`);
  const benchmark = await load();
  const { only } = values;
  if (only !== undefined && benchmark.PARTS?.includes(only) !== true)
    throw new Error(`--only: ${name} has the parts ${benchmark.PARTS?.join(', ') ?? 'none'}`);
  await benchmark.run(values.full, only);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
