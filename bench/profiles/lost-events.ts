import { governProfile } from '../../domain/profiles/govern-profile.ts';
import type { ProfileArn } from '../../domain/profiles/profile-arn.ts';
import { sweep } from '../../domain/profiles/sweep.ts';
import type { Tags } from '../../domain/tags.ts';
import { GovernedAccount, profileArn } from '../../test/domain/governed-account.ts';
import { seeded } from '../simulation/random.ts';

const IDS = 2_000;
const ENVIRONMENTS = ['prod', 'staging', 'dev', 'play'];

/**
 * Users create, retag and delete profiles at random; a fifth of the events is lost, a fifth comes twice, half come late
 * and in another order. Then one sweep: how many index entries and standing tags are not what they should be.
 */
export async function mismatchesAfter(actions: number): Promise<number> {
  const random = seeded(11);
  const account = new GovernedAccount();
  const late: ProfileArn[] = [];
  const chance = (share: number): boolean => random() < share;
  const hear = async (arn: ProfileArn): Promise<void> => void (await governProfile(account.ports, arn));
  for (let action = 0; action < actions; action++) {
    const id = `p${Math.floor(random() * IDS)}`;
    const arn = profileArn(id);
    if (account.stored.has(arn) && chance(0.2)) account.stored.delete(arn);
    else account.profile(id, randomTags(random, account.tagsOf(arn)));
    account.wait(1_000);
    if (chance(0.2)) continue;
    for (let copies = chance(0.2) ? 2 : 1; copies > 0; copies--)
      if (chance(0.5)) late.push(arn);
      else await hear(arn);
    if (late.length > 100) for (const one of late.splice(0, 50).sort(() => random() - 0.5)) await hear(one);
  }
  await sweep(account.ports);
  return countMismatches(account);
}

/** Now and then without a tag, or with a value that the policy does not allow; what the governor has written stays. */
function randomTags(random: () => number, before: Tags | undefined): Tags {
  const standing = before?.['governor:standing'];
  return {
    ...(random() < 0.1 ? {} : { tenant: random() < 0.1 ? 'Not Allowed' : `t${Math.floor(random() * 20)}` }),
    ...(random() < 0.2 ? {} : { environment: ENVIRONMENTS[Math.floor(random() * ENVIRONMENTS.length)] ?? 'dev' }),
    ...(random() < 0.1 ? {} : { team: random() < 0.5 ? 'sales' : 'support' }),
    ...(standing === undefined ? {} : { 'governor:standing': standing }),
  };
}

/** By a rule of its own, not the governor's. */
function countMismatches(account: GovernedAccount): number {
  let mismatches = 0;
  for (const [arn, { tags }] of account.stored) {
    const { 'governor:standing': standing, ...own } = tags;
    const isRight =
      /^[a-z][a-z0-9-]*$/.test(own['tenant'] ?? '') &&
      ['prod', 'staging', 'dev'].includes(own['environment'] ?? '') &&
      (own['team'] ?? '') !== '';
    const entry = account.indexed.has(arn) ? account.entryOf(arn) : undefined;
    const isSaid =
      entry?.endedAt === undefined &&
      JSON.stringify(Object.entries(entry?.tags ?? {}).sort()) === JSON.stringify(Object.entries(own).sort()) &&
      (entry?.standing.state === 'open') === isRight &&
      standing === (isRight ? undefined : 'quarantined');
    if (entry === undefined || !isSaid) mismatches++;
  }
  for (const arn of account.indexed.keys()) {
    const entry = account.entryOf(arn as ProfileArn);
    if (!account.stored.has(entry.arn) && entry.endedAt === undefined) mismatches++;
  }
  return mismatches;
}
