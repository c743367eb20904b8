import type { Plugin } from 'esbuild';

/**
 * Lambda hands a function its role's credentials in the environment, for as long as the process lives. The SDK would also look
 * for them in files, single sign-on, other processes and metadata services: 100 KB of other clients, and ways in that no
 * function should have. In a function's bundle there is the environment and nothing else.
 */
export const lambdaCredentials: Plugin = {
  name: 'lambda-credentials',
  setup(build) {
    const filter = /^@aws-sdk\/(credential-provider-node|token-providers)$/;
    build.onResolve({ filter }, ({ path, resolveDir }) => ({
      path,
      namespace: 'lambda-credentials',
      pluginData: resolveDir,
    }));
    build.onLoad({ filter, namespace: 'lambda-credentials' }, ({ path, pluginData }) => ({
      contents: MODULES[path] ?? '',
      loader: 'js',
      resolveDir: pluginData,
    }));
  },
};

const MODULES: Readonly<Record<string, string>> = {
  '@aws-sdk/credential-provider-node': `
    import { fromEnv } from '@aws-sdk/credential-provider-env';
    export const defaultProvider = (init) => fromEnv(init);
  `,
  // Bedrock takes bearer tokens as well. A function has a role.
  '@aws-sdk/token-providers': `
    const none = () => async () => {
      throw new Error('A function has the credentials of its role, and no bearer token.');
    };
    export { none as fromEnvSigningName, none as nodeProvider };
  `,
};
