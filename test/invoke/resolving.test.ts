import {
  ApplyGuardrailCommand,
  CountTokensCommand,
  ListAsyncInvokesCommand,
  StartAsyncInvokeCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { epochMs } from '../../domain/clock.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import { costGovernor, type GovernorEvent } from '../../invoke/index.ts';
import { AwsFault } from '../../local/service.ts';
import {
  ask,
  CALL_COST,
  converse,
  GovernedAws,
  HAIKU,
  http1,
  NOVA_LITE,
  outcomesOf,
  refusalOf,
} from './governed-aws.ts';

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
});
afterEach(() => world.close());

describe.each([
  ['HTTP/2', {}],
  ['HTTP/1.1', http1()],
])('a governed client over %s', (_, handler) => {
  it('sends a call to the profile of its model and tags, and meters it to the token', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1_000_000);
    const profile = await world.profile({ budgets: [budget] });
    await world.profile({ tags: { tenant: 'umbrella', app: 'chat' } });
    const governor = world.governor();
    const answer = await world.runtime(governor, handler).send(converse());
    expect(answer.output?.message?.content?.[0]?.text).toMatch(/^Embedded answer/);
    expect(world.reached).toEqual([{ operation: 'Converse', modelId: profile.arn }]);
    await governor.flush();
    expect(await world.item(budget)).toMatchObject({ settled: BigInt(CALL_COST), leased: 0n, unconfirmed: 0n });
    expect(world.billed).toBe(CALL_COST);
  });
});

describe('what a caller may ask for', () => {
  const us = `us.${NOVA_LITE}`;

  it.each([
    ['a base model', (_: IndexEntry) => NOVA_LITE],
    ['the ARN of a base model', () => `arn:aws:bedrock:us-east-1::foundation-model/${NOVA_LITE}`],
    ['the ARN of the profile', (entry: IndexEntry) => entry.arn],
  ])('is %s', async (_, modelId) => {
    const entry = await world.profile();
    const { client } = world.process();
    await client.send(converse({ modelId: modelId(entry) }));
    expect(world.reached.map((sent) => sent.modelId)).toEqual([entry.arn]);
  });

  it('is a system profile, which only a profile that was copied from one serves', async () => {
    const inRegion = await world.profile({ tags: { tenant: 'acme', app: 'a' } });
    const { client } = world.process();
    expect(await refusalOf(client.send(converse({ modelId: us })))).toMatchObject({
      code: 'ProfileNotFound',
      message: expect.stringContaining(inRegion.name),
    });
    const geographic = await world.profile({ tags: { tenant: 'acme', app: 'b' }, copyFrom: us });
    await world.aws.clock.advance(2_000);
    await client.send(converse({ modelId: us }));
    await client.send(
      converse({ modelId: `arn:aws:bedrock:us-east-1:${world.aws.accountId}:inference-profile/${us}` }),
    );
    expect(world.reached.map((sent) => sent.modelId)).toEqual([geographic.arn, geographic.arn]);
  });

  it('is left as it is: the request and its parts are not changed', async () => {
    await world.profile();
    const { client } = world.process();
    const input = Object.freeze({
      modelId: NOVA_LITE,
      messages: ask(),
      inferenceConfig: Object.freeze({ maxTokens: 100 }),
    });
    const copy = structuredClone(input);
    const command = converse(input);
    await client.send(command);
    expect(command.input).toEqual(copy);
    await client.send(command);
    expect(world.reached).toHaveLength(2);
  });

  it('is answered by the profile of the tags that the governor is bound to, whatever the request says [F19]', async () => {
    const own = await world.profile();
    const foreign = await world.profile({ tags: { tenant: 'umbrella', app: 'chat' } });
    const { client } = world.process();
    const requestMetadata = { tenant: 'umbrella', 'governor:tags': 'tenant=umbrella' };
    await client.send(converse({ requestMetadata }));
    const refusal = await refusalOf(client.send(converse({ modelId: foreign.arn, requestMetadata })));
    expect(refusal).toMatchObject({ code: 'TenantMismatch' });
    expect(refusal.message).toContain(foreign.name);
    expect(refusal.message).toContain('tenant=acme');
    expect(refusal.message).not.toContain('umbrella');
    expect(world.reached.map((sent) => sent.modelId)).toEqual([own.arn]);
  });

  it('may be narrowed by more tags, and never freed of those bound [F19]', async () => {
    await world.profile({ tags: { tenant: 'umbrella', app: 'chat' } });
    const chat = await world.profile();
    const search = await world.profile({ tags: { tenant: 'acme', app: 'search' } });
    const governor = world.governor();
    await world.runtime(governor.for({ app: 'search' })).send(converse());
    await world.runtime(governor.for({ app: 'chat', tenant: 'umbrella' })).send(converse());
    expect(world.reached.map((sent) => sent.modelId)).toEqual([search.arn, chat.arn]);
  });
});

