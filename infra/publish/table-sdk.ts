import type { Plugin } from 'esbuild';

const PACKAGE = '@aws-sdk/client-dynamodb';

/** Of the module that this makes up. */
export const NAMESPACE = 'table-sdk';

/** All that the helper uses of the package. The build fails where it uses something else. */
const USED = [
  'BatchGetItemCommand',
  'ConditionalCheckFailedException',
  'DescribeTableCommand',
  'DynamoDBClient',
  'GetItemCommand',
  'paginateQuery',
  'PutItemCommand',
  'QueryCommand',
  'UpdateItemCommand',
];

/**
 * Lets the published helper load AWS's client for the table by `require`.
 *
 * The package is CommonJS. When an ES module imports it, Node first searches all of its text for the names of its exports,
 * which takes longer than running it. So the names that the helper uses become variables of a module, filled before what
 * uses them is loaded. Where a bundler has put the helper into a file of its own, `import()` is right, because the bundler
 * has seen it and put the package beside it.
 */
export const tableSdkByRequire: Plugin = {
  name: 'table-sdk-by-require',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${PACKAGE}$`) }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'names', namespace: NAMESPACE } : undefined,
    );
    build.onLoad({ filter: /^names$/, namespace: NAMESPACE }, () => ({ contents: NAMES }));
    build.onLoad({ filter: /[\\/]invoke[\\/]table-sdk\.ts$/ }, ({ path }) => ({
      contents: LOADER,
      resolveDir: path.replace(/[\\/][^\\/]*$/, ''),
    }));
  },
};

const NAMES = `
export let ${USED.join(', ')};
export const use = (sdk) => { ({ ${USED.join(', ')} } = sdk); };
`;

/** Without an import of `createRequire`: bundles often have a line of their own that declares this name. */
const LOADER = `
import { use } from '${PACKAGE}';
import { namesOf } from '../aws/sdk-names.ts';

export async function loadTableSdk() {
  use(required() ?? namesOf(await import('${PACKAGE}')));
}

function required() {
  try {
    if (/\\/bedrock-cost-governor\\/[\\w-]+\\.js$/.test(import.meta.url)) return process.getBuiltinModule('node:module').createRequire(import.meta.url)('${PACKAGE}');
  } catch {}
}
`;
