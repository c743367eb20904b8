import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { knownNames } from '../../../aws/known-names.ts';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { unfamiliarNames } from '../../../domain/policy/unfamiliar-names.ts';

const price = { from: '2026-01-01', input: '1 USD', output: '2 USD' };

function doubtsOf(parts: object): string[] {
  const reading = readPolicy({
    version: 1,
    regions: ['us-east-1'],
    tenantTag: 'tenant',
    tags: { required: { tenant: {} } },
    ...parts,
  });
  if (reading.kind !== 'valid') throw new Error(JSON.stringify(reading.problems));
  return unfamiliarNames(reading.policy, knownNames()).map(({ place, text }) => `${place}: ${text}`);
}

const NEW = 'If it is new, that is no matter.';

describe('names of a policy that are not known', () => {
  it('are Regions that were mistyped, with those that are near', () => {
    expect(
      doubtsOf({
        regions: ['us-esat-1', 'eu-west-1'],
        prices: [{ model: 'amazon.nova-lite-v1:0', region: 'eu-wets-1', ...price }],
      }),
    ).toEqual([
      `regions[0]: this version knows no Region us-esat-1; near: us-east-1. ${NEW}`,
      `prices[0].region: this version knows no Region eu-wets-1; near: eu-west-1. ${NEW}`,
    ]);
  });

  it('are models that were mistyped, wherever they are', () => {
    expect(
      doubtsOf({
        prices: [{ model: 'amazon.nova-light-v1:0', ...price }],
        fallbacks: { 'amazon.nova-pro-v1:0': 'amazon.nova-lit-v1:0' },
        profiles: { models: ['amazon.nova-micor-v1:0', 'amazon.nvoa-*', 'amazon.nova-*'] },
        declaredProfiles: [{ for: { tenant: ['acme'] }, models: ['us.amazon.nova-pr-v1:0', 'amazon.nova-pro-v1:0'] }],
      }).map((doubt) => doubt.replace(/^(\S+) .* model (\S+); near: (.*)\. If .*$/, '$1 $2 $3')),
    ).toEqual([
      'prices[0].model: amazon.nova-light-v1:0 amazon.nova-lite-v1:0',
      'fallbacks.amazon.nova-pro-v1:0: amazon.nova-lit-v1:0 amazon.nova-lite-v1:0',
      'profiles.models[0]: amazon.nova-micor-v1:0 amazon.nova-micro-v1:0',
      `profiles.models[1]: the price list has no model amazon.nvoa-*. ${NEW}`,
      'declaredProfiles[0].models[0]: us.amazon.nova-pr-v1:0 amazon.nova-pro-v1:0',
    ]);
  });

  it('are no models that the list has by another spelling, nor new ones whose price the policy states', () => {
    expect(
      doubtsOf({
        prices: [
          { model: 'anthropic.claude-sonnet-9', ...price },
          { model: 'amazon.nova-lite-v7:0', ...price },
          { model: 'acme.moonbase-v1:0', ...price },
        ],
        fallbacks: { 'anthropic.claude-sonnet-9': 'amazon.nova-lite-v7:0' },
        profiles: { models: ['anthropic.claude-sonnet-4-6', 'acme.moonbase*', 'mistral.*'] },
        declaredProfiles: [
          { for: { tenant: ['acme'] }, models: ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'acme.moonbase-v1:0'] },
        ],
      }),
    ).toEqual([]);
  });

  it('are no Regions that the AWS SDK knows', async () => {
    const source = await readFile(createRequire(import.meta.url).resolve('@aws-sdk/core/client'), 'utf8');
    const known = [...source.matchAll(/"([a-z]+(?:-[a-z]+)+-\d)": \{\s*"description"/g)].map(([, name]) => name);
    expect(known.length).toBeGreaterThan(30);
    expect([...knownNames().regions].sort()).toEqual(known.sort());
  });
});