describe('a call that matches no profile', () => {
  it('is refused with what was looked for and what is near', async () => {
    const haiku = await world.profile({ copyFrom: `us.${HAIKU}` });
    const other = await world.profile({ tags: { tenant: 'umbrella', app: 'chat' } });
    const { client } = world.process({ tags: { tenant: 'acme', app: 'chat' } });
    const { code, message } = await refusalOf(client.send(converse()));
    expect(code).toBe('ProfileNotFound');
    for (const part of [NOVA_LITE, 'tenant=acme', 'app=chat', 'us-east-1', haiku.name, other.name])
      expect(message).toContain(part);
    expect(world.reached).toEqual([]);
  });

  it('is refused where the profile that would match is in another Region, or has ended', async () => {
    const tokyo = await world.profile({ region: 'ap-northeast-1' });
    await world.profile({ entry: { endedAt: epochMs(1) } });
    const { client } = world.process();
    const { code, message } = await refusalOf(client.send(converse()));
    expect(code).toBe('ProfileNotFound');
    expect(message).toContain(`${tokyo.name} (${NOVA_LITE} in ap-northeast-1`);
  });

  it('is refused where several match, with the tags that tell them apart', async () => {
    await world.profile({ tags: { tenant: 'acme', app: 'chat' } });
    await world.profile({ tags: { tenant: 'acme', app: 'search' } });
    const { client } = world.process();
    const { code, message } = await refusalOf(client.send(converse()));
    expect(code).toBe('SeveralProfiles');
    for (const part of [NOVA_LITE, 'tenant=acme', 'app=chat', 'app=search']) expect(message).toContain(part);
    expect(world.reached).toEqual([]);
  });

  it('is refused where it names a profile that is not in the index', async () => {
    await world.profile();
    const { client } = world.process();
    const arn = `arn:aws:bedrock:us-east-1:${world.aws.accountId}:application-inference-profile/notthere1234`;
    expect(await refusalOf(client.send(converse({ modelId: arn })))).toMatchObject({
      code: 'ProfileNotFound',
      message: expect.stringContaining(arn),
    });
    expect(world.reached).toEqual([]);
  });

  it('is refused where the profile is quarantined, with what is wrong with its tags', async () => {
    const entry = await world.profile({
      entry: {
        standing: {
          state: 'closed',
          reasons: [
            {
              kind: 'quarantine',
              violations: [{ key: 'cost-center', problem: 'missing', expected: 'a value that matches ^cc-' }],
            },
          ],
        },
      },
    });
    const { client } = world.process();
    for (const modelId of [NOVA_LITE, entry.arn]) {
      const { code, message } = await refusalOf(client.send(converse({ modelId })));
      expect(code).toBe('ProfileQuarantined');
      expect(message).toContain('tag "cost-center" is missing (expected a value that matches ^cc-)');
    }
    expect(world.reached).toEqual([]);
  });

  it('is refused where an operator has stopped the tenant, also where no budget is the tenant’s own', async () => {
    const until = epochMs(world.now + 3_600_000);
    await world.profile({
      entry: {
        standing: {
          state: 'closed',
          reasons: [{ kind: 'tenant-disabled', tenant: 'acme', because: 'an invoice is disputed', until }],
        },
      },
    });
    const { code, message } = await refusalOf(world.process().client.send(converse()));
    expect(code).toBe('TenantDisabled');
    expect(message).toContain(`until ${new Date(until).toISOString()}: an invoice is disputed.`);
    expect(world.reached).toEqual([]);
  });
});

