import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CelEngine, type Engine, TemplateFile } from '@aws/cloudformation-validate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packagedRegions } from './packaged-regions.ts';
import { type PackagedTemplate, packagedTemplate } from './packaged-template.ts';

/** AWS's own resource specification and rules, as its validator ships them. */
let engine: Engine;
let packaged: Awaited<ReturnType<typeof packagedTemplate>>;
let regions: Awaited<ReturnType<typeof packagedRegions>>;
let folder: string;
beforeAll(async () => {
  engine = new CelEngine();
  packaged = await packagedTemplate();
  regions = await packagedRegions();
  folder = await mkdtemp(join(tmpdir(), 'planted-'));
});
afterAll(async () => {
  engine.free();
  await regions.remove();
  await rm(folder, { recursive: true });
});

/** Only a warning to the validator, because AWS adds values; whoever uses a new one has to update the validator. */
const UNLISTED_VALUE = 'W3030';

const problemsOf = (path: string, region = 'us-east-1'): string[] =>
  engine
    .validateStandard(new TemplateFile(path), { pseudoParameterOverrides: { region } })
    .diagnostics.filter(
      ({ severity, ruleId }) => severity === 'ERROR' || severity === 'FATAL' || ruleId === UNLISTED_VALUE,
    )
    .map(({ ruleId, message }) => `${ruleId} ${message}`);

async function withFault(plant: (resources: PackagedTemplate['Resources']) => void): Promise<string[]> {
  const faulty = structuredClone(packaged.template);
  plant(faulty.Resources);
  const path = join(folder, 'template.json');
  await writeFile(path, JSON.stringify(faulty));
  return problemsOf(path);
}

describe("AWS's validator of templates", () => {
  it('finds nothing wrong with the packaged template', () => {
    expect(problemsOf(packaged.path)).toEqual([]);
  });

  it('finds nothing wrong with those of several Regions, of a payer and under a key of the customer', () => {
    const all = [regions.home, ...regions.further];
    expect(all.map(({ name, region }) => [name, region])).toEqual([
      ['home', 'eu-west-1'],
      ['region-us-east-1', 'us-east-1'],
      ['region-us-west-2', 'us-west-2'],
      ['payer', 'us-east-1'],
    ]);
    expect(all.map(({ name, path, region }) => [name, problemsOf(path, region)])).toEqual(
      all.map(({ name }) => [name, []]),
    );
  });

  it.each<[string, string, (properties: Record<string, unknown>) => void]>([
    ['a misspelt property', 'UndeliveredForwardsQueue', (queue) => Object.assign(queue, { Retention: 1 })],
    ['a property that is missing', 'ForwardRole', (role) => Reflect.deleteProperty(role, 'AssumeRolePolicyDocument')],
    [
      'a reference to nothing',
      'UndeliveredForwardsAlarm',
      (alarm) => Object.assign(alarm, { AlarmActions: [{ Ref: 'X' }] }),
    ],
  ])('finds %s in the template of a further Region', async (_, logicalId, plant) => {
    for (const { template, region, name } of regions.further) {
      const faulty = structuredClone(template);
      plant(faulty.Resources[logicalId]?.Properties ?? {});
      const path = join(folder, `${name}.json`);
      await writeFile(path, JSON.stringify(faulty));
      expect([name, problemsOf(path, region)]).not.toEqual([name, []]);
    }
  });

  it.each<[string, string, (properties: Record<string, unknown>) => void]>([
    ['a misspelt property', 'GovernorTable', (table) => Object.assign(table, { BilingMode: 'PAY_PER_REQUEST' })],
    ['a value that is not allowed', 'SweepLambdaFunction', (fn) => Object.assign(fn, { Architectures: ['arm'] })],
    ['a property that is missing', 'SweepRole', (role) => Reflect.deleteProperty(role, 'AssumeRolePolicyDocument')],
    [
      'a reference to nothing',
      'SweepStalledAlarm',
      (alarm) => Object.assign(alarm, { AlarmActions: [{ Ref: 'Topic' }] }),
    ],
    ['a wrong type', 'SweepStalledAlarm', (alarm) => Object.assign(alarm, { Period: 'five minutes' })],
  ])('finds %s', async (_, logicalId, plant) => {
    const problems = await withFault((resources) => {
      const properties = resources[logicalId]?.Properties;
      if (typeof properties !== 'object' || properties === null) throw new Error(`there is no ${logicalId}`);
      plant(properties as Record<string, unknown>);
    });
    expect(problems).not.toEqual([]);
  });
});
