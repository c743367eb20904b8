import { describe, expect, test } from 'vitest';
import { type ProjectManifest, publishedManifest } from '../../infra/publish/manifest.ts';

const project: ProjectManifest = {
  name: 'bedrock-cost-governor',
  version: '1.2.3',
  description: 'Keeps spend inside budgets.',
  license: 'MIT',
  engines: { node: '^20.19.0 || >=22.12.0' },
  dependencies: {
    '@aws-sdk/client-bedrock-runtime': '3.20.0',
    '@aws-sdk/client-dynamodb': '3.10.0',
    '@aws-sdk/client-ssm': '3.30.0',
    commander: '14.0.0',
  },
  devDependencies: { '@aws-sdk/client-lambda': '1.9.1' },
};

describe('the published package.json', () => {
  // What an app has pinned it keeps: the ranges begin a year before the versions that this project is developed with.
  test('depends on what is used, by how it is used, from the oldest version that it was run with, and on nothing else', () => {
    const manifest = publishedManifest(project, [
      { name: '@aws-sdk/client-dynamodb', kind: 'lazy' },
      { name: '@aws-sdk/client-dynamodb', kind: 'types' },
      { name: '@aws-sdk/client-bedrock-runtime', kind: 'types' },
      { name: '@aws-sdk/client-ssm', kind: 'lazy' },
      { name: '@aws-sdk/client-lambda', kind: 'types' },
    ]);
    expect(manifest).toMatchObject({
      version: '1.2.3',
      dependencies: { '@aws-sdk/client-dynamodb': '^3.939.0' },
      peerDependencies: {
        '@aws-sdk/client-bedrock-runtime': '^3.939.0',
        '@aws-sdk/client-ssm': '^3.939.0',
        '@aws-sdk/client-lambda': '^3.939.0',
      },
      peerDependenciesMeta: { '@aws-sdk/client-ssm': { optional: true }, '@aws-sdk/client-lambda': { optional: true } },
    });
  });

  test('is not made where an import is not declared', () => {
    expect(() => publishedManifest(project, [{ name: 'commander', kind: 'lazy' }])).toThrow(/commander.*not declared/);
  });

  test('is not made where a package that a tenant need not have is loaded with the helper', () => {
    expect(() => publishedManifest(project, [{ name: '@aws-sdk/client-ssm', kind: 'static' }])).toThrow(
      /client-ssm.*import\(\)/,
    );
  });
});