describe('what cannot be counted is not sent', () => {
  it('where no price is known for the model [F8]', async () => {
    const { rates: _, ...unpriced } = await world.profile();
    await world.index.put(unpriced);
    const { client } = world.process();
    expect(await refusalOf(client.send(converse()))).toMatchObject({
      code: 'Unpriced',
      message: expect.stringContaining(NOVA_LITE),
    });
    expect(world.reached).toEqual([]);
  });

  it('where nothing bounds what it may cost', async () => {
    const { contextWindow: _, ...unbounded } = await world.profile();
    await world.index.put(unbounded);
    const { client } = world.process();
    const refusal = await refusalOf(client.send(converse({ inferenceConfig: {} })));
    expect(refusal).toMatchObject({ code: 'Unbounded', message: expect.stringContaining('maxTokens') });
    await client.send(converse());
    expect(world.reached).toHaveLength(1);
  });

  it('where the command spends money and is not metered, with whatever it names [F9]', async () => {
    const { arn } = await world.profile();
    const { client, governor } = world.process();
    const s3Uri = 's3://bucket';
    const task = { modelInput: {}, outputDataConfig: { s3OutputDataConfig: { s3Uri } } };
    const guardrail = new ApplyGuardrailCommand({
      guardrailIdentifier: 'abc',
      guardrailVersion: '1',
      source: 'INPUT',
      content: [{ text: { text: 'Hello' } }],
    });
    const calls = [
      () => client.send(new StartAsyncInvokeCommand({ ...task, modelId: NOVA_LITE })),
      () => client.send(new StartAsyncInvokeCommand({ ...task, modelId: arn })),
      () => client.send(guardrail),
    ];
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({
        name: 'GovernorRefusal',
        code: 'UngovernedCommand',
        message: expect.stringContaining('"ungoverned"'),
      });
    expect(world.reached).toEqual([]);
    expect(governor.snapshot().calls.refused).toEqual({ UngovernedCommand: 3 });
  });

  it('unless the configuration lets the command pass, which is counted and told', async () => {
    const told: GovernorEvent[] = [];
    const { client, governor } = world.process({
      ungoverned: ['StartAsyncInvokeCommand'],
      observe: (event) => told.push(event),
    });
    const outputDataConfig = { s3OutputDataConfig: { s3Uri: 's3://bucket' } };
    const task = new StartAsyncInvokeCommand({ modelId: NOVA_LITE, modelInput: {}, outputDataConfig });
    await expect(client.send(task)).rejects.toMatchObject({ name: 'UnknownOperationException' });
    expect(governor.snapshot().calls.ungoverned).toBe(1);
    expect(told).toEqual([{ kind: 'ungoverned', command: 'StartAsyncInvokeCommand' }]);
  });

  it('while what runs no model passes untouched', async () => {
    const { client } = world.process();
    const seen: string[] = [];
    world.aws.observe((observation) => observation.kind === 'request' && seen.push(observation.call.operation));
    // The embedded AWS does not know the first operation: its own answer proves that it was sent.
    const unknown = { name: 'UnknownOperationException', $metadata: { httpStatusCode: 404 } };
    await expect(client.send(new ListAsyncInvokesCommand({}))).rejects.toMatchObject(unknown);
    const counting = new CountTokensCommand({ modelId: NOVA_LITE, input: { converse: { messages: ask() } } });
    await expect(client.send(counting)).resolves.toHaveProperty('inputTokens');
    expect(seen).toHaveLength(2);
    expect(world.requests.indexReads).toBe(0);
  });
});

