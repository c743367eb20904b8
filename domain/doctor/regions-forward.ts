import { FORWARDING_ALARMS_TOPIC, FORWARDING_QUEUE, forwardingRegions } from '../events/forwarding.ts';
import type { Policy } from '../policy/policy.ts';
import { partitionOf } from '../profiles/profile-arn.ts';
import type { Deployment, ExaminedAccount } from './account.ts';
import { bad, type Finding, ok } from './finding.ts';

/** Whether what happens in other Regions reaches the home Region, and people hear where it does not. */

const PACKAGE = 'npm run package -- --policy <file>, with the other options as before; then deploy the stack again';

export const forwardingTo = ({ region: homeRegion, regions }: Deployment): readonly string[] =>
  forwardingRegions({ homeRegion, regions });

/** The policy may be changed by a command, the Regions of the stack only by packaging it anew. */
export function checkPackagedRegions(policy: Policy, { region: home, regions }: Deployment): readonly Finding[] {
  const check = 'regions';
  const missing = policy.regions.filter((region) => !regions.includes(region));
  if (missing.length === 0) return [ok(check, `the stack was packaged for ${regions.join(', ')}: all of the policy`)];
  const further = missing.filter((region) => region !== home);
  return [
    bad(
      check,
      'failed',
      `the policy governs ${missing.join(', ')}, for which the stack was not packaged: events from there are not heard, profiles wait for the sweep, and alarms there are lost`,
      further.length === 0
        ? `${PACKAGE} (docs/deploying.md).`
        : `${PACKAGE}, and ${further.map((region) => `infra/.build/region-${region}.template.json in ${region}`).join(', ')} (docs/deploying.md).`,
    ),
  ];
}

/** The stack of a Region that forwards, by its queue, and whether anybody hears its alarms. */
export async function checkForwarding(
  { stage, deadLetters, subscriptions }: ExaminedAccount,
  { accountId, prefix, region: home }: Deployment,
  region: string,
): Promise<readonly Finding[]> {
  const check = 'regions';
  const queues = await deadLetters(region);
  if (!queues.some(({ queue }) => queue === `${prefix}-${FORWARDING_QUEUE}`))
    return [
      bad(
        check,
        'failed',
        `the stack of ${region} is not deployed: its events do not reach ${home}`,
        `aws cloudformation deploy --region ${region} --stack-name ${prefix}-forward --template-file infra/.build/region-${region}.template.json --capabilities CAPABILITY_NAMED_IAM, once npm run package -- --stage ${stage} … has made it.`,
      ),
    ];
  const topic = `arn:${partitionOf(region)}:sns:${region}:${accountId}:${prefix}-${FORWARDING_ALARMS_TOPIC}`;
  const heard = (await subscriptions(topic)).filter(({ isConfirmed }) => isConfirmed);
  return [
    heard.length > 0
      ? ok(check, `${region} forwards to ${home}; ${heard.length} confirmed at ${topic}`)
      : bad(
          check,
          'failed',
          `nobody hears it when events of ${region} do not arrive: nobody has a confirmed subscription to ${topic}`,
          `aws sns subscribe --region ${region} --topic-arn ${topic} --protocol email --notification-endpoint <address>, then confirm the mail.`,
        ),
  ];
}
