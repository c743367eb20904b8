import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsFault, type Json } from '../../local/service.ts';
import { DeployedGovernor, NOVA_PRO, PREFIX } from '../end-to-end/deployed-governor.ts';

describe('the deployed function resolve-profile', () => {
  let governor: DeployedGovernor;
  let profileArn: string;
  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-20T10:01:00Z');
    await governor.stopSweeping();
    profileArn = await governor.createProfile('alpine-claims', governor.systemProfile(`us.${NOVA_PRO}`), {
      tenant: 'alpine-re',
      dept: 'claims',
      team: 'claims',
      app: 'triage',
    });
    await governor.aws.settled();
  });
  afterAll(() => governor.close());

  const ask = async (request: Json) => {
    const { payload, error } = await governor.aws.invoke(`${PREFIX}-resolve-profile`, request);
    expect(error).toBeUndefined();
    return JSON.parse(payload) as Record<string, unknown>;
  };

  it('says which profile carries the tags', async () => {
    expect(await ask({ version: 1, modelId: `us.${NOVA_PRO}`, tags: { tenant: 'alpine-re' } })).toMatchObject({
      version: 1,
      kind: 'profile',
      profileArn,
      region: 'us-east-1',
      source: 'geo',
      standing: 'open',
      tags: { tenant: 'alpine-re', team: 'claims' },
    });
  });

  it('answers from memory while the table cannot be reached, and writes nothing', async () => {
    await ask({ modelId: NOVA_PRO, tags: { tenant: 'alpine-re' } });
    const watch = governor.watchWrites();
    const stop = governor.aws.intercept(({ service }) =>
      service === 'dynamodb' ? new AwsFault('InternalServerError', 'Away.', 500) : undefined,
    );
    try {
      await governor.aws.clock.advance(600_000);
      expect(await ask({ modelId: NOVA_PRO, tags: { tenant: 'alpine-re' } })).toMatchObject({ profileArn });
    } finally {
      stop();
      watch.stop();
    }
    expect(watch.writes).toEqual([]);
  });

  it('answers a no and a mistake with a code and what to do, instead of failing', async () => {
    expect(await ask({ modelId: NOVA_PRO, tags: { tenant: 'nobody' } })).toMatchObject({
      kind: 'refused',
      code: 'ProfileNotFound',
    });
    expect(await ask({ tenant: 'alpine-re' })).toMatchObject({ kind: 'refused', code: 'RequestInvalid' });
  });
});
