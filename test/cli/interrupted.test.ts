import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { overridesTable } from '../../aws/dynamodb/overrides-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { wasInterrupted } from '../../cli/interruption.ts';
import { writeTogether } from '../../cli/written-files.ts';
import { epochMs } from '../../domain/clock.ts';
import type { Call, JsonObject } from '../../local/service.ts';
import { DeployedGovernor, FUNCTIONS, PREFIX } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const EXAMPLE = 'examples/insurer/governance.yaml';
const BUDGET = 'tenant-monthly/alpine-re';
const NOTHING = { code: 130, signal: null, stdout: '', stderr: 'Interrupted: nothing was changed.\n' };

describe('Ctrl-C', () => {
  let stack: DeployedGovernor;
  let folder: string;
  const command = (...args: string[]) => governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, ...args);
  const lasting = async () =>
    (await overridesTable(stack.dynamodb, stack.table).lasting(epochMs(stack.aws.clock.now()))).map(
      ({ change, reason }) => `${change.kind}: ${reason}`,
    );

  /** Presses Ctrl-C while AWS takes its time with the first request of this kind. */
  async function interrupted(isMeant: (call: Call, input: JsonObject) => boolean, ...args: string[]) {
    let answer = (): void => {};
    const answered = new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
    });
    let stop = (): void => {};
    const asked = new Promise<void>((resolve) => {
      stop = stack.aws.intercept((call, input) => {
        if (!isMeant(call, input)) return undefined;
        resolve();
        return answered;
      });
    });
    const run = command(...args);
    const isEnded = run.ended.then((ending) => {
      throw new Error(`it ended before: ${JSON.stringify(ending)}`);
    });
    await Promise.race([asked, isEnded]);
    isEnded.catch(() => {});
    run.signal('SIGINT');
    await run.complained('Interrupted');
    stop();
    answer();
    return await run.ended;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-interrupted-'));
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    const policy = z.record(z.string(), z.unknown()).parse(parse(await readFile(EXAMPLE, 'utf8')));
    await policyTable(stack.dynamodb, stack.table).apply({ ...policy, regions: ['us-east-1'] });
    await stack.inRegion('us-east-1').bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: 'alpine',
        modelSource: { copyFrom: 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0' },
        tags: Object.entries(ALPINE_RE).map(([key, value]) => ({ key, value })),
      }),
    );
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
    await writeFile(join(folder, 'event.json'), JSON.stringify({ source: 'aws.events', detail: {} }));
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true });
  });

  it.each([
    [['status']],
    [['tenants']],
    [['profiles']],
    [['overrides']],
    [['shadow']],
    [['audit']],
    [['report']],
    [['doctor']],
    [['plan', '--policy', EXAMPLE]],
    [['prices', 'check']],
    // These write, and have not yet: they ask who calls, or how things are, before anything else.
    [['apply', '--yes', '--policy', EXAMPLE]],
    [['disable', '--budget', BUDGET, '--for', '1h', '--reason', 'x']],
    [['enable', '--tenant', 'alpine-re', '--for', '1h', '--reason', 'x']],
    [['raise', '--budget', BUDGET, '--by', '1 USD', '--for', '1h', '--reason', 'x']],
    [['take-back', 'abcdef', '--reason', 'x']],
    [['recover', '--yes']],
    [['invoke', '--model', 'amazon.nova-pro-v1:0', '--tag', 'tenant=alpine-re']],
  ])('ends %j at its first request, with 130 and nothing changed', async (args) => {
    expect(await interrupted(() => true, ...args)).toEqual(NOTHING);
    expect(await lasting()).toEqual([]);
  });

  it('ends replay while it reads, with 130 and nothing changed', async () => {
    expect(await interrupted(() => true, 'replay', join(folder, 'event.json'))).toEqual(NOTHING);
  });

  it('ends guard before it has an account, with an empty folder', async () => {
    const out = join(folder, 'guard');
    expect(await interrupted(() => true, 'guard', '--policy', EXAMPLE, '--out', out)).toEqual(NOTHING);
    await expect(readdir(out)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('before an override is kept leaves none, and says so', async () => {
    const disable = ['disable', '--budget', BUDGET, '--for', '1h', '--reason', 'too late'];
    const isLook = ({ operation }: Call, input: JsonObject) =>
      operation === 'GetItem' && JSON.stringify(input).includes('standing#budget');
    expect(await interrupted(isLook, ...disable)).toMatchObject({
      code: 130,
      stdout: '',
      stderr: expect.stringMatching(/^Interrupted: .*\nNothing was changed\.\n$/),
    });
    expect(await lasting()).toEqual([]);
    expect((await stack.ledger(BUDGET, '2026-11'))?.standing).toBe('open');
  });

  it('after it is kept finishes it, and a take-back likewise: the ledger is never left behind', async () => {
    const isKeeping = ({ operation }: Call, input: JsonObject) =>
      operation === 'PutItem' && JSON.stringify(input).includes('standing#budget');
    const disable = ['disable', '--budget', BUDGET, '--for', '1h', '--reason', 'a leaked key'];
    const kept = await interrupted(isKeeping, ...disable);
    expect(kept).toMatchObject({ code: 130, stdout: expect.stringContaining(`${BUDGET} 2026-11: closed`) });
    expect(await lasting()).toEqual(['disable: a leaked key']);
    expect((await stack.ledger(BUDGET, '2026-11'))?.standing).toBe('closed');

    const [override] = await overridesTable(stack.dynamodb, stack.table).lasting(epochMs(stack.aws.clock.now()));
    const isDeleting = ({ operation }: Call) => operation === 'DeleteItem';
    const taken = await interrupted(isDeleting, 'take-back', override?.id ?? '', '--reason', 'it was none');
    expect(taken).toMatchObject({ code: 130, stdout: expect.stringMatching(/^taken back: disable/) });
    expect(await lasting()).toEqual([]);
    expect((await stack.ledger(BUDGET, '2026-11'))?.standing).toBe('open');
  });

  it('lets redrive end with the letter in hand: its function was called, and the others stay', async () => {
    const { endpoint, homeRegion: region } = stack.aws;
    const credentials = { accessKeyId: 'operator', secretAccessKey: 'not-verified' };
    const sqs = new SQSClient({ endpoint, region, credentials });
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${PREFIX}-failed-invocations` }));
    for (const functionName of [FUNCTIONS.budgetHint, FUNCTIONS.profileChanged]) {
      const functionArn = `arn:aws:lambda:${region}:${stack.aws.accountId}:function:${functionName}`;
      const MessageBody = JSON.stringify({ requestContext: { functionArn }, requestPayload: {} });
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    }
    await stack.aws.clock.advance(1_000);
    const ending = await interrupted(({ operation }) => operation === 'Invoke', 'redrive');
    expect(ending).toMatchObject({
      code: 130,
      stdout: expect.stringMatching(/^failed-invocations: 1 redriven\n.*\n {2}about 1 are left: /m),
      stderr: 'Interrupted: it ends with the letter in hand. The same command goes on from there.\n',
    });
  });
});

describe('files that belong together', () => {
  it('are all there after Ctrl-C in the middle, and nothing else is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'governor-files-'));
    const names = ['a.json', 'b.json', 'c.json'];
    const writing = writeTogether(names.map((name) => ({ path: join(folder, name), text: name })));
    process.emit('SIGINT');
    await writing;
    expect((await readdir(folder)).sort()).toEqual(names);
    expect(wasInterrupted()).toBe(true);
    await rm(folder, { recursive: true });
  });
});
