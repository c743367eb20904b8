/** The dependency rule of docs/architecture.md, as a machine checks it: `npm run check:dependencies`. */
const only = (folder, allowed) => ({
  name: `${folder}-depends-only-on-${allowed.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: {
    path: '^(domain|handlers|aws|invoke|local|cli|infra|bench|simulation|test|examples)/',
    pathNot: `^(${[folder, ...allowed].join('|')})/`,
  },
});

module.exports = {
  forbidden: [
    only('domain', []),
    only('aws', ['domain']),
    only('handlers', ['aws', 'domain', 'infra']),
    only('invoke', ['aws', 'domain']),
    only('infra', ['aws', 'domain']),
    only('cli', ['aws', 'domain', 'invoke', 'local', 'infra']),
    only('local', []),
    {
      ...only('simulation', ['aws', 'domain', 'handlers', 'infra', 'invoke', 'bench']),
      comment: 'The simulated world is no part of the product, and shares nothing with the embedded AWS.',
    },
    {
      name: 'domain-is-pure',
      comment: 'domain/ does no I/O: it may import itself, schema libraries and the Temporal calendar, nothing else.',
      severity: 'error',
      from: { path: '^domain/' },
      to: {
        pathNot: [
          '^domain/',
          '^node_modules/(zod|valibot)/',
          '^node_modules/temporal-polyfill/',
          '^node_modules/temporal-',
        ],
      },
    },
    {
      name: 'local-is-imported-only-by-cli-and-test',
      severity: 'error',
      from: { pathNot: '^(local|cli|test|bench)/' },
      to: { path: '^local/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^(domain|aws|invoke|local)/' }, to: {} },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      // Types only: @types/aws-lambda declares a module that does not exist at run time.
      to: { couldNotResolve: true, pathNot: '^aws-lambda$' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(\\.build|\\.serverless|node_modules/.+/node_modules)' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
