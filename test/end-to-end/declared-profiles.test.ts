import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListInferenceProfilesCommand } from '@aws-sdk/client-bedrock';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { governor, ROOT } from '../cli/command.ts';
import { DeployedGovernor, NOVA_PRO } from './deployed-governor.ts';

const DECLARATION = `
declaredProfiles:
  - for: { tenant: [lakeside] }
    tags: { dept: claims, team: intake, app: triage, environment: prod, costcenter: cc-1042 }
    models: [${NOVA_PRO}]
`;

let stack: DeployedGovernor;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'governor-declared-'));
  // AWS's clock is far from this machine's, as with npm start -- --keep.
  stack = await DeployedGovernor.start('2027-03-10T09:00:00Z');
  await stack.stopSweeping();
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true });
});

it('a declared profile is made, governed from its first event on, and spent from by the helper', async () => {
  const file = join(folder, 'governance.yaml');
  await writeFile(file, (await readFile(join(ROOT, 'examples/insurer/governance.yaml'), 'utf8')) + DECLARATION);
  const args = ['--policy', file, '--table', stack.table];
  expect(await governor(stack.aws.environment(), 'apply', '--yes', ...args).ended).toMatchObject({
    code: 0,
    stderr: '',
  });
  await stack.aws.settled();

  const { inferenceProfileSummaries: profiles = [] } = await stack.bedrock.send(
    new ListInferenceProfilesCommand({ typeEquals: 'APPLICATION' }),
  );
  expect(profiles.map(({ inferenceProfileName }) => inferenceProfileName)).toEqual(['lakeside-amazon-nova-pro-v1-0']);
  const entry = await stack.indexEntry(profiles[0]?.inferenceProfileArn ?? '');
  expect(entry).toMatchObject({ copyFrom: NOVA_PRO, standing: { state: 'open' } });
  expect(entry?.tags).not.toHaveProperty('governor:copy-from');
  const tenant = stack.tenant({ tenant: 'lakeside' });
  expect((await tenant.call(NOVA_PRO, 'Summarise this claim.')).usage?.totalTokens).toBeGreaterThan(0);
  await tenant.close();

  const { writes, stop } = stack.watchWrites();
  expect(await stack.sweep()).toMatchObject({ profiles: 1 });
  stop();
  expect(writes.filter(({ what }) => what.startsWith('bedrock'))).toEqual([]);
  expect(await governor(stack.aws.environment(), 'plan', '--detailed-exitcode', ...args).ended).toMatchObject({
    code: 0,
  });
});
