import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notesOf } from '../../cli/command-line.ts';
import { governorProgram, withSubcommands } from '../../cli/program.ts';
import { DeployedGovernor, NOVA_PRO, RULES } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const POLICY = ['--policy', 'examples/insurer/governance.yaml'];

/** The action by which IAM permits an operation. Source: the Service Authorization Reference. */
function actionOf(service: string, operation: string): string | undefined {
  if (operation === 'GetCallerIdentity') return undefined;
  if (service === 'budgets' && operation.startsWith('Describe')) return 'budgets:ViewBudget';
  return `${{ monitoring: 'cloudwatch', tagging: 'tag' }[service] ?? service}:${operation}`;
}

describe('what a command says that it needs of IAM', () => {
  let stack: DeployedGovernor;
  let folder: string;
  let schedule: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-needs-'));
    schedule = join(folder, 'sweep.json');
    const resources = [`arn:aws:events:us-east-1:123456789012:rule/${RULES.sweepSchedule}`];
    await writeFile(schedule, JSON.stringify({ source: 'aws.events', 'detail-type': 'Scheduled Event', resources }));
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    await stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), ALPINE_RE);
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true });
  });

  it.each<[string, () => string[]]>([
    ['status', () => ['alpine-re']],
    ['tenants', () => []],
    ['profiles', () => []],
    ['report', () => []],
    ['audit', () => []],
    ['doctor', () => []],
    ['replay', () => [schedule]],
    ['overrides', () => []],
    ['plan', () => POLICY],
    ['disable', () => ['--tenant', 'alpine-re', '--for', '1h', '--reason', 'x']],
  ])('is all that %s asks of AWS', async (name, args) => {
    const asked = new Set<string>();
    const stop = stack.aws.observe((seen) => {
      if (seen.kind !== 'request' || seen.call.principal.accessKeyId !== 'embedded') return;
      const action = actionOf(seen.call.service, seen.call.operation);
      if (action !== undefined) asked.add(action);
    });
    const { stderr } = await governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, name, ...args())
      .ended;
    stop();
    expect(stderr).toBe('');
    const command = withSubcommands(governorProgram('governor')).find((each) => each.name() === name);
    const needs = (command && notesOf(command)?.needs) ?? [];
    expect(asked.size).toBeGreaterThan(0);
    expect([...asked].filter((action) => !needs.includes(action))).toEqual([]);
  });
});
