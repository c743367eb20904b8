process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

/** `npm run bench -- <name> [--full]`: each benchmark prints its figures as lines `figure <name> <value>`. */
const BENCHMARKS: Readonly<Record<string, () => Promise<{ run(full: boolean): Promise<void> }>>> = {
  ledger: () => import('./ledger/ledger-bench.ts'),
  load: () => import('./load/load-bench.ts'),
  profiles: () => import('./profiles/profiles-bench.ts'),
};

const [name = '', ...flags] = process.argv.slice(2);
const load = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
if (load === undefined || flags.some((flag) => flag !== '--full')) {
  process.stderr.write(`usage: npm run bench -- <${Object.keys(BENCHMARKS).join('|')}> [--full]\n`);
  process.exitCode = 2;
} else await (await load()).run(flags.includes('--full'));
