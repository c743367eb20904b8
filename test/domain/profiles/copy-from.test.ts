import { describe, expect, it } from 'vitest';
import { COPY_FROM_TAG, copyFromOf, sourceArn } from '../../../domain/profiles/copy-from.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { parseIndexEntry, serialiseIndexEntry } from '../../../domain/profiles/index-entry-document.ts';
import { GovernedAccount } from '../governed-account.ts';

const NOVA_LITE = 'amazon.nova-lite-v1:0';

describe('what a profile was copied from', () => {
  it.each([
    [`us.${NOVA_LITE}`, `us.${NOVA_LITE}`],
    [NOVA_LITE, NOVA_LITE],
    ['amazon.nova-pro-v1:0', undefined],
    ['arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a', undefined],
    ['', undefined],
  ])('is what its tag %s says, as far as Bedrock does not contradict', (tag, copyFrom) => {
    expect(copyFromOf({ [COPY_FROM_TAG]: tag }, { baseModelId: NOVA_LITE })).toEqual(
      copyFrom === undefined ? {} : { copyFrom },
    );
  });

  it('is in the index entry, decides no price, and comes back from the stored form', async () => {
    const account = new GovernedAccount();
    const tags = { tenant: 'acme', environment: 'prod', team: 'claims' };
    const recorded = account.profile('a', { ...tags, [COPY_FROM_TAG]: `global.${NOVA_LITE}` });
    const plain = account.profile('b', tags);
    for (const arn of [recorded, plain]) await governProfile(account.ports, arn);
    const [one, other] = [account.entryOf(recorded), account.entryOf(plain)];
    expect(one.copyFrom).toBe(`global.${NOVA_LITE}`);
    expect(one.tags).toEqual(tags);
    expect({ source: one.source, rates: one.rates }).toEqual({ source: other.source, rates: other.rates });
    expect(parseIndexEntry(serialiseIndexEntry(one))).toEqual(one);
    expect(other).not.toHaveProperty('copyFrom');
  });

  it.each([
    ['us-east-1', NOVA_LITE, `arn:aws:bedrock:us-east-1::foundation-model/${NOVA_LITE}`],
    ['us-east-1', `us.${NOVA_LITE}`, `arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.${NOVA_LITE}`],
    [
      'eu-west-1',
      `global.${NOVA_LITE}`,
      `arn:aws:bedrock:eu-west-1:123456789012:inference-profile/global.${NOVA_LITE}`,
    ],
    [
      'us-gov-west-1',
      `us-gov.${NOVA_LITE}`,
      `arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.${NOVA_LITE}`,
    ],
  ])('has in %s, as %s, the ARN %s', (region, model, arn) => {
    expect(sourceArn({ region, model, accountId: '123456789012' })).toBe(arn);
  });
});
