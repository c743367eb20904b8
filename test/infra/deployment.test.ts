import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { packagingHelp, readDeployment } from '../../infra/deployment.ts';
import { UserError } from '../../infra/user-error.ts';

const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef';
const SHARED = 'arn:aws:kms:eu-west-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef';

const deployment = (args: readonly string[], policyRegions?: readonly string[]) =>
  readDeployment(args).deployment(policyRegions);

function problemsOf(args: readonly string[], policyRegions?: readonly string[]): readonly string[] {
  try {
    deployment(args, policyRegions);
  } catch (error) {
    if (error instanceof UserError) return error.problems;
    throw error;
  }
  return [];
}

describe('the options of packaging', () => {
  it('are all named by --help, which docs/deploying.md explains', async () => {
    const explained = await readFile('docs/deploying.md', 'utf8');
    const named = packagingHelp().match(/--[a-z-]+(?=[,.])/g) ?? [];
    expect(named.length).toBeGreaterThan(8);
    for (const option of named) expect(explained).toContain(`\`${option}`);
  });

  it('default to a stack of the stage dev that governs its own Region', () => {
    expect(deployment([])).toEqual({
      stage: 'dev',
      homeRegion: 'us-east-1',
      regions: ['us-east-1'],
      payerAccountId: undefined,
      kmsKeys: {},
      logRetentionInDays: 90,
      logLevel: 'INFO',
    });
    expect(deployment(['--region', 'eu-west-1']).regions).toEqual(['eu-west-1']);
  });

  it('say where it is, what it governs, who pays, what encrypts and how long logs are kept', () => {
    const args = [
      '--stage',
      'prod',
      '--region',
      'eu-west-1',
      '--regions',
      'us-west-2, eu-west-1',
      '--regions=eu-north-1',
    ];
    const rest = [
      '--payer-account',
      '999999999999',
      '--kms-key',
      KEY,
      '--log-retention',
      '365',
      '--log-level',
      'DEBUG',
    ];
    expect(deployment([...args, ...rest])).toEqual({
      stage: 'prod',
      homeRegion: 'eu-west-1',
      regions: ['eu-north-1', 'eu-west-1', 'us-west-2'],
      payerAccountId: '999999999999',
      kmsKeys: { 'eu-west-1': KEY },
      logRetentionInDays: 365,
      logLevel: 'DEBUG',
    });
  });

  it('take the parameters that were there before, and the short names of stage and Region', () => {
    const args = ['-s', 'prod', '-r', 'eu-west-1', '--param', 'logRetentionInDays=30', '--param=logLevel=WARN'];
    expect(deployment([...args, '--param', 'payerAccountId=999999999999'])).toMatchObject({
      stage: 'prod',
      homeRegion: 'eu-west-1',
      logRetentionInDays: 30,
      logLevel: 'WARN',
      payerAccountId: '999999999999',
    });
    expect(deployment(['--param', 'payerAccountId=none']).payerAccountId).toBeUndefined();
  });

  it('take the Regions of the policy where they name none, and must name all of these', () => {
    expect(readDeployment(['--policy', 'a.yaml']).policyFile).toBe('a.yaml');
    expect(deployment(['--policy', 'a.yaml'], ['us-west-2', 'eu-west-1']).regions).toEqual(['eu-west-1', 'us-west-2']);
    expect(deployment(['--policy', 'a.yaml', '--regions', 'eu-west-1,us-west-2'], ['us-west-2']).regions).toEqual([
      'eu-west-1',
      'us-west-2',
    ]);
    expect(problemsOf(['--policy', 'a.yaml', '--regions', 'eu-west-1'], ['us-west-2', 'eu-west-1'])).toEqual([
      '--regions: expected every Region of a.yaml: us-west-2 is missing',
    ]);
  });

  it('take a multi-Region key for all Regions, us-east-1 for anomalies included, but where one has a key of its own', () => {
    const regions = ['--region', 'eu-west-1', '--regions', 'eu-west-1,us-west-2,eu-north-1'];
    const own = KEY.replace('eu-west-1', 'eu-north-1');
    expect(deployment([...regions, '--kms-key', SHARED, '--kms-key', own]).kmsKeys).toEqual({
      'eu-west-1': SHARED,
      'us-west-2': SHARED.replace('eu-west-1', 'us-west-2'),
      'eu-north-1': own,
      'us-east-1': SHARED.replace('eu-west-1', 'us-east-1'),
    });
  });

  it.each<[readonly string[], readonly string[]]>([
    [['--stage', 'pro d'], ['--stage: expected letters, digits and "-", such as prod, not "pro d"']],
    [['--stage', ''], ['--stage: expected letters, digits and "-", such as prod, not ""']],
    [['--region', 'Ireland'], ['--region: expected a Region of AWS such as eu-west-1, not "Ireland"']],
    [
      ['--regions', 'eu-west-1,,x'],
      [
        '--regions: expected a Region of AWS such as eu-west-1, or several with commas, not ""',
        '--regions: expected a Region of AWS such as eu-west-1, or several with commas, not "x"',
      ],
    ],
    [
      ['--regions', 'cn-north-1'],
      ['--regions: expected Regions of one partition: cn-north-1 and us-east-1 exchange no events'],
    ],
    [['--payer-account', '12'], ['--payer-account: expected an account id of 12 digits, not "12"']],
    [['--param', 'payerAccountId=12'], ['--payer-account: expected an account id of 12 digits, not "12"']],
    [['--log-level', 'LOUD'], ['--log-level: expected one of DEBUG, INFO, WARN, ERROR, not "LOUD"']],
    [['--kms-key', 'alias/x'], ['--kms-key: expected the ARN of a key (an alias will not do), not "alias/x"']],
    [
      ['--param', 'retention=5'],
      ['--param: expected logRetentionInDays, logLevel, payerAccountId and "=", not "retention=5"'],
    ],
    [
      ['--log-level', 'WARN', '--param', 'logLevel=INFO'],
      ['--log-level: expected one value, and --param logLevel=INFO says another'],
    ],
    [
      ['--region', 'eu-west-1', '--kms-key', KEY.replace('eu-west-1', 'us-east-1')],
      ['--kms-key: expected a key in the Region of the stack, eu-west-1'],
    ],
    [
      ['--region', 'eu-west-1', '--kms-key', KEY, '--kms-key', SHARED],
      ['--kms-key: expected one key in eu-west-1, not two'],
    ],
    [['--kms-key', KEY], [`--kms-key: ${KEY}: expected a key of a governed Region, or of us-east-1`]],
  ])('%j are refused by the place that is wrong', (args, problems) => {
    expect(problemsOf(args)).toEqual(problems);
  });

  it.each([['90.5'], ['91'], ['0'], ['-1'], ['']])('refuse to keep logs for %j days', (days) => {
    expect(problemsOf([`--log-retention=${days}`])).toEqual([
      expect.stringMatching(/^--log-retention: expected days, one of 1, 3, 5, .*, 3653, not /),
    ]);
  });

  it.each([['--verbose'], ['--regoin', 'x'], ['prod'], ['--stage']])('refuse %j, which is no option', (...args) => {
    expect(problemsOf(args)).toEqual([expect.stringContaining(args[0] ?? '')]);
  });

  it('refuse a stage whose roles and rules would have longer names than AWS takes', () => {
    const stage = (length: number) => ['--stage', 's'.repeat(length)];
    expect(problemsOf(stage(16))).toEqual([]);
    expect(problemsOf(stage(17))).toEqual([
      expect.stringMatching(/^--stage: expected a shorter name: .*-profile-changed has/),
    ]);
    const forwarded = ['--regions', 'us-east-1,us-west-2'];
    expect(problemsOf([...stage(12), ...forwarded])).toEqual([]);
    expect(problemsOf([...stage(13), ...forwarded])).toEqual([
      expect.stringContaining('forwarded-profile-tag-changes has'),
    ]);
  });
});