describe('the index', () => {
  const failingReads = () =>
    world.intercept(({ operation }) =>
      operation === 'Query' ? new AwsFault('AccessDeniedException', 'Not now.') : undefined,
    );

  it('is read once for 1,000 calls that begin together [F29]', async () => {
    await world.profile();
    const { client } = world.process();
    const calls = Array.from({ length: 1_000 }, () => client.send(converse()));
    expect((await outcomesOf(calls)).admitted).toBe(1_000);
    expect(world.requests.indexReads).toBe(1);
  });

  it('is read once for many calls that it does not serve [F29]', async () => {
    const { client } = world.process();
    const refused = await outcomesOf(Array.from({ length: 50 }, () => client.send(converse())));
    expect(refused.admitted).toBe(0);
    expect(world.requests.indexReads).toBe(1);
  });

  it('finds a new profile within two seconds', async () => {
    const { client } = world.process();
    await refusalOf(client.send(converse()));
    await world.profile();
    await world.aws.clock.advance(2_000);
    await client.send(converse());
    expect(world.reached).toHaveLength(1);
  });

  it('notices within two seconds that a quarantine has ended', async () => {
    const violations = [{ key: 'team', problem: 'missing', expected: 'any value' }] as const;
    const entry = await world.profile({
      entry: { standing: { state: 'closed', reasons: [{ kind: 'quarantine', violations }] } },
    });
    const { client } = world.process();
    await refusalOf(client.send(converse()));
    await world.index.put({ ...entry, standing: { state: 'open' } });
    await world.aws.clock.advance(2_000);
    await client.send(converse());
  });

  it('is not taken for empty when it cannot be read, and the failure is not remembered [F29]', async () => {
    await world.profile();
    const { client } = world.process();
    const stop = failingReads();
    expect(await refusalOf(client.send(converse()))).toMatchObject({
      code: 'IndexUnavailable',
      cause: { code: 'AccessDeniedException' },
    });
    stop();
    await client.send(converse());
    expect(world.reached).toHaveLength(1);
  });

  it('is looked for in the table of the governor’s Region, which a refusal names', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', world.aws.endpoint);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    try {
      const { dynamodb: _, ...config } = world.config();
      const refusal = await refusalOf(world.runtime(costGovernor({ ...config, region: 'eu-west-1' })).send(converse()));
      expect(refusal.code).toBe('IndexUnavailable');
      expect(refusal.message).toContain('from the table governor in eu-west-1: ');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('serves its last good answer while it cannot be read', async () => {
    await world.profile();
    const { client, governor } = world.process();
    await client.send(converse());
    const stop = failingReads();
    for (let minute = 0; minute < 3; minute++) {
      await world.aws.clock.advance(60_000);
      await client.send(converse());
    }
    expect(world.reached).toHaveLength(4);
    const known = governor.snapshot().index;
    expect(known?.ageMs).toBeGreaterThanOrEqual(180_000);
    expect(known).toMatchObject({
      source: 'the table governor',
      lastError: expect.stringContaining('AccessDeniedException'),
    });
    // Also for what it does not know: the last good answer says so.
    expect(await refusalOf(client.send(converse({ modelId: HAIKU })))).toMatchObject({ code: 'ProfileNotFound' });
    stop();
  });

  it('follows a change within half a minute, and the call after that', async () => {
    const entry = await world.profile();
    const { client } = world.process();
    await client.send(converse());
    const violations = [{ key: 'team', problem: 'missing', expected: 'any value' }] as const;
    await world.index.put({ ...entry, standing: { state: 'closed', reasons: [{ kind: 'quarantine', violations }] } });
    await world.aws.clock.advance(30_000);
    await client.send(converse());
    await world.aws.settled();
    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'ProfileQuarantined' });
  });
});
