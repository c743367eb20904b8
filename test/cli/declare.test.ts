import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BedrockClient,
  CreateInferenceProfileCommand,
  ListTagsForResourceCommand,
  paginateListInferenceProfiles,
} from '@aws-sdk/client-bedrock';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { clientConfig } from '../aws/client-config.ts';
import { governor, ROOT } from './command.ts';

const TABLE = 'governor-test';
const DECLARATION = `
declaredProfiles:
  - for: { tenant: [alpine-re, lakeside] }
    tags: { dept: claims, team: intake, app: triage, environment: prod, costcenter: cc-1042 }
    models: [amazon.nova-pro-v1:0, us.anthropic.claude-sonnet-4-5-20250929-v1:0]
`;
const NAMES = [
  'alpine-re-amazon-nova-pro-v1-0',
  'alpine-re-us-anthropic-claude-sonnet-4-5-20250929-v1-0',
  'lakeside-amazon-nova-pro-v1-0',
  'lakeside-us-anthropic-claude-sonnet-4-5-20250929-v1-0',
];

describe('npm run governor', () => {
  let folder: string;
  let example: string;
  let file: string;
  let aws: EmbeddedAws;
  let bedrock: BedrockClient;
  let dynamodb: DynamoDBClient;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-declare-'));
    example = await readFile(join(ROOT, 'examples/insurer/governance.yaml'), 'utf8');
    file = join(folder, 'governance.yaml');
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    await writeFile(file, example + DECLARATION);
    aws = await startEmbeddedAws();
    bedrock = new BedrockClient(clientConfig(aws));
    dynamodb = new DynamoDBClient(clientConfig(aws));
    await dynamodb.send(
      new CreateTableCommand({
        TableName: TABLE,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
      }),
    );
  });
  afterEach(() => aws.close());

  const run = (...args: string[]) =>
    governor({ ...aws.environment(), GOVERNOR_TABLE: TABLE }, ...args, '--policy', file);
  const lines = (stdout: string) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
  async function profiles(): Promise<Map<string, Record<string, string>>> {
    const found = new Map<string, Record<string, string>>();
    for await (const page of paginateListInferenceProfiles({ client: bedrock }, { typeEquals: 'APPLICATION' }))
      for (const { inferenceProfileName = '', inferenceProfileArn } of page.inferenceProfileSummaries ?? []) {
        const { tags = [] } = await bedrock.send(new ListTagsForResourceCommand({ resourceARN: inferenceProfileArn }));
        found.set(inferenceProfileName, Object.fromEntries(tags.map(({ key = '', value = '' }) => [key, value])));
      }
    return found;
  }
  const create = async (name: string, tags: Record<string, string>, model = 'amazon.nova-pro-v1:0') =>
    await bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: name,
        modelSource: { copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${model}` },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
  const LAKESIDE = {
    tenant: 'lakeside',
    dept: 'claims',
    team: 'intake',
    app: 'triage',
    environment: 'prod',
    costcenter: 'cc-1042',
  };

  it('makes and tags no profile under a policy that observes, and says what it would do', async () => {
    await create('made-by-hand', LAKESIDE);
    await writeFile(file, `mode: observe\n${example}${DECLARATION}`);
    const before = await profiles();
    const applied = await run('apply', '--yes').ended;
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    expect(applied.stdout).toContain(`  + ${NAMES[0]} in us-east-1\n`);
    expect(applied.stdout).toContain(
      '\n3 to create, 1 to adopt, 0 as declared. The policy observes: none of this is done to profiles.\n',
    );
    expect(applied.stdout).toContain(`The policy is stored in table ${TABLE}.\n\n0 created, 0 adopted.\n`);
    expect(await profiles()).toEqual(before);
    expect(await policyTable(dynamodb, TABLE).current()).toMatchObject({ mode: 'observe' });

    expect((await run('apply', '--yes').ended).stdout).not.toContain('stored');
    const planned = await run('plan', '--json', '--detailed-exitcode').ended;
    expect(planned.code).toBe(2);
    expect(lines(planned.stdout).at(-1)).toEqual({
      type: 'plan',
      changes: false,
      observes: true,
      create: 3,
      adopt: 1,
      keep: 0,
      conflict: 0,
      surplus: 0,
    });
  });

  it('plans without changing anything, applies what it planned, and then has nothing to do', async () => {
    await create('made-by-hand', LAKESIDE);
    const planned = await run('plan', '--detailed-exitcode').ended;
    expect(planned).toMatchObject({ code: 2, stderr: '' });
    expect(planned.stdout).toContain(`  ~ policy in table ${TABLE}: this file is stored\n`);
    expect(planned.stdout).toContain(`  + ${NAMES[0]} in us-east-1\n`);
    expect(planned.stdout).toContain(`  ~ ${NAMES[2]} in us-east-1\n`);
    expect(planned.stdout).toContain(
      '\nWhat AWS Budgets only approximates:\n  - tenant-monthly: AWS counts each month in UTC',
    );
    expect(planned.stdout).toContain('\n3 to create, 1 to adopt, 0 as declared.\n');
    expect([...(await profiles()).keys()]).toEqual(['made-by-hand']);
    await expect(policyTable(dynamodb, TABLE).current()).rejects.toMatchObject({ code: 'NoPolicy' });

    const applied = await run('apply', '--yes').ended;
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    expect(applied.stdout).toContain('\n3 created, 1 adopted.\n');
    const made = await profiles();
    expect([...made.keys()].sort()).toEqual([NAMES[0], NAMES[1], NAMES[3], 'made-by-hand'].sort());
    expect(made.get('made-by-hand')).toEqual({ ...LAKESIDE, 'governor:copy-from': 'amazon.nova-pro-v1:0' });
    expect(made.get(NAMES[3] ?? '')).toEqual({
      ...LAKESIDE,
      'governor:copy-from': 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    });
    expect((await policyTable(dynamodb, TABLE).current()).declaredProfiles).toHaveLength(1);

    const writes: string[] = [];
    aws.observe((seen) => {
      if (seen.kind === 'request' && !/Get|List/.test(seen.call.operation)) writes.push(seen.call.operation);
    });
    expect(await run('plan', '--detailed-exitcode').ended).toMatchObject({ code: 0 });
    const again = await run('apply', '--yes').ended;
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain('0 to create, 0 to adopt, 4 as declared. Nothing to do.\n');
    expect(writes).toEqual([]);
  });

  it('makes each profile once where two apply at the same time', async () => {
    const ends = await Promise.all([run('apply', '--yes').ended, run('apply', '--yes').ended]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect([...(await profiles()).keys()].sort()).toEqual([...NAMES].sort());
  });

  it('shows what is surplus and deletes nothing', async () => {
    await run('apply', '--yes').ended;
    await writeFile(file, example);
    const { code, stdout } = await run('apply', '--yes').ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`  ? ${NAMES[0]} in us-east-1\n`);
    expect(stdout).toContain('0 to create, 0 to adopt, 0 as declared, 4 surplus.\n');
    expect((await profiles()).size).toBe(4);
  });

  it('makes what it can where a name is taken, and says that not all is as declared', async () => {
    await create(NAMES[0] ?? '', { tenant: 'harbor-mutual' });
    const { code, stdout } = await run('apply', '--yes').ended;
    expect(code).toBe(1);
    expect(stdout).toContain(`  ! ${NAMES[0]} in us-east-1\n`);
    expect(stdout).toContain('\n3 created, 0 adopted.\n');
    expect((await profiles()).get(NAMES[0] ?? '')).toEqual({ tenant: 'harbor-mutual' });
  });

  it('tells programs in lines of JSON', async () => {
    const plan = lines((await run('plan', '--json').ended).stdout);
    const types = plan.map(({ type }) => type);
    expect(types.filter((type) => type !== 'approximation')).toEqual([
      'policy',
      'profile',
      'profile',
      'profile',
      'profile',
      'stack',
      'plan',
    ]);
    // Nothing is deployed here: that is no reason to think that the roles may write everything, or nothing.
    expect(plan.find(({ type }) => type === 'stack')).toMatchObject({
      kind: 'unknown',
      because: expect.stringContaining('there is no parameter'),
      advice: expect.stringContaining('is not known'),
    });
    expect(plan.filter(({ type }) => type === 'approximation')[0]).toEqual({
      type: 'approximation',
      budget: 'tenant-monthly',
      text: expect.stringContaining('AWS counts each month in UTC, and the policy in Europe/Zurich'),
    });
    expect(plan[1]).toEqual({
      type: 'profile',
      action: 'create',
      name: NAMES[0],
      region: 'us-east-1',
      model: 'amazon.nova-pro-v1:0',
      tags: { ...LAKESIDE, tenant: 'alpine-re' },
    });
    expect(plan.at(-1)).toEqual({
      type: 'plan',
      changes: true,
      observes: false,
      create: 4,
      adopt: 0,
      keep: 0,
      conflict: 0,
      surplus: 0,
    });
    const applied = lines((await run('apply', '--json', '--yes').ended).stdout);
    expect(applied.filter(({ type }) => type === 'applied')).toHaveLength(4);
    expect(applied.at(-1)).toEqual({ type: 'end', created: 4, adopted: 0, notDone: 0, left: 0 });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends with the action under way on %s, and goes on from there',
    async (signal) => {
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      let begun = () => {};
      const isBegun = new Promise<void>((resolve) => {
        begun = resolve;
      });
      let creations = 0;
      aws.intercept(async ({ operation }) => {
        if (operation !== 'CreateInferenceProfile' || ++creations !== 2) return undefined;
        begun();
        await held;
        return undefined;
      });
      const command = run('apply', '--yes');
      await isBegun;
      command.signal(signal);
      await command.printed('Ends after the request under way');
      release();
      const { code, stdout } = await command.ended;
      expect({ code, made: (await profiles()).size }).toEqual({ code: 130, made: 2 });
      expect(stdout).toContain('\n2 created, 0 adopted, 2 left: the same command goes on from here.\n');
      expect((await run('apply', '--yes').ended).code).toBe(0);
      expect([...(await profiles()).keys()].sort()).toEqual([...NAMES].sort());
    },
  );

  it('goes slower where AWS asks for it, and makes everything', async () => {
    let creations = 0;
    aws.intercept(({ operation }) =>
      operation === 'CreateInferenceProfile' && ++creations % 2 === 1
        ? new AwsFault('ThrottlingException', 'Slow down.', 429)
        : undefined,
    );
    expect(await run('apply', '--yes').ended).toMatchObject({ code: 0, stderr: '' });
    expect([...(await profiles()).keys()].sort()).toEqual([...NAMES].sort());
    expect(creations).toBe(8);
  });

  it('says what AWS denies, and how far it came', async () => {
    let creations = 0;
    aws.intercept(({ operation }) =>
      operation === 'CreateInferenceProfile' && ++creations > 1
        ? new AwsFault('AccessDeniedException', 'You may not.', 403)
        : undefined,
    );
    const { code, stdout, stderr } = await run('apply', '--yes').ended;
    expect(code).toBe(1);
    expect(stderr).toBe(
      `AccessDeniedException: creating profile ${NAMES[1]} in us-east-1: You may not.\n  These credentials may not do this: \`aws sts get-caller-identity\` tells whose they are, docs/commands.md what the command needs of IAM.\n`,
    );
    expect(stdout).toContain('\n1 created, 0 adopted, 3 left: the same command goes on from here.\n');
  });

  it('plans nothing where a profile could not be read', async () => {
    await create('made-by-hand', LAKESIDE);
    aws.intercept(({ operation }) =>
      operation === 'ListTagsForResource' ? new AwsFault('AccessDeniedException', 'You may not.', 403) : undefined,
    );
    const { code, stdout, stderr } = await run('apply', '--yes').ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^AccessDeniedException: reading the tags of arn:/);
    await expect(policyTable(dynamodb, TABLE).current()).rejects.toMatchObject({ code: 'NoPolicy' });
  });

  it('refuses declarations that cannot be had, by line and place, and asks nothing of AWS', async () => {
    await writeFile(file, example + DECLARATION.replace('alpine-re, lakeside', 'alpine-re, Lakeside'));
    let requests = 0;
    aws.observe((seen) => seen.kind === 'request' && requests++);
    for (const [args, expected] of [
      [['plan'], 2],
      [['plan', '--detailed-exitcode'], 1],
      [['apply', '--yes'], 2],
    ] as const) {
      const { code, stdout, stderr } = await run(...args).ended;
      expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
      expect(stderr).toMatch(
        /^\S+governance\.yaml:\d+: declaredProfiles\[0\]\.for\.tenant\[1\]: tag "tenant" is "Lakeside" /,
      );
    }
    expect(requests).toBe(0);
  });

  it.each<[string, string[], NodeJS.ProcessEnv, string | RegExp]>([
    ['no command of its own', ['destroy'], {}, "error: unknown command 'destroy'\nAll commands: governor --help\n"],
    [
      'no table',
      ['plan', '--policy', 'x'],
      {},
      /^expected --table <name> or --stage <stage>, or GOVERNOR_TABLE in the environment/,
    ],
    [
      'no policy file',
      ['plan', '--table', 'some-table'],
      {},
      "error: required option '--policy <file>' not specified\nFor instance: governor plan --policy governance.yaml\nAll of it: governor plan --help\n",
    ],
    [
      'a file that is not there',
      ['plan', '--table', 'some-table', '--policy', 'x.yaml'],
      {},
      'x.yaml: there is no such file (ENOENT)\n',
    ],
    [
      'nobody to ask',
      ['apply', '--table', 'some-table', '--policy', 'examples/insurer/governance.yaml'],
      {},
      'expected --yes: nobody can be asked here whether to apply\n',
    ],
    [
      'no Region',
      ['plan', '--table', 'some-table', '--policy', 'examples/insurer/governance.yaml'],
      { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent' },
      /^expected a Region: give --region us-east-1, set AWS_REGION, or name a profile that has one/,
    ],
  ])('refuses %s, and says what to type instead', async (_, args, env, problem) => {
    const { code, stdout, stderr } = await governor(env, ...args).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('explains itself', async () => {
    const { code, stdout } = await governor({}, 'apply', '--help').ended;
    expect(code).toBe(0);
    for (const option of ['--policy <file>', '--table <name>', '--json', '--yes']) expect(stdout).toContain(option);
  });
});
