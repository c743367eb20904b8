import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTACHED, register } from '../infra/guarded-principals.ts';
import { converse, DeployedGovernor, NOVA_PRO } from './deployed-governor.ts';

const TAGS = {
  dept: 'claims',
  team: 'intake',
  app: 'triage',
  tenant: 'lakeside',
  environment: 'prod',
  costcenter: 'cc-1042',
};

describe('a caller without the helper', () => {
  let governor: DeployedGovernor;
  let profile: string;

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-10T08:01:00Z');
    profile = await governor.createProfile('lakeside-triage', governor.foundationModel(NOVA_PRO), TAGS);
    await governor.aws.settled();
  });
  afterAll(() => governor.close());

  /** A session of a tenant's role, without the helper. @param key the role's name */
  const plain = (accessKeyId: string) =>
    new BedrockRuntimeClient({
      endpoint: governor.aws.endpoint,
      region: governor.aws.homeRegion,
      credentials: { accessKeyId, secretAccessKey: 'not-verified' },
      maxAttempts: 1,
    });
  const call = (role: string) => plain(role).send(converse(profile, 'Hello', 10));

  it('is refused by Bedrock from when the governor closes the profile until the new period opens it', async () => {
    const roles = Object.entries(ATTACHED).map(([how, attached]) => {
      const role = how.replaceAll(' ', '-');
      register(governor.aws, { role, tenant: 'lakeside', ...attached });
      return role;
    });
    register(governor.aws, { role: 'beta-app', tenant: 'beta', ...ATTACHED['an identity policy'] });
    for (const role of roles) await call(role);
    await expect(call('beta-app')).rejects.toMatchObject({ name: 'AccessDeniedException' });

    // Lakeside has 5 USD a month, and spends them by the rules.
    const lakeside = governor.tenant({ tenant: 'lakeside' });
    const text = 'A claim of many words. '.repeat(2_000);
    let refused: unknown;
    for (let count = 0; count < 2_000 && refused === undefined; count++)
      await lakeside.call(NOVA_PRO, text, 5_000).catch((error: unknown) => {
        refused = error;
      });
    expect(refused).toMatchObject({ code: expect.stringMatching(/^Budget/) });
    await lakeside.close();
    await governor.aws.clock.advance(6 * 60_000);
    await governor.sweep();
    expect(await governor.tagsOf(profile)).toMatchObject({ 'governor:standing': 'closed' });

    const before = governor.billed(profile);
    for (const role of roles)
      await expect(call(role)).rejects.toMatchObject({
        name: 'AccessDeniedException',
        message: expect.stringContaining('explicit deny'),
      });
    expect(governor.billed(profile)).toBe(before);
    // Who holds no guard is not stopped by the tag.
    await governor.plainRuntime().send(converse(profile, 'Hello', 10));
    expect(governor.billed(profile)).toBeGreaterThan(before);

    // The first of December in Zurich, and ten minutes.
    await governor.aws.clock.advance(Date.parse('2026-11-30T23:10:00Z') - governor.aws.clock.now());
    expect(await governor.tagsOf(profile)).not.toHaveProperty('governor:standing');
    for (const role of roles) await call(role);
  });
});
